/**
 * Tests of last-seen.ts: the last time of each user, for as many users as there is room.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createMemoryLastSeen, createStoredLastSeen } from '../../../src/core/last-seen.ts'
import { holds } from '../../support/holds.ts'
import { recordingStore } from '../../support/recording-store.ts'

test('last-seen knows the last time a user left', () => {
  const users = createMemoryLastSeen(10)
  users.left('17', 1_000)
  users.left('17', 2_000)
  users.left('18', 1_500)
  assert.deepEqual([users.seenAt('17'), users.seenAt('18')], [2_000, 1_500])
})

test('last-seen knows nothing of a user who never left', () => {
  assert.equal(createMemoryLastSeen(10).seenAt('17'), null)
})

test('last-seen forgets who is gone for the longest when there are too many', () => {
  const users = createMemoryLastSeen(2)
  users.left('17', 1_000)
  users.left('18', 2_000)
  users.left('17', 3_000)
  users.left('19', 4_000)
  assert.deepEqual(
    ['17', '18', '19'].map((user) => users.seenAt(user)),
    [3_000, null, 4_000],
  )
})

test('last-seen without room remembers nobody', () => {
  const users = createMemoryLastSeen(0)
  users.left('17', 1_000)
  assert.equal(users.seenAt('17'), null)
})

test('last-seen knows those who left last, whoever comes and goes', () => {
  const everyone: string[] = ['1', '2', '3', '4', '5', '6', '7']
  const leaves = fc.array(fc.constantFrom(...everyone), { maxLength: 100 })
  holds(
    fc.property(leaves, fc.nat(5), (ids, most) => {
      const users = createMemoryLastSeen(most)
      for (const [wallMs, user] of ids.entries()) users.left(user, wallMs)
      const known = [...new Set(ids.toReversed())].slice(0, most)
      for (const user of everyone) {
        assert.equal(users.seenAt(user), known.includes(user) ? ids.lastIndexOf(user) : null)
      }
    }),
  )
})

test('last-seen that is stored outlives who wrote it, per tenant', async () => {
  const store = recordingStore()
  const users = createStoredLastSeen(store, 10)
  users.left('17', 1_000)
  users.left('7\u000117', 2_000)
  users.left('17', 3_000)
  await store.write([])
  const later = createStoredLastSeen(store, 10)
  assert.deepEqual([later.seenAt('17'), later.seenAt('7\u000117'), later.seenAt('18')], [3_000, 2_000, null])
})

test('last-seen that can not be stored keeps the time before', async () => {
  const store = recordingStore()
  const users = createStoredLastSeen(store, 10)
  users.left('17', 1_000)
  await store.write([])
  store.fail()
  users.left('17', 2_000)
  await store.write([])
  assert.equal(users.seenAt('17'), 1_000)
})

test('last-seen without room stores nothing', () => {
  const store = recordingStore()
  createStoredLastSeen(store, 0).left('17', 1_000)
  assert.equal(store.writes.length, 0)
})
