/**
 * Tests of src/core/stored-history.ts: where the history of a durable channel begins, by size and by age.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { StoredHistory, type StoredHistoryLimits } from '../../../src/core/stored-history.ts'
import { holdsAsync } from '../../support/holds.ts'
import { type RecordingStore, recordingStore } from '../../support/recording-store.ts'
import { unreadableStore } from '../../support/unreadable-store.ts'

const OWNER = { tenant: 7, owner: 'news' } as const
const NAME = '7\u0001news'
const AT_12 = { offset: 12, isNamed: true } as const

/** A store with the entries `from` to `to` of a channel, each published a second after the one before. */
async function storeWith(from: number, to: number): Promise<RecordingStore> {
  const store = recordingStore()
  for (let seq = from; seq <= to; seq++) {
    const entry = { seq, timeMs: seq * 1_000, value: Buffer.from(`message ${seq}`) }
    await store.write([{ append: 'history', ...OWNER, entry }])
  }
  return store
}

const historyOf = (store: RecordingStore, offset: number, limits: Partial<StoredHistoryLimits> = {}) =>
  new StoredHistory(store, NAME, { offset, isNamed: true }, { size: 10, maxAgeMs: 0, ...limits })

const held = (store: RecordingStore) => [...store.entries('history', 7, 'news', 0)].map(({ seq }) => seq)

test('history begins where the store does, or where its size ends', async () => {
  const store = await storeWith(3, 8)
  assert.equal(historyOf(store, 8).first, 3)
  assert.equal(historyOf(store, 8, { size: 2 }).first, 7, 'a size that was larger once')
  assert.equal(historyOf(recordingStore(), 8).first, 9)
  assert.equal(historyOf(store, 8).entry(4)?.value.toString(), 'message 4')
  assert.equal(historyOf(store, 8).entry(2), null)
})

test('history says what has to go with a publication, all that is in front of it too', async () => {
  const history = historyOf(await storeWith(3, 8), 8, { size: 4 })
  assert.deepEqual(history.beyond(9), { from: 0, to: 5 })
  history.wrote(9)
  assert.equal(history.first, 6)
  assert.equal(historyOf(await storeWith(1, 2), 2).beyond(3), null)
})

test('history shows what is too old no more, and takes it off the disk when asked to, but for the position', async () => {
  const store = await storeWith(1, 8)
  const history = historyOf(store, 8, { maxAgeMs: 3_000 })
  history.expire(8, 7_500)
  assert.deepEqual([history.first, history.hasExcess, held(store).length], [5, true, 8])
  await history.cut('k3', 8)
  assert.deepEqual([history.hasExcess, held(store)], [false, [5, 6, 7, 8]])
  assert.equal(store.get('channels', 7, 'news'), '{"epoch":"k3","offset":8}')
  history.expire(8, 7_600)
  assert.deepEqual([history.first, history.hasExcess], [5, false], 'nothing more was too old')
  history.expire(8, 60_000)
  await history.cut('k3', 8)
  assert.deepEqual([history.first, held(store)], [9, []])
})

test('history without a bound of age drops nothing', async () => {
  const store = await storeWith(1, 3)
  const history = historyOf(store, 3)
  history.expire(3, Number.MAX_SAFE_INTEGER)
  assert.deepEqual([history.first, history.hasExcess], [1, false])
})

test('history that could not be cut on disk shows what is too old no more', async () => {
  const store = await storeWith(1, 4)
  const history = historyOf(store, 4, { maxAgeMs: 2_000 })
  store.fail()
  history.expire(4, 4_500)
  await assert.rejects(history.cut('k3', 4), { code: 'STORE_FAILED' })
  assert.deepEqual([history.first, held(store)], [3, [1, 2, 3, 4]])
  assert.deepEqual(history.beyond(13), { from: 0, to: 3 }, 'a later write takes them along')
  await history.cut('k3', 4)
  assert.deepEqual(held(store), [3, 4], 'or a later look')
})

test('history never drops what is young because something in front of it can not be read', async () => {
  // The search for the oldest that may be shown took an entry that could not be read for one of 1970, and deleted
  // all good ones up to there.
  await holdsAsync(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 12 })), fc.nat(14), async (damaged, oldest) => {
      const sound = await storeWith(1, 12)
      const unreadable = unreadableStore(sound)
      unreadable.isDamaged = (seq) => damaged.includes(seq)
      const history = new StoredHistory(unreadable.store, NAME, AT_12, { size: 20, maxAgeMs: 1_000 })
      history.expire(12, oldest * 1_000) // `oldest` is the first that is young enough
      const young = [...unreadable.store.entries('history', 7, 'news', oldest)].map(({ seq }) => seq)
      await history.cut('k3', 12)
      const left = [...unreadable.store.entries('history', 7, 'news', 0)].map(({ seq }) => seq)
      assert.deepEqual([left, left.filter((seq) => seq < history.first)], [young, []])
    }),
  )
})

test('history of a disk that can not be read for a while drops nothing, and is there again', async () => {
  const unreadable = unreadableStore(await storeWith(1, 4))
  const history = new StoredHistory(
    unreadable.store,
    NAME,
    { offset: 4, isNamed: true },
    { size: 9, maxAgeMs: 1 },
  )
  unreadable.isBroken = true
  history.expire(4, 60_000)
  assert.deepEqual([history.first, history.entry(2)], [1, null])
  unreadable.isBroken = false
  assert.equal(history.entry(2)?.value.toString(), 'message 2')
})

test('history loses single publications, and begins with the oldest that is left', async () => {
  const store = await storeWith(3, 8)
  const history = historyOf(store, 8)
  await history.remove([3, 5, 6, 6, 2, 99], 'k3', 8)
  assert.deepEqual([history.first, held(store)], [4, [4, 7, 8]])
  assert.deepEqual([history.entry(5), history.entry(7)?.value.toString()], [null, 'message 7'])
  assert.equal(historyOf(store, 8).first, 4, 'and where what is left does after a restart')
  assert.deepEqual(history.beyond(17), { from: 0, to: 7 })
})

// Whoever read such a history looked for all that were gone, one by one, and again the next time.
test('history passes over what was removed at its front, whichever of it went first', async () => {
  const store = await storeWith(1, 12)
  const history = historyOf(store, 12, { size: 20 })
  const firsts: number[] = []
  for (const offsets of [[3, 4, 5], [7], [1], [2], [6], [12, 8, 9, 10, 11]]) {
    await history.remove(offsets, 'k3', 12)
    firsts.push(history.first)
  }
  assert.deepEqual(firsts, [1, 1, 2, 6, 8, 13])
  assert.equal(history.isEmpty(12), true)
})

test('history that loses publications loses what was too old with them', async () => {
  const store = await storeWith(1, 8)
  const history = historyOf(store, 8, { maxAgeMs: 3_000 })
  history.expire(8, 7_500)
  await history.remove([5, 4], 'k3', 8)
  assert.deepEqual([history.first, history.hasExcess, held(store)], [6, false, [6, 7, 8]])
})

test('history is cut once for neighbours, and not at all for what it does not hold', async () => {
  const store = await storeWith(1, 12)
  const history = historyOf(store, 12, { size: 20 })
  const { length } = store.writes
  await history.remove([13, 0, -1, 1_000], 'k3', 12)
  assert.equal(store.writes.length, length)
  await history.remove([6, 4, 5, 9, 4, 10], 'k3', 12)
  const cuts = store.writes.at(-1)?.flatMap((one) => ('cut' in one ? [[one.from, one.to]] : []))
  assert.deepEqual(cuts, [
    [4, 6],
    [9, 10],
  ])
})

test('history that lost its newest publication, or all, leaves the position known', async () => {
  for (const offsets of [[8], [3, 4, 5, 6, 7, 8]]) {
    const store = await storeWith(3, 8)
    const history = new StoredHistory(store, NAME, { offset: 8, isNamed: false }, { size: 10, maxAgeMs: 0 })
    await history.remove(offsets, 'k3', 8)
    assert.equal(store.get('channels', 7, 'news'), '{"epoch":"k3","offset":8}')
    assert.deepEqual([history.isNamed, held(store).includes(8)], [true, false])
    assert.equal(historyOf(store, 8).first, offsets.length === 1 ? 3 : 9)
  }
})

test('history drops what is too old around what was removed, and nothing young', async () => {
  await holdsAsync(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 12 })), fc.nat(14), async (removed, oldest) => {
      const store = await storeWith(1, 12)
      const history = historyOf(store, 12, { size: 20, maxAgeMs: 1_000 })
      await history.remove(removed, 'k3', 12)
      const young = held(store).filter((seq) => seq >= oldest)
      history.expire(12, oldest * 1_000) // `oldest` is the first that is young enough
      await history.cut('k3', 12)
      assert.deepEqual(held(store), young)
    }),
  )
})

test('history whose publications could not be removed says so, and has them still', async () => {
  const store = await storeWith(1, 3)
  const history = historyOf(store, 3)
  store.fail()
  await assert.rejects(history.remove([2], 'k3', 3), { code: 'STORE_FAILED' })
  assert.deepEqual([held(store), history.entry(2)?.value.toString()], [[1, 2, 3], 'message 2'])
})

test('history is cleared to behind the latest, whose position stays known', async () => {
  const store = await storeWith(1, 4)
  const history = historyOf(store, 4)
  await history.clear('k3', 4)
  assert.deepEqual([history.first, held(store)], [5, []])
  assert.equal(store.get('channels', 7, 'news'), '{"epoch":"k3","offset":4}')
})

test('history that can not be cleared says so, is as it was, and is cleared when asked again', async () => {
  // It took itself for empty before it was: the second time nothing was written, and the answer was that it is done.
  const store = await storeWith(1, 4)
  const history = historyOf(store, 4)
  store.fail()
  await assert.rejects(history.clear('k3', 4), { code: 'STORE_FAILED' })
  assert.deepEqual([history.first, held(store)], [1, [1, 2, 3, 4]])
  await history.clear('k3', 4)
  assert.deepEqual([history.first, held(store)], [5, []])
  const { length } = store.writes
  await history.clear('k3', 4)
  assert.equal(store.writes.length, length, 'nothing is written where nothing is left')
})
