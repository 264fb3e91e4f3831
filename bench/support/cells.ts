/**
 * Cells that most tables end with: who used which core, and whether the row counts.
 *
 * Owns these columns and their order. Pure.
 */
import type { CpuShares, Percentiles, Verdict } from './statistics.ts'
import { formatMs, formatPercent } from './table.ts'

export const cpuColumns = ['server CPU', 'generator CPU', 'others'] as const

export function cpuCells({ server, generator, disturbance }: CpuShares): string[] {
  return [server, generator, disturbance].map(formatPercent)
}

export const loadColumns = [...cpuColumns, 'verdict'] as const

/** @param verdict `idle` for rows that measure no load */
export function loadCells(row: { readonly cpu: CpuShares; readonly verdict: Verdict | 'idle' }): string[] {
  return [...cpuCells(row.cpu), row.verdict]
}

export const tailColumns = ['p50', 'p99', 'p99.9', 'max'] as const

export function tailCells({ p50Ms, p99Ms, p999Ms, maxMs }: Percentiles): string[] {
  return [p50Ms, p99Ms, p999Ms, maxMs].map(formatMs)
}
