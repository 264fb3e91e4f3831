/**
 * The keys that publications came with, so that one that is sent twice is published once.
 *
 * Owns the window: what was published under a key, for `idempotencyMs` at the most. A map keeps keys in the order they
 * came, which is the order of their time, so the expired ones are in front and each call drops them there. A key means
 * something only to who used it (scope) and in its channel. Must not judge keys: who calls bounds their length.
 *
 * Bound: `maxIdempotencyKeys` at some 190 bytes each besides the text of scope, channel and key (measured on Node 20
 * with 100,000 keys). Every call is O(1) amortised.
 */
import type { Clock } from '../clock.ts'
import type { StreamPosition } from '../protocol/messages.ts'

export interface IdempotencyLimits {
  /** How long a key is remembered; 0 = keys mean nothing */
  readonly idempotencyMs: number
  /** How many are, ≥ 1; the oldest goes first */
  readonly maxIdempotencyKeys: number
}

export interface Idempotency {
  /** Keys remembered. */
  readonly size: number
  /**
   * What was published under a key within the window; null = nothing.
   *
   * @param scope who publishes: a user id or a name of a source, without control characters
   */
  find(scope: string, channel: string, key: string): StreamPosition | null
  /**
   * Keeps the position of what was published under a key that `find` just did not know. A key that is known keeps the
   * position and the time it has.
   */
  remember(scope: string, channel: string, key: string, position: StreamPosition): void
}

/** One key, and what was published under it. */
interface Entry {
  readonly id: string
  readonly epoch: string
  readonly offset: number
  readonly expiresMs: number
}

/** @param onForgotten called for every key that is pushed out before its time */
export function createIdempotency(
  clock: Clock,
  limits: IdempotencyLimits,
  onForgotten: () => void,
): Idempotency {
  const entries = new Map<string, Entry>()
  // A walk kept from call to call, as a new one first passes the places of all that were dropped. It stands behind
  // `oldest`, the first entry of the map; what it has passed before is gone.
  const walk = entries.values()
  let oldest: Entry | null = null

  const findOldest = (): Entry | null => {
    if (oldest !== null) return oldest
    if (entries.size === 0) return null
    oldest = walk.next().value ?? null
    return oldest
  }

  const dropOldest = (entry: Entry): void => {
    entries.delete(entry.id)
    oldest = null
  }

  const expire = (nowMs: number): void => {
    for (let entry = findOldest(); entry !== null && entry.expiresMs <= nowMs; entry = findOldest()) {
      dropOldest(entry)
    }
  }

  const makeRoom = (): void => {
    const entry = entries.size < limits.maxIdempotencyKeys ? null : findOldest()
    if (entry === null) return
    dropOldest(entry)
    onForgotten()
  }

  return {
    get size() {
      return entries.size
    },
    find(scope, channel, key) {
      expire(clock.nowMs())
      const entry = entries.get(idOf(scope, channel, key))
      return entry === undefined ? null : { epoch: entry.epoch, offset: entry.offset }
    },
    remember(scope, channel, key, { epoch, offset }) {
      if (limits.idempotencyMs === 0) return
      const nowMs = clock.nowMs()
      expire(nowMs)
      const id = idOf(scope, channel, key)
      if (entries.has(id)) return
      makeRoom()
      entries.set(id, { id, epoch, offset, expiresMs: nowMs + limits.idempotencyMs })
    },
  }
}

/** One text for the three: scopes and channels hold no line breaks, so no two threes share one. */
function idOf(scope: string, channel: string, key: string): string {
  return `${scope}\n${channel}\n${key}`
}
