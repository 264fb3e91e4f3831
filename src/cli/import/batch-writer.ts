/**
 * Changes on their way to the store, many at a time.
 *
 * Owns the size of a write and that one is under way while the next is gathered. Bound: two batches of `MAX_CHANGES`
 * changes or `MAX_BYTES` bytes. A failed write is told by the next call, and nothing more is written.
 */
import type { Change } from '../../core/store.ts'

const MAX_CHANGES = 1_000
const MAX_BYTES = 4_194_304

export class BatchWriter {
  readonly #write: (changes: readonly Change[]) => Promise<void>
  #gathered: Change[]
  #bytes: number
  #underWay: Promise<void>

  constructor(write: (changes: readonly Change[]) => Promise<void>) {
    this.#write = write
    this.#gathered = []
    this.#bytes = 0
    this.#underWay = Promise.resolve()
  }

  /** Takes changes that are made together, in order; resolves when there is room for more. */
  async add(...changes: readonly Change[]): Promise<void> {
    this.#gathered.push(...changes)
    for (const change of changes) this.#bytes += bytesOf(change)
    if (this.#gathered.length >= MAX_CHANGES || this.#bytes >= MAX_BYTES) await this.#begin()
  }

  /** Resolves when everything is written. */
  async end(): Promise<void> {
    await this.#begin()
    await this.#underWay
  }

  async #begin(): Promise<void> {
    await this.#underWay
    const changes = this.#gathered
    this.#gathered = []
    this.#bytes = 0
    if (changes.length === 0) return
    this.#underWay = this.#write(changes)
    this.#underWay.catch(() => {}) // told by the next call
  }
}

function bytesOf(change: Change): number {
  if ('append' in change) return change.entry.value.length
  return 'put' in change ? change.value.length : 0
}
