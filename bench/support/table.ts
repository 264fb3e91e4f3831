/**
 * A table of text for a terminal.
 *
 * Owns widths and alignment: the first column to the left, figures to the right. Pure.
 */
export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** The table as lines, without a line break at the end. */
export function renderTable(table: Table): string {
  const widths = table.columns.map((column, index) =>
    Math.max(column.length, ...table.rows.map((row) => row[index]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    widths
      .map((width, index) => (cells[index] ?? '')[index === 0 ? 'padEnd' : 'padStart'](width))
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return [table.title, line(table.columns), rule, ...table.rows.map(line)].join('\n')
}

/** `12,345,678`; `-` when there is no such figure. */
export function formatCount(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '-'
}

export function formatPercent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : '-'
}

export function formatRatio(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : '-'
}

/** Three digits or more: `0.123 ms`, `12.3 ms`, `1,234 ms`. */
export function formatMs(ms: number): string {
  if (!Number.isFinite(ms)) return '-'
  if (ms >= 100) return `${formatCount(ms)} ms`
  return `${ms.toPrecision(3)} ms`
}
