/**
 * Tests of src/core/flush-scheduler.ts: what leaves in one turn, in which order, and who waits. Longer than
 * most: all that a turn does is seen through the same set-up.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { createFlushScheduler } from '../../../src/core/flush-scheduler.ts'
import { HubChannel, SHARD_SUBSCRIBERS } from '../../../src/core/hub-channel.ts'
import { createLedger } from '../../../src/core/ledger.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { presenceNotice } from '../../../src/core/presence-notice.ts'
import { FIRST_PLACE, Session } from '../../../src/core/session.ts'
import { TurnLog } from '../../../src/core/turn-log.ts'
import { STEP_SUBSCRIBERS } from '../../../src/core/wave.ts'
import { hubRule, publicationOf } from '../../support/core-parts.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { holdsAsync } from '../../support/holds.ts'
import { request } from '../../support/local-core.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

/** Bytes that leave corked in one write. */
const LIBRARY_CORK_BYTES = 16 * 1024

function setUp(maxPendingBytes = 1_000_000) {
  const clock = new FakeClock()
  const turns: number[] = []
  const latencies: number[] = []
  let deliveries = 0
  let bytes = 0
  const observer = {
    ...silentObserver,
    flushed: (publications: number) => void turns.push(publications),
    publicationFlushed: (latencyMs: number) => void latencies.push(latencyMs),
    delivered(_transport: string, count: number, size: number) {
      deliveries += count
      bytes += size
    },
  }
  const ledger = createLedger(observer)
  const refused: string[] = []
  const noticed: string[] = []
  const steps: string[] = []
  let hasReplayLeft = 0
  let isReplayWaiting = false
  const flush = createFlushScheduler(
    {
      clock,
      observer,
      ledger,
      log: new TurnLog(),
      settle: () => void steps.push('settle'),
      replay() {
        steps.push('replay')
        return hasReplayLeft-- > 0
      },
      isReplayWaiting: () => isReplayWaiting,
      noticed: (channel) => void noticed.push(`${channel.name} ${channel.offset}`),
      endTurn() {
        steps.push('end')
        fanOut.flush()
      },
      refused: (session, message) => void refused.push(`${session.number} ${message}`),
    },
    maxPendingBytes,
  )
  const fanOut = recordingFanOut()
  let lastNumber = 0
  const offsets = new Map<string, number>()

  return {
    clock,
    flush,
    fanOut,
    ledger,
    refused,
    noticed,
    steps,
    replayFor(turns: number) {
      hasReplayLeft = turns
    },
    /** Somebody is ahead of what was sent, or not. */
    beAhead(isAhead: boolean) {
      isReplayWaiting = isAhead
    },
    turns,
    latencies,
    totals: () => ({ deliveries, bytes }),
    /** A channel with so many subscribers. */
    channel(name: string, subscribers = 1, flushMs = 0) {
      const channel = new HubChannel(name, hubRule(flushMs))
      const sessions = Array.from({ length: subscribers }, () => new Session(++lastNumber, fanOut, ''))
      for (const session of sessions) addTo(channel, session)
      return { channel, sessions }
    },
    enqueue(channel: HubChannel, value: unknown = 1, event = '', user = '') {
      const offset = (offsets.get(channel.name) ?? 0) + 1
      offsets.set(channel.name, offset)
      flush.enqueue(channel, publicationOf(request(channel.name, value, event, user), offset, clock.nowMs()))
    },
    notice(channel: HubChannel, seq: number) {
      flush.enqueue(
        channel,
        presenceNotice(channel, { join: [], leave: [] }, { count: 1, seq, nowMs: clock.nowMs() }),
      )
    },
  }
}

/** A live subscriber, as the hub makes one. */
function addTo(channel: HubChannel, session: Session): void {
  channel.count++
  channel.goLive(session)
}

function removeFrom(channel: HubChannel, session: Session, isOpen = true): void {
  channel.count--
  channel.leaveLive(session, FIRST_PLACE, isOpen)
}

const first = (sessions: readonly Session[]): Session => {
  const [session] = sessions
  assert.ok(session)
  return session
}
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

describe('flush turn', () => {
  test('a turn sends nothing before the current one has ended', async () => {
    const { channel, enqueue, fanOut } = setUp()
    const { channel: a, sessions } = channel('a')
    enqueue(a)
    await Promise.resolve()
    assert.deepEqual(fanOut.offsets(first(sessions), 'a'), [])
    await nextTurn()
    assert.deepEqual(fanOut.offsets(first(sessions), 'a'), [1])
  })

  test('a turn takes 30 messages, and what is left goes in the next', async () => {
    const { channel, enqueue, turns } = setUp()
    const { channel: a } = channel('a', 2)
    for (let i = 0; i < 70; i++) enqueue(a)
    await nextTurn()
    assert.deepEqual(turns, [30])
    await nextTurn()
    await nextTurn()
    await nextTurn()
    assert.deepEqual(turns, [30, 30, 10])
  })

  test('a turn takes 15 KB, and a larger message goes alone', async () => {
    const { channel, enqueue, turns } = setUp()
    const { channel: a } = channel('a', 2)
    for (const size of [6_000, 6_000, 6_000, 40_000, 100]) enqueue(a, 'x'.repeat(size))
    for (let i = 0; i < 5; i++) await nextTurn()
    assert.deepEqual(turns, [2, 1, 1, 1])
  })

  test('a turn fits one write of the library, whatever names and events surround the data', async () => {
    const { channel, enqueue, fanOut } = setUp()
    const { channel: a } = channel('c'.repeat(255), 2)
    for (let i = 0; i < 100; i++) enqueue(a, 'x'.repeat(300), 'e'.repeat(255), 'u'.repeat(128))
    for (let seen = 0, turn = 0; turn < 10; turn++) {
      await nextTurn()
      const bytes = fanOut.sizes.slice(seen).reduce((total, size) => total + size, 0)
      seen = fanOut.sizes.length
      assert.ok(bytes <= LIBRARY_CORK_BYTES, `${bytes} bytes in one turn`)
    }
    assert.equal(fanOut.sizes.length, 100)
  })

  test('a turn gives a single subscriber all its messages in one write, of several channels too', async () => {
    const { channel, enqueue, fanOut } = setUp()
    const { channel: a, sessions } = channel('a')
    const b = new HubChannel('b', hubRule())
    addTo(b, first(sessions))
    for (let i = 0; i < 3; i++) {
      enqueue(a)
      enqueue(b)
    }
    await nextTurn()
    assert.deepEqual(fanOut.calls, [`send ${first(sessions).number} 6`])
    assert.deepEqual(
      fanOut.got(first(sessions)).map((one) => one.channel),
      ['a', 'b', 'a', 'b', 'a', 'b'],
    )
  })

  test('a turn skips a session that ended meanwhile, and a channel without subscribers', async () => {
    const { channel, enqueue, fanOut, totals } = setUp()
    const { channel: a, sessions } = channel('a')
    const { channel: empty } = channel('empty', 0)
    enqueue(a)
    enqueue(empty)
    first(sessions).phase = 'ended'
    removeFrom(a, first(sessions), false)
    await nextTurn()
    assert.deepEqual(fanOut.calls, [])
    assert.deepEqual(totals(), { deliveries: 0, bytes: 0 })
    assert.deepEqual([a.offset, empty.offset], [1, 1], 'their position moves on all the same')
  })

  test('a turn touches no session that ended between being counted and being sent to', async () => {
    const { channel, enqueue, fanOut } = setUp()
    const { channel: a, sessions } = channel('a')
    enqueue(a)
    first(sessions).phase = 'ended'
    await nextTurn()
    assert.deepEqual(fanOut.calls, [])
  })

  test('a turn reports deliveries, bytes and how long each publication waited', async () => {
    const { channel, enqueue, clock, fanOut, totals, latencies } = setUp()
    const { channel: a } = channel('a', 3)
    const { channel: b } = channel('b', 1)
    enqueue(a)
    clock.turn(5)
    enqueue(b)
    clock.turn(2)
    await nextTurn()
    assert.deepEqual(totals(), { deliveries: 0, bytes: 0 }, 'a session may still say that it lost some')
    await nextTurn()
    const [toAll = 0, toOne = 0] = fanOut.sizes
    assert.deepEqual(totals(), { deliveries: 4, bytes: 3 * toAll + toOne })
    assert.deepEqual(latencies, [7, 2])
  })
})

describe('flush turn and what is behind', () => {
  test('a turn settles losses first, then feeds who is behind, then sends', async () => {
    const { channel, enqueue, steps, fanOut } = setUp()
    const { channel: a, sessions } = channel('a', 2)
    enqueue(a)
    await nextTurn()
    assert.deepEqual(steps, ['settle', 'replay', 'end'])
    assert.deepEqual(fanOut.offsets(first(sessions), 'a'), [1])
  })

  test('a turn comes when it is asked for, though nothing is pending, and once', async () => {
    const { flush, steps } = setUp()
    flush.soon()
    flush.soon()
    for (let i = 0; i < 3; i++) await nextTurn()
    assert.deepEqual(steps, ['settle', 'replay', 'end'])
  })

  test('a turn follows every one that sent something, so that what was lost is settled', async () => {
    const { channel, enqueue, steps, ledger } = setUp()
    enqueue(channel('a', 2).channel)
    await nextTurn()
    assert.equal(ledger.isTurnOpen(), true)
    for (let i = 0; i < 3; i++) await nextTurn()
    assert.equal(steps.filter((step) => step === 'settle').length, 2)
    assert.equal(ledger.isTurnOpen(), false)
  })

  test('turns go on as long as somebody who is behind could take more', async () => {
    const { flush, steps, replayFor } = setUp()
    replayFor(3)
    flush.soon()
    for (let i = 0; i < 8; i++) await nextTurn()
    assert.equal(steps.filter((step) => step === 'replay').length, 4)
  })

  // Who had joined ahead of what was sent waited for the sweep of the hub.
  test('a turn follows one that sent what somebody waits for, and none that sent nothing', async () => {
    const { channel, enqueue, flush, steps, beAhead } = setUp()
    const { channel: empty } = channel('a', 0)
    beAhead(true)
    enqueue(empty)
    for (let i = 0; i < 4; i++) await nextTurn()
    assert.equal(steps.filter((step) => step === 'replay').length, 2)
    flush.soon()
    for (let i = 0; i < 4; i++) await nextTurn()
    assert.equal(steps.filter((step) => step === 'replay').length, 3)
  })

  test('a turn counts what is sent to a channel as due to all its subscribers, behind or not', async () => {
    const { channel, enqueue, ledger } = setUp()
    const { channel: a } = channel('a', 3)
    a.count += 2
    a.lagging += 2
    enqueue(a)
    enqueue(a)
    await nextTurn()
    const { due, delivered, balance } = ledger.books(4)
    assert.deepEqual({ due, delivered, balance }, { due: 10, delivered: 6, balance: 0 })
  })

  test('a turn reports the first direct message that was not taken', async () => {
    const { channel, enqueue, fanOut, refused } = setUp()
    const { channel: a, sessions } = channel('a')
    fanOut.stall(first(sessions), 2)
    for (let i = 0; i < 4; i++) enqueue(a)
    await nextTurn()
    assert.deepEqual(fanOut.offsets(first(sessions), 'a'), [1, 2])
    assert.deepEqual(refused, [`${first(sessions).number} {"channel":"a","offset":3,"data":1}`])
  })

  test('a turn hands nothing directly to a session that lost a message earlier in it', async () => {
    const { channel, enqueue, fanOut } = setUp()
    const { channel: a, sessions } = channel('a')
    first(sessions).lostAt = 0
    enqueue(a)
    await nextTurn()
    assert.deepEqual(fanOut.calls, [])
  })
})

describe('flush turn and notices', () => {
  test('a notice goes in its place, moves no position, is no delivery, and is reported when it went', async () => {
    const { channel, enqueue, notice, noticed, fanOut, ledger, latencies } = setUp()
    const { channel: a, sessions } = channel('a', 2)
    enqueue(a)
    notice(a, 1)
    enqueue(a)
    assert.deepEqual(noticed, [])
    for (let i = 0; i < 2; i++) await nextTurn()
    assert.deepEqual(noticed, ['a 1'], 'with the offset that was sent before it')
    for (const session of sessions) {
      const kinds = fanOut
        .messages(session)
        .map((one) => ('presence' in (one as object) ? 'notice' : 'message'))
      assert.deepEqual(kinds, ['message', 'notice', 'message'])
    }
    const { due, delivered, balance } = ledger.books(0)
    assert.deepEqual(
      { offset: a.offset, due, delivered, balance },
      { offset: 2, due: 4, delivered: 4, balance: 0 },
    )
    assert.equal(latencies.length, 2)
  })

  test('a notice to a single subscriber is reported too, and one to nobody', async () => {
    const { channel, notice, noticed } = setUp()
    notice(channel('one').channel, 1)
    notice(channel('none', 0).channel, 2)
    await nextTurn()
    assert.deepEqual(noticed, ['one 0', 'none 0'])
  })

  test('a notice to a sharded channel is reported when the last shard has it', async () => {
    const { channel, enqueue, notice, noticed, fanOut } = setUp()
    const { channel: large, sessions } = channel('large', STEP_SUBSCRIBERS + SHARD_SUBSCRIBERS)
    const last = sessions.at(-1) ?? assert.fail()
    enqueue(large)
    notice(large, 1)
    for (let turn = 0; turn < 5 && fanOut.messages(first(sessions)).length === 0; turn++) await nextTurn()
    assert.equal(fanOut.messages(first(sessions)).length, 2)
    assert.equal(fanOut.messages(last).length, 0)
    assert.deepEqual(noticed, [])
    for (let turn = 0; turn < 5 && noticed.length === 0; turn++) await nextTurn()
    assert.equal(fanOut.messages(last).length, 2)
    assert.deepEqual(noticed, ['large 1'])
  })
})

describe('flush order', () => {
  test('a channel keeps its order from a direct subscriber to a topic and back', async () => {
    const { channel, enqueue, fanOut } = setUp()
    const { channel: a, sessions } = channel('a')
    const one = first(sessions)
    const other = new Session(99, fanOut, '')
    for (let i = 0; i < 40; i++) enqueue(a)
    await nextTurn()
    addTo(a, other)
    for (let i = 0; i < 40; i++) enqueue(a)
    await nextTurn()
    removeFrom(a, other)
    removeFrom(a, one)
    addTo(a, one)
    for (let i = 0; i < 3; i++) await nextTurn()
    assert.deepEqual(fanOut.offsets(one, 'a'), upTo(80))
    assert.deepEqual(fanOut.offsets(other, 'a'), upTo(60).slice(30))
  })

  test('a long backlog leaves complete and in order while more comes', async () => {
    const { channel, enqueue, fanOut, turns } = setUp()
    const { channel: a, sessions } = channel('a')
    for (let i = 0; i < 2_000; i++) enqueue(a)
    for (let i = 0; i < 100; i++) {
      await nextTurn()
      for (let k = 0; k < 7; k++) enqueue(a)
    }
    for (let before = -1; before !== turns.length; ) {
      before = turns.length
      await nextTurn()
    }
    assert.deepEqual(fanOut.offsets(first(sessions), 'a'), upTo(2_700))
  })

  test('a channel is in order for every subscriber whatever is enqueued when', async () => {
    const step = fc.record({
      channel: fc.nat(3),
      bytes: fc.constantFrom(1, 10, 700, 20_000),
      turn: fc.boolean(),
    })
    await holdsAsync(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { channel, enqueue, fanOut } = setUp()
        const channels = [channel('a', 1), channel('b', 2), channel('c', 3), channel('d', 0)]
        for (const { channel: index, bytes, turn } of steps) {
          const target = channels[index]
          assert.ok(target)
          enqueue(target.channel, 'x'.repeat(bytes))
          if (turn) await nextTurn()
        }
        for (let i = 0; i < steps.length; i++) await nextTurn()
        for (const { channel: one, sessions } of channels) {
          const count = steps.filter(({ channel: index }) => channels[index]?.channel === one).length
          for (const session of sessions) {
            assert.deepEqual(fanOut.offsets(session, one.name), upTo(count))
          }
        }
      }),
      50,
    )
  })
})

describe('latency budget', () => {
  test('a channel with flushMs holds back until the budget of its first publication has passed', async () => {
    const { channel, enqueue, clock, fanOut, turns } = setUp()
    const { channel: a, sessions } = channel('a', 1, 20)
    enqueue(a)
    clock.turn(15)
    enqueue(a)
    await nextTurn()
    assert.deepEqual(turns, [])
    clock.turn(5)
    await nextTurn()
    assert.deepEqual(turns, [2], 'both leave together')
    enqueue(a)
    clock.turn(19)
    await nextTurn()
    assert.deepEqual(turns, [2])
    clock.turn(1)
    await nextTurn()
    assert.deepEqual(fanOut.offsets(first(sessions), 'a'), [1, 2, 3])
  })

  test('a channel with flushMs does not hold up the others', async () => {
    const { channel, enqueue, fanOut } = setUp()
    const held = channel('held', 1, 50)
    const quick = channel('quick')
    enqueue(held.channel)
    enqueue(quick.channel)
    await nextTurn()
    assert.deepEqual(fanOut.offsets(first(quick.sessions), 'quick'), [1])
    assert.deepEqual(fanOut.offsets(first(held.sessions), 'held'), [])
  })
})

describe('flush room', () => {
  test('room is full above maxPendingBytes and free again at half of it', async () => {
    const { channel, enqueue, flush } = setUp(102_570)
    const { channel: a } = channel('a')
    // 10,000 bytes each with the quotes, 257 with its name and what it takes while it waits: one per turn.
    for (let i = 0; i < 10; i++) enqueue(a, 'x'.repeat(9_998))
    assert.equal(flush.room(), null, 'just at the bound')
    enqueue(a, 'x'.repeat(9_998))
    const room = flush.room()
    assert.ok(room)
    assert.equal(flush.room(), room, 'all who wait share one promise')
    let isFree = false
    const waited = room.then(() => {
      isFree = true
    })
    for (let i = 0; i < 5; i++) await nextTurn()
    assert.equal(isFree, false, '61,542 bytes are pending')
    await nextTurn()
    await waited
    assert.equal(flush.room(), null)
  })

  test('room is bounded for the smallest publications too', () => {
    // Only data used to count: 30 million publications of one byte fitted, and no publisher ever waited.
    const { channel, enqueue, flush } = setUp(65_536)
    const { channel: a } = channel('a')
    for (let i = 0; i < 1_000; i++) enqueue(a, 1)
    assert.ok(flush.room())
  })

  test('room counts publications that a latency budget holds back', async () => {
    const { channel, enqueue, clock, flush } = setUp(1_000)
    const { channel: a } = channel('a', 1, 50)
    enqueue(a, 'x'.repeat(1_000))
    const room = flush.room()
    assert.ok(room)
    clock.turn(50)
    await room
    assert.equal(flush.room(), null)
  })
})

test('drain sends everything turn by turn, in order, held back or not, and frees who waits', async () => {
  const { channel, enqueue, fanOut, flush } = setUp(1_000)
  const quick = channel('quick', 2)
  const held = channel('held', 1, 50)
  for (let i = 0; i < 100; i++) {
    enqueue(quick.channel, 'x'.repeat(100))
    enqueue(held.channel, 'x'.repeat(100))
  }
  const room = flush.room()
  await flush.drain()
  for (const session of quick.sessions) assert.deepEqual(fanOut.offsets(session, 'quick'), upTo(100))
  assert.deepEqual(fanOut.offsets(first(held.sessions), 'held'), upTo(100))
  await room
  await nextTurn()
  assert.equal(fanOut.got(first(held.sessions)).length, 100, 'nothing leaves twice')
})
