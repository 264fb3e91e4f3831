/**
 * Tests of src/client/publish-keys.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeys } from '../../../src/client/publish-keys.ts'

test('keys differ within a client and between clients, and are short', () => {
  const [first, second] = [createKeys(Math.random), createKeys(Math.random)]
  const keys = Array.from({ length: 1_000 }, () => [first(), second()]).flat()
  assert.equal(new Set(keys).size, 2_000)
  assert.ok(keys.every((key) => key.length >= 10 && key.length <= 40))
})
