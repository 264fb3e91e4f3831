/**
 * From reports to figures: medians, percentiles, CPU shares and the verdict on a run.
 *
 * Owns the rule when a run counts: the server must be what was saturated. Pure.
 */
import { build } from 'hdr-histogram-js'
import type { Buckets, CpuReport } from './reports.ts'

const nsPerMs = 1e6
const largestNs = 2 ** 40
const serverBusyShare = 0.85
const generatorBusyShare = 0.95
const disturbedShare = 0.1

export interface Percentiles {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  readonly samples: number
}

/** Middle value; the mean of the two in the middle when their number is even; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** Percentiles over the buckets of any number of reports together; zeros of none. */
export function percentiles(reports: readonly Buckets[]): Percentiles {
  const histogram = build({ highestTrackableValue: largestNs, numberOfSignificantValueDigits: 3 })
  for (const [ns, count] of reports.flat()) histogram.recordValueWithCount(Math.max(1, ns), count)
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / nsPerMs
  return {
    p50Ms: at(50),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: histogram.maxValue / nsPerMs,
    samples: histogram.totalCount,
  }
}

export interface CpuShares {
  /** CPU time over wall time: 1 = one core all the time. */
  readonly server: number
  readonly generator: number
  /** Share of the window in which others had the server's core: other processes or the hypervisor. */
  readonly disturbance: number
}

/** Median CPU shares over several reports. */
export function cpuShares(reports: readonly CpuReport[]): CpuShares {
  const share = (of: (report: CpuReport) => number) => median(reports.map((each) => of(each) / each.seconds))
  return {
    server: share((each) => each.serverCpuSeconds),
    generator: share((each) => each.generatorCpuSeconds),
    disturbance: share((each) => each.serverWaitSeconds + each.stolenSeconds),
  }
}

export type Verdict = 'valid' | 'disturbed' | 'INVALID: generator-bound' | 'INVALID: server not saturated'

/**
 * Whether figures speak of the server. They do not when it had time left while the generator had none, or when
 * nothing was saturated. When others had the server's core for more than a tenth of the time, only figures per CPU
 * second and ratios within one turn mean something: `disturbed`.
 */
export function judge(shares: CpuShares): Verdict {
  const hadTimeLeft = shares.server < serverBusyShare
  if (hadTimeLeft && shares.generator > generatorBusyShare) return 'INVALID: generator-bound'
  if (shares.disturbance > disturbedShare) return 'disturbed'
  return hadTimeLeft ? 'INVALID: server not saturated' : 'valid'
}
