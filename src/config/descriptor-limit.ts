/**
 * How many file descriptors this process may have.
 *
 * Owns reading that limit and the reserve kept from it: at the limit the native library spins on accept, so client
 * connections must stay below it.
 */
import { readFileSync } from 'node:fs'

/** Descriptors for everything that is no client connection: publishers, HTTP, files, Node itself. */
export const DESCRIPTOR_RESERVE = 400

/** Used where the system does not tell. */
const ASSUMED_LIMIT = 1024

/** The soft limit of open files, which Node raises to the hard one at start. */
export function descriptorLimit(): number {
  try {
    const row = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    if (row === 'unlimited') return Number.MAX_SAFE_INTEGER
    return row === undefined ? ASSUMED_LIMIT : Number(row)
  } catch {
    return reportedLimit() // no /proc: not Linux
  }
}

/** The most client connections that fit, with the configured wish (0 = as many as fit). */
export function connectionLimit(wished: number, limit: number = descriptorLimit()): number {
  const fits = Math.max(1, limit - DESCRIPTOR_RESERVE)
  return wished === 0 ? fits : Math.min(wished, fits)
}

function reportedLimit(): number {
  const report = process.report?.getReport() as
    | { userLimits?: { open_files?: { soft?: number | string } } }
    | undefined
  const soft = report?.userLimits?.open_files?.soft
  if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER
  return typeof soft === 'number' ? soft : ASSUMED_LIMIT
}
