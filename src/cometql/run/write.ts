/**
 * INSERT, UPDATE and DELETE: from what a statement says to what a table is told.
 *
 * Owns what has to be true before anything is written: the table takes writes, columns exist and are named once, required
 * ones are given, rows are named by their keys. Which rows a condition means besides its keys is found by reading them.
 * What is refused here the table was never told; what it refuses by itself is its own.
 */
import type { Answer } from '../answer.ts'
import { done } from '../answer.ts'
import { QueryError } from '../query-failure.ts'
import type { Delete, Insert, Update, Value } from '../sql/statement.ts'
import type { GivenRow, GivenValue, Values } from '../sql/values.ts'
import { forEach } from '../tables/lookup.ts'
import { MAX_AT_ONCE } from '../tables/publish-rows.ts'
import type { Keys, Table } from '../tables/table.ts'
import { columnAt } from './columns.ts'
import { type Filter, filterOf, keysMissing } from './conditions.ts'
import type { RunContext } from './context.ts'
import { filtered } from './walk.ts'

/** The table takes some hundred rows at once, in the call; what is awaited is that they are where they belong. */
export async function insertRows(
  { columns: named, rows }: Insert,
  table: Table,
  context: RunContext,
  values: Values,
): Promise<Answer> {
  const { insert } = table
  if (insert === undefined) throw readOnly(table)
  const columns = named ?? table.columns.map(({ name }) => name)
  for (const name of columns) columnAt(table, name)
  const given: GivenRow[] = []
  const take = (row: readonly Value[]) => void given.push(givenRow(columns, row, table, values))
  if (rows.length > MAX_AT_ONCE) await forEach(rows, take)
  else rows.forEach(take)
  return { kind: 'done', ...(await insert(given, context)) }
}

export async function updateRows(
  { sets, where }: Update,
  table: Table,
  context: RunContext,
  values: Values,
): Promise<Answer> {
  const { update } = table
  if (update === undefined) throw cannotUpdate(table)
  checkSets(sets, table)
  const filter = filterOf(where, table, values)
  if (filter.keys === null) throw keysMissing(table, 'Updating')
  const given = new Map<string, GivenValue>()
  for (const { column, value } of sets) given.set(column, notNull(column, values.given(value)))
  const found = await keysOfRows(filter, table, context)
  const affected = found.keys.length === 0 ? 0 : await update(found, given, context)
  return { kind: 'done', affected, insertId: 0 }
}

/** CppComet tells 0 rows whatever was there. */
export async function deleteRows(
  { where }: Delete,
  table: Table,
  context: RunContext,
  values: Values,
): Promise<Answer> {
  const { remove } = table
  if (remove === undefined) throw readOnly(table)
  const filter = filterOf(where, table, values)
  if (filter.keys === null) throw keysMissing(table, 'Deleting')
  const found = filter.isKeysOnly ? filter.keys : await keysOfRows(filter, table, context)
  if (found.keys.length > 0) await remove(found, context)
  return done
}

/** A key can't be changed, and of two values for a column one would be lost. */
function checkSets(sets: Update['sets'], table: Table): void {
  const names = new Set<string>()
  for (const { column } of sets) {
    columnAt(table, column)
    if (table.keys.includes(column)) {
      throw new QueryError('notImplemented', `\`${column}\` can not be changed: it says which row is meant`)
    }
    if (names.has(column)) throw new QueryError('conditions', 'Each column in the update used only once')
    names.add(column)
  }
}

/** Keys, each of one row, of the rows that there are and that pass; whoever asked may be gone, a write is done all the same. */
async function keysOfRows({ keys, test }: Filter, table: Table, context: RunContext): Promise<Keys> {
  const { identity, find } = table
  if (identity === undefined || find === undefined || keys === null) throw notOneByOne(table)
  const { at } = columnAt(table, identity)
  const found = new Set<string>()
  for await (const batch of filtered(find(keys, context), test, () => true)) {
    for (const row of batch) found.add(String(row[at]))
  }
  return { by: identity, keys: [...found] }
}

function givenRow(columns: readonly string[], row: readonly Value[], table: Table, values: Values): GivenRow {
  if (row.length !== columns.length) {
    const counts = `${columns.length} columns, ${row.length} values`
    throw new QueryError('columns', `Error in columns list: ${counts}`)
  }
  const given = new Map<string, GivenValue>()
  for (const [at, name] of columns.entries()) {
    const value = row[at]
    const one = value === undefined ? null : values.given(value)
    if (one !== null) given.set(name, one)
  }
  for (const { name, isRequired } of table.columns) {
    if (isRequired === true && !given.has(name)) {
      throw new QueryError('invalid', `field \`${name}\` is required`)
    }
  }
  return given
}

function notNull(column: string, value: GivenValue | null): GivenValue {
  if (value !== null) return value
  throw new QueryError('invalid', `field \`${column}\` can not be NULL`)
}

function readOnly({ name }: Table): QueryError {
  return new QueryError('readOnly', `Table \`${name}\` is read only`)
}

function cannotUpdate(table: Table): QueryError {
  if (table.insert === undefined) return readOnly(table)
  return new QueryError(
    'notImplemented',
    `UPDATE of \`${table.name}\` is not implemented: use INSERT and DELETE`,
  )
}

/** The condition asks for some of the rows of a key, and the table can only take them all. */
function notOneByOne({ name, keys: [key = ''] }: Table): QueryError {
  const words = `Rows of \`${name}\` go together: only all of the same \`${key}\` can be meant`
  return new QueryError('notImplemented', `${words}; leave the other conditions out`)
}
