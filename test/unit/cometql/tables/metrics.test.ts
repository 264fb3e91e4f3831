/**
 * Tests of src/cometql/tables/metrics.ts: lines of the exposition as rows.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Row } from '../../../../src/cometql/answer.ts'
import type { MetricLine } from '../../../../src/cometql/run/context.ts'
import { metricsTable } from '../../../../src/cometql/tables/metrics.ts'
import { localCore } from '../../../support/local-core.ts'
import { queryContext } from '../../../support/query-context.ts'

const lines: readonly MetricLine[] = [
  { name: 'encke_connections', labels: 'transport="websocket"', value: 41 },
  { name: 'encke_connections', labels: 'transport="sse"', value: 0 },
  { name: 'encke_flush_publications_bucket', labels: 'le="+Inf"', value: 12 },
  { name: 'encke_loop_lag_seconds', labels: 'quantile="0.99"', value: 0.0025 },
  { name: 'encke_books_balance', labels: '', value: -3 },
]

test('metrics have a row per line, with the value as a number', async (t) => {
  assert.deepEqual(await rowsOf(t, lines), [
    ['encke_connections', 'transport="websocket"', 41],
    ['encke_connections', 'transport="sse"', 0],
    ['encke_flush_publications_bucket', 'le="+Inf"', 12],
    ['encke_loop_lag_seconds', 'quantile="0.99"', 0.0025],
    ['encke_books_balance', '', -3],
  ])
})

test('metrics leave out what has no value yet, which MySQL could not write', async (t) => {
  const without = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const empty = without.map((value): MetricLine => ({ name: 'encke_x', labels: '', value }))
  assert.deepEqual(await rowsOf(t, [...empty, { name: 'encke_y', labels: '', value: 1 }]), [
    ['encke_y', '', 1],
  ])
})

test('metrics without lines have no rows', async (t) => {
  assert.deepEqual(await rowsOf(t, []), [])
})

test('metrics are read when they are asked for, each time', async (t) => {
  let value = 0
  const table = metricsTable(() => [{ name: 'encke_x', labels: '', value: ++value }])
  assert.equal(value, 0)
  const context = queryContext(localCore(t))
  for (const expected of [1, 2]) {
    const rows: Row[] = []
    for await (const batch of table.all?.(context) ?? []) rows.push(...batch)
    assert.deepEqual(rows, [['encke_x', '', expected]])
  }
})

test('metrics are a table to look at: columns are typed for plots, and nothing is taken', () => {
  const table = metricsTable(() => lines)
  assert.deepEqual(
    table.columns.map(({ name, type, sqlType }) => [name, type, sqlType]),
    [
      ['name', 'text', 'varchar(255)'],
      ['labels', 'text', 'varchar(255)'],
      ['value', 'number', 'double'],
    ],
  )
  assert.deepEqual(
    [table.insert, table.remove, table.update, table.keys],
    [undefined, undefined, undefined, []],
  )
})

async function rowsOf(t: TestContext, from: readonly MetricLine[]): Promise<Row[]> {
  const rows: Row[] = []
  const context = queryContext(localCore(t))
  for await (const batch of metricsTable(() => from).all?.(context) ?? []) rows.push(...batch)
  return rows
}
