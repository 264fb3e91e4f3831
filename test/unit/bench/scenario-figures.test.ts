/**
 * What scenarios make of reports: rates and faults of deliveries and of publishing, the ways deliveries to polls are
 * counted, the budget of mixed load, what a node that was killed must still hold. Pure.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultsOf } from '../../../bench/scenarios/durable.ts'
import { budgetMs } from '../../../bench/scenarios/mixed.ts'
import { countedBy } from '../../../bench/scenarios/poll.ts'
import { deliveryFaults, deliveryFigures } from '../../../bench/support/deliveries.ts'
import { publishFaults, publishFigures } from '../../../bench/support/publishing.ts'
import { rowsIn } from '../../../bench/support/report-lines.ts'
import type { PollReport, PublishReport } from '../../../bench/support/reports.ts'
import { rotate } from '../../../bench/support/timing.ts'

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

test('deliveryFigures takes medians over the turns, and sums of the books', () => {
  const figures = deliveryFigures([
    report,
    { ...report, deliveries: 4_000, lost: 2 },
    { ...report, deliveries: 8_000, lost: 1, gaps: 4 },
  ])
  assert.equal(figures.deliveriesPerSecond, 1_000)
  assert.deepEqual(figures.perRepeat, [262.5, 1_000, 2_000])
  assert.equal(figures.deliveriesPerCpuSecond, 4_000 / 3)
  assert.deepEqual([figures.lost, figures.surplus, figures.gaps], [3, 0, 4])
})

test('deliveryFaults names everything that is wrong, and nothing in a sound run', () => {
  assert.deepEqual(deliveryFaults('here', [report, report]), [])
  const broken = { ...report, lost: 1_000, surplus: 2, gaps: 3, refused: 1, closed: 1, stalled: true }
  assert.deepEqual(deliveryFaults('here', [report, broken]), [
    'here: 1,000 deliveries lost',
    'here: 2 deliveries too many',
    'here: 3 breaks in the order of what was sent',
    'here: publications were refused',
    'here: connections were lost',
    'here: deliveries stopped',
  ])
})

const published: PublishReport = {
  seconds: 2,
  generatorCpuSeconds: 0.5,
  serverCpuSeconds: 1,
  serverWaitSeconds: 0,
  stolenSeconds: 0,
  acknowledged: 1_000,
  unanswered: 0,
  refused: 0,
  firstRefusal: '',
  latencyNs: [[1_000_000, 1_000]],
}

test('publishFigures adds up publishers of a turn, and counts the time of the server once', () => {
  const figures = publishFigures([[published, { ...published, acknowledged: 3_000 }]])
  assert.equal(figures.publicationsPerSecond, 2_000)
  assert.deepEqual([figures.cpu.server, figures.cpu.generator], [0.5, 0.5])
  assert.equal(figures.latency.samples, 2_000)
})

test('publishFaults tells the totals of the last turn', () => {
  const refused = { ...published, refused: 2, firstRefusal: 'STORE_FAILED: full' }
  assert.deepEqual(publishFaults('here', [[published, published]]), [])
  assert.deepEqual(publishFaults('here', [[refused], [refused, { ...refused, unanswered: 5 }]]), [
    'here: 4 publications refused: STORE_FAILED: full',
    'here: 5 publications never answered',
  ])
})

test('rotate begins with another one each turn', () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((turn) => rotate(['a', 'b', 'c'], turn).join('')),
    ['abc', 'bca', 'cab', 'abc'],
  )
})

test('durable finds fault with a node that lost, changed or made up publications', () => {
  const before = { epoch: 'e1', offset: 100 }
  const recovery = { ms: 1, received: 10, breaks: 0 }
  const sound = { before, after: before, publications: 100, recovery, missed: 10 }
  assert.deepEqual(faultsOf(sound), [])
  assert.match(faultsOf({ ...sound, after: { epoch: 'e2', offset: 100 } }).join(), /another epoch/)
  assert.match(faultsOf({ ...sound, after: { epoch: 'e1', offset: 99 } }).join(), /at 99 instead of 100/)
  assert.match(faultsOf({ ...sound, publications: 0 }).join(), /was empty/)
  assert.match(faultsOf({ ...sound, recovery: { ...recovery, received: 9 } }).join(), /missed 10 got 9/)
  assert.match(faultsOf({ ...sound, recovery: { ...recovery, breaks: 1 } }).join(), /1 breaks/)
})
