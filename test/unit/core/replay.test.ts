/**
 * Tests of src/core/replay.ts: what a turn feeds, to whom, and when a session is live again. The hub's own tests show
 * the same from outside; here is a channel whose log, offset and waves are set by hand.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HubChannel } from '../../../src/core/hub-channel.ts'
import { createLedger } from '../../../src/core/ledger.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { createReplay } from '../../../src/core/replay.ts'
import { LAGGING, Lag, Session } from '../../../src/core/session.ts'
import { TurnLog } from '../../../src/core/turn-log.ts'
import { Wave } from '../../../src/core/wave.ts'
import { hubRule, publicationOf } from '../../support/core-parts.ts'
import { request } from '../../support/local-core.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)

const publication = (channel: string, offset: number, value: unknown = 1) =>
  publicationOf(request(channel, value), offset)

/** The offset of a publication, or the bounds of a gap. */
function placeOf(message: unknown): unknown {
  const { offset, gap } = message as { offset?: number; gap?: { from: number; to: number } }
  return gap === undefined ? offset : [gap.from, gap.to]
}

function setUp() {
  const missed: [session: number, channel: string][] = []
  const ledger = createLedger(silentObserver)
  const replay = createReplay({
    ledger,
    missedNotices: (session, channel) => void missed.push([session.number, channel.name]),
  })
  const fanOut = recordingFanOut(replay)
  let lastNumber = 0

  return {
    ledger,
    replay,
    fanOut,
    missed,
    /** A channel that has sent up to `offset` and holds what follows from `first` on, one more than it sent included. */
    channel(
      name: string,
      offset: number,
      { first = 1, value = 1 as unknown, missing = [] as readonly number[] } = {},
    ): HubChannel {
      const channel = new HubChannel(name, hubRule())
      channel.epoch = 'k3'
      channel.offset = offset
      channel.log = {
        firstRetained: () => first,
        retained: (at) => (at < first || missing.includes(at) ? null : publication(name, at, value).message),
      }
      return channel
    },
    /** A session that is behind on each channel, from an offset on. */
    behind(...places: readonly (readonly [channel: HubChannel, next: number, sinceMs?: number])[]): Session {
      const session = new Session(++lastNumber, fanOut, '')
      for (const [channel, next, sinceMs = 0] of places) {
        session.addChannel(channel, LAGGING)
        session.addLag(new Lag(channel, next, sinceMs))
        channel.count++
        channel.lagging++
      }
      replay.add(session)
      return session
    },
  }
}

describe('replay', () => {
  test('replay gives what a session is owed and makes it live in the same turn', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const a = channel('a', 5)
    const session = behind([a, 3])
    assert.equal(replay.owed(), 3)
    assert.equal(replay.step(), false)
    assert.deepEqual(fanOut.offsets(session, 'a'), [3, 4, 5])
    assert.deepEqual([session.lags, a.only, a.lagging], [null, session, 0])
    assert.deepEqual([replay.size, replay.owed()], [0, 0])
  })

  test('replay makes a session live that is owed nothing', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const a = channel('a', 5)
    const session = behind([a, 6])
    replay.step()
    assert.deepEqual(fanOut.got(session), [])
    assert.equal(a.only, session)
  })

  test('replay tells what is missing in the middle of a log as a gap, and goes on behind it', () => {
    // A damaged entry of a durable history: the session waited for it until it was ended as a slow reader, came back, and
    // waited for it again.
    const { replay, fanOut, ledger, channel, behind } = setUp()
    const a = channel('a', 9, { missing: [3, 5, 6, 9] })
    const session = behind([a, 2])
    ledger.asked(8)
    replay.step()
    assert.deepEqual(fanOut.messages(session).map(placeOf), [2, [3, 3], 4, [5, 6], 7, 8, [9, 9]])
    assert.equal(a.only, session, 'it is live')
    ledger.closeTurn()
    const { delivered, lost, balance } = ledger.books(replay.owed())
    assert.deepEqual([delivered, lost.gap, balance], [4, 4, 0])
  })

  test('replay does not call missing what a session published itself', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const a = channel('a', 6, { missing: [2, 3, 4, 5] })
    const session = behind([a, 1])
    for (const own of [3, 4]) session.lagOf(a)?.skip(own)
    replay.step()
    assert.deepEqual(fanOut.messages(session).map(placeOf), [1, [2, 2], [5, 5], 6])
  })

  test('replay looks for so many missing ones at a time, and for all of them in the end', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const a = channel('a', 10_000, { missing: range(1, 10_000) })
    const session = behind([a, 1])
    assert.equal(replay.step(), true, 'there is more to look for')
    while (replay.step());
    const places = fanOut.messages(session).map(placeOf) as [number, number][]
    assert.deepEqual(places[0], [1, 256])
    assert.deepEqual(places.at(-1)?.[1], 10_000)
    for (const [at, [from]] of places.entries()) assert.equal(from, at * 256 + 1)
    assert.equal(a.only, session)
  })

  test('replay feeds each channel of a session from its own place, and keeps it while one is left', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const [a, b] = [channel('a', 5), channel('b', 3)]
    const session = behind([a, 5], [b, 1])
    fanOut.stall(session, 2)
    replay.step()
    assert.deepEqual([fanOut.offsets(session, 'a'), fanOut.offsets(session, 'b')], [[5], [1]])
    assert.deepEqual([session.placeOf(a), session.placeOf(b)], [0, LAGGING])
    assert.equal(replay.size, 1)
    fanOut.resume(session)
    replay.step()
    assert.deepEqual(fanOut.offsets(session, 'b'), [1, 2, 3])
    assert.equal(replay.size, 0)
  })

  test('replay leaves a session alone that has no room, until it is said to have some', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const session = behind([channel('a', 5), 1])
    fanOut.stall(session, 0)
    replay.step()
    const { length } = fanOut.calls
    fanOut.stall(session, 100)
    replay.step()
    assert.equal(fanOut.calls.length, length, 'it was not asked')
    assert.equal(replay.ready(session), true)
    replay.step()
    assert.deepEqual(fanOut.offsets(session, 'a'), range(1, 5))
    assert.equal(replay.ready(session), false, 'it is not behind')
  })

  test('replay takes all for ready when told so', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const a = channel('a', 2)
    const sessions = [behind([a, 1]), behind([a, 2])]
    for (const session of sessions) fanOut.stall(session, 0)
    replay.step()
    for (const session of sessions) fanOut.stall(session, 9)
    replay.allReady()
    replay.step()
    assert.equal(replay.size, 0)
  })

  test('replay writes at most 30 messages or 15 KB at once, a larger one alone', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const many = behind([channel('many', 100), 1])
    const large = behind([channel('large', 5, { value: 'x'.repeat(6_000) }), 1])
    const huge = behind([channel('huge', 2, { value: 'x'.repeat(40_000) }), 1])
    while (replay.step());
    const writes = (session: Session) =>
      fanOut.calls
        .filter((call) => call.startsWith(`send ${session.number} `))
        .map((call) => Number(call.split(' ')[2]))
    assert.deepEqual(writes(many), [30, 30, 30, 10])
    assert.deepEqual(writes(large), [2, 2, 1])
    assert.deepEqual(writes(huge), [1, 1])
  })

  test('replay gives nobody more than a share of a turn, and the rest in the next ones', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const a = channel('a', 5_000)
    const [one, other] = [behind([a, 1]), behind([a, 1])]
    assert.equal(replay.step(), true)
    const first = fanOut.offsets(one, 'a').length
    assert.ok(first > 0 && first < 5_000)
    assert.equal(fanOut.offsets(other, 'a').length, first)
    while (replay.step());
    for (const session of [one, other]) assert.deepEqual(fanOut.offsets(session, 'a'), range(1, 5_000))
  })

  test('replay feeds very many in turns of bounded size, and forgets nobody', () => {
    const { replay, fanOut, channel, behind, ledger } = setUp()
    const a = channel('a', 100)
    const sessions = Array.from({ length: 200 }, () => behind([a, 1]))
    for (let before = 0, isMore = true; isMore; before = ledger.books(0).delivered) {
      isMore = replay.step()
      assert.ok(ledger.books(0).delivered - before <= 2_048 + 480)
    }
    for (const session of sessions) assert.deepEqual(fanOut.offsets(session, 'a'), range(1, 100))
  })

  // A turn that was full always began with the same sessions: four of them got everything, and the others nothing until
  // those were done, or until their time to catch up was over.
  test('replay comes to everybody in turn when no turn is long enough for all', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const big = channel('big', 20_000)
    const sessions = Array.from({ length: 20 }, () => behind([big, 1]))
    const progress = () => sessions.map((session) => fanOut.offsets(session, 'big').length)
    for (let turn = 0; turn < 5; turn++) replay.step()
    assert.ok(Math.min(...progress()) > 0, progress().join(' '))
    for (let turn = 0; turn < 45; turn++) replay.step()
    const [least, most] = [Math.min(...progress()), Math.max(...progress())]
    assert.ok(most - least <= most / 5, `${least} to ${most}`)
  })

  test('replay says what the log no longer holds, where it would have come', () => {
    const { replay, fanOut, channel, behind, ledger } = setUp()
    const session = behind([channel('a', 9, { first: 7 }), 3])
    replay.step()
    assert.deepEqual(fanOut.messages(session)[0], {
      channel: 'a',
      gap: { from: 3, to: 6, reason: 'trimmed' },
    })
    assert.deepEqual(fanOut.offsets(session, 'a'), [7, 8, 9])
    assert.equal(ledger.books(0).lost.gap, 4)
  })

  test('replay says nothing to a session without room', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const session = behind([channel('a', 9, { first: 7 }), 3])
    fanOut.stall(session, 0)
    replay.step()
    assert.deepEqual(fanOut.messages(session), [])
    assert.equal(replay.owed(), 7)
  })

  test('replay feeds nobody who is being ended', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const session = behind([channel('a', 5), 1])
    session.endedBy = 'DISCONNECTED'
    replay.step()
    assert.deepEqual(fanOut.got(session), [])
  })

  test('replay finds those who have been behind for too long, in any channel', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const a = channel('a', 5)
    const b = channel('b', 5)
    const [old, young, ended] = [behind([b, 1, 900], [a, 1, 100]), behind([a, 1, 500]), behind([a, 1, 100])]
    for (const session of [old, young, ended]) fanOut.stall(session, 0)
    ended.endedBy = 'SLOW_CONSUMER'
    assert.deepEqual(replay.overdue(500), [old])
    assert.deepEqual(replay.overdue(100), [])
    replay.remove(old)
    assert.deepEqual(replay.overdue(500), [])
  })

  test('replay tells who missed notices that they did, once they are live', () => {
    const { replay, fanOut, channel, behind, missed } = setUp()
    const [a, b] = [channel('a', 5), channel('b', 5)]
    const [one, other] = [behind([a, 1], [b, 6]), behind([a, 6])]
    for (const session of [one, other]) fanOut.stall(session, 0)
    replay.noticeMissed(b)
    replay.step()
    assert.deepEqual(missed, [])
    assert.equal(other.lags, null, 'who needs nothing needs no room')
    fanOut.resume(one)
    replay.noticeMissed(a)
    replay.step()
    assert.deepEqual(missed, [
      [one.number, 'a'],
      [one.number, 'b'],
    ])
  })

  test('replay feeds one session at once when asked to, as far as it has room', () => {
    const { replay, fanOut, channel, behind } = setUp()
    const a = channel('a', 3_000)
    const [asked, other] = [behind([a, 1]), behind([a, 1])]
    replay.feed(asked)
    assert.deepEqual(fanOut.offsets(asked, 'a'), range(1, 3_000))
    assert.deepEqual(fanOut.got(other), [])
    fanOut.stall(other, 10)
    replay.feed(other)
    assert.deepEqual(fanOut.offsets(other, 'a'), range(1, 10))
  })
})

describe('replay during a wave', () => {
  /** A channel with two publications on their way, which the only shard has been given when `steps` is 1. */
  function inWave(steps: number) {
    const core = setUp()
    const a = core.channel('a', 3)
    const live = new Session(100, core.fanOut, '')
    live.addChannel(a, a.goLive(live))
    const second = new Session(101, core.fanOut, '')
    second.addChannel(a, a.goLive(second))
    a.count = 2
    const wave = new Wave(a, [publication('a', 4), publication('a', 5)])
    a.wave = wave
    for (let step = 0; step < steps; step++) wave.step(core.ledger, new TurnLog())
    return { ...core, a }
  }

  test('replay gives the wave to who joins a shard that has it already', () => {
    const { replay, fanOut, behind, a } = inWave(1)
    const session = behind([a, 2])
    replay.step()
    assert.deepEqual(fanOut.offsets(session, 'a'), [2, 3, 4, 5])
    assert.equal(session.lags, null)
  })

  test('replay leaves the wave to the topic where it is still to come', () => {
    const { replay, fanOut, behind, a } = inWave(0)
    const session = behind([a, 2])
    replay.step()
    assert.deepEqual(fanOut.offsets(session, 'a'), [2, 3])
    assert.equal(session.lags, null)
    assert.equal(fanOut.onTopic('a'), 3)
  })

  test('replay puts nobody on a topic who could take only part of its wave', () => {
    const { replay, fanOut, behind, a } = inWave(1)
    const session = behind([a, 3])
    fanOut.stall(session, 2)
    replay.step()
    assert.deepEqual(fanOut.offsets(session, 'a'), [3, 4])
    assert.equal(session.placeOf(a), LAGGING)
    assert.equal(fanOut.onTopic('a'), 2)
    assert.equal(replay.owed(), -1, 'it has one that the others of its channel are not counted for yet')
    a.wave = null
    a.offset = 5
    fanOut.resume(session)
    replay.step()
    assert.deepEqual(fanOut.offsets(session, 'a'), [3, 4, 5])
    assert.equal(session.lags, null)
  })
})
