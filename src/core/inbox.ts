/**
 * Messages that wait for users who are away.
 *
 * Owns the inboxes: what may wait (count, bytes, age; what goes before its user was given it is counted, and told to the
 * user on return), and that it stays until somebody says that it arrived. Order is the order of writing. Messages are kept
 * in the store; here only the bounds of inboxes used lately, at most `MAX_KNOWN` besides those being written; so what
 * was given is forgotten with the process. Who is here it asks; it must not know.
 */
import type { Clock } from '../clock.ts'
import { UnavailableError } from '../errors.ts'
import { createLostCounts } from './inbox-lost.ts'
import type { InboxBound, Observer } from './observer.ts'
import type { Change, Owner, Store, StoredEntry } from './store.ts'
import { type InboxMessage, inboxEntry, readInboxEntry } from './stored-forms.ts'
import { ownChannel, ownerOf, tenantOf } from './tenants.ts'

/** Inboxes whose bounds are remembered though nothing of them is being written. */
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
  /** Bytes a store in memory holds before inboxes take no more */
  readonly maxHistoryBytes: number
}

export interface InboxDeps {
  readonly store: Store
  readonly clock: Clock
  readonly observer: Observer
  /** Whether the user of a channel is here: for want of room they lose only what they were given. */
  isHere(channel: string): boolean
  /** A message was kept, or could not be; runs before anybody is told. Must not throw. */
  settled(channel: string): void
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
  /** What came after all that its user was given. */
  fresh(channel: string): Waiting[]
  /** Its user was given the messages up to and with the one numbered `seq`. */
  given(channel: string, seq: number): void
  isEmpty(channel: string): boolean
  /** Whether a message is on its way into it. */
  isWriting(channel: string): boolean
  /** How many went unread since this was asked last. What `list` still tells is not among them. */
  takeLost(channel: string): number
  /** Messages up to and with the one numbered `upTo` arrived: they go. */
  remove(channel: string, upTo: number): Promise<void>
  /** Drops what is too old in some inboxes, a few at a time. Throws as reads of the store do. */
  sweep(): void
}

/** What an inbox holds, as far as bounds go. */
interface Extent {
  /** Messages, with those on their way to the store. */
  count: number
  bytes: number
  /** Those before it are gone, or on their way out. */
  from: number
}

interface Bounds extends Extent {
  /** `seq` of the latest there was. */
  last: number
  /** Those before it arrived at their user. */
  due: number
  /** `seq` of the latest that its user was given. */
  given: number
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

export function createInboxes(deps: InboxDeps, limits: InboxLimits): Inboxes {
  const { store, clock, observer } = deps
  const lost = createLostCounts(store, clock, limits.inboxTtlMs)
  /** Inboxes that are being written: the store does not tell what is in them yet. */
  const busy = new Map<string, Bounds>()
  /** Others, those used last behind. */
  const idle = new Map<string, Bounds>()
  /** The latest number of any message. */
  let latest = 0
  let sweepAfter: Owner | null = null

  /** Bounds of an inbox, with what is being written; read from the store the first time, and after a failure. */
  function boundsOf(channel: string): Bounds {
    const found = known(channel)
    if (found !== undefined && !(found.isStale && found.writes === 0)) return found
    const counted = { count: 0, bytes: 0, from: 0, last: found?.last ?? 0 }
    for (const { seq, value } of read(channel, 0)) {
      counted.count++
      counted.bytes += value.length
      counted.last = Math.max(counted.last, seq)
    }
    const others = { due: 0, arriving: 0, writes: 0, isStale: false }
    const bounds: Bounds = { ...counted, ...others, given: found?.given ?? 0 }
    remember(channel, bounds)
    return bounds
  }

  function known(channel: string): Bounds | undefined {
    return busy.get(channel) ?? idle.get(channel)
  }

  function remember(channel: string, bounds: Bounds): void {
    idle.delete(channel)
    idle.set(channel, bounds)
    if (idle.size <= MAX_KNOWN) return
    for (const longest of idle.keys()) return void idle.delete(longest)
  }

  /** Writes changes of an inbox. Rejects as `Store.write`, after which the inbox is read anew. */
  async function write(channel: string, bounds: Bounds, changes: readonly Change[]): Promise<void> {
    bounds.writes++
    idle.delete(channel)
    busy.set(channel, bounds)
    try {
      await store.write(changes)
    } catch (error) {
      bounds.isStale = true
      throw error
    } finally {
      bounds.writes--
      if (bounds.writes === 0) {
        if (bounds.isStale) bounds.due = 0
        busy.delete(channel)
        remember(channel, bounds)
      }
    }
  }

  function read(channel: string, from: number): Iterable<StoredEntry> {
    return store.entries('inbox', tenantOf(channel), ownerOf(channel), from)
  }

  /** Takes from the front until what comes fits; returns what to change for that. */
  function makeRoom(channel: string, bounds: Bounds, coming: Coming): Change[] {
    const counts: Record<InboxBound, number> = { age: 0, count: 0, bytes: 0 }
    const { from, given } = bounds
    const isHere = deps.isHere(channel)
    const extent: Extent = { from, count: bounds.count, bytes: bounds.bytes }
    for (const entry of read(channel, from)) {
      const bound = exceeded(extent, coming, entry)
      const isUnread = entry.seq > given
      if (bound === null || (isHere && isUnread && bound !== 'age')) break
      if (isUnread) counts[bound]++
      takeOut(extent, entry)
    }
    Object.assign(bounds, extent)
    return drop(channel, from, extent.from - 1, counts)
  }

  /** Why the oldest must go; null = it need not. The latest stays, however large it is. */
  function exceeded(extent: Extent, coming: Coming, oldest: StoredEntry): InboxBound | null {
    const { inboxSize, inboxBytes } = limits
    if (isTooOld(oldest)) return 'age'
    const count = extent.count + coming.count
    if (count > inboxSize) return 'count'
    const isTooLarge = inboxBytes > 0 && extent.bytes + coming.bytes > inboxBytes
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

  /** Messages that go: those that were not read are counted here, and for the user. */
  function drop(channel: string, from: number, to: number, counts: Record<InboxBound, number>): Change[] {
    if (to < from) return []
    for (const bound of ['age', 'count', 'bytes'] as const) {
      if (counts[bound] > 0) observer.inboxDropped(bound, counts[bound])
    }
    const cut: Change = { cut: 'inbox', tenant: tenantOf(channel), owner: ownerOf(channel), from, to }
    const unread = counts.age + counts.count + counts.bytes
    return unread === 0 ? [cut] : [cut, lost.more(channel, unread)]
  }

  function isEmpty(channel: string): boolean {
    const range = store.range('inbox', tenantOf(channel), ownerOf(channel))
    return range === null || range.last < (known(channel)?.due ?? 0)
  }

  /** What has not arrived; without those in front that are too old. */
  function* waiting(channel: string): Iterable<StoredEntry> {
    let isFirst = true
    for (const entry of read(channel, boundsOf(channel).due)) {
      if (isFirst && isTooOld(entry)) continue
      isFirst = false
      yield entry
    }
  }

  /** Messages on their way out that their user will be given nevertheless, as they are there still. */
  function countLeaving(channel: string): number {
    const { due, from, given } = boundsOf(channel)
    let leaving = 0
    if (due < from) for (const { seq } of waiting(channel)) if (seq < from && seq > given) leaving++
    return leaving
  }

  /** A store in memory takes no more than histories may. */
  function checkMemory(): void {
    if (store.isDurable || store.bytes() < limits.maxHistoryBytes) return
    throw new UnavailableError('STORE_FAILED', 'Cannot keep it: what waits for absent users fills the memory')
  }

  return {
    isOn: limits.inboxSize > 0,
    async put(channel, message) {
      checkMemory()
      const bounds = boundsOf(channel)
      // Never the number of one that is gone: who says late that it arrived must not take another away.
      const seq = Math.max(latest + 1, bounds.last + 1, clock.wallMs() * SEQS_PER_MS)
      const entry = inboxEntry(seq, clock.wallMs(), message)
      const changes = makeRoom(channel, bounds, { count: 1, bytes: entry.value.length })
      latest = seq
      bounds.last = seq
      bounds.count++
      bounds.bytes += entry.value.length
      bounds.arriving++
      const at = { tenant: tenantOf(channel), owner: ownerOf(channel) }
      try {
        await write(channel, bounds, [...changes, { append: 'inbox', ...at, entry }])
      } finally {
        bounds.arriving--
        deps.settled(channel)
      }
      observer.inboxKept(1)
      if (bounds.arriving > 0) return
      try {
        tidy(channel)
      } catch {
        // It is kept all the same; the next one makes room.
      }
    },
    list(channel, limit) {
      const listed: Waiting[] = []
      for (const entry of waiting(channel)) {
        if (listed.length === limit) break
        listed.push(waitingOf(entry))
      }
      return listed
    },
    fresh: (channel) => Array.from(read(channel, boundsOf(channel).given + 1), waitingOf),
    given(channel, seq) {
      const bounds = boundsOf(channel)
      bounds.given = Math.max(bounds.given, seq)
    },
    isEmpty,
    isWriting: (channel) => (busy.get(channel)?.arriving ?? 0) > 0,
    takeLost(channel) {
      if (isEmpty(channel)) return lost.take(channel)
      tidy(channel)
      const leaving = countLeaving(channel)
      return Math.max(0, lost.take(channel) - leaving)
    },
    async remove(channel, upTo) {
      const bounds = boundsOf(channel)
      const { from } = bounds
      const extent: Extent = { from, count: bounds.count, bytes: bounds.bytes }
      for (const entry of read(channel, from)) {
        if (entry.seq > upTo) break
        takeOut(extent, entry)
      }
      Object.assign(bounds, extent)
      bounds.due = extent.from
      if (extent.from === from) return
      const at = { tenant: tenantOf(channel), owner: ownerOf(channel) }
      await write(channel, bounds, [{ cut: 'inbox', ...at, from, to: extent.from - 1 }])
    },
    sweep() {
      lost.sweep()
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

function takeOut(extent: Extent, { seq, value }: StoredEntry): void {
  extent.from = seq + 1
  extent.count--
  extent.bytes -= value.length
}

function waitingOf(entry: StoredEntry): Waiting {
  return { ...readInboxEntry(entry), seq: entry.seq, timeMs: entry.timeMs }
}
