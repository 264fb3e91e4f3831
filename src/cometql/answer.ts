/**
 * What a statement comes to, before it is packets.
 *
 * Owns the shapes between those who run statements and those who write bytes. Rows come in batches, so that a large
 * result needs no more memory than one of them, and whoever makes them can rest in between.
 */
import type { QueryFailure } from './query-failure.ts'

/** `text`: as CppComet sends everything. `integer`: 64 bits, `number`: a double, for what is plotted and counted. */
export type ColumnType = 'text' | 'integer' | 'number'

export interface ResultColumn {
  readonly name: string
  readonly type: ColumnType
}

/**
 * One value per column, never missing: numbers for `integer` and `number`, and for `text` where that is easier. A `number` may
 * be its digits, which queries are answered with as they stand.
 */
export type Row = readonly (string | number)[]

export type Batches = AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>

export type Answer =
  | { readonly kind: 'done'; readonly affected: number; readonly insertId: number }
  | { readonly kind: 'rows'; readonly columns: readonly ResultColumn[]; readonly batches: Batches }
  | { readonly kind: 'failed'; readonly failure: QueryFailure }

export const done: Answer = { kind: 'done', affected: 0, insertId: 0 }
