/**
 * When to come back after a connection ended, and whether at all.
 *
 * Owns the two rules: close-code ranges mean an action, and waits grow with full jitter, so that a million clients that
 * lost one node do not return in step. Pure functions.
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

/** Whether a close code forbids to come back: 3500–3999 (the node's) and 4500–4999 (the application's). */
export function isFinalCode(code: number): boolean {
  return (code >= 3500 && code <= 3999) || (code >= 4500 && code <= 4999)
}
