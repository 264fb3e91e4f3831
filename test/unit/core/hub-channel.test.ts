/**
 * Tests of src/core/hub-channel.ts: one live subscriber has no topic, more have one, or as many as there must be.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HubChannel, SHARD_SUBSCRIBERS, topicOf } from '../../../src/core/hub-channel.ts'
import { createLedger } from '../../../src/core/ledger.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { Lag, Session } from '../../../src/core/session.ts'
import { TurnLog } from '../../../src/core/turn-log.ts'
import { Wave } from '../../../src/core/wave.ts'
import { hubRule, publicationOf } from '../../support/core-parts.ts'
import { request } from '../../support/local-core.ts'
import { type RecordingFanOut, recordingFanOut } from '../../support/recording-fan-out.ts'

let lastNumber = 0
const open = (fanOut: RecordingFanOut) => new Session(++lastNumber, fanOut, '')
const counts = (channel: HubChannel) => channel.audiences.map((one) => one.count)

const publication = (offset: number) => publicationOf(request('c', offset), offset)

/** So many live sessions with their places. */
function fill(channel: HubChannel, fanOut: RecordingFanOut, count: number) {
  return Array.from({ length: count }, () => {
    const session = open(fanOut)
    return { session, place: channel.goLive(session) }
  })
}

describe('channel topics', () => {
  test('channel hands its only live subscriber everything directly', () => {
    const fanOut = recordingFanOut()
    const channel = new HubChannel('c', hubRule())
    const session = open(fanOut)
    const place = channel.goLive(session)
    assert.equal(channel.only, session)
    assert.deepEqual(channel.audiences, [])
    channel.leaveLive(session, place, true)
    assert.equal(channel.only, null)
    assert.deepEqual(fanOut.calls, [])
  })

  test('channel becomes a topic with its second subscriber and stays one until the last has left', () => {
    const fanOut = recordingFanOut()
    const channel = new HubChannel('c', hubRule())
    const [a, b] = [open(fanOut), open(fanOut)]
    const places = [channel.goLive(a), channel.goLive(b)]
    assert.deepEqual(places, [0, 0])
    assert.equal(channel.only, null)
    assert.deepEqual(counts(channel), [2])
    channel.leaveLive(a, 0, true)
    assert.equal(channel.only, null)
    assert.deepEqual(counts(channel), [1])
    assert.equal(fanOut.onTopic('c'), 1)
    channel.leaveLive(b, 0, true)
    assert.deepEqual(channel.audiences, [])
    assert.equal(fanOut.onTopic('c'), 0)
    channel.goLive(a)
    assert.equal(channel.only, a, 'the next subscriber is handed its messages directly again')
  })

  test('channel counts subscribers of two fan-outs apart', () => {
    const [json, msgpack] = [recordingFanOut(), recordingFanOut()]
    const channel = new HubChannel('c', hubRule())
    const [one, second, third] = [open(json), open(msgpack), open(json)]
    for (const session of [one, second, third]) channel.goLive(session)
    assert.deepEqual(
      channel.audiences.map(({ fanOut, count }) => [fanOut === json, count]),
      [
        [true, 2],
        [false, 1],
      ],
    )
    channel.leaveLive(second, 0, true)
    assert.deepEqual(
      channel.audiences.map(({ fanOut }) => fanOut === json),
      [true],
      'a fan-out without subscribers gets no publications',
    )
  })

  test('channel leaves the topic alone for a connection that is gone', () => {
    const fanOut = recordingFanOut()
    const channel = new HubChannel('c', hubRule())
    const [a, b] = [open(fanOut), open(fanOut)]
    for (const session of [a, b]) channel.goLive(session)
    fanOut.lose(a)
    channel.leaveLive(a, 0, false)
    assert.deepEqual(counts(channel), [1])
    assert.equal(
      fanOut.calls.some((call) => call.startsWith('unsubscribe')),
      false,
    )
  })

  test('channel opens a topic for each SHARD_SUBSCRIBERS, and fills room again before it opens another', () => {
    const fanOut = recordingFanOut()
    const channel = new HubChannel('c', hubRule())
    const sessions = fill(channel, fanOut, SHARD_SUBSCRIBERS * 2 + 1)
    assert.equal(channel.isSharded, true)
    assert.deepEqual([...new Set(sessions.map(({ place }) => place))], [0, 1, 2])
    assert.deepEqual(channel.audiences[0]?.members, [SHARD_SUBSCRIBERS, SHARD_SUBSCRIBERS, 1])
    const [first] = sessions
    assert.ok(first)
    channel.leaveLive(first.session, first.place, true)
    assert.equal(fanOut.onTopic(topicOf('c', 0)), SHARD_SUBSCRIBERS - 1)
    assert.equal(channel.goLive(first.session), 0)
    assert.equal(channel.goLive(open(fanOut)), 2)
  })

  test('channel of just SHARD_SUBSCRIBERS is not sharded', () => {
    const channel = new HubChannel('c', hubRule())
    fill(channel, recordingFanOut(), SHARD_SUBSCRIBERS)
    assert.equal(channel.isSharded, false)
  })
})

describe('channel with a wave', () => {
  /** A wave of one publication, offset 1, that has not been given to anyone. */
  function withWave(subscribers: number) {
    const fanOut = recordingFanOut()
    const channel = new HubChannel('c', hubRule())
    const sessions = fill(channel, fanOut, subscribers)
    const wave = new Wave(channel, [])
    channel.wave = wave
    return { fanOut, channel, sessions, wave }
  }

  test('channel keeps its topics when all leave, as the wave counts on their places', () => {
    const { channel, sessions } = withWave(SHARD_SUBSCRIBERS + 1)
    for (const { session, place } of sessions) channel.leaveLive(session, place, true)
    assert.deepEqual(counts(channel), [0])
    channel.wave = null
    channel.dropEmpty()
    assert.deepEqual(channel.audiences, [])
  })

  test('channel makes nobody its only subscriber, who would miss the wave', () => {
    const { channel, fanOut } = withWave(0)
    const session = open(fanOut)
    channel.goLive(session)
    assert.equal(channel.only, null)
    assert.equal(fanOut.onTopic('c'), 1)
  })

  test('channel without a wave has nobody ahead of it', () => {
    const fanOut = recordingFanOut()
    const channel = new HubChannel('c', hubRule())
    fill(channel, fanOut, 3)
    assert.equal(channel.aheadAt(fanOut, 0), 0)
    assert.equal(channel.aheadAt(recordingFanOut(), 0), 0)
  })

  test('channel was sent up to the wave at places it has passed, up to its offset at others and without one', () => {
    const { fanOut, channel } = withWave(SHARD_SUBSCRIBERS + 1)
    channel.offset = 4
    const wave = new Wave(channel, [publication(5), publication(6)])
    channel.wave = wave
    const sent = () => [0, 1].map((place) => channel.sentAt(fanOut, place))
    assert.deepEqual(sent(), [4, 4])
    wave.step(createLedger(silentObserver), new TurnLog())
    assert.equal(channel.sentAt(fanOut, 0), 6)
    assert.equal(
      channel.sentAt(recordingFanOut(), 0),
      4,
      'a fan-out without subscribers has been sent nothing of it',
    )
    channel.wave = null
    assert.deepEqual(sent(), [4, 4])
  })

  test('channel was sent to a session up to its place, or up to where it lags', () => {
    const fanOut = recordingFanOut()
    const channel = new HubChannel('c', hubRule())
    channel.offset = 4
    const session = open(fanOut)
    session.addChannel(channel, channel.goLive(session))
    assert.equal(channel.sentTo(session), 4)
    session.addLag(new Lag(channel, 3, 0))
    assert.equal(channel.sentTo(session), 2)
  })
})

test('topic names of different channels and shards never meet', () => {
  const names = ['c', '1', '1c'].flatMap((channel) => [0, 1, 11].map((shard) => topicOf(channel, shard)))
  assert.equal(new Set(names).size, names.length)
  assert.equal(topicOf('c', 0), 'c')
})
