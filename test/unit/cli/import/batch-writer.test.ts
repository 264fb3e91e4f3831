/**
 * Changes on their way to the store: how many go at a time, and what happens when one fails.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchWriter } from '../../../../src/cli/import/batch-writer.ts'
import type { Change } from '../../../../src/core/store.ts'

const put = (key: number, value = ''): Change => ({ put: 'userData', tenant: 1, key: String(key), value })

test('a thousand changes are one write, the rest goes at the end', async () => {
  const sizes: number[] = []
  const writer = new BatchWriter(async (changes) => void sizes.push(changes.length))
  for (let key = 0; key < 2_500; key++) await writer.add(put(key))
  assert.deepEqual(sizes, [1_000, 1_000])
  await writer.end()
  assert.deepEqual(sizes, [1_000, 1_000, 500])
})

test('large changes make a write earlier', async () => {
  const sizes: number[] = []
  const writer = new BatchWriter(async (changes) => void sizes.push(changes.length))
  const entry = { seq: 1, timeMs: 1, value: Buffer.alloc(1_048_576) }
  for (let n = 0; n < 8; n++) await writer.add({ append: 'inbox', tenant: 1, owner: '7', entry })
  assert.deepEqual(sizes, [4, 4])
})

test('changes that are made together stay together', async () => {
  const sizes: number[] = []
  const writer = new BatchWriter(async (changes) => void sizes.push(changes.length))
  for (let key = 0; key < 999; key++) await writer.add(put(key))
  await writer.add(put(1_000), put(1_001))
  assert.deepEqual(sizes, [1_001])
})

test('one write is under way while the next is gathered, never two', async () => {
  const underWay: (() => void)[] = []
  const writer = new BatchWriter(() => new Promise((resolve) => underWay.push(resolve)))
  for (let key = 0; key < 1_999; key++) await writer.add(put(key))
  assert.equal(underWay.length, 1)
  let isTaken = false
  const full = writer.add(put(1_999)).then(() => {
    isTaken = true
  })
  await Promise.resolve()
  assert.deepEqual([isTaken, underWay.length], [false, 1])
  underWay[0]?.()
  await full
  assert.equal(underWay.length, 2)
  underWay[1]?.()
  await writer.end()
})

test('a write that fails is told, and nothing is written after it', async () => {
  let writes = 0
  const writer = new BatchWriter(async () => {
    writes++
    throw new Error('disk full')
  })
  for (let key = 0; key < 1_000; key++) await writer.add(put(key))
  await assert.rejects(writer.end(), /disk full/)
  await assert.rejects(writer.end(), /disk full/)
  assert.equal(writes, 1)
})

test('nothing is written when there is nothing to write', async () => {
  const writer = new BatchWriter(() => assert.fail('written'))
  await writer.add()
  await writer.end()
})
