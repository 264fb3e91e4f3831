/**
 * `metrics`: what the node measures, one row per line of the exposition.
 *
 * Owns the table, so that dashboards which speak MySQL need no Prometheus. Rows are made from the lines as they are now;
 * a line that has no value yet (a quantile of nothing) is left out. Read only. Memory: the lines, some hundred.
 */
import type { MetricLine } from '../run/context.ts'
import type { Table } from './table.ts'

/** @param read the lines of now */
export function metricsTable(read: () => readonly MetricLine[]): Table {
  return {
    name: 'metrics',
    columns: [
      { name: 'name', type: 'text', sqlType: 'varchar(255)' },
      { name: 'labels', type: 'text', sqlType: 'varchar(255)' },
      { name: 'value', type: 'number', sqlType: 'double' },
    ],
    keys: [],
    all: () => [rowsOf(read())],
  }
}

function rowsOf(lines: readonly MetricLine[]): (readonly [string, string, number])[] {
  return lines
    .filter(({ value }) => Number.isFinite(value))
    .map(({ name, labels, value }) => [name, labels, value])
}
