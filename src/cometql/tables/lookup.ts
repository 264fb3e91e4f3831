/**
 * Rows of keys that were named.
 *
 * Owns how a table is asked for each of them: one after the other, in the order they were named, with rests in between,
 * because one statement may name a hundred thousand, and each may have a megabyte of rows. Memory: one batch, which ends
 * where it is large in keys or in letters, and the rows of one key.
 */
import { inBatches } from '../../core/batches.ts'
import type { Batches, Row } from '../answer.ts'
import { createPace } from '../pace.ts'
import type { Keys } from './table.ts'

/** Letters of a batch, after which it is handed on. */
const BATCH_LETTERS = 262_144

/** @param rowsOf the rows of one key */
export async function* lookup(
  { keys }: Keys,
  rowsOf: (key: string) => readonly Row[] | Promise<readonly Row[]>,
): Batches {
  const pace = createPace()
  for await (const batch of inBatches(keys)) {
    let rows: Row[] = []
    let letters = 0
    for (const key of batch) {
      const asked = rowsOf(key)
      for (const row of asked instanceof Promise ? await asked : asked) {
        rows.push(row)
        letters += lettersOf(row)
      }
      if (letters > BATCH_LETTERS) {
        yield rows
        rows = []
        letters = 0
      }
      const rest = pace.rest()
      if (rest !== null) await rest
    }
    yield rows
  }
}

/** Does something with each, one after the other, with rests in between. @param task may be a promise, which is awaited */
export async function forEach<T>(items: Iterable<T>, task: (item: T) => unknown): Promise<void> {
  const pace = createPace()
  for await (const batch of inBatches(items)) {
    for (const item of batch) {
      const done = task(item)
      if (done instanceof Promise) await done
      const rest = pace.rest()
      if (rest !== null) await rest
    }
  }
}

/** Each thing of a walk as a row, or none. */
export async function* rowsFrom<T>(
  batches: AsyncIterable<readonly T[]>,
  rowOf: (item: T) => Row | null,
): Batches {
  for await (const batch of batches) yield batch.map(rowOf).filter((row) => row !== null)
}

/** Of its texts; what a number takes does not count. */
export function lettersOf(row: Row): number {
  return row.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 0), 0)
}
