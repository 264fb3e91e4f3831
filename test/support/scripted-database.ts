/**
 * A database of recorded tables, for tests of what an import makes of them.
 *
 * Owns the few statements that an import sends: whole tables, sorted and counted, and the rows of one pipe. Anything else
 * fails the test. Columns compare without case unless a statement says BINARY, as most do. That the statements are right for a real server is shown by test/e2e/import-cppcomet.test.ts.
 */
import type { Cells, Database } from '../../src/cli/import/database.ts'

export type RecordedRow = Readonly<Record<string, string | number | Buffer | null>>
export type RecordedTables = Readonly<Record<string, readonly RecordedRow[]>>

/** A row as it comes off the wire: every cell is text. */
export function cellsOf(row: RecordedRow): Cells {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value === null || Buffer.isBuffer(value) ? value : Buffer.from(String(value)),
    ]),
  )
}

/** @param failAfter rows that are read until the connection is lost */
export function scriptedDatabase(
  tables: RecordedTables,
  failAfter = Number.POSITIVE_INFINITY,
): Database & { readonly statements: string[] } {
  const statements: string[] = []
  let left = failAfter
  return {
    statements,
    async columns() {
      return new Map(
        Object.entries(tables).map(([name, rows]) => [name, new Set(Object.keys(rows[0] ?? {}))]),
      )
    },
    async *rows(sql, values = []) {
      statements.push(sql)
      for (const row of answer(tables, sql, values)) {
        if (left-- === 0) throw new Error('The connection is lost')
        yield cellsOf(row)
      }
    },
    close: () => Promise.resolve(),
  }
}

const STATEMENT =
  /^SELECT (?<columns>.+) FROM (?<table>\w+)(?: WHERE (?<where>.+?))?(?: GROUP BY (?<group>.+?))?(?: ORDER BY (?<order>.+?))?(?: LIMIT (?<offset>\d+), \d+)?$/

function answer(
  tables: RecordedTables,
  sql: string,
  values: readonly (string | number)[],
): readonly RecordedRow[] {
  const { columns, table, where, group, order, offset } = STATEMENT.exec(sql)?.groups ?? {}
  const all = tables[table ?? '']
  if (columns === undefined || all === undefined) throw new Error(`No answer was recorded for: ${sql}`)
  const keys = (where ?? '').split(' AND ').flatMap((key) => (key === '' ? [] : [key.replace(' = ?', '')]))
  const rows = all.filter((row) =>
    keys.every((key, at) => compared(row, key) === folded(`${values[at]}`, key)),
  )
  if (group !== undefined) return grouped(rows, group.split(', '))
  if (columns === 'COUNT(*) AS total') return [{ total: rows.length }]
  const sorted = order === undefined ? rows : rows.toSorted((a, b) => compare(a, b, order.split(', ')))
  return sorted.slice(Number(offset ?? 0)).map((row) => picked(row, columns.split(', ')))
}

function grouped(rows: readonly RecordedRow[], keys: readonly string[]): RecordedRow[] {
  const groups = new Map<string, RecordedRow>()
  for (const row of rows) {
    const key = JSON.stringify(keys.map((column) => compared(row, column)))
    const group = groups.get(key) ?? { ...picked(row, keys.map(named)), total: 0 }
    groups.set(key, { ...group, total: Number(group.total) + 1 })
  }
  return [...groups.values()]
}

/** A cell as the column compares it. @param column also `BINARY name` */
function compared(row: RecordedRow, column: string): string {
  return folded(`${row[named(column)]}`, column)
}

function folded(text: string, column: string): string {
  return named(column) === column ? text.toLowerCase() : text
}

function named(column: string): string {
  return column.replace('BINARY ', '')
}

function picked(row: RecordedRow, columns: readonly string[]): RecordedRow {
  return Object.fromEntries(columns.map((name) => [name, row[name] ?? null]))
}

function compare(a: RecordedRow, b: RecordedRow, keys: readonly string[]): number {
  for (const key of keys) {
    const [left, right] = [a[key] ?? '', b[key] ?? '']
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}
