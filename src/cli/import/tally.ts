/**
 * What became of the rows that were read, and how the summary says it.
 *
 * Owns the counts, by table and by reason. Bound: reasons are few, rows are only counted.
 */

export interface TableTally {
  readonly table: string
  read: number
  imported: number
  /** Why rows were left out, and how many */
  readonly skipped: Map<string, number>
  /** Why there is nothing to read; '' = there is a table */
  missing: string
}

export function newTally(table: string): TableTally {
  return { table, read: 0, imported: 0, skipped: new Map(), missing: '' }
}

/** Counts rows that were read and left out. */
export function skip(tally: TableTally, reason: string, rows = 1): void {
  if (rows <= 0) return
  tally.skipped.set(reason, (tally.skipped.get(reason) ?? 0) + rows)
}

/** The table of all tallies, one line each, and a line for every reason to leave rows out. */
export function summaryOf(tallies: readonly TableTally[]): string {
  const rows = tallies.map((tally) => [
    tally.table,
    ...(tally.missing === ''
      ? [String(tally.read), String(tally.imported), String(skippedRows(tally))]
      : ['-', '-', '-']),
  ])
  const lines = aligned([['table', 'read', 'imported', 'skipped'], ...rows])
  return [lines[0], ...tallies.flatMap((tally, at) => [lines[at + 1], ...notesOf(tally)])].join('\n')
}

function skippedRows({ skipped }: TableTally): number {
  return [...skipped.values()].reduce((sum, rows) => sum + rows, 0)
}

function notesOf({ missing, skipped }: TableTally): string[] {
  if (missing !== '') return [`  ${missing}`]
  return [...skipped].map(([reason, rows]) => `  ${rows} skipped: ${reason}`)
}

/** Numbers stand below each other at their right end. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
}
