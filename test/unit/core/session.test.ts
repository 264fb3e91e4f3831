/**
 * Tests of src/core/session.ts: the list of channels below, at and above the step where it stops fitting exactly.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HubChannel } from '../../../src/core/hub-channel.ts'
import { Session } from '../../../src/core/session.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const open = () => new Session(1, recordingFanOut(), '')
const channel = (number: number) => new HubChannel(`c${number}`, 0)
const names = (session: Session) => session.channels.map((one) => one.name)

test('session keeps its channels in the order they were added', () => {
  const session = open()
  for (let i = 0; i < 40; i++) session.addChannel(channel(i))
  assert.deepEqual(
    names(session),
    Array.from({ length: 40 }, (_, i) => `c${i}`),
  )
})

for (const count of [1, 2, 16, 17, 18]) {
  test(`session with ${count} channels loses just the one removed`, () => {
    const session = open()
    const all = Array.from({ length: count }, (_, i) => channel(i))
    for (const one of all) session.addChannel(one)
    const [first] = all
    assert.ok(first)
    session.removeChannel(first)
    assert.deepEqual(
      names(session),
      all.slice(1).map((one) => one.name),
    )
    session.addChannel(first)
    assert.equal(session.channels.at(-1), first)
    session.clearChannels()
    assert.deepEqual(names(session), [])
  })
}

test('sessions without channels share no list that one of them could write to', () => {
  const one = open()
  const other = open()
  one.addChannel(channel(1))
  assert.deepEqual(names(other), [])
})

test('session is anonymous until it is identified', () => {
  const session = open()
  assert.deepEqual([session.user, session.grants], ['', []])
  session.identify({ user: '17', grants: ['room-*'] })
  assert.deepEqual([session.user, session.grants], ['17', ['room-*']])
})
