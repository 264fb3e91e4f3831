/**
 * What scenarios make of reports: the ways deliveries to polls are counted, the budget of mixed load. Pure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { budgetMs } from '../../../bench/scenarios/mixed.ts'
import { countedBy } from '../../../bench/scenarios/poll.ts'
import type { PollReport } from '../../../bench/support/generator.ts'
import { rowsIn } from '../../../bench/support/report-lines.ts'

const report: PollReport = {
  seconds: 4,
  generatorCpuSeconds: 1,
  serverCpuSeconds: 3,
  serverWaitSeconds: 0,
  stolenSeconds: 0,
  deliveries: 1_050,
  bytes: 0,
  published: 11,
  expected: 1_100,
  lost: 0,
  surplus: 0,
  gaps: 0,
  refused: 0,
  closed: 0,
  overheadBytes: 0,
  stalled: false,
  latencyNs: [],
  cycles: 10,
  answerSeconds: 1,
  answerCpuSeconds: 0.5,
  cycleSeconds: 2,
  cycleCpuSeconds: 1.5,
  answerNs: [],
  cycleNs: [],
}

test('countedBy counts whole cycles over the time of their answers, or over all of their time', () => {
  assert.deepEqual(countedBy('answers alone', report, 100), {
    deliveries: 1_000,
    seconds: 1,
    cpuSeconds: 0.5,
  })
  assert.deepEqual(countedBy('cycles', report, 100), { deliveries: 1_000, seconds: 2, cpuSeconds: 1.5 })
})

test('countedBy counts what fell into the window where rounds overlap', () => {
  assert.deepEqual(countedBy('sustained', report, 100), { deliveries: 1_050, seconds: 4, cpuSeconds: 3 })
})

test('budgetMs is three times the idle p99 and ten milliseconds', () => {
  assert.equal(budgetMs(4), 22)
})

test('rowsIn reads lists of numbers and refuses a report without them', () => {
  const line = { books: [[1, 2], [], 'no list'] }
  assert.deepEqual(rowsIn(line, 'books'), [[1, 2], [], []])
  assert.throws(() => rowsIn(line, 'readers'), /without a list "readers"/)
})
