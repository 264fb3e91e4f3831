/**
 * When to come back after a connection ended, and whether at all.
 *
 * Owns the rule that waits grow with full jitter, so that a million clients that lost one node do not return in step;
 * which close codes forbid to come back is the registry's. Pure functions.
 */
export interface BackoffBounds {
  readonly minMs: number
  readonly maxMs: number
}

/**
 * Wait before the next attempt: anywhere from 0 up to `minMs` · 2^`failures`, at most `maxMs`.
 *
 * @param failures attempts that failed since the last connection, 0 = none yet
 * @param random from 0 up to 1
 */
export function backoffMs(bounds: BackoffBounds, failures: number, random: number): number {
  return Math.round(random * Math.min(bounds.maxMs, bounds.minMs * 2 ** failures))
}
