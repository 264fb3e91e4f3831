/**
 * Capsules that are no good any more, though they were signed: those of a session or a user that the application does
 * not want back.
 *
 * Owns the time of each revocation: what was sealed until then is no good, what is sealed afterwards is. It is in memory to
 * be compared, so that opening a capsule needs no disk, and in the store so that a restart forgets nothing. Must not know
 * why somebody is not wanted.
 *
 * Bound: at most MAX_REVOKED; those older than any capsule mean nothing and go, the oldest first.
 */
import type { Clock } from '../clock.ts'
import type { OpenedCapsule } from '../protocol/capsule.ts'
import type { DisconnectTarget } from './broker.ts'
import { type Change, MAX_KEY_BYTES, type Store } from './store.ts'

/** Revocations remembered at once, some 200 bytes each. */
const MAX_REVOKED = 100_000

/** Old ones that go with a new one, and at the start: a bound of one write. */
const FORGOTTEN_AT_ONCE = 1_000

const NEVER_MS = -1

export interface Revocations {
  /**
   * From now on the capsules of a session, a user or several that were sealed until now are no good, on this node. It is
   * written without anybody waiting, at once for all; what the store can't keep holds until the next start.
   */
  revoke(whose: DisconnectTarget): void
  isRevoked(capsule: Pick<OpenedCapsule, 'session' | 'tenant' | 'user' | 'sealedMs'>): boolean
}

/** A session or a user. */
type OneTarget = Exclude<DisconnectTarget, { readonly users: ReadonlySet<string> }>

interface Revocation {
  readonly tenant: number
  readonly key: string
  /** ms since 1970 */
  readonly atMs: number
}

/** @param ttlMs age at which a capsule is no longer accepted */
export function createRevocations(store: Store, clock: Clock, ttlMs: number): Revocations {
  /** Oldest first. */
  const revoked = new Map(keptIn(store).map((one) => [nameOf(one.tenant, one.key), one]))
  forget()

  function keep(changes: readonly Change[]): void {
    if (changes.length > 0) store.write(changes).catch(() => {}) // the store has counted it
  }

  function forget(): void {
    const nowMs = clock.wallMs()
    const changes: Change[] = []
    for (const [name, { tenant, key, atMs }] of revoked) {
      if (changes.length === FORGOTTEN_AT_ONCE) break
      if (revoked.size <= MAX_REVOKED && nowMs - atMs < ttlMs) break
      revoked.delete(name)
      changes.push({ remove: 'revokedCapsules', tenant, key })
    }
    keep(changes)
  }

  /** @returns what to write for it */
  function revokeOne(whose: OneTarget, atMs: number): Change[] {
    const { tenant } = whose
    const key = keyOf(whose)
    if (Buffer.byteLength(key) > MAX_KEY_BYTES) return [] // nobody is called that
    const name = nameOf(tenant, key)
    revoked.delete(name)
    revoked.set(name, { tenant, key, atMs })
    return [revocation(whose, atMs)]
  }

  /** Before any time where there was none. */
  function timeOf(tenant: number, key: string): number {
    return revoked.get(nameOf(tenant, key))?.atMs ?? NEVER_MS
  }

  return {
    revoke(whose) {
      const atMs = clock.wallMs()
      keep(eachOf(whose).flatMap((one) => revokeOne(one, atMs)))
      forget()
    },
    isRevoked({ session, tenant, user, sealedMs }) {
      if (revoked.size === 0) return false
      const ofUser = user === '' ? NEVER_MS : timeOf(tenant, keyOf({ tenant, user }))
      return sealedMs <= Math.max(ofUser, timeOf(tenant, keyOf({ tenant, session })))
    },
  }
}

/** The row of a revocation, for who writes it together with something else. @param atMs since 1970 */
export function revocation(whose: OneTarget, atMs: number): Change {
  return { put: 'revokedCapsules', tenant: whose.tenant, key: keyOf(whose), value: String(atMs) }
}

/** What an earlier start has left, oldest first. */
function keptIn(store: Store): Revocation[] {
  const rows = [...store.rows('revokedCapsules', null, '')]
  return rows
    .map(({ tenant, key, value }) => ({ tenant, key, atMs: Number(value) }))
    .sort((a, b) => a.atMs - b.atMs)
}

function eachOf(whose: DisconnectTarget): OneTarget[] {
  if (!('users' in whose)) return [whose]
  const { tenant } = whose
  return Array.from(whose.users, (user) => ({ tenant, user }))
}

function keyOf(whose: OneTarget): string {
  return 'user' in whose ? `u${whose.user}` : `s${whose.session}`
}

function nameOf(tenant: number, key: string): string {
  return `${tenant}:${key}`
}
