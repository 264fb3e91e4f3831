/**
 * The store of a node that keeps nothing.
 *
 * Owns rows and logs as maps: what a disk would hold, for `dataDir: none` and for tests. Changes are made within the call,
 * so all that was written is committed. Looking up is O(1); what is told in order is sorted when it is asked for.
 *
 * Bound: none of its own; who writes bounds what is kept, as on a disk.
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

/** Texts by the bytes of their keys, one letter per byte: letters compare as the bytes do. */
type Rows = Map<string, string>
/** Entries, oldest first, by the bytes of the log's prefix. No log in it is empty. */
type Logs = Map<string, StoredEntry[]>

export function createMemoryStore(): Store {
  const rows: Rows = new Map()
  const logs: Logs = new Map()
  const log = (name: LogName, tenant: number, owner: string): readonly StoredEntry[] =>
    logs.get(letters(logPrefix(name, tenant, owner))) ?? []

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
    bytes: () => 0,
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
    return () => place(logs, prefix, entry)
  }
  const prefix = letters(logPrefix(change.cut, change.tenant, change.owner))
  return () => cut(logs, prefix, change.from, change.to)
}

function place(logs: Logs, prefix: string, entry: StoredEntry): void {
  const entries = logs.get(prefix)
  if (entries === undefined) {
    logs.set(prefix, [entry])
    return
  }
  const index = indexOf(entries, entry.seq)
  entries.splice(index, entries[index]?.seq === entry.seq ? 1 : 0, entry)
}

function cut(logs: Logs, prefix: string, from: number, to: number): void {
  const entries = logs.get(prefix)
  if (entries === undefined) return
  const first = indexOf(entries, from)
  entries.splice(first, Math.max(0, indexOf(entries, to + 1) - first))
  if (entries.length === 0) logs.delete(prefix)
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

function* rowsWithin(rows: Rows, range: KeyRange): Iterable<Row> {
  for (const key of keysWithin(rows, range)) {
    const value = rows.get(key)
    if (value !== undefined) yield { ...readRowKey(Buffer.from(key, 'latin1')), value }
  }
}

function* ownersWithin(logs: Logs, range: KeyRange): Iterable<Owner> {
  for (const prefix of keysWithin(logs, range))
    if (logs.has(prefix)) yield ownerOfPrefix(Buffer.from(prefix, 'latin1'))
}

function keysWithin(map: ReadonlyMap<string, unknown>, range: KeyRange): string[] {
  const start = letters(range.start)
  const end = letters(range.end)
  return [...map.keys()].filter((key) => key >= start && key < end).sort()
}

function letters(bytes: Buffer): string {
  return bytes.toString('latin1')
}
