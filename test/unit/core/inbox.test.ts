/**
 * Tests of src/core/inbox.ts: what may wait and how much of it, what is said of the rest, and that nothing goes that
 * nobody said had arrived.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createInboxes, type InboxLimits } from '../../../src/core/inbox.ts'
import { type InboxBound, silentObserver } from '../../../src/core/observer.ts'
import { Payload } from '../../../src/protocol/payload.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { cpuMs } from '../../support/cpu-time.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { recordingStore } from '../../support/recording-store.ts'

const DAY_MS = 86_400_000

function setUp(limits: Partial<InboxLimits> = {}, store = recordingStore(), clock = new FakeClock()) {
  const dropped: [bound: InboxBound, messages: number][] = []
  let kept = 0
  const here = new Set<string>()
  const settled: string[] = []
  const observer = {
    ...silentObserver,
    inboxKept(messages: number) {
      kept += messages
    },
    inboxDropped: (bound: InboxBound, messages: number) => void dropped.push([bound, messages]),
  }
  const inboxes = createInboxes(
    { store, clock, observer, isHere: (one) => here.has(one), settled: (one) => void settled.push(one) },
    { inboxSize: 100, inboxBytes: 0, inboxTtlMs: 0, maxHistoryBytes: 1_000_000, ...limits },
  )
  return {
    inboxes,
    here,
    settled,
    store,
    clock,
    dropped,
    kept: () => kept,
    put: (value: unknown, channel = '@17') =>
      inboxes.put(channel, {
        id: String(value),
        event: '',
        user: '',
        fromClient: false,
        data: Payload.trustJson(Buffer.from(JSON.stringify(value))),
      }),
    /** Ids of all that waits. */
    waiting: (channel = '@17') => inboxes.list(channel, Number.POSITIVE_INFINITY).map(({ id }) => id),
    seqs: (channel = '@17') => inboxes.list(channel, Number.POSITIVE_INFINITY).map(({ seq }) => seq),
  }
}

describe('inbox', () => {
  test('inbox gives what was put into it, oldest first, each time it is asked', async () => {
    const { put, waiting, inboxes, clock, kept } = setUp()
    assert.deepEqual([inboxes.isEmpty('@17'), waiting()], [true, []])
    await put('a')
    clock.turn(50)
    await put('b')
    assert.deepEqual(
      [inboxes.isEmpty('@17'), waiting(), waiting(), kept()],
      [false, ['a', 'b'], ['a', 'b'], 2],
    )
    const [a, b] = inboxes.list('@17', 10)
    assert.equal((b?.timeMs ?? 0) - (a?.timeMs ?? 0), 50)
    assert.equal(inboxes.list('@17', 1).length, 1)
  })

  test('inbox is a user’s own, and a tenant’s', async () => {
    const { put, waiting, inboxes } = setUp()
    await put('a')
    await put('b', '7\u0001@17')
    assert.deepEqual([waiting(), waiting('7\u0001@17'), waiting('@18')], [['a'], ['b'], []])
    assert.equal(inboxes.isEmpty('@18'), true)
  })

  test('inbox outlives who holds it', async () => {
    const before = setUp()
    await before.put('a')
    const after = setUp({}, before.store, before.clock)
    assert.deepEqual(after.waiting(), ['a'])
    await after.put('b')
    assert.deepEqual(after.waiting(), ['a', 'b'])
  })

  test('inbox without room for any message is off', () => {
    assert.equal(setUp({ inboxSize: 0 }).inboxes.isOn, false)
    assert.equal(setUp().inboxes.isOn, true)
  })
})

describe('bounds of an inbox', () => {
  test('the oldest go when there are too many, counted', async () => {
    const { put, waiting, inboxes, dropped } = setUp({ inboxSize: 2 })
    for (const value of [1, 2, 3, 4]) await put(value)
    assert.deepEqual(waiting(), ['3', '4'])
    assert.deepEqual(dropped, [
      ['count', 1],
      ['count', 1],
    ])
    assert.equal(inboxes.takeLost('@17'), 2)
  })

  test('the oldest go when they are too large together, and the latest stays however large it is', async () => {
    const { put, waiting, inboxes, dropped } = setUp({ inboxBytes: 200 })
    for (const value of ['a', 'b', 'c']) await put(value.repeat(30))
    assert.deepEqual(waiting(), ['b'.repeat(30), 'c'.repeat(30)])
    await put('d'.repeat(500))
    assert.deepEqual(waiting(), ['d'.repeat(500)])
    assert.deepEqual(dropped, [
      ['bytes', 1],
      ['bytes', 2],
    ])
    assert.equal(inboxes.takeLost('@17'), 3)
  })

  test('what is too old is not given any more, and goes with the sweep', async () => {
    const { put, waiting, inboxes, clock, store, dropped } = setUp({ inboxTtlMs: DAY_MS })
    await put('a')
    clock.turn(DAY_MS / 2)
    await put('b')
    clock.turn(DAY_MS / 2)
    assert.deepEqual(waiting(), ['b'], 'before the sweep')
    inboxes.sweep()
    await nextTurn()
    assert.equal([...store.entries('inbox', 1, '17', 0)].length, 1)
    assert.deepEqual([waiting(), dropped], [['b'], [['age', 1]]])
    clock.turn(DAY_MS)
    assert.equal(inboxes.takeLost('@17'), 2, 'and when its user asks before the sweep came by')
    assert.deepEqual(waiting(), [])
  })

  test('the sweep comes by everybody, some at a time', async () => {
    const { put, inboxes, clock, store } = setUp({ inboxTtlMs: DAY_MS })
    await Promise.all(Array.from({ length: 1_200 }, (_, user) => put('a', `@${user}`)))
    clock.turn(DAY_MS)
    const left: number[] = []
    for (let sweeps = 0; sweeps < 4; sweeps++) {
      inboxes.sweep()
      await nextTurn()
      await nextTurn()
      left.push([...store.owners('inbox', null)].length)
    }
    assert.deepEqual([left[0], left.at(-1)], [700, 0])
    assert.equal(inboxes.takeLost('@1199'), 1)
  })

  test('what comes in one turn is bounded as well, once it is written', async () => {
    const { put, waiting, inboxes, store } = setUp({ inboxSize: 3 })
    await Promise.all(Array.from({ length: 10 }, (_, at) => put(at)))
    await store.write([])
    assert.deepEqual(waiting(), ['7', '8', '9'])
    assert.equal(inboxes.takeLost('@17'), 7)
  })
})

describe('inbox over a slow store', () => {
  test('messages of one turn keep their order, and all have numbers of their own', async () => {
    const { put, waiting, seqs, inboxes, store } = setUp()
    const letGo = store.hold()
    const puts = [1, 2, 3].map((value) => put(value))
    assert.deepEqual([inboxes.isWriting('@17'), inboxes.isEmpty('@17'), waiting()], [true, true, []])
    letGo()
    await Promise.all(puts)
    assert.deepEqual([inboxes.isWriting('@17'), waiting()], [false, ['1', '2', '3']])
    assert.equal(new Set(seqs()).size, 3)
  })

  test('a message that could not be kept is refused; the others stay as they are', async () => {
    const { put, waiting, inboxes, store, kept } = setUp({ inboxSize: 3 })
    await put(1)
    store.fail()
    const outcomes = await Promise.allSettled([put(2), put(3)])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled'],
    )
    await put(4)
    assert.deepEqual([waiting(), kept()], [['1', '3', '4'], 3])
    assert.equal(inboxes.takeLost('@17'), 0)
  })

  test('what was to go for a message that could not be kept stays, uncounted', async () => {
    const { put, waiting, inboxes, store } = setUp({ inboxSize: 2 })
    for (const value of [1, 2]) await put(value)
    store.fail()
    await assert.rejects(put(3), { code: 'STORE_FAILED' })
    assert.deepEqual([waiting(), inboxes.takeLost('@17')], [['1', '2'], 0])
    await put(4)
    assert.deepEqual([waiting(), inboxes.takeLost('@17')], [['2', '4'], 1])
  })

  test('inboxes on their way to the store are not forgotten for the sake of others', async () => {
    // What was known of an inbox was forgotten, and the next message took the number of one that was being written.
    const { put, waiting, store } = setUp()
    const letGo = store.hold()
    const puts = [put('first')]
    for (let user = 0; user < 10_050; user++) puts.push(put('x', `@u${user}`))
    puts.push(put('second'))
    letGo()
    await Promise.all(puts)
    assert.deepEqual(waiting(), ['first', 'second'])
  })
})

describe('messages that arrived', () => {
  test('messages up to the one named go, and once is enough', async () => {
    const { put, waiting, seqs, inboxes, store } = setUp()
    for (const value of [1, 2, 3]) await put(value)
    const [, second = 0] = seqs()
    await inboxes.remove('@17', second)
    const { length } = store.writes
    await inboxes.remove('@17', second)
    assert.deepEqual([waiting(), store.writes.length], [['3'], length])
    await inboxes.remove('@18', second)
    assert.equal(store.writes.length, length)
  })

  test('a message that comes after all have gone is not taken by who says late that they arrived', async () => {
    for (const isAnew of [false, true]) {
      const node = setUp()
      await node.put(1)
      const [first = 0] = node.seqs()
      await node.inboxes.remove('@17', first)
      node.clock.turn(1)
      const later = isAnew ? setUp({}, node.store, node.clock) : node
      await later.put(2)
      await later.inboxes.remove('@17', first)
      assert.deepEqual(later.waiting(), ['2'])
    }
  })

  test('messages that could not be taken away come again', async () => {
    const { put, waiting, seqs, inboxes, store } = setUp()
    for (const value of [1, 2]) await put(value)
    store.fail()
    await assert.rejects(inboxes.remove('@17', seqs()[0] ?? 0), { code: 'STORE_FAILED' })
    assert.deepEqual(waiting(), ['1', '2'])
  })

  test('those that arrived are not counted as unread, those that went are counted once', async () => {
    const { put, seqs, inboxes } = setUp({ inboxSize: 2 })
    for (const value of [1, 2, 3]) await put(value)
    await inboxes.remove('@17', seqs()[1] ?? 0)
    assert.equal(inboxes.takeLost('@17'), 1)
    assert.equal(inboxes.takeLost('@17'), 0)
    assert.equal(inboxes.takeLost('@18'), 0)
  })
})

describe('inboxes of many users', () => {
  test('inboxes that are being written do not make the next one slow', async () => {
    // Above 10,000 absent users at once each message looked through all that could not be forgotten yet.
    const { put, store } = setUp()
    const letGo = store.hold()
    const puts: Promise<void>[] = []
    const tookMs = (from: number) =>
      cpuMs(() => {
        for (let user = from; user < from + 10_000; user++) puts.push(put('x', `@${user}`))
      })
    const [first = 0, , third = 0] = [tookMs(0), tookMs(10_000), tookMs(20_000)]
    letGo()
    await Promise.all(puts)
    assert.ok(third < 6 * first + 500, `${third} ms after ${first} ms`)
  })

  test('inboxes of a store in memory take no more than the memory of histories', async () => {
    // Messages to user ids that nobody has filled the memory: each inbox was bounded, their number was not.
    const memory = createMemoryStore()
    const { put, waiting, inboxes } = setUp({ maxHistoryBytes: 4_000 }, { ...recordingStore(), ...memory })
    await put('x'.repeat(1_000), '@1')
    await put('x'.repeat(1_000), '@2')
    await assert.rejects(put('x', '@3'), { code: 'STORE_FAILED' })
    await inboxes.remove('@1', Number.MAX_SAFE_INTEGER)
    await put('x', '@3')
    assert.deepEqual(waiting('@3'), ['x'])
  })

  test('what was lost is forgotten with the time when its user never returns', async () => {
    // One row for each user who ever lost a message stayed for ever.
    const { put, inboxes, clock, store } = setUp({ inboxSize: 1, inboxTtlMs: 3 * DAY_MS })
    for (const value of [1, 2]) await put(value)
    await inboxes.remove('@17', Number.MAX_SAFE_INTEGER)
    const rows = async () => {
      inboxes.sweep()
      await store.write([])
      return [...store.rows('inboxLost', null, '')].length
    }
    assert.equal(await rows(), 1)
    clock.turn(2 * DAY_MS)
    assert.equal(await rows(), 1)
    clock.turn(DAY_MS)
    assert.deepEqual([await rows(), inboxes.takeLost('@17')], [0, 0])
  })
})

describe('what its user was given', () => {
  test('messages that were given are not counted when they go, by whatever bound', async () => {
    // A user who got all and acknowledged nothing was told that it had gone unread.
    const { put, inboxes, seqs, clock, dropped } = setUp({ inboxSize: 2, inboxTtlMs: DAY_MS })
    for (const value of [1, 2]) await put(value)
    inboxes.given('@17', seqs()[1] ?? 0)
    await put(3)
    assert.equal(inboxes.takeLost('@17'), 0)
    clock.turn(DAY_MS)
    inboxes.sweep()
    assert.deepEqual([inboxes.takeLost('@17'), dropped], [1, [['age', 1]]])
  })

  test('a user who is here loses nothing that was not given', async () => {
    const { put, inboxes, here, settled } = setUp({ inboxSize: 2 })
    here.add('@17')
    await Promise.all([1, 2, 3, 4].map((value) => put(value)))
    assert.deepEqual([inboxes.fresh('@17').map(({ id }) => id), settled.length], [['1', '2', '3', '4'], 4])
    inboxes.given('@17', inboxes.fresh('@17').at(-1)?.seq ?? 0)
    await put(5)
    assert.deepEqual([inboxes.fresh('@17').map(({ id }) => id), inboxes.takeLost('@17')], [['5'], 0])
  })

  test('numbers rise though the clock was set back and the inbox was forgotten', async () => {
    // The number of a later message was below that of one that had gone, whose acknowledgement took it away.
    const clock = new FakeClock()
    const { put, seqs, inboxes } = setUp({}, recordingStore(), clock)
    await put('before')
    const [before = 0] = seqs()
    await inboxes.remove('@17', before)
    await Promise.all(Array.from({ length: 10_001 }, (_, user) => put('x', `@u${user}`)))
    const wallMs = clock.wallMs()
    clock.wallMs = () => wallMs - DAY_MS
    await put('after')
    assert.ok((seqs()[0] ?? 0) > before)
  })
})
