/**
 * Tests of distribution.ts and tally.ts, the counters behind the metrics.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Distribution } from '../../../src/metrics/distribution.ts'
import { Tally } from '../../../src/metrics/tally.ts'

describe('Distribution', () => {
  test('Distribution counts a value on a bound into the bucket of that bound', () => {
    const distribution = new Distribution([1, 10])
    for (const value of [1, 10, 10.5]) distribution.observe(value)
    const lines = distribution
      .samples('x')
      .map(({ metricName, labels, value }) => [metricName, labels.le, value])
    assert.deepEqual(lines, [
      ['x_bucket', '1', 1],
      ['x_bucket', '10', 2],
      ['x_bucket', '+Inf', 3],
      ['x_sum', undefined, 21.5],
      ['x_count', undefined, 3],
    ])
  })

  test('Distribution shows bounds in their own unit, however small', () => {
    const bounds = [0.00005, 0.00025, 0.1, 5]
    const shown = new Distribution(bounds, 1000).samples('x').map(({ labels }) => labels.le)
    assert.deepEqual(shown.slice(0, 5), ['0.00005', '0.00025', '0.1', '5', '+Inf'])
  })

  test('Distribution counts like counting every value against every bound', async () => {
    const bounds = [0.5, 1, 2, 4, 100]
    await fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 200, noNaN: true })), (values) => {
        const distribution = new Distribution(bounds)
        for (const value of values) distribution.observe(value)
        const counted = distribution
          .samples('x')
          .slice(0, bounds.length)
          .map(({ value }) => value)
        assert.deepEqual(
          counted,
          bounds.map((bound) => values.filter((value) => value <= bound).length),
        )
      }),
    )
  })
})

describe('Tally', () => {
  test('Tally has every value from the start and adds to one at a time', () => {
    const tally = new Tally(['a', 'b'])
    tally.add('b', 2)
    tally.add('b', 3)
    assert.deepEqual(tally.samples('l'), [
      { labels: { l: 'a' }, value: 0 },
      { labels: { l: 'b' }, value: 5 },
    ])
    assert.equal(tally.total(), 5)
  })

  test('Tally stays exact beyond 32 bits', () => {
    const tally = new Tally(['a'])
    tally.add('a', 2 ** 40)
    tally.add('a', 1)
    assert.equal(tally.total(), 2 ** 40 + 1)
  })
})
