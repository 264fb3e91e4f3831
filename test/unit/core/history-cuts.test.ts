/**
 * Tests of src/core/history-cuts.ts: what goes from the disk and when, next to those who come and publish meanwhile.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { ChannelRule } from '../../../src/config/rules.ts'
import { type HistoryQuery, hasFailed } from '../../../src/core/broker.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'
import { type RecordingStore, recordingStore } from '../../support/recording-store.ts'

const HOUR_MS = 3_600_000
const RULES: readonly ChannelRule[] = [
  { match: 'kept', subscribe: 'anyone', historySize: 100, durable: true, historyTtlMs: HOUR_MS },
]

const all: HistoryQuery = { since: null, limit: 100, isReverse: false }

const held = (store: RecordingStore) => [...store.entries('history', 1, 'kept', 0)].map(({ seq }) => seq)

/** A node that starts on a disk with five publications, and has not opened their channel. */
async function setUp(t: TestContext, options: LocalCoreOptions = {}) {
  const store = recordingStore()
  const clock = new FakeClock()
  const before = localCore(t, { rules: RULES, store, clock, epoch: 'k3' })
  for (let value = 1; value <= 5; value++) await before.publish('kept', value)
  await before.broker.stop()
  return { store, clock, core: localCore(t, { rules: RULES, store, clock, epoch: 'k4', ...options }) }
}

/** The offset of a publication, or the bounds of a gap. */
function placeOf(message: unknown): unknown {
  const { offset, gap } = message as { offset?: number; gap?: { from: number; to: number } }
  return gap === undefined ? offset : [gap.from, gap.to]
}

async function offsets({ broker }: LocalCore): Promise<number[]> {
  const page = await broker.history('kept', all)
  assert.ok(!hasFailed(page))
  return page.messages.map((message) => JSON.parse(message.toString()).offset)
}

describe('clearing a history', () => {
  test('a session that comes while a history is cleared gets what is there or its gap, and is live', async (t) => {
    // The clearing worked on an object of its own: a channel that was opened meanwhile took what went for being there,
    // and those who wanted it waited for ever.
    const { store, core } = await setUp(t)
    const letGo = store.hold()
    const cleared = core.broker.clearHistory('kept')
    const [early, late] = [core.connected(), core.connected()]
    await core.subscribe(early, 'kept', { epoch: 'k3', offset: 0 })
    letGo()
    await cleared
    await core.subscribe(late, 'kept', { epoch: 'k3', offset: 0 })
    await core.settle()
    assert.deepEqual([early.lags, late.lags], [null, null])
    assert.deepEqual([held(store), await offsets(core)], [[], []])
    await core.publish('kept')
    await core.settle()
    for (const session of [early, late]) assert.equal(core.fanOut.offsets(session, 'kept').at(-1), 6)
  })

  test('a clear takes all that was answered before it, and nothing that was published after it', async (t) => {
    const { store, core } = await setUp(t)
    const published = core.publish('kept', 6)
    const cleared = core.broker.clearHistory('kept')
    await Promise.all([published, cleared])
    await core.publish('kept', 7)
    assert.deepEqual(held(store).at(-1), 7)
    assert.ok(!held(store).includes(5))
    assert.deepEqual(await core.broker.channel('kept').then(({ position }) => position), {
      epoch: 'k3',
      offset: 7,
    })
  })

  test('a clear that failed leaves all as it was, and clears when asked again', async (t) => {
    // An open channel took itself for empty before it was, so the second time nothing was written.
    const { store, core } = await setUp(t)
    await core.publish('kept', 6)
    store.fail()
    await assert.rejects(core.broker.clearHistory('kept'), { code: 'STORE_FAILED' })
    assert.deepEqual(await offsets(core), [1, 2, 3, 4, 5, 6])
    await core.broker.clearHistory('kept')
    assert.deepEqual([held(store), await offsets(core)], [[], []])
  })

  test('a clear is refused where the channel can not be opened', async (t) => {
    const { core, store } = await setUp(t, { maxChannels: 1 })
    await core.subscribe(core.connected(), 'other')
    await assert.rejects(core.broker.clearHistory('kept'), { code: 'NODE_CHANNEL_LIMIT' })
    assert.equal(held(store).length, 5)
    await core.broker.clearHistory('nowhere')
  })
})

describe('removing single publications', () => {
  const positions = async ({ broker }: LocalCore) => (await broker.channel('kept')).position

  test('takes them from the disk and leaves the others their offsets, across a restart', async (t) => {
    const { store, clock, core } = await setUp(t)
    await core.broker.removeFromHistory('kept', [2, 5, 9])
    assert.deepEqual(
      [held(store), await offsets(core)],
      [
        [1, 3, 4],
        [1, 3, 4],
      ],
    )
    assert.deepEqual(await positions(core), { epoch: 'k3', offset: 5 })
    await core.broker.stop()
    const next = localCore(t, { rules: RULES, store, clock, epoch: 'k5' })
    assert.deepEqual(await positions(next), { epoch: 'k3', offset: 5 }, 'though the newest is gone')
    assert.deepEqual(await next.publish('kept', 6), { epoch: 'k3', offset: 6 })
    assert.deepEqual(await offsets(next), [1, 3, 4, 6])
  })

  test('is told to readers with a position as a gap, on disk and in memory', async (t) => {
    const { core } = await setUp(t, {
      rules: [...RULES, { match: 'ring', subscribe: 'anyone', historySize: 9 }],
    })
    for (let value = 1; value <= 5; value++) await core.publish('ring', value)
    for (const [name, epoch] of [
      ['kept', 'k3'],
      ['ring', 'k4'],
    ] as const) {
      await core.broker.removeFromHistory(name, [3, 4])
      const page = await core.broker.history(name, { ...all, since: { epoch, offset: 2 } })
      assert.ok(!hasFailed(page))
      assert.deepEqual(page.gap, { from: 3, to: 4, reason: 'trimmed' }, name)
      assert.deepEqual(
        page.messages.map((message) => JSON.parse(message.toString()).offset),
        [5],
        name,
      )
      const session = core.connected()
      await core.subscribe(session, name, { epoch, offset: 1 })
      await core.settle()
      assert.deepEqual(core.fanOut.messages(session).map(placeOf), [2, [3, 4], 5], name)
    }
  })

  test('waits for what is being written, and what is published meanwhile stays', async (t) => {
    const { store, core } = await setUp(t)
    const letGo = store.hold()
    const published = core.publish('kept', 6)
    await core.settle()
    assert.equal(store.waiting, 1)
    const removed = core.broker.removeFromHistory('kept', [1, 6])
    const after = core.publish('kept', 7)
    letGo()
    await Promise.all([published, removed, after])
    assert.deepEqual(held(store), [2, 3, 4, 5, 7])
    assert.deepEqual(await positions(core), { epoch: 'k3', offset: 7 })
  })

  test('that failed leaves all as it was, in memory too', async (t) => {
    const { store, core } = await setUp(t)
    await core.subscribe(core.connected(), 'kept')
    await core.publish('kept', 6)
    store.fail()
    await assert.rejects(core.broker.removeFromHistory('kept', [5, 6]), { code: 'STORE_FAILED' })
    assert.deepEqual(await offsets(core), [1, 2, 3, 4, 5, 6])
    await core.broker.removeFromHistory('kept', [5, 6])
    assert.deepEqual(await offsets(core), [1, 2, 3, 4])
    await core.publish('kept', 7)
    assert.deepEqual(await offsets(core), [1, 2, 3, 4, 7])
  })

  test('is refused where the channel can not be opened, and opens none where nothing is on disk', async (t) => {
    const { core, store } = await setUp(t, { maxChannels: 1 })
    await core.subscribe(core.connected(), 'other')
    await assert.rejects(core.broker.removeFromHistory('kept', [1]), { code: 'NODE_CHANNEL_LIMIT' })
    assert.equal(held(store).length, 5)
    await core.broker.removeFromHistory('nowhere', [1])
    assert.equal(core.broker.channelCount(), 1)
  })

  test('that were never held opens no channel and writes nothing', async (t) => {
    const { core, store } = await setUp(t, { channelIdleMs: 1 })
    const { length } = store.writes
    await core.broker.removeFromHistory('kept', [6, 0, 1_000_000])
    await core.broker.clearHistory('kept')
    assert.equal(core.broker.channelCount(), 1, 'there was something to clear')
    await core.broker.removeFromHistory('kept', [1, 2])
    await core.broker.clearHistory('kept')
    assert.equal(store.writes.length, length + 1)
  })

  test('leaves the same name of another tenant alone', async (t) => {
    const { core, store } = await setUp(t)
    await core.publish('7\u0001kept', 'seventh')
    await core.broker.removeFromHistory('kept', [1])
    assert.equal(store.entry('history', 7, 'kept', 1) === null, false)
    await core.broker.removeFromHistory('7\u0001kept', [1, 2])
    assert.deepEqual(held(store), [2, 3, 4, 5])
  })
})

describe('what is too old', () => {
  test('what is too old goes from the disk when somebody looks, and the channel is left again', async (t) => {
    const { store, clock, core } = await setUp(t, { channelIdleMs: 2_000 })
    clock.turn(HOUR_MS)
    assert.deepEqual(await offsets(core), [])
    assert.equal(core.broker.channelCount(), 1)
    await core.broker.stop()
    assert.deepEqual(held(store), [])
    assert.deepEqual((await core.broker.channel('kept')).position, { epoch: 'k3', offset: 5 })
  })

  test('what is too old is cut once, however many look meanwhile', async (t) => {
    const { store, clock, core } = await setUp(t)
    clock.turn(HOUR_MS)
    const letGo = store.hold()
    const { length } = store.writes
    for (let looks = 0; looks < 5; looks++) {
      assert.deepEqual(await offsets(core), [])
      await core.settle()
    }
    assert.equal(store.writes.length, length + 1)
    letGo()
    await core.broker.stop()
  })

  test('what is too old stays out of sight where the disk takes nothing, and goes later', async (t) => {
    const { store, clock, core } = await setUp(t)
    clock.turn(HOUR_MS)
    store.fail()
    assert.deepEqual(await offsets(core), [])
    await core.settle()
    assert.equal(held(store).length, 5)
    assert.deepEqual(await offsets(core), [])
    await core.settle()
    assert.deepEqual(held(store), [])
  })
})
