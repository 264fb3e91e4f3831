/**
 * The store of a node that keeps nothing.
 *
 * Owns rows and logs as maps: what a disk would hold, for `dataDir: none` and for tests. Changes are made within the call,
 * so all that was written is committed. Looking up is O(1), the next row in order or owner of a log O(log n).
 *
 * Bound: none of its own; who writes bounds what is kept, as on a disk, and is told the bytes of it.
 */
import type { Change, LogName, LogRange, Owner, Row, Store, StoredEntry } from '../core/store.ts'
import {
  entryKey,
  type KeyRange,
  logPrefix,
  ownerOfPrefix,
  ownerRange,
  readRowKey,
  rowKey,
  rowRange,
} from './keys.ts'
import { SortedTexts } from './sorted-texts.ts'

/** Memory of a row, an entry or a log besides its texts and bytes: objects and places in maps, rounded up. */
const OVERHEAD_BYTES = 160

/** Texts by the bytes of their keys, one letter per byte: letters compare as the bytes do. */
class Rows {
  readonly #values: Map<string, string>
  readonly #keys: SortedTexts

  constructor() {
    this.#values = new Map()
    this.#keys = new SortedTexts()
  }

  get(key: string): string | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: string): void {
    if (!this.#values.has(key)) this.#keys.add(key)
    this.#values.set(key, value)
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.delete(key)
  }

  /** The first key that is not before `key`; null = there is none. */
  atLeast(key: string): string | null {
    return this.#keys.atLeast(key)
  }
}

/** Entries, oldest first, by the bytes of the log's prefix. No log in it is empty. */
class Logs {
  readonly #logs: Map<string, StoredEntry[]>
  readonly #prefixes: SortedTexts
  /** Memory of all of them. */
  bytes: number

  constructor() {
    this.#logs = new Map()
    this.#prefixes = new SortedTexts()
    this.bytes = 0
  }

  get(prefix: string): readonly StoredEntry[] {
    return this.#logs.get(prefix) ?? []
  }

  /** Prefix of the first log that is not before `prefix`; null = there is none. */
  atLeast(prefix: string): string | null {
    return this.#prefixes.atLeast(prefix)
  }

  place(prefix: string, entry: StoredEntry): void {
    let entries = this.#logs.get(prefix)
    if (entries === undefined) {
      entries = []
      this.#logs.set(prefix, entries)
      this.#prefixes.add(prefix)
      this.bytes += OVERHEAD_BYTES + prefix.length
    }
    const index = indexOf(entries, entry.seq)
    this.#count(entries.splice(index, entries[index]?.seq === entry.seq ? 1 : 0, entry), -1)
    this.#count([entry], 1)
  }

  cut(prefix: string, from: number, to: number): void {
    const entries = this.#logs.get(prefix)
    if (entries === undefined) return
    const first = indexOf(entries, from)
    this.#count(entries.splice(first, Math.max(0, indexOf(entries, to + 1) - first)), -1)
    if (entries.length > 0) return
    this.#logs.delete(prefix)
    this.#prefixes.delete(prefix)
    this.bytes -= OVERHEAD_BYTES + prefix.length
  }

  #count(entries: readonly StoredEntry[], sign: 1 | -1): void {
    for (const { value } of entries) this.bytes += sign * (OVERHEAD_BYTES + value.length)
  }
}

export function createMemoryStore(): Store {
  const rows = new Rows()
  const logs = new Logs()
  const log = (name: LogName, tenant: number, owner: string): readonly StoredEntry[] =>
    logs.get(letters(logPrefix(name, tenant, owner)))

  return {
    isDurable: false,
    get: (table, tenant, key) => rows.get(letters(rowKey(table, tenant, key))) ?? null,
    rows: (table, tenant, after) => rowsWithin(rows, rowRange(table, tenant, after)),
    range: (name, tenant, owner) => rangeOf(log(name, tenant, owner)),
    entry(name, tenant, owner, seq) {
      const entries = log(name, tenant, owner)
      const found = entries[indexOf(entries, seq)]
      return found?.seq === seq ? found : null
    },
    owners: (name, after) => ownersWithin(logs, ownerRange(name, after)),
    entries(name, tenant, owner, from) {
      const entries = log(name, tenant, owner)
      return entries.slice(indexOf(entries, from))
    },
    async write(changes) {
      const steps = changes.map((change) => stepOf(rows, logs, change))
      for (const step of steps) step()
    },
    bytes: () => logs.bytes,
    async close() {},
  }
}

/** What a change does. @throws {RangeError} when it names something out of bounds: before anything is done */
function stepOf(rows: Rows, logs: Logs, change: Change): () => void {
  if ('put' in change) {
    const key = letters(rowKey(change.put, change.tenant, change.key))
    return () => rows.set(key, change.value)
  }
  if ('remove' in change) {
    const key = letters(rowKey(change.remove, change.tenant, change.key))
    return () => rows.delete(key)
  }
  if ('append' in change) {
    const bytes = logPrefix(change.append, change.tenant, change.owner)
    entryKey(bytes, change.entry.seq)
    const prefix = letters(bytes)
    const entry = { ...change.entry, value: Buffer.from(change.entry.value) }
    return () => logs.place(prefix, entry)
  }
  const prefix = letters(logPrefix(change.cut, change.tenant, change.owner))
  return () => logs.cut(prefix, change.from, change.to)
}

/** Index of the first entry with a `seq` of at least `seq`. */
function indexOf(entries: readonly StoredEntry[], seq: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle]?.seq ?? seq) < seq) low = middle + 1
    else high = middle
  }
  return low
}

function rangeOf(entries: readonly StoredEntry[]): LogRange | null {
  const first = entries[0]
  const last = entries.at(-1)
  return first === undefined || last === undefined ? null : { first: first.seq, last: last.seq }
}

/** Looks up each after the one before was told: rows may come and go meanwhile. */
function* rowsWithin(rows: Rows, range: KeyRange): Iterable<Row> {
  const end = letters(range.end)
  let key = rows.atLeast(letters(range.start))
  while (key !== null && key < end) {
    const value = rows.get(key)
    if (value !== undefined) yield { ...readRowKey(Buffer.from(key, 'latin1')), value }
    key = rows.atLeast(`${key}\u0000`)
  }
}

/** Likewise for logs. */
function* ownersWithin(logs: Logs, range: KeyRange): Iterable<Owner> {
  const end = letters(range.end)
  let prefix = logs.atLeast(letters(range.start))
  while (prefix !== null && prefix < end) {
    yield ownerOfPrefix(Buffer.from(prefix, 'latin1'))
    prefix = logs.atLeast(`${prefix}\u0000`)
  }
}

function letters(bytes: Buffer): string {
  return bytes.toString('latin1')
}
