/**
 * Tests of src/core/turn-log.ts: from one message that was lost to what a session lost in each of its channels.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HubChannel } from '../../../src/core/hub-channel.ts'
import { LAGGING, Session } from '../../../src/core/session.ts'
import { TurnLog } from '../../../src/core/turn-log.ts'
import { hubRule } from '../../support/core-parts.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const [json, msgpack] = [recordingFanOut(), recordingFanOut()]

interface Entry {
  readonly channel: HubChannel
  readonly offset: number
  readonly places?: readonly [first: number, last: number]
  readonly fanOut?: typeof json
  readonly session?: Session
  readonly isTaken?: boolean
}

const messageOf = (channel: HubChannel, offset: number) => Buffer.from(`${channel.name} ${offset}`)

function logOf(...entries: readonly Entry[]): TurnLog {
  const log = new TurnLog()
  for (const {
    channel,
    offset,
    places = [0, 0],
    fanOut = json,
    session = null,
    isTaken = false,
  } of entries) {
    const message = messageOf(channel, offset)
    const [firstPlace, lastPlace] = places
    log.add({ channel, fanOut, offset, message, firstPlace, lastPlace, session, except: null, isTaken })
  }
  return log
}

const channelOf = (name: string) => new HubChannel(name, hubRule())

/** A session at a place of each channel. */
function sessionOn(...places: readonly (readonly [HubChannel, number])[]): Session {
  const session = new Session(1, json, '')
  for (const [channel, place] of places) session.addChannel(channel, place)
  return session
}

const offsets = (log: TurnLog, at: number, session: Session, channel: HubChannel) =>
  log.lostFrom(at, session, channel).map((entry) => entry.offset)

test('log finds a message by its bytes, for the fan-out that sent it', () => {
  const a = channelOf('a')
  const log = logOf(
    { channel: a, offset: 1, fanOut: msgpack },
    { channel: a, offset: 1 },
    { channel: a, offset: 2 },
  )
  assert.equal(log.find(json, messageOf(a, 1)), 1)
  assert.equal(log.find(msgpack, Buffer.from('a 1')), 0)
  assert.equal(log.find(msgpack, messageOf(a, 2)), -1)
  assert.equal(log.find(json, Buffer.from('a reply')), -1)
})

test('log gives for each channel what came from the lost message on', () => {
  const [a, b] = [channelOf('a'), channelOf('b')]
  const session = sessionOn([a, 0], [b, 0])
  const log = logOf(
    { channel: a, offset: 1 },
    { channel: b, offset: 7 },
    { channel: a, offset: 2 },
    { channel: b, offset: 8 },
    { channel: a, offset: 3 },
  )
  assert.deepEqual(offsets(log, 0, session, a), [1, 2, 3])
  assert.deepEqual(offsets(log, 2, session, a), [2, 3])
  assert.deepEqual(offsets(log, 2, session, b), [8])
  assert.deepEqual(offsets(log, 4, session, b), [])
})

test('log gives lost notices in their places, and leaves out other formats and channels it lags behind in', () => {
  const [a, b] = [channelOf('a'), channelOf('b')]
  const session = sessionOn([a, 0], [b, LAGGING])
  const log = logOf(
    { channel: a, offset: 0 },
    { channel: a, offset: 1, fanOut: msgpack },
    { channel: a, offset: 1 },
    { channel: b, offset: 5 },
    { channel: a, offset: 0 },
    { channel: b, offset: 0 },
  )
  assert.deepEqual(offsets(log, 0, session, a), [0, 1, 0])
  assert.deepEqual(offsets(log, 1, session, a), [1, 0], 'the first notice came before the loss')
  assert.deepEqual(offsets(log, 0, session, b), [])
})

test('log leaves out shards that are not the session’s', () => {
  const a = channelOf('a')
  const log = logOf(
    { channel: a, offset: 1, places: [0, 3] },
    { channel: a, offset: 2, places: [4, 4] },
    { channel: a, offset: 3, places: [3, 5] },
  )
  for (const [place, expected] of [
    [0, [1]],
    [3, [1, 3]],
    [4, [2, 3]],
    [6, []],
  ] as const) {
    assert.deepEqual(offsets(log, 0, sessionOn([a, place]), a), expected, `place ${place}`)
  }
})

test('log tells direct messages that were taken from those that were not, and whose they were', () => {
  const a = channelOf('a')
  const [session, other] = [sessionOn([a, 0]), sessionOn([a, 0])]
  const log = logOf(
    { channel: a, offset: 1, session, isTaken: true },
    { channel: a, offset: 2, session },
    { channel: a, offset: 3, session: other },
  )
  assert.deepEqual(offsets(log, 0, session, a), [2])
})

test('log is empty after a turn', () => {
  const a = channelOf('a')
  const log = logOf({ channel: a, offset: 1 })
  log.clear()
  assert.equal(log.find(json, messageOf(a, 1)), -1)
  assert.deepEqual(offsets(log, 0, sessionOn([a, 0]), a), [])
})
