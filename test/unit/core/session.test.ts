/**
 * Tests of src/core/session.ts: the list of channels below, at and above the step where it stops fitting exactly, and
 * the place of the session in each of them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HubChannel } from '../../../src/core/hub-channel.ts'
import { FIRST_PLACE, LAGGING, Lag, Session } from '../../../src/core/session.ts'
import { hubRule } from '../../support/core-parts.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const open = () => new Session(1, recordingFanOut(), '')
const channel = (number: number) => new HubChannel(`c${number}`, hubRule())
const names = (session: Session) => session.channels.map((one) => one.name)

test('session keeps its channels in the order they were added', () => {
  const session = open()
  for (let i = 0; i < 40; i++) session.addChannel(channel(i), FIRST_PLACE)
  assert.deepEqual(
    names(session),
    Array.from({ length: 40 }, (_, i) => `c${i}`),
  )
})

for (const count of [1, 2, 16, 17, 18]) {
  test(`session with ${count} channels loses just the one removed`, () => {
    const session = open()
    const all = Array.from({ length: count }, (_, i) => channel(i))
    for (const one of all) session.addChannel(one, FIRST_PLACE)
    const [first] = all
    assert.ok(first)
    session.removeChannel(first)
    assert.deepEqual(
      names(session),
      all.slice(1).map((one) => one.name),
    )
    session.addChannel(first, FIRST_PLACE)
    assert.equal(session.channels.at(-1), first)
    session.clearChannels()
    assert.deepEqual(names(session), [])
  })
}

test('sessions without channels share no list that one of them could write to', () => {
  const one = open()
  const other = open()
  one.addChannel(channel(1), FIRST_PLACE)
  assert.deepEqual(names(other), [])
})

test('session is anonymous until it is identified', () => {
  const session = open()
  assert.deepEqual([session.user, session.grants], ['', []])
  session.identify({ tenant: 1, user: '17', grants: ['room-*'], untilSecond: 90 })
  assert.deepEqual([session.user, session.grants, session.untilSecond], ['17', ['room-*'], 90])
})

test('session knows its place in each channel, whichever others it joins, moves in and leaves', () => {
  const session = open()
  const all = Array.from({ length: 20 }, (_, i) => channel(i))
  for (const [i, one] of all.entries()) session.addChannel(one, i % 4)
  const places = () => all.map((one) => session.placeOf(one))
  assert.deepEqual(
    places(),
    all.map((_, i) => i % 4),
  )
  const [first = assert.fail(), second = assert.fail()] = all
  session.setPlace(second, LAGGING)
  session.removeChannel(first)
  assert.deepEqual(places(), [LAGGING, LAGGING, ...all.slice(2).map((_, i) => (i + 2) % 4)])
  session.setPlace(first, 3)
  assert.equal(session.placeOf(first), LAGGING, 'it is not subscribed')
  session.setPlace(second, 1)
  assert.equal(session.placeOf(second), 1)
})

test('session changes the places of no other session, though most share them', () => {
  const [one, other] = [open(), open()]
  const [a, b] = [channel(1), channel(2)]
  for (const session of [one, other]) for (const joined of [a, b]) session.addChannel(joined, FIRST_PLACE)
  assert.equal(one.places, other.places)
  one.setPlace(a, 5)
  assert.deepEqual([one.placeOf(a), other.placeOf(a)], [5, FIRST_PLACE])
  one.setPlace(a, FIRST_PLACE)
  assert.equal(one.places, other.places, 'and shares them again')
})

test('session is behind in as many channels as it was said to be, and in none after that', () => {
  const session = open()
  const [a, b] = [channel(1), channel(2)]
  for (const joined of [a, b]) {
    session.addChannel(joined, LAGGING)
    session.addLag(new Lag(joined, 7, 100))
  }
  assert.deepEqual([session.lagOf(a)?.next, session.lagOf(b)?.channel], [7, b])
  session.dropLag(a)
  assert.deepEqual([session.lagOf(a), session.lags?.length], [undefined, 1])
  session.removeChannel(b)
  assert.equal(session.lags, null)
  session.dropLag(b)
  assert.equal(session.lags, null)
})
