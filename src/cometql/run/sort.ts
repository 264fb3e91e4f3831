/**
 * ORDER BY and DISTINCT, within a bound of memory.
 *
 * Owns the two things that need more than one batch of rows at a time. With a LIMIT only the rows that can still be among
 * the first are kept: whenever there are twice as many, or no room for more, the others go. What would need more than the
 * bound all the same is refused and says so. Sorting keeps the order of equals. What rows are ordered by is worked out once
 * for each, as comparing takes most of the time.
 */
import { inBatches } from '../../core/batches.ts'
import type { Batches, Row } from '../answer.ts'
import { QueryError } from '../query-failure.ts'
import type { Comparable } from './comparable.ts'

/** A row takes so much besides its texts: the array, its slots, headers of texts, what it is ordered by. */
const ROW_OVERHEAD_BYTES = 240

/** Each thing a row is ordered by takes so much; texts are those of the row. */
const KEY_BYTES = 16

/** A batch at the least before those that can't be among the first are looked for. */
const LEAST_KEPT = 1_000

export interface SortKey {
  /** What a row is ordered by; NaN comes before all numbers */
  readonly of: (row: Row) => Comparable
  readonly isDescending: boolean
}

export interface SortLimits {
  /** Rows from the first that are wanted; Infinity = all */
  readonly needed: number
  readonly maxBytes: number
  /** Asked before the rows that were kept are ordered at last */
  readonly isWanted: () => boolean
}

interface Kept {
  readonly row: Row
  /** What it is ordered by, in the order of the keys */
  readonly by: readonly Comparable[]
}

/** @throws {QueryError} tooLong, among the rows: more than `maxBytes` had to be kept */
export async function* inOrder(
  batches: Batches,
  keys: readonly SortKey[],
  { needed, maxBytes, isWanted }: SortLimits,
): Batches {
  const compare = comparer(keys)
  let kept: Kept[] = []
  let bytes = 0
  const keptBytes = (row: Row) => bytesOf(row) + keys.length * KEY_BYTES
  for await (const rows of batches) {
    for (const row of rows) {
      kept.push({ row, by: keys.map((key) => orderable(row, key)) })
      bytes += keptBytes(row)
    }
    const isMore = kept.length > 2 * Math.max(needed, LEAST_KEPT)
    if (isMore || (bytes > maxBytes && kept.length > needed)) {
      kept = kept.sort(compare).slice(0, needed)
      bytes = kept.reduce((sum, { row }) => sum + keptBytes(row), 0)
    }
    if (bytes > maxBytes) throw tooMuch('ORDER BY', maxBytes)
  }
  if (!isWanted()) return
  const sorted = kept.sort(compare).map(({ row }) => row)
  yield* inBatches(sorted)
}

/** Rows that were not there before. */
export async function* distinct(batches: Batches, maxBytes: number): Batches {
  const seen = new Set<string>()
  let bytes = 0
  const isNew = (row: Row) => {
    const key = JSON.stringify(row)
    if (seen.has(key)) return false
    seen.add(key)
    bytes += key.length + ROW_OVERHEAD_BYTES
    if (bytes > maxBytes) throw tooMuch('DISTINCT', maxBytes)
    return true
  }
  for await (const rows of batches) yield rows.filter(isNew)
}

/** A text where a number should be comes before all numbers. */
function orderable(row: Row, { of }: SortKey): Comparable {
  const value = of(row)
  return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value
}

function comparer(keys: readonly SortKey[]): (one: Kept, other: Kept) => number {
  const isDescending = keys.map((key) => key.isDescending)
  return (one, other) => {
    for (let at = 0; at < isDescending.length; at++) {
      const a = one.by[at] ?? ''
      const b = other.by[at] ?? ''
      if (a !== b) return a < b === isDescending[at] ? 1 : -1
    }
    return 0
  }
}

function bytesOf(row: Row): number {
  return row.reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? 2 * value.length : 8),
    ROW_OVERHEAD_BYTES,
  )
}

function tooMuch(what: string, maxBytes: number): QueryError {
  return new QueryError(
    'tooLong',
    `${what} needs more than the ${maxBytes} bytes of cometqlSortBytes: add WHERE or LIMIT, or leave it out`,
  )
}
