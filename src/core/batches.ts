/**
 * Long walks, cut into batches with a rest between them.
 *
 * Owns how a walk over very many things leaves the loop to others: after each batch come those whose turn it is. What is
 * looked at counts, not what is found, so a walk that finds nothing rests as well. What is walked over must bear changes
 * while it rests. Memory: one batch.
 */
import type { Row, Store, TableName } from './store.ts'

/** So many are looked up and told in well under a millisecond. */
const BATCH = 256

/** Of texts in one page of rows: keys and values. */
const PAGE_LETTERS = 262_144

/**
 * The items, in batches. One may be empty where little was found: whoever walks is asked each time whether to go on.
 *
 * @param items null = one that was looked at and is not meant
 * @param size looked at between two rests
 */
export async function* inBatches<T>(items: Iterable<T | null>, size = BATCH): AsyncIterable<readonly T[]> {
  let batch: T[] = []
  let looked = 0
  for (const item of items) {
    if (item !== null) batch.push(item)
    if (++looked < size) continue
    yield batch
    batch = []
    looked = 0
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (batch.length > 0) yield batch
}

/**
 * Committed rows of a tenant in the order of their keys, in pages with a rest between them; no cursor of the store stays
 * open meanwhile. A page ends where it is large in bytes, too.
 */
export async function* storedRows(
  store: Store,
  table: TableName,
  tenant: number,
): AsyncIterable<readonly Row[]> {
  let page = firstRows(store.rows(table, tenant, ''))
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    yield page
    await new Promise((resolve) => setImmediate(resolve))
    page = firstRows(store.rows(table, tenant, last.key))
  }
}

function firstRows(rows: Iterable<Row>): Row[] {
  const first: Row[] = []
  let letters = 0
  for (const row of rows) {
    letters += row.key.length + row.value.length
    if (first.push(row) === BATCH || letters > PAGE_LETTERS) break
  }
  return first
}
