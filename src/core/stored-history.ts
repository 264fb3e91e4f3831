/**
 * The history of one durable channel, as it lies in the store.
 *
 * Owns where it begins: offsets from `first` up to the channel's are on disk and within its size. Reads go to the store,
 * one entry each; nothing is held here but that number. What is beyond the size goes with the write that pushes it out,
 * what is too old when somebody looks.
 */
import type { Store, StoredEntry } from './store.ts'
import { encodePosition } from './stored-forms.ts'
import { bare, tenantOf } from './tenants.ts'

export interface StoredHistoryLimits {
  /** Publications kept, ≥ 1 */
  readonly size: number
  /** Age at which one goes; 0 = no such bound */
  readonly maxAgeMs: number
}

export class StoredHistory {
  /** Offset of the oldest publication on disk; above the channel's when there is none. */
  first: number
  /** Whether the store knows the channel's epoch. */
  isNamed: boolean
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
    const held = store.range('history', this.#tenant, this.#owner)?.first ?? offset + 1
    this.first = Math.max(held, offset - limits.size + 1)
    this.isNamed = isNamed
  }

  entry(offset: number): StoredEntry | null {
    return this.#store.entry('history', this.#tenant, this.#owner, offset)
  }

  /** What has to go once `offset` is written; null = nothing. */
  beyond(offset: number): { from: number; to: number } | null {
    const to = offset - this.#limits.size
    return to < this.first ? null : { from: 0, to }
  }

  /** `offset` is on disk, and what was beyond the size is gone. */
  wrote(offset: number): void {
    this.isNamed = true
    this.first = Math.max(this.first, offset - this.#limits.size + 1)
  }

  /** Drops what is too old. @param offset the latest of the channel */
  expire(epoch: string, offset: number, wallMs: number): void {
    const { maxAgeMs } = this.#limits
    if (maxAgeMs === 0) return
    // Times rise with offsets, and there may be a million of them.
    let next = this.first
    for (let end = offset + 1; next < end; ) {
      const middle = Math.floor((next + end) / 2)
      if (wallMs - (this.entry(middle)?.timeMs ?? 0) >= maxAgeMs) next = middle + 1
      else end = middle
    }
    this.#dropBefore(next, epoch, offset).catch(() => {}) // not shown any more; it goes with a later write
  }

  /** Drops everything. Rejects as `Store.write`. */
  clear(epoch: string, offset: number): Promise<void> {
    return this.#dropBefore(offset + 1, epoch, offset)
  }

  /** The position stays known even if no entry is left that tells it. */
  #dropBefore(next: number, epoch: string, offset: number): Promise<void> {
    if (next <= this.first) return Promise.resolve()
    const at = { tenant: this.#tenant, owner: this.#owner } as const
    const cut = { cut: 'history', ...at, from: 0, to: next - 1 } as const
    const value = encodePosition({ epoch, offset })
    this.first = next
    return this.#store.write([{ put: 'channels', tenant: at.tenant, key: at.owner, value }, cut])
  }
}
