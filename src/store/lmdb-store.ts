/**
 * The store on disk.
 *
 * Owns how rows and logs are read from one tree, and how writes go to it. Walks over many rows or entries read a page of
 * them at a time, so they may be left and gone on with; what is committed in between is seen or not. A value whose checksum
 * is wrong is told to the log, counted, and treated as missing; a tree that can't be read is an `UnavailableError`.
 *
 * Bound: `PAGE_ENTRIES` values in memory per walk; what waits to be written is bounded by write-queue.ts.
 */
import type { Change, LogName, Owner, Row, Store, StoredEntry } from '../core/store.ts'
import { errorText, UnavailableError } from '../errors.ts'
import { type Logger, limitRepeats } from '../log.ts'
import {
  behindPrefix,
  entryKey,
  entryRange,
  following,
  type KeyRange,
  keyKind,
  logPrefix,
  ownerOfPrefix,
  ownerRange,
  prefixOf,
  readRowKey,
  readSeq,
  rowKey,
  rowRange,
} from './keys.ts'
import { createOverlay } from './overlay.ts'
import { operationsOf, type Step, stepBytes, stepOf } from './steps.ts'
import type { Pair, Tree } from './tree.ts'
import { decodeEntry, decodeRow } from './values.ts'
import { createWriteQueue, type Write } from './write-queue.ts'

/** Read at once in a walk, at most. */
const PAGE_ENTRIES = 128

/** The first page has one entry, as many want no more; each other so many times more than the one before. */
const PAGE_GROWTH = 4

/** At most one line in the log of a kind. */
const LOG_EVERY_MS = 10_000

/** One call of `write`. */
interface StoreWrite extends Write {
  readonly changes: readonly Change[]
  readonly steps: readonly Step[]
}

export interface LmdbStoreOptions {
  readonly tree: Tree
  readonly log: Logger
  /** Bytes on disk. */
  readonly bytes: () => number
  /** Runs when all is written and the tree is closed. */
  readonly onClosed: () => Promise<void>
}

/** @param options the tree has the format of this version */
export function createLmdbStore(options: LmdbStoreOptions): Store {
  const nowMs = () => performance.now()
  const warn = limitRepeats(options.log, LOG_EVERY_MS, nowMs)
  const tree = readable(options.tree, (error) => warn('The store cannot be read', { error }))
  const overlay = createOverlay()
  const queue = createWriteQueue({
    commit: (writes: readonly StoreWrite[]) =>
      options.tree.commit(
        operationsOf(
          options.tree,
          writes.flatMap((write) => write.steps),
        ),
      ),
    onAdded: ({ changes }) => overlay.add(changes),
    onSettled: ({ changes }) => overlay.settle(changes),
    onFailed: (error) => warn('The store cannot be written', { error: String(error) }),
    nowMs,
  })
  let damaged = 0

  /** Tells of a value that is not what was written. */
  const whole = <Value>(key: Buffer, value: Value | null): Value | null => {
    if (value === null) warn('A value of the store is damaged', { ...keyKind(key), damaged: ++damaged })
    return value
  }
  const row = ({ key, value }: Pair): string | null => whole(key, decodeRow(key, value))
  const entry = ({ key, value }: Pair): StoredEntry | null =>
    whole(key, decodeEntry(key, readSeq(key), value))

  return {
    isDurable: true,
    get(table, tenant, key) {
      const pending = overlay.get(table, tenant, key)
      if (pending !== undefined) return pending
      const bytes = rowKey(table, tenant, key)
      const value = tree.get(bytes)
      return value === null ? null : row({ key: bytes, value })
    },
    *rows(table, tenant, after): Iterable<Row> {
      for (const pair of pairsWithin(tree, rowRange(table, tenant, after))) {
        const value = row(pair)
        if (value !== null) yield { ...readRowKey(pair.key), value }
      }
    },
    range(log, tenant, owner) {
      const range = entryRange(logPrefix(log, tenant, owner), 0, Number.MAX_SAFE_INTEGER)
      const [first] = tree.keys(range, 1)
      const last = first === undefined ? null : tree.lastKey(range)
      return first === undefined || last === null ? null : { first: readSeq(first), last: readSeq(last) }
    },
    entry(log, tenant, owner, seq) {
      const key = entryKey(logPrefix(log, tenant, owner), seq)
      const value = tree.get(key)
      return value === null ? null : entry({ key, value })
    },
    owners: (log, after) => ownersWithin(tree, log, after),
    *entries(log, tenant, owner, from): Iterable<StoredEntry> {
      const range = entryRange(logPrefix(log, tenant, owner), from, Number.MAX_SAFE_INTEGER)
      for (const pair of pairsWithin(tree, range)) {
        const found = entry(pair)
        if (found !== null) yield found
      }
    },
    async write(changes) {
      if (changes.length > 0) await queue.add(storeWrite(changes))
    },
    bytes: options.bytes,
    async close() {
      await queue.drained()
      await tree.close()
      await options.onClosed()
    },
  }
}

/** @throws {RangeError} for a change that names something out of bounds: nothing is done then */
function storeWrite(changes: readonly Change[]): StoreWrite {
  const steps = changes.map(stepOf)
  return {
    changes,
    steps,
    bytes: steps.reduce((sum, step) => sum + stepBytes(step), 0),
    onlyTakes: changes.every((change) => 'remove' in change || 'cut' in change),
  }
}

/** A tree whose reads fail as writes do, and tell of it. */
function readable(tree: Tree, onFailed: (error: string) => void): Tree {
  const read = <T>(ask: () => T): T => {
    try {
      return ask()
    } catch (cause) {
      onFailed(errorText(cause))
      const message = `Cannot read it: the store failed: ${errorText(cause)}`
      throw new UnavailableError('STORE_FAILED', message, { cause })
    }
  }
  return {
    ...tree,
    get: (key) => read(() => tree.get(key)),
    pairs: (range, limit) => read(() => tree.pairs(range, limit)),
    keys: (range, limit) => read(() => tree.keys(range, limit)),
    lastKey: (range) => read(() => tree.lastKey(range)),
  }
}

/** The pairs of a range, read a page at a time. */
function* pairsWithin(tree: Tree, range: KeyRange): Iterable<Pair> {
  let { start } = range
  for (let limit = 1; ; limit = Math.min(limit * PAGE_GROWTH, PAGE_ENTRIES)) {
    const pairs = tree.pairs({ start, end: range.end }, limit)
    yield* pairs
    const last = pairs.at(-1)
    if (last === undefined || pairs.length < limit) return
    start = following(last.key)
  }
}

/** One look per owner: their other entries are passed over. */
function* ownersWithin(tree: Tree, log: LogName, after: Owner | null): Iterable<Owner> {
  const range = ownerRange(log, after)
  let { start } = range
  for (;;) {
    const [key] = tree.keys({ start, end: range.end }, 1)
    if (key === undefined) return
    const prefix = prefixOf(key)
    yield ownerOfPrefix(prefix)
    start = behindPrefix(prefix)
  }
}
