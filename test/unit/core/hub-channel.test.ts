/**
 * Tests of src/core/hub-channel.ts: one subscriber has no topic, two have one, and counts per fan-out are kept.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HubChannel } from '../../../src/core/hub-channel.ts'
import { Session } from '../../../src/core/session.ts'
import { type RecordingFanOut, recordingFanOut } from '../../support/recording-fan-out.ts'

let lastNumber = 0
const open = (fanOut: RecordingFanOut) => new Session(++lastNumber, fanOut, '')
const counts = (channel: HubChannel) => channel.audiences.map((one) => one.count)

test('channel hands its only subscriber everything directly', () => {
  const fanOut = recordingFanOut()
  const channel = new HubChannel('c', 0)
  const session = open(fanOut)
  channel.add(session)
  assert.equal(channel.only, session)
  assert.equal(channel.count, 1)
  assert.deepEqual(channel.audiences, [])
  channel.remove(session, true)
  assert.equal(channel.only, null)
  assert.deepEqual(fanOut.calls, [])
})

test('channel becomes a topic with its second subscriber and stays one until the last has left', () => {
  const fanOut = recordingFanOut()
  const channel = new HubChannel('c', 0)
  const [a, b] = [open(fanOut), open(fanOut)]
  channel.add(a)
  channel.add(b)
  assert.equal(channel.only, null)
  assert.deepEqual(counts(channel), [2])
  channel.remove(a, true)
  assert.equal(channel.only, null)
  assert.deepEqual(counts(channel), [1])
  assert.equal(fanOut.onTopic('c'), 1)
  channel.remove(b, true)
  assert.deepEqual(channel.audiences, [])
  assert.equal(fanOut.onTopic('c'), 0)
  channel.add(a)
  assert.equal(channel.only, a, 'the next subscriber is handed its messages directly again')
})

test('channel counts subscribers of two fan-outs apart', () => {
  const [json, msgpack] = [recordingFanOut(), recordingFanOut()]
  const channel = new HubChannel('c', 0)
  const sessions = [open(json), open(msgpack), open(json)]
  for (const session of sessions) channel.add(session)
  assert.deepEqual(
    channel.audiences.map((one) => [one.fanOut === json, one.count]),
    [
      [true, 2],
      [false, 1],
    ],
  )
  const [, second] = sessions
  assert.ok(second)
  channel.remove(second, true)
  assert.deepEqual(
    channel.audiences.map((one) => one.fanOut === json),
    [true],
    'a fan-out without subscribers gets no publications',
  )
  assert.equal(channel.count, 2)
})

test('channel leaves the topic alone for a connection that is gone', () => {
  const fanOut = recordingFanOut()
  const channel = new HubChannel('c', 0)
  const [a, b] = [open(fanOut), open(fanOut)]
  channel.add(a)
  channel.add(b)
  fanOut.lose(a)
  channel.remove(a, false)
  assert.deepEqual(counts(channel), [1])
  assert.equal(
    fanOut.calls.some((call) => call.startsWith('unsubscribe')),
    false,
  )
})
