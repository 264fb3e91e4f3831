/**
 * Columns by their names.
 *
 * Owns the look-up, and the words for a column that a table does not have. Pure.
 */
import { QueryError } from '../query-failure.ts'
import type { Table, TableColumn } from '../tables/table.ts'

export interface FoundColumn {
  /** Its place in a row */
  readonly at: number
  readonly column: TableColumn
}

/** Null when the table has no such column. */
export function findColumn(table: Table, name: string): FoundColumn | null {
  const isSame = table.isAnyCase === true ? sameAnyCase(name) : (column: TableColumn) => column.name === name
  const at = table.columns.findIndex(isSame)
  const column = table.columns[at]
  return column === undefined ? null : { at, column }
}

/** @throws {QueryError} columns: the table has no such column */
export function columnAt(table: Table, name: string): FoundColumn {
  const found = findColumn(table, name)
  if (found !== null) return found
  const names = table.columns.map((column) => column.name).join(', ')
  throw new QueryError(
    'columns',
    `Not a specific column: \`${name.slice(0, 64)}\`; \`${table.name}\` has ${names}`,
  )
}

function sameAnyCase(name: string): (column: TableColumn) => boolean {
  const upper = name.toUpperCase()
  return (column) => column.name.toUpperCase() === upper
}
