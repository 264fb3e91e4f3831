/**
 * Tests of src/protocol/history-bounds.ts: how much of a history is asked for.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { historyLimit } from '../../../src/protocol/history-bounds.ts'

test('a page asks for what was asked for, within the bound of the node', () => {
  assert.deepEqual([historyLimit(0, 1000), historyLimit(7, 1000), historyLimit(5000, 1000)], [1000, 7, 1000])
})
