/**
 * Lists of cores as Linux writes them. Pure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCoreList } from '../../../bench/support/cores.ts'

test('parseCoreList reads ranges and single numbers', () => {
  assert.deepEqual(parseCoreList('0-2,5,8-9\n'), [0, 1, 2, 5, 8, 9])
  assert.deepEqual(parseCoreList('3'), [3])
})

test('parseCoreList of nothing is empty', () => {
  assert.deepEqual(parseCoreList(' \n'), [])
})
