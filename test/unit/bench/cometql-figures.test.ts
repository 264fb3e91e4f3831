/**
 * What the scenario `cometql` makes of reports: losses, results that are not whole, memory that slow readers cost; and the
 * messages it inserts. Pure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lossFaults } from '../../../bench/scenarios/cometql.ts'
import { heldFaults, resultFaults } from '../../../bench/scenarios/cometql-rows.ts'
import { insertText, messageOf } from '../../../bench/support/mysql-inserts.ts'
import { readOrder, type SelectReport } from '../../../bench/support/mysql-orders.ts'
import { parse } from '../../../src/cometql/sql/parse.ts'

const report: SelectReport = {
  seconds: 1,
  generatorCpuSeconds: 0.1,
  serverCpuSeconds: 1,
  serverWaitSeconds: 0,
  stolenSeconds: 0,
  rows: 900,
  bytes: 90_000,
  results: 9,
  fewestRows: 100,
  mostRows: 100,
  refused: 0,
  firstRefusal: '',
  unanswered: 0,
  totalBytes: 100_000,
}

test('lossFaults are none only when as many were published as acknowledged', () => {
  assert.deepEqual(lossFaults('memory', 10, 10), [])
  assert.deepEqual(lossFaults('memory', 1_010, 1_009), [
    'memory: 1,010 inserts were acknowledged, 1,009 published',
  ])
  assert.equal(lossFaults('memory', 10, 11).length, 1)
})

test('resultFaults are none for results that all have all rows', () => {
  assert.deepEqual(resultFaults('text', report, 100), [])
})

test('resultFaults name short and long results, refusals, missing ends and the lack of any result', () => {
  assert.match(resultFaults('text', { ...report, fewestRows: 99 }, 100).join(), /had 99 to 100 rows of 100/)
  assert.match(resultFaults('text', { ...report, mostRows: 101 }, 100).join(), /had 100 to 101 rows of 100/)
  const refused = { ...report, refused: 2, firstRefusal: '13 No' }
  assert.deepEqual(resultFaults('text', refused, 100), ['text: 2 queries refused: 13 No'])
  assert.match(resultFaults('text', { ...report, unanswered: 1 }, 100).join(), /1 results never came/)
  const none = { ...report, results: 0, fewestRows: 0, mostRows: 0 }
  assert.deepEqual(resultFaults('text', none, 100), ['text: no result came to its end'])
})

test('heldFaults are for growth above the usual and above half of the results', () => {
  assert.deepEqual(heldFaults(60e6, 70e6), [])
  assert.deepEqual(heldFaults(100e6, 300e6), [])
  assert.match(heldFaults(200e6, 300e6).join(), /200\.0 MB for results of 300\.0 MB/)
})

test('messageOf is JSON of exactly so many bytes, and insertText a statement the node can read', () => {
  for (const bytes of [10, 128, 5_000]) {
    assert.equal(messageOf(bytes).length, bytes)
    assert.equal(typeof JSON.parse(messageOf(bytes)), 'object')
  }
  const { statements } = parse(insertText('web_bench', messageOf(128)), { isMulti: false })
  assert.deepEqual(
    statements.map(({ kind }) => kind),
    ['insert'],
  )
})

test('readOrder refuses a line that is no order', () => {
  assert.throws(() => readOrder('{"order":"dance"}'), /Unknown order/)
  assert.throws(() => readOrder('null'), /Unknown order/)
})
