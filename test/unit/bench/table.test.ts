/**
 * Tables for a terminal. Pure: cells in, text out.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatCount,
  formatMs,
  formatPercent,
  formatRatio,
  renderTable,
} from '../../../bench/support/table.ts'

test('renderTable aligns the first column left and figures right', () => {
  const text = renderTable({
    title: 'Title',
    columns: ['name', 'n'],
    rows: [
      ['a', '1,000'],
      ['long name', '7'],
    ],
  })
  assert.equal(
    text,
    ['Title', 'name           n', '---------  -----', 'a          1,000', 'long name      7'].join('\n'),
  )
})

test('formats write a dash for figures that do not exist', () => {
  for (const format of [formatCount, formatMs, formatPercent, formatRatio])
    assert.equal(format(Number.NaN), '-')
})

test('formats write counts, shares, ratios and times', () => {
  assert.equal(formatCount(1_234_567.8), '1,234,568')
  assert.equal(formatPercent(0.854), '85 %')
  assert.equal(formatRatio(0.9), '0.90')
  assert.equal(formatMs(0.1234), '0.123 ms')
  assert.equal(formatMs(1234.5), '1,235 ms')
})
