/**
 * Tests of loop-lag.ts and rates.ts, the two measurements that need time to pass.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../../src/clock.ts'
import { measureLoopLag } from '../../../src/metrics/loop-lag.ts'
import { measureRates } from '../../../src/metrics/rates.ts'
import { until } from '../../support/until.ts'

describe('measureLoopLag', () => {
  /** Time for several measurements: they are 20 ms apart, and reading them is what must not happen meanwhile. */
  const letMeasure = () => pause(150)

  test('measureLoopLag sees a blocked loop, then forgets it, and keeps sum and count', async (t) => {
    const lag = measureLoopLag([0.5, 1])
    t.after(() => lag.stop())
    const read = () =>
      new Map(lag.samples('x').map((one) => [one.metricName ?? one.labels.quantile, one.value]))

    await letMeasure()
    const before = read()
    await letMeasure()
    block(200)
    await letMeasure()
    const blocked = read()
    const worst = (samples: typeof before) => samples.get('1') ?? Number.NaN
    assert.ok(worst(blocked) > 0.15 && worst(blocked) < 20, `${worst(blocked)} s`)
    // The machine may stand still for longer than the loop was blocked, but not always.
    let after = blocked
    await until(
      async () => {
        await letMeasure()
        after = read()
        return worst(after) < worst(blocked)
      },
      { what: 'the block to be forgotten' },
    )
    const grown = (name: string) => (after.get(name) ?? Number.NaN) - (before.get(name) ?? Number.NaN)
    assert.ok(grown('x_count') > 2)
    assert.ok(grown('x_sum') > 0.15)
  })

  test('measureLoopLag keeps what was only peeked at for the next scrape', async (t) => {
    const lag = measureLoopLag([1])
    t.after(() => lag.stop())
    await letMeasure()
    block(200)
    await letMeasure()
    const worst = (samples: ReturnType<typeof lag.peek>) => samples[0]?.value ?? Number.NaN
    assert.ok(worst(lag.peek('x')) > 0.15)
    assert.ok(worst(lag.samples('x')) > 0.15)
  })

  test('measureLoopLag says 0 where nothing was measured since the scrape before', (t) => {
    const lag = measureLoopLag([0.5, 1])
    t.after(() => lag.stop())
    lag.samples('x')
    assert.deepEqual(
      lag.samples('x').map(({ value }) => value),
      [0, 0, 0, 0],
    )
  })
})

function block(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

describe('measureRates', () => {
  /** A clock whose hand is `now.ms`; `tick` is what runs every second. */
  function handClock() {
    const now = { ms: 0 }
    const timers: { run: () => void }[] = []
    const clock: Clock = {
      nowMs: () => now.ms,
      wallMs: () => now.ms,
      every(_everyMs, run) {
        const timer = { run }
        timers.push(timer)
        return () => void timers.splice(timers.indexOf(timer), 1)
      },
      after: () => () => {},
    }
    const seconds = (count: number, each: () => void) => {
      for (let n = 0; n < count; n++) {
        now.ms += 1000
        each()
        for (const { run } of timers) run()
      }
    }
    return { clock, timers, seconds }
  }

  test('measureRates gives growth per second over the last five seconds', () => {
    const { clock, seconds } = handClock()
    const totals = { publications: 0, deliveries: 0 }
    const rates = measureRates(clock, () => totals)
    assert.deepEqual(rates.perSecond(), { publications: 0, deliveries: 0 })
    seconds(3, () => (totals.publications += 10))
    assert.deepEqual(rates.perSecond(), { publications: 10, deliveries: 0 })
    seconds(4, () => (totals.deliveries += 250))
    assert.deepEqual(rates.perSecond(), { publications: 0, deliveries: 250 })
  })

  test('measureRates stops looking when it is stopped', () => {
    const { clock, timers } = handClock()
    const rates = measureRates(clock, () => ({ publications: 0, deliveries: 0 }))
    assert.equal(timers.length, 1)
    rates.stop()
    assert.equal(timers.length, 0)
  })
})
