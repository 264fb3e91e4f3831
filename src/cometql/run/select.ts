/**
 * SELECT: from the rows of a table to the rows of a result.
 *
 * Owns the way between: rows are found by their keys or walked over, tested, ordered, counted, cut to the limit and turned
 * into the columns that were asked for. Without ORDER BY and DISTINCT a batch at a time, so that a large result needs the
 * memory of one batch; with them at most `sortBytes`, above which the query is refused. Bounds: `MAX_COLUMNS`,
 * `MAX_SORT_KEYS`, and `MAX_ROW_LETTERS` where a row could be longer than what it was made of. Everything else that can be
 * wrong with a statement is found before the first row.
 */
import type { Answer, Batches, ResultColumn, Row } from '../answer.ts'
import { QueryError } from '../query-failure.ts'
import type { Limit, Select, SelectItem } from '../sql/statement.ts'
import type { Values } from '../sql/values.ts'
import { lettersOf } from '../tables/lookup.ts'
import type { Table, TableColumn } from '../tables/table.ts'
import { columnAt } from './columns.ts'
import { readingOf } from './comparable.ts'
import { type Filter, filterOf, keysMissing, rowTest } from './conditions.ts'
import { constantValue } from './constants.ts'
import type { RunContext } from './context.ts'
import { distinct, inOrder, type SortKey } from './sort.ts'
import { filtered } from './walk.ts'

/** Far more than any table has: one column may be asked for several times. */
const MAX_COLUMNS = 256

/** Things to order by. Those that only say again what was said before would cost memory and time all the same. */
const MAX_SORT_KEYS = 32

/** Letters of a row in which columns come several times; as it is told in one go. */
const MAX_ROW_LETTERS = 16_777_216

export interface SelectLimits {
  readonly sortBytes: number
}

/** One column of a result, and how a row of the table gives it. */
interface Output {
  readonly column: ResultColumn
  readonly of: (row: Row) => string | number
  /** What it is made of, which knows how it is compared */
  readonly source: TableColumn
}

/** Where constants come from. */
const NO_TABLE: Table = { name: 'DUAL', columns: [], keys: [] }

/** Rows of a result that pass, from the `offset`th on. */
interface Window {
  readonly offset: number
  readonly count: number
}

/** A SELECT of constants only. */
export function selectConstants(select: Select, context: RunContext, values: Values): Answer {
  checkCount(select.items.length)
  const outputs = select.items.map((item) => constantOutput(item, context, values))
  const row = outputs.map((output) => output.of([]))
  const { offset, count } = windowOf(select.limit, values)
  const isShown = rowTest(select.where, NO_TABLE, values)([]) && offset === 0 && count > 0
  return { kind: 'rows', columns: outputs.map(({ column }) => column), batches: isShown ? [[row]] : [] }
}

/** @throws {QueryError} for everything that is wrong with the statement */
export function selectRows(
  select: Select,
  table: Table,
  { context, values, limits }: { context: RunContext; values: Values; limits: SelectLimits },
): Answer {
  const { items, where } = select
  checkCount(items.length)
  const filter = filterOf(where, table, values)
  const found = filtered(rowsOf(filter, table, context), filter.test, context.isWanted)
  const window = windowOf(select.limit, values)
  if (items.some((item) => item.kind === 'count')) return counted(select, table, found, window)
  const outputs = items.flatMap((item) => outputsOf(item, table, context, values))
  checkCount(outputs.length) // * stands for several
  const columns = outputs.map(({ column }) => column)
  const project = projection(outputs, table)
  const keys = sortKeys(select, table, outputs)
  const sortLimits = {
    needed: rowsNeeded(select, window),
    maxBytes: limits.sortBytes,
    isWanted: context.isWanted,
  }
  const ordered = keys.length === 0 ? found : inOrder(found, keys, sortLimits)
  if (!select.isDistinct) return { kind: 'rows', columns, batches: mapped(cut(ordered, window), project) }
  const unlike = distinct(mapped(ordered, project), limits.sortBytes)
  return { kind: 'rows', columns, batches: cut(unlike, window) }
}

function checkCount(columns: number): void {
  if (columns <= MAX_COLUMNS) return
  throw new QueryError('tooLong', `Too many columns: ${columns} of at most ${MAX_COLUMNS}`)
}

/** From rows of the table to rows of the result. */
function projection(outputs: readonly Output[], table: Table): (rows: readonly Row[]) => readonly Row[] {
  const make = (row: Row): Row => outputs.map((output) => output.of(row))
  const makeChecked = (row: Row): Row => checkedRow(make(row))
  return outputs.length > table.columns.length ? (rows) => rows.map(makeChecked) : (rows) => rows.map(make)
}

function checkedRow(row: Row): Row {
  const letters = lettersOf(row)
  if (letters <= MAX_ROW_LETTERS) return row
  const bounds = `${letters} of at most ${MAX_ROW_LETTERS} letters`
  throw new QueryError('tooLong', `Row is too long: ${bounds}; ask for its columns once`)
}

/** Of those that are ordered; what DISTINCT takes out must not be missing at the end. */
function rowsNeeded({ isDistinct }: Select, { offset, count }: Window): number {
  return isDistinct ? Number.POSITIVE_INFINITY : offset + count
}

function rowsOf({ keys }: Filter, table: Table, context: RunContext): Batches {
  if (keys !== null && table.find !== undefined) return table.find(keys, context)
  if (table.all === undefined) throw keysMissing(table, 'Selection')
  return table.all(context)
}

/** Columns and constants beside a count have no row to come from; one row is in order whatever it is ordered by. */
function counted(select: Select, table: Table, found: Batches, window: Window): Answer {
  const outputs = select.items.map((item) => {
    if (item.kind !== 'count') {
      throw new QueryError(
        'notImplemented',
        'COUNT beside other columns is not implemented: ask for it alone',
      )
    }
    if (item.column !== null) columnAt(table, item.column)
    const column = { name: item.label, type: 'integer' } as const
    return { column, of: () => 0, source: { ...column, sqlType: '' } }
  })
  sortKeys(select, table, outputs)
  const columns = outputs.map(({ column }) => column)
  async function* count(): Batches {
    let total = 0
    for await (const rows of found) total += rows.length
    yield [columns.map(() => total)]
  }
  return { kind: 'rows', columns, batches: cut(count(), window) }
}

function outputsOf(item: SelectItem, table: Table, context: RunContext, values: Values): Output[] {
  switch (item.kind) {
    case 'all':
      return table.columns.map((column, at) => ({ column, of: (row) => row[at] ?? '', source: column }))
    case 'column': {
      const { at, column } = columnAt(table, item.name)
      const labelled = { name: item.label, type: column.type }
      return [{ column: labelled, of: (row) => row[at] ?? '', source: column }]
    }
    default:
      return [constantOutput(item, context, values)]
  }
}

function constantOutput(item: SelectItem, context: RunContext, values: Values): Output {
  if (item.kind !== 'constant') {
    throw new QueryError('syntax', 'Syntax error in query: expected FROM and a table behind the columns')
  }
  const { value, type } = constantValue(item.constant, context, values)
  const column = { name: item.label, type }
  return { column, of: () => value, source: { ...column, sqlType: '' } }
}

/** What rows of the table are ordered by: a column of it, or of the result by its label or number. */
function sortKeys({ orderBy }: Select, table: Table, outputs: readonly Output[]): SortKey[] {
  if (orderBy.length > MAX_SORT_KEYS) {
    const bounds = `${orderBy.length} of at most ${MAX_SORT_KEYS} columns`
    throw new QueryError('tooLong', `ORDER BY is too long: ${bounds}`)
  }
  return orderBy.map(({ by, isDescending }) => {
    const { of, source } = orderedBy(by, table, outputs)
    const read = readingOf(source, table.isAnyCase === true)
    return { of: (row) => read(of(row)), isDescending }
  })
}

function orderedBy(by: string | number, table: Table, outputs: readonly Output[]): Omit<Output, 'column'> {
  const output = typeof by === 'number' ? outputs[by - 1] : outputs.find(({ column }) => column.name === by)
  if (output !== undefined) return output
  if (typeof by === 'number') {
    throw new QueryError('columns', `Not a specific column: ORDER BY ${by}, of ${outputs.length} columns`)
  }
  const { at, column } = columnAt(table, by)
  return { of: (row) => row[at] ?? '', source: column }
}

function windowOf(limit: Limit | null, values: Values): Window {
  if (limit === null) return { offset: 0, count: Number.POSITIVE_INFINITY }
  const offset = limit.offset === null ? 0 : values.count(limit.offset, 'the offset of LIMIT')
  return { offset, count: values.count(limit.count, 'LIMIT') }
}

async function* mapped(batches: Batches, change: (rows: readonly Row[]) => readonly Row[]): Batches {
  for await (const rows of batches) yield change(rows)
}

/** Ends the walk with the last row that is wanted. */
async function* cut(batches: Batches, { offset, count }: Window): Batches {
  let skip = offset
  let left = count
  if (left === 0) return
  for await (const rows of batches) {
    const wanted = rows.slice(skip, skip + left)
    skip = Math.max(0, skip - rows.length)
    left -= wanted.length
    if (wanted.length > 0) yield wanted
    if (left === 0) return
  }
}
