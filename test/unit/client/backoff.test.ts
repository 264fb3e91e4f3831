/**
 * Tests of src/client/backoff.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffMs } from '../../../src/client/backoff.ts'

const bounds = { minMs: 500, maxMs: 20_000 }

test('backoff doubles its range with every failure up to the maximum', () => {
  const ranges = [0, 1, 2, 5, 6, 1_000].map((failures) => backoffMs(bounds, failures, 1))
  assert.deepEqual(ranges, [500, 1_000, 2_000, 16_000, 20_000, 20_000])
})

test('backoff spreads over the whole range', () => {
  assert.deepEqual(
    [0, 0.25, 0.999].map((random) => backoffMs(bounds, 1, random)),
    [0, 250, 999],
  )
})
