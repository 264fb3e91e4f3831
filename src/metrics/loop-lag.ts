/**
 * How late the event loop runs.
 *
 * Owns a native delay histogram, which a timer of the event loop feeds, read and emptied at each scrape. The
 * timer's own period is taken off, so an idle loop shows about 0. With two scrapers each sees the time since the
 * other's scrape. A reading loses the measurement under way: one in 20 ms, nothing to a scrape every few seconds.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Sample } from './sample.ts'

/** 50 wake-ups per second while idle. */
const RESOLUTION_MS = 20
const NS_PER_SECOND = 1e9
const RESOLUTION_NS = RESOLUTION_MS * 1e6

export interface LoopLag {
  /** Quantiles since the call before (0 without a measurement), sum and count since the start. */
  samples(name: string): readonly Sample[]
  /** The same without ending the time that the quantiles are of. */
  peek(name: string): readonly Sample[]
  stop(): void
}

/** @param quantiles from 0 to 1; 1 = the worst */
export function measureLoopLag(quantiles: readonly number[]): LoopLag {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  let sum = 0
  let count = 0

  const seconds = (delayNs: number) => Math.max(0, delayNs - RESOLUTION_NS) / NS_PER_SECOND

  function samplesNow(name: string): readonly Sample[] {
    const isMeasured = delays.count > 0
    const samples: Sample[] = quantiles.map((quantile) => ({
      labels: { quantile: String(quantile) },
      value: isMeasured ? seconds(delays.percentile(quantile * 100)) : 0,
    }))
    const sumNow = isMeasured ? sum + seconds(delays.mean) * delays.count : sum
    return [
      ...samples,
      { labels: {}, value: sumNow, metricName: `${name}_sum` },
      { labels: {}, value: count + delays.count, metricName: `${name}_count` },
    ]
  }

  return {
    peek: samplesNow,
    samples(name) {
      const samples = samplesNow(name)
      if (delays.count > 0) sum += seconds(delays.mean) * delays.count
      count += delays.count
      delays.reset()
      return samples
    },
    stop: () => void delays.disable(),
  }
}
