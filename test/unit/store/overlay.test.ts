/**
 * What is written but not committed: seen until its own write ends, whatever became of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../../../src/core/store.ts'
import { createOverlay } from '../../../src/store/overlay.ts'

const put = (value: string): Change[] => [{ put: 'userData', tenant: 1, key: '7', value }]
const remove: readonly Change[] = [{ remove: 'userData', tenant: 1, key: '7' }]

test('overlay shows the latest of several writes until that one has ended', () => {
  const overlay = createOverlay()
  const [first, second] = [put('1'), put('2')]
  assert.equal(overlay.get('userData', 1, '7'), undefined)
  overlay.add(first)
  overlay.add(second)
  assert.equal(overlay.get('userData', 1, '7'), '2')
  overlay.settle(first)
  assert.equal(overlay.get('userData', 1, '7'), '2')
  overlay.settle(second)
  assert.equal(overlay.get('userData', 1, '7'), undefined)
})

test('overlay shows that a row will be removed', () => {
  const overlay = createOverlay()
  overlay.add(remove)
  assert.equal(overlay.get('userData', 1, '7'), null)
  overlay.settle(remove)
  assert.equal(overlay.get('userData', 1, '7'), undefined)
})

test('overlay keeps tables, tenants and keys apart, and holds no entries of logs', () => {
  const overlay = createOverlay()
  const entry = { seq: 1, timeMs: 1, value: Buffer.alloc(1) }
  const changes: Change[] = [...put('x'), { append: 'inbox', tenant: 1, owner: '7', entry }]
  overlay.add(changes)
  for (const [table, tenant, key] of [
    ['credentials', 1, '7'],
    ['userData', 2, '7'],
    ['userData', 1, '77'],
    ['userData', 17, ''],
  ] as const)
    assert.equal(overlay.get(table, tenant, key), undefined)
  overlay.settle(changes)
  assert.equal(overlay.get('userData', 1, '7'), undefined)
})
