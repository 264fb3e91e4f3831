/**
 * Tests of src/core/stored-history.ts: where the history of a durable channel begins, by size and by age.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoredHistory, type StoredHistoryLimits } from '../../../src/core/stored-history.ts'
import { type RecordingStore, recordingStore } from '../../support/recording-store.ts'

const OWNER = { tenant: 7, owner: 'news' } as const
const NAME = '7\u0001news'

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

test('history drops what is too old when somebody looks, and keeps the position', async () => {
  const store = await storeWith(1, 8)
  const history = historyOf(store, 8, { maxAgeMs: 3_000 })
  history.expire('k3', 8, 7_500)
  assert.equal(history.first, 5)
  await store.write([])
  assert.deepEqual(held(store), [5, 6, 7, 8])
  assert.equal(store.get('channels', 7, 'news'), '{"epoch":"k3","offset":8}')
  history.expire('k3', 8, 7_600)
  assert.equal(history.first, 5, 'nothing more was too old')
  history.expire('k3', 8, 60_000)
  await store.write([])
  assert.deepEqual([history.first, held(store)], [9, []])
})

test('history without a bound of age drops nothing', async () => {
  const store = await storeWith(1, 3)
  historyOf(store, 3).expire('k3', 3, Number.MAX_SAFE_INTEGER)
  await store.write([])
  assert.deepEqual(held(store), [1, 2, 3])
})

test('history that could not be cut on disk shows what is too old no more', async () => {
  const store = await storeWith(1, 4)
  const history = historyOf(store, 4, { maxAgeMs: 2_000 })
  store.fail()
  history.expire('k3', 4, 4_500)
  await store.write([])
  assert.deepEqual([history.first, held(store)], [3, [1, 2, 3, 4]])
  assert.deepEqual(history.beyond(13), { from: 0, to: 3 }, 'a later write takes them along')
})

test('history is cleared to behind the latest, whose position stays known', async () => {
  const store = await storeWith(1, 4)
  const history = historyOf(store, 4)
  await history.clear('k3', 4)
  assert.deepEqual([history.first, held(store)], [5, []])
  assert.equal(store.get('channels', 7, 'news'), '{"epoch":"k3","offset":4}')
})

test('history that can not be cleared says so', async () => {
  const store = await storeWith(1, 4)
  store.fail()
  await assert.rejects(historyOf(store, 4).clear('k3', 4), { code: 'STORE_FAILED' })
})
