/**
 * INSERT, REPLACE, UPDATE and DELETE.
 *
 * Owns their clauses, and that every row has as many values as columns are named. An INSERT replaces what is there, so
 * that REPLACE is the same. What would touch more rows or other ones than was written is refused. It must not know
 * tables.
 */
import { QueryError } from '../query-failure.ts'
import { where } from './parse-condition.ts'
import { onlyTable, orderBy, refuseMore } from './parse-select.ts'
import { columnName, subSelect, tableName, value } from './parse-terms.ts'
import { notImplemented, type Tokens, wordSet } from './parse-tokens.ts'
import type { Delete, Insert, Update, Value } from './statement.ts'

/** Hints for MySQL's own work; they change nothing here. */
const HINTS = wordSet('LOW_PRIORITY DELAYED HIGH_PRIORITY QUICK IGNORE')

/** From here on a set finds a column that is named twice faster than the list itself. */
const MANY_COLUMNS = 16

interface Assignment {
  readonly column: string
  readonly value: Value
}

/** Reads what follows INSERT or REPLACE. @throws {QueryError} syntax, notImplemented, conditions, columns */
export function insert(tokens: Tokens): Insert {
  tokens.skipWords(HINTS)
  tokens.takeWord('INTO')
  const table = tableName(tokens)
  tokens.nameTable(table.name, null)
  if (tokens.takeWord('SET')) {
    const sets = tokens.list(assignment)
    refuseMoreOfInsert(tokens)
    const columns = named(sets.map((set) => set.column))
    return { kind: 'insert', table, columns, rows: [sets.map((set) => set.value)] }
  }
  const columns = tokens.isSymbol('(') ? named(columnList(tokens)) : null
  if (tokens.isWord('SELECT')) throw subSelect()
  if (!tokens.takeWord('VALUES') && !tokens.takeWord('VALUE')) throw tokens.unexpected('VALUES')
  const rows = tokens.list(row)
  refuseMoreOfInsert(tokens)
  if (columns !== null) checkCounts(rows, columns.length)
  return { kind: 'insert', table, columns, rows }
}

/** Reads what follows UPDATE. @throws {QueryError} syntax, notImplemented */
export function update(tokens: Tokens): Update {
  tokens.skipWords(HINTS)
  const table = onlyTable(tokens)
  refuseMore(tokens)
  tokens.expectWord('SET')
  const sets = tokens.list(assignment)
  const condition = where(tokens)
  finishWrite(tokens, 'UPDATE')
  return { kind: 'update', table, sets, where: condition }
}

/** Reads what follows DELETE. @throws {QueryError} syntax, notImplemented */
export function remove(tokens: Tokens): Delete {
  tokens.skipWords(HINTS)
  tokens.expectWord('FROM')
  const table = onlyTable(tokens)
  const condition = where(tokens)
  finishWrite(tokens, 'DELETE')
  return { kind: 'delete', table, where: condition }
}

/** The order of a write has no meaning; a limit does. */
function finishWrite(tokens: Tokens, what: string): void {
  orderBy(tokens)
  if (tokens.isWord('LIMIT')) {
    throw notImplemented(`LIMIT in ${what}`, 'say with WHERE which rows are meant')
  }
  refuseMore(tokens)
}

function columnList(tokens: Tokens): string[] {
  tokens.expectSymbol('(')
  const columns = tokens.list(columnName)
  tokens.expectSymbol(')')
  return columns
}

function named(columns: readonly string[]): readonly string[] {
  const isTwice =
    columns.length < MANY_COLUMNS
      ? columns.some((column, at) => columns.indexOf(column) < at)
      : new Set(columns).size < columns.length
  if (isTwice) throw new QueryError('conditions', 'Each column in the insert used only once')
  return columns
}

function row(tokens: Tokens): Value[] {
  tokens.expectSymbol('(')
  const values = tokens.list(valueOrDefault)
  tokens.expectSymbol(')')
  return values
}

function assignment(tokens: Tokens): Assignment {
  const column = columnName(tokens)
  if (!tokens.takeSymbol(':=')) tokens.expectSymbol('=')
  return { column, value: valueOrDefault(tokens) }
}

/** What is not given has its default. */
function valueOrDefault(tokens: Tokens): Value {
  return tokens.takeWord('DEFAULT') ? { kind: 'null' } : value(tokens)
}

function refuseMoreOfInsert(tokens: Tokens): void {
  if (tokens.isWord('ON')) {
    throw notImplemented('ON DUPLICATE KEY UPDATE', 'leave it out, INSERT replaces what is there')
  }
  if (tokens.isWord('RETURNING')) throw notImplemented('RETURNING', 'ask for the row with SELECT')
}

function checkCounts(rows: readonly (readonly Value[])[], columns: number): void {
  let number = 0
  for (const { length } of rows) {
    number++
    if (length !== columns) {
      const counts = `row ${number} has ${length} values for ${columns} columns`
      throw new QueryError('columns', `Error in columns list: ${counts}`)
    }
  }
}
