/**
 * Tests of src/core/ledger.ts: the books, and what of a turn is told to the observer.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLedger, type Ledger } from '../../../src/core/ledger.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { recordingFanOut } from '../../support/recording-fan-out.ts'

function setUp() {
  const told: [transport: string, deliveries: number, bytes: number][] = []
  const delivered = (...row: (typeof told)[number]) => void told.push(row)
  return { told, ledger: createLedger({ ...silentObserver, delivered }) }
}

/** One of each kind of entry: all that can be, in balance. */
function fill(ledger: Ledger): void {
  const fanOut = recordingFanOut()
  ledger.due(100)
  ledger.asked(20)
  ledger.give(fanOut, 80, 800)
  ledger.takeBack(fanOut, 5, 50)
  ledger.deferred(11)
  ledger.lose('gap', 10)
  ledger.lose('ended', 3)
  ledger.lose('unsubscribed', 1)
}

test('books start empty and in balance', () => {
  assert.deepEqual(setUp().ledger.books(0), {
    due: 0,
    asked: 0,
    delivered: 0,
    deferred: 0,
    lagging: 0,
    lost: { gap: 0, ended: 0, unsubscribed: 0 },
    balance: 0,
  })
})

test('books hold what is put in, and balance when all of it is accounted for', () => {
  const { ledger } = setUp()
  fill(ledger)
  assert.deepEqual(ledger.books(20), {
    due: 100,
    asked: 20,
    delivered: 75,
    deferred: 11,
    lagging: 20,
    lost: { gap: 10, ended: 3, unsubscribed: 1 },
    balance: 0,
  })
})

test('books show what is missing above zero and what is too much below', () => {
  const { ledger } = setUp()
  fill(ledger)
  assert.equal(ledger.books(19).balance, 1)
  ledger.give(recordingFanOut(), 2, 20)
  assert.equal(ledger.books(19).balance, -1)
})

test('books once shown do not change', () => {
  const { ledger } = setUp()
  const before = ledger.books(0)
  ledger.lose('gap', 5)
  assert.equal(before.lost.gap, 0)
})

test('ledger tells the deliveries of a turn when they are final, for each fan-out, less what was taken back', () => {
  const { ledger, told } = setUp()
  const [one, other] = [recordingFanOut(), { ...recordingFanOut(), transport: 'sse' as const }]
  ledger.give(one, 10, 1_000)
  ledger.give(other, 3, 30)
  ledger.give(one, 5, 500)
  ledger.takeBack(one, 1, 100)
  assert.deepEqual(told, [])
  assert.equal(ledger.isTurnOpen(), true)
  ledger.closeTurn()
  assert.deepEqual(told, [
    ['websocket', 14, 1_400],
    ['sse', 3, 30],
  ])
  assert.equal(ledger.isTurnOpen(), false)
  ledger.give(other, 1, 10)
  ledger.closeTurn()
  assert.deepEqual(told.slice(2), [['sse', 1, 10]], 'a fan-out without deliveries is not told of')
})

test('ledger tells nothing of a turn all of which was taken back', () => {
  const { ledger, told } = setUp()
  const fanOut = recordingFanOut()
  ledger.give(fanOut, 4, 40)
  ledger.takeBack(fanOut, 4, 40)
  ledger.closeTurn()
  assert.deepEqual(told, [])
})
