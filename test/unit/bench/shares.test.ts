/**
 * How connections are spread over processes. Pure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharesOf } from '../../../bench/support/shares.ts'

test('sharesOf gives everything to one process', () => {
  assert.deepEqual(sharesOf(7, 1), [{ first: 0, count: 7 }])
})

test('sharesOf spreads connections evenly, each of them once', () => {
  for (const connections of [3, 19_001, 40_001, 100_000]) {
    for (const processes of [2, 3, 7]) {
      const shares = sharesOf(connections, processes)
      let next = 0
      for (const { first, count } of shares) {
        assert.equal(first, next)
        next += count
      }
      assert.equal(next, connections)
      const counts = shares.map(({ count }) => count)
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1)
    }
  }
})
