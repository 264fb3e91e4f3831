/**
 * Tests of src/cometql/transaction-status.ts: the bits after each change, as MariaDB 10.11 tells them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TransactionChange } from '../../../src/cometql/sql/statement.ts'
import { createTransactionStatus } from '../../../src/cometql/transaction-status.ts'

const IN = 1
const AUTO = 2

type Step = TransactionChange | 'rows' | 'reset'

function bitsAfter(...steps: readonly Step[]): number {
  const transaction = createTransactionStatus()
  for (const step of steps) {
    if (step === 'rows') transaction.touched()
    else if (step === 'reset') transaction.reset()
    else transaction.change(step)
    assert.equal(transaction.isAutocommit, (transaction.bits & AUTO) !== 0, step)
  }
  return transaction.bits
}

const cases: readonly (readonly [bits: number, ...steps: readonly Step[]])[] = [
  [AUTO],
  [AUTO, 'rows'],
  [AUTO | IN, 'begin'],
  [AUTO | IN, 'begin', 'begin'],
  [AUTO | IN, 'begin', 'rows'],
  [AUTO, 'begin', 'end'],
  [AUTO, 'end'],
  [0, 'autocommitOff'],
  [IN, 'autocommitOff', 'rows'],
  [IN, 'autocommitOff', 'begin'],
  [0, 'autocommitOff', 'rows', 'end'],
  [IN, 'autocommitOff', 'rows', 'end', 'rows'],
  [IN, 'autocommitOff', 'rows', 'autocommitOff'],
  [AUTO, 'autocommitOff', 'rows', 'autocommitOn'],
  [AUTO | IN, 'begin', 'autocommitOn'],
  [IN, 'begin', 'autocommitOff'],
  [AUTO, 'begin', 'autocommitOff', 'autocommitOn'],
  [AUTO, 'autocommitOff', 'rows', 'reset'],
  [AUTO, 'begin', 'reset'],
  [AUTO, 'autocommitOff', 'reset', 'rows'],
]

for (const [bits, ...steps] of cases) {
  test(`transaction status is ${bits} after ${steps.join(', ') || 'a login'}`, () => {
    assert.equal(bitsAfter(...steps), bits)
  })
}
