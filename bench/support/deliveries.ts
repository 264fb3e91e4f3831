/**
 * What runs of rounds come to: rates, latency, CPU shares, verdict and books, over all turns of one kind.
 *
 * Owns the sentences for books that are wrong. Pure.
 */
import type { FanoutReport } from './reports.ts'
import {
  type CpuShares,
  cpuShares,
  judge,
  median,
  type Percentiles,
  percentiles,
  type Verdict,
} from './statistics.ts'
import { formatCount } from './table.ts'

export interface DeliveryFigures {
  readonly deliveriesPerSecond: number
  readonly perRepeat: readonly number[]
  /** Deliveries over CPU time of the server: what stays comparable on a machine that others use too. */
  readonly deliveriesPerCpuSecond: number
  readonly latency: Percentiles
  readonly cpu: CpuShares
  readonly verdict: Verdict
  readonly lost: number
  readonly surplus: number
  readonly gaps: number
}

/** @param taken reports of all turns, at least one */
export function deliveryFigures(taken: readonly FanoutReport[]): DeliveryFigures {
  const cpu = cpuShares(taken)
  return {
    deliveriesPerSecond: median(taken.map(perSecond)),
    perRepeat: taken.map(perSecond),
    deliveriesPerCpuSecond: median(taken.map(perCpuSecond)),
    latency: percentiles(taken.map((each) => each.latencyNs)),
    cpu,
    verdict: judge(cpu),
    ...bookFigures(taken),
  }
}

export function perSecond(report: FanoutReport): number {
  return report.deliveries / report.seconds
}

export function perCpuSecond(report: FanoutReport): number {
  return report.deliveries / report.serverCpuSeconds
}

export function sumOf<T>(items: readonly T[], pick: (item: T) => number): number {
  return items.reduce((total, each) => total + pick(each), 0)
}

/** The books of all turns together. */
export function bookFigures(taken: readonly FanoutReport[]) {
  return {
    lost: sumOf(taken, (each) => each.lost),
    surplus: sumOf(taken, (each) => each.surplus),
    gaps: sumOf(taken, (each) => each.gaps),
  }
}

/** What must not happen in a sound run, such as lost deliveries; none in a sound one. @param where begins each sentence */
export function deliveryFaults(where: string, taken: readonly FanoutReport[]): string[] {
  const { lost, surplus, gaps } = bookFigures(taken)
  const faults = [
    ...(lost > 0 ? [`${formatCount(lost)} deliveries lost`] : []),
    ...(surplus > 0 ? [`${formatCount(surplus)} deliveries too many`] : []),
    ...(gaps > 0 ? [`${formatCount(gaps)} breaks in the order of what was sent`] : []),
    ...(taken.some((each) => each.refused > 0) ? ['publications were refused'] : []),
    ...(taken.some((each) => each.closed > 0) ? ['connections were lost'] : []),
    ...(taken.some((each) => each.stalled) ? ['deliveries stopped'] : []),
  ]
  return faults.map((fault) => `${where}: ${fault}`)
}
