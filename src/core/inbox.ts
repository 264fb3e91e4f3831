/**
 * Messages that wait for users who are away.
 *
 * Owns the inboxes: what may wait (count, bytes, age; what goes for want of room is counted, and told to the user on
 * return), and that it stays until somebody says that it arrived. Order is the order of writing. Messages are kept in the
 * store; here only the bounds of inboxes used lately, at most `MAX_KNOWN`. Must not know who is online.
 */
import type { Clock } from '../clock.ts'
import type { InboxBound, Observer } from './observer.ts'
import type { Change, Owner, Store, StoredEntry } from './store.ts'
import { type InboxMessage, inboxEntry, readInboxEntry } from './stored-forms.ts'
import { bare, ownChannel, tenantOf } from './tenants.ts'

/** Inboxes whose bounds are remembered. */
const MAX_KNOWN = 10_000

/** Messages of one inbox in a millisecond, before numbers run ahead of the clock. */
const SEQS_PER_MS = 1000

/** Inboxes looked at for old messages, each time. */
const SWEEP_OWNERS = 500

export interface InboxLimits {
  /** Messages of one user; 0 = nothing waits for anybody */
  readonly inboxSize: number
  /** 0 = no such bound */
  readonly inboxBytes: number
  /** 0 = no such bound */
  readonly inboxTtlMs: number
}

/** A message in an inbox. */
export interface Waiting extends InboxMessage {
  readonly seq: number
  readonly timeMs: number
}

export interface Inboxes {
  /** False = messages to absent users are not kept. */
  readonly isOn: boolean
  /** Keeps a message; resolves when it is as safe as the store makes it. Rejects as `Store.write`. */
  put(channel: string, message: InboxMessage): Promise<void>
  /** What waits, oldest first, at most `limit`. @param channel scoped name of the user's channel */
  list(channel: string, limit: number): Waiting[]
  isEmpty(channel: string): boolean
  /** Whether a message is on its way into it. */
  isWriting(channel: string): boolean
  /** How many went unread since this was asked last. */
  takeLost(channel: string): number
  /** Messages up to and with the one numbered `upTo` arrived: they go. */
  remove(channel: string, upTo: number): Promise<void>
  /** Drops what is too old in some inboxes, a few at a time. */
  sweep(): void
}

interface Bounds {
  /** Messages, with those on their way to the store. */
  count: number
  bytes: number
  /** `seq` of the latest there was. */
  last: number
  /** Those before it are gone, or on their way out. */
  from: number
  /** Messages on their way in. */
  arriving: number
  /** Changes on their way to the store. */
  writes: number
  /** A change was not kept: what the store holds has to be counted anew. */
  isStale: boolean
}

/** What is to come into an inbox. */
interface Coming {
  readonly count: number
  readonly bytes: number
}

const NOTHING: Coming = { count: 0, bytes: 0 }

export function createInboxes(store: Store, clock: Clock, observer: Observer, limits: InboxLimits): Inboxes {
  const known = new Map<string, Bounds>()
  let sweepAfter: Owner | null = null

  /** Bounds of an inbox, with what is being written; read from the store the first time. */
  function boundsOf(channel: string): Bounds {
    const found = known.get(channel)
    if (found !== undefined) return found
    const bounds = { count: 0, bytes: 0, last: 0, from: 0, arriving: 0, writes: 0, isStale: false }
    for (const { seq, value } of read(channel, 0)) {
      bounds.count++
      bounds.bytes += value.length
      bounds.last = seq
    }
    forgetOne()
    known.set(channel, bounds)
    return bounds
  }

  /** The one that has been known for the longest, but none that the store does not tell yet. */
  function forgetOne(): void {
    if (known.size < MAX_KNOWN) return
    for (const [channel, { writes }] of known) {
      if (writes > 0) continue
      known.delete(channel)
      return
    }
  }

  /** Writes changes of an inbox. Rejects as `Store.write`, after which the inbox is read anew. */
  async function write(channel: string, bounds: Bounds, changes: readonly Change[]): Promise<void> {
    bounds.writes++
    try {
      await store.write(changes)
    } catch (error) {
      bounds.isStale = true
      throw error
    } finally {
      bounds.writes--
      if (bounds.isStale && bounds.writes === 0) known.delete(channel)
    }
  }

  function read(channel: string, from: number): Iterable<StoredEntry> {
    return store.entries('inbox', tenantOf(channel), ownerOf(channel), from)
  }

  /** Takes from the front until what comes fits; returns what to change for that. */
  function makeRoom(channel: string, bounds: Bounds, coming: Coming): Change[] {
    const counts: Record<InboxBound, number> = { age: 0, count: 0, bytes: 0 }
    const { from } = bounds
    for (const entry of read(channel, from)) {
      const bound = exceeded(bounds, coming, entry)
      if (bound === null) break
      counts[bound]++
      bounds.from = entry.seq + 1
      bounds.count--
      bounds.bytes -= entry.value.length
    }
    return drop(channel, from, bounds.from - 1, counts)
  }

  /** Why the oldest must go; null = it need not. The latest stays, however large it is. */
  function exceeded(bounds: Bounds, coming: Coming, oldest: StoredEntry): InboxBound | null {
    const { inboxSize, inboxBytes } = limits
    if (isTooOld(oldest)) return 'age'
    const count = bounds.count + coming.count
    if (count > inboxSize) return 'count'
    const isTooLarge = inboxBytes > 0 && bounds.bytes + coming.bytes > inboxBytes
    return isTooLarge && count > 1 ? 'bytes' : null
  }

  function isTooOld({ timeMs }: StoredEntry): boolean {
    return limits.inboxTtlMs > 0 && clock.wallMs() - timeMs >= limits.inboxTtlMs
  }

  /** Drops what is too old, and what came in one turn and is too much; never waits. */
  function tidy(channel: string): void {
    const bounds = boundsOf(channel)
    const changes = makeRoom(channel, bounds, NOTHING)
    if (changes.length > 0) write(channel, bounds, changes).catch(() => {}) // tried again the next time
  }

  /** Messages that go unread: counted here, and for the user. */
  function drop(channel: string, from: number, to: number, counts: Record<InboxBound, number>): Change[] {
    const dropped = counts.age + counts.count + counts.bytes
    if (dropped === 0) return []
    for (const bound of ['age', 'count', 'bytes'] as const) {
      if (counts[bound] > 0) observer.inboxDropped(bound, counts[bound])
    }
    const tenant = tenantOf(channel)
    const owner = ownerOf(channel)
    const lost = Number(store.get('inboxLost', tenant, owner) ?? 0) + dropped
    return [
      { cut: 'inbox', tenant, owner, from, to },
      { put: 'inboxLost', tenant, key: owner, value: String(lost) },
    ]
  }

  function isEmpty(channel: string): boolean {
    const range = store.range('inbox', tenantOf(channel), ownerOf(channel))
    return range === null || range.last < (known.get(channel)?.from ?? 0)
  }

  return {
    isOn: limits.inboxSize > 0,
    async put(channel, message) {
      const bounds = boundsOf(channel)
      // Never the number of one that is gone: who says late that it arrived must not take another away.
      const seq = Math.max(bounds.last + 1, clock.wallMs() * SEQS_PER_MS)
      const entry = inboxEntry(seq, clock.wallMs(), message)
      const changes = makeRoom(channel, bounds, { count: 1, bytes: entry.value.length })
      bounds.last = seq
      bounds.count++
      bounds.bytes += entry.value.length
      bounds.arriving++
      const at = { tenant: tenantOf(channel), owner: ownerOf(channel) }
      try {
        await write(channel, bounds, [...changes, { append: 'inbox', ...at, entry }])
      } finally {
        bounds.arriving--
      }
      observer.inboxKept(1)
      if (bounds.arriving === 0) tidy(channel)
    },
    list(channel, limit) {
      const waiting: Waiting[] = []
      for (const entry of read(channel, boundsOf(channel).from)) {
        if (waiting.length === limit) break
        if (isTooOld(entry)) continue
        waiting.push({ ...readInboxEntry(entry), seq: entry.seq, timeMs: entry.timeMs })
      }
      return waiting
    },
    isEmpty,
    isWriting: (channel) => (known.get(channel)?.arriving ?? 0) > 0,
    takeLost(channel) {
      if (!isEmpty(channel)) tidy(channel)
      const tenant = tenantOf(channel)
      const key = ownerOf(channel)
      const lost = Number(store.get('inboxLost', tenant, key) ?? 0)
      if (lost > 0) void store.write([{ remove: 'inboxLost', tenant, key }]).catch(() => {}) // told twice then
      return lost
    },
    async remove(channel, upTo) {
      const bounds = boundsOf(channel)
      const { from } = bounds
      for (const { seq, value } of read(channel, from)) {
        if (seq > upTo) break
        bounds.from = seq + 1
        bounds.count--
        bounds.bytes -= value.length
      }
      if (bounds.from === from) return
      const at = { tenant: tenantOf(channel), owner: ownerOf(channel) }
      await write(channel, bounds, [{ cut: 'inbox', ...at, from, to: bounds.from - 1 }])
    },
    sweep() {
      if (limits.inboxTtlMs === 0) return
      let looked = 0
      for (const at of store.owners('inbox', sweepAfter)) {
        if (looked++ === SWEEP_OWNERS) return
        sweepAfter = at
        const [oldest] = read(ownChannel(at.tenant, at.owner), 0)
        if (oldest !== undefined && isTooOld(oldest)) tidy(ownChannel(at.tenant, at.owner))
      }
      sweepAfter = null
    },
  }
}

/** A user's channel is `@` and the user. */
function ownerOf(channel: string): string {
  return bare(channel).slice(1)
}
