/**
 * The history of one durable channel, as it lies in the store.
 *
 * Owns where it begins: offsets from `first` up to the channel's are within its size and age, and on disk, but for those
 * that can't be read any more and those that were taken out of the middle: these are missing. Reads go to the store, one
 * entry each; nothing is held here but two numbers. What is beyond the size goes with the write that pushes it out, what is
 * too old when somebody looks.
 */
import type { Change, Store, StoredEntry } from './store.ts'
import { encodePosition } from './stored-forms.ts'
import { bare, tenantOf } from './tenants.ts'

export interface StoredHistoryLimits {
  /** Publications kept, ≥ 1 */
  readonly size: number
  /** Age at which one goes; 0 = no such bound */
  readonly maxAgeMs: number
}

export class StoredHistory {
  /** Offset of the oldest publication that may be seen; above the channel's when there is none. */
  first: number
  /** Whether the store knows the channel's epoch. */
  isNamed: boolean
  /** Nothing in front of it is on disk. */
  #firstOnDisk: number
  readonly #store: Store
  readonly #tenant: number
  readonly #owner: string
  readonly #limits: StoredHistoryLimits

  /** @param name scoped name of the channel @param at its latest offset, and whether the store knows its epoch */
  constructor(
    store: Store,
    name: string,
    { offset, isNamed }: { readonly offset: number; readonly isNamed: boolean },
    limits: StoredHistoryLimits,
  ) {
    this.#store = store
    this.#tenant = tenantOf(name)
    this.#owner = bare(name)
    this.#limits = limits
    this.#firstOnDisk = store.range('history', this.#tenant, this.#owner)?.first ?? offset + 1
    this.first = Math.max(this.#firstOnDisk, offset - limits.size + 1)
    this.isNamed = isNamed
  }

  /** Whether there is something on disk that may not be seen any more. */
  get hasExcess(): boolean {
    return this.#firstOnDisk < this.first
  }

  /** Null when it is not there or can't be read: those who ask are told that it is missing. */
  entry(offset: number): StoredEntry | null {
    try {
      return this.#store.entry('history', this.#tenant, this.#owner, offset)
    } catch {
      return null // the store tells its log
    }
  }

  /** What has to go once `offset` is written; null = nothing. */
  beyond(offset: number): { from: number; to: number } | null {
    const to = offset - this.#limits.size
    return to < this.#firstOnDisk ? null : { from: 0, to }
  }

  /** `offset` is on disk, and what was beyond the size is gone. */
  wrote(offset: number): void {
    this.isNamed = true
    this.#gone(offset - this.#limits.size)
    this.first = Math.max(this.first, this.#firstOnDisk)
  }

  /** Shows what is too old no more; it stays on disk. @param offset the latest of the channel */
  expire(offset: number, wallMs: number): void {
    const { maxAgeMs } = this.#limits
    if (maxAgeMs === 0) return
    // Times rise with offsets, and there may be a million of them. What can't be read is as old as what follows it.
    let next = this.first
    for (let end = offset + 1; next < end; ) {
      const middle = Math.floor((next + end) / 2)
      const found = this.#entryFrom(middle)
      if (found !== null && found.seq < end && wallMs - found.timeMs >= maxAgeMs) next = found.seq + 1
      else end = middle
    }
    this.first = next
  }

  /** Takes what may not be seen any more off the disk. Rejects as `Store.write`. */
  async cut(epoch: string, offset: number): Promise<void> {
    if (this.hasExcess) await this.#cutTo(this.first - 1, epoch, offset)
  }

  /** Nothing is on disk. @param offset the latest of the channel */
  isEmpty(offset: number): boolean {
    return this.#firstOnDisk > offset
  }

  /** Those of `offsets` that may be seen, each once, in order. @param latest of the channel */
  within(offsets: readonly number[], latest: number): number[] {
    const seen = offsets.filter((offset) => offset >= this.first && offset <= latest)
    return [...new Set(seen)].sort((one, other) => one - other)
  }

  /** Takes those of `offsets` that may be seen off the disk. Rejects as `Store.write`: then all is as it was. */
  async remove(offsets: readonly number[], epoch: string, offset: number): Promise<void> {
    const seen = this.within(offsets, offset)
    if (seen.length === 0) return
    const at = { tenant: this.#tenant, owner: this.#owner } as const
    const excess = this.hasExcess ? [{ from: 0, to: this.first - 1 }] : [] // it is in front of the rest
    const runs = [...excess, ...runsOf(seen)]
    const cuts = runs.map((run) => ({ cut: 'history', ...at, ...run }) as const)
    await this.#store.write([this.#positionRow(epoch, offset), ...cuts])
    this.isNamed = true
    if (excess.length > 0) this.#gone(this.first - 1)
    if (seen[0] === this.first) this.#passRemoved(offset)
  }

  /** What is gone at the front is not looked for any more. */
  #passRemoved(offset: number): void {
    try {
      const range = this.#store.range('history', this.#tenant, this.#owner)
      this.#gone((range?.first ?? offset + 1) - 1)
      this.first = Math.max(this.first, this.#firstOnDisk)
    } catch {
      // The store tells its log; what is gone is found missing one by one.
    }
  }

  /** Drops everything. Rejects as `Store.write`: then all is as it was. */
  async clear(epoch: string, offset: number): Promise<void> {
    if (this.#firstOnDisk <= offset) await this.#cutTo(offset, epoch, offset)
    this.first = Math.max(this.first, offset + 1)
  }

  /** The position stays known even if no entry is left that tells it. */
  async #cutTo(to: number, epoch: string, offset: number): Promise<void> {
    const at = { tenant: this.#tenant, owner: this.#owner } as const
    await this.#store.write([this.#positionRow(epoch, offset), { cut: 'history', ...at, from: 0, to }])
    this.isNamed = true
    this.#gone(to)
  }

  #positionRow(epoch: string, offset: number): Change {
    const value = encodePosition({ epoch, offset })
    return { put: 'channels', tenant: this.#tenant, key: this.#owner, value }
  }

  #gone(to: number): void {
    this.#firstOnDisk = Math.max(this.#firstOnDisk, to + 1)
  }

  /** The first entry from there on that can be read. */
  #entryFrom(offset: number): StoredEntry | null {
    const entry = this.entry(offset)
    if (entry !== null) return entry
    try {
      for (const found of this.#store.entries('history', this.#tenant, this.#owner, offset)) return found
    } catch {
      // As if there were none: nothing is dropped then.
    }
    return null
  }
}

/** Neighbours together: a cut looks through the store, and a run of thousands needs one. @param offsets in order */
function runsOf(offsets: readonly number[]): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = []
  for (const offset of offsets) {
    const run = runs.at(-1)
    if (run !== undefined && run.to + 1 === offset) run.to = offset
    else runs.push({ from: offset, to: offset })
  }
  return runs
}
