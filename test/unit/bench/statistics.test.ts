/**
 * From reports to figures. Pure: numbers in, numbers out.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpuShares, judge, median, percentiles } from '../../../bench/support/statistics.ts'

test('median takes the middle value, or the mean of the two in the middle', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.equal(median([7]), 7)
})

test('median of nothing is NaN', () => {
  assert.ok(Number.isNaN(median([])))
})

test('percentiles merge the buckets of several reports', () => {
  const fast = [[1e6, 98]] as const
  const slow = [
    [5e6, 1],
    [80e6, 1],
  ] as const
  const { p50Ms, p99Ms, p999Ms, maxMs, samples } = percentiles([fast, slow])
  assert.equal(samples, 100)
  for (const [actual, expected] of [
    [p50Ms, 1],
    [p99Ms, 5],
    [p999Ms, 80],
    [maxMs, 80],
  ] as const) {
    assert.ok(Math.abs(actual - expected) <= expected * 0.002, `${actual} is not ${expected}`)
  }
})

test('percentiles of nothing count no samples', () => {
  assert.equal(percentiles([]).samples, 0)
})

test('cpuShares are CPU time over wall time, medians over the reports', () => {
  const report = (serverCpuSeconds: number) => ({
    seconds: 2,
    serverCpuSeconds,
    generatorCpuSeconds: 1,
    serverWaitSeconds: 0.1,
    stolenSeconds: 0.1,
  })
  const shares = cpuShares([report(2), report(1), report(1.8)])
  assert.deepEqual(shares, { server: 0.9, generator: 0.5, disturbance: 0.1 })
})

test('judge calls a run generator-bound only when the server had time left and the generator had none', () => {
  assert.equal(judge({ server: 0.84, generator: 0.96, disturbance: 0 }), 'INVALID: generator-bound')
  assert.equal(judge({ server: 0.86, generator: 0.99, disturbance: 0 }), 'valid')
})

test('judge calls a run disturbed when others had the core of the server', () => {
  assert.equal(judge({ server: 0.7, generator: 0.5, disturbance: 0.3 }), 'disturbed')
  assert.equal(judge({ server: 0.95, generator: 0.5, disturbance: 0.05 }), 'valid')
})

test('judge rejects a run in which nothing was saturated', () => {
  assert.equal(judge({ server: 0.5, generator: 0.5, disturbance: 0 }), 'INVALID: server not saturated')
})
