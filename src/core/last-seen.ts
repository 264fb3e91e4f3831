/**
 * When users who are gone were last here.
 *
 * Owns one time per user, told when the last session of a user ends. A map in the order of leaving: who leaves again
 * is put behind, and when there are too many, the one in front, who is gone for the longest, is forgotten. Does not
 * know who is here now; who asks looks that up first.
 *
 * Bound: `maxUsers` at some 110 bytes each besides the text of the id (measured on Node 20). Every call is O(1)
 * amortised.
 */

import type { Store } from './store.ts'
import { bare, tenantOf } from './tenants.ts'

/** Users are named as their tenant and id bound together (tenants.ts). */
export interface LastSeen {
  /** A user has left. @param wallMs since 1970 */
  left(user: string, wallMs: number): void
  /** When a user left last, ms since 1970; null = not known. */
  seenAt(user: string): number | null
}

/** Times that stay when the process goes: one small row per user on disk, and nothing here. */
export function createStoredLastSeen(store: Store, maxUsers: number): LastSeen {
  return {
    left(user, wallMs) {
      if (maxUsers === 0) return
      const row = { put: 'lastSeen', tenant: tenantOf(user), key: bare(user), value: String(wallMs) } as const
      store.write([row]).catch(() => {}) // the time before stays
    },
    seenAt(user) {
      const value = store.get('lastSeen', tenantOf(user), bare(user))
      return value === null ? null : Number(value)
    },
  }
}

/** @param maxUsers 0 = nobody is remembered */
export function createMemoryLastSeen(maxUsers: number): LastSeen {
  const times = new Map<string, number>()
  // One walk that never ends, because whom it has passed is forgotten or put behind it again. A new walk every time
  // would first pass the places of all who are gone from the map.
  const walk = times.keys()

  const forgetOldest = (): void => {
    const user = walk.next().value
    if (user !== undefined) times.delete(user)
  }

  return {
    left(user, wallMs) {
      if (maxUsers === 0) return
      times.delete(user)
      times.set(user, wallMs)
      if (times.size > maxUsers) forgetOldest()
    },
    seenAt(user) {
      return times.get(user) ?? null
    },
  }
}
