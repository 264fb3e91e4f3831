/**
 * How connections are spread over processes. Pure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { perProcess, sharesOf } from '../../../bench/scenarios/connections.ts'

test('sharesOf uses one process as long as its descriptors last', () => {
  assert.deepEqual(sharesOf(1), [1])
  assert.deepEqual(sharesOf(perProcess), [perProcess])
})

test('sharesOf spreads more connections evenly and loses none', () => {
  for (const connections of [perProcess + 1, 40_001, 100_000]) {
    const shares = sharesOf(connections)
    assert.equal(
      shares.reduce((total, share) => total + share, 0),
      connections,
    )
    assert.ok(Math.max(...shares) <= perProcess)
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1)
  }
})
