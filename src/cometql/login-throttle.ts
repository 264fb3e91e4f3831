/**
 * How often one address may guess a password.
 *
 * Owns the count of wrong passwords per address within a minute that begins with the first of them. Above the limit
 * logins of the address are refused unseen, until the minute is over. An address that the right password came from lately
 * is not shut out: applications share one with whatever else runs beside them, and may log in for every page they make.
 * Bound: `MAX_ADDRESSES` of either kind; those that were noted first are forgotten first.
 */
import type { Clock } from '../clock.ts'

const WINDOW_MS = 60_000

/** How long an address stands for the right password that came from it. */
const TRUST_MS = 3_600_000

const MAX_ADDRESSES = 10_000

export interface LoginThrottle {
  /** Time until the address may try again, ms; 0 = now. */
  waitMs(address: string): number
  /** A wrong password came from there. */
  failed(address: string): void
  /** The right one did. */
  succeeded(address: string): void
}

/** @param maxFailures within a minute; 0 = no bound */
export function createLoginThrottle(clock: Clock, maxFailures: number): LoginThrottle {
  /** In the order of the first failure of their minute. */
  const counts = new Map<string, { readonly sinceMs: number; failures: number }>()
  /** When the right password came last, in that order. */
  const trusted = new Map<string, number>()

  function forgetOld(now: number): void {
    for (const [address, { sinceMs }] of counts) {
      if (now - sinceMs < WINDOW_MS && counts.size <= MAX_ADDRESSES) break
      counts.delete(address)
    }
    for (const [address, atMs] of trusted) {
      if (now - atMs < TRUST_MS && trusted.size <= MAX_ADDRESSES) break
      trusted.delete(address)
    }
  }

  return {
    waitMs(address) {
      const now = clock.nowMs()
      forgetOld(now)
      const count = counts.get(address)
      if (count === undefined || count.failures < maxFailures || trusted.has(address)) return 0
      return Math.ceil(count.sinceMs + WINDOW_MS - now)
    },
    failed(address) {
      if (maxFailures === 0) return
      const now = clock.nowMs()
      const count = counts.get(address)
      if (count === undefined) counts.set(address, { sinceMs: now, failures: 1 })
      else count.failures++
      forgetOld(now)
    },
    succeeded(address) {
      if (maxFailures === 0) return
      trusted.delete(address)
      trusted.set(address, clock.nowMs())
    },
  }
}
