/**
 * Tests of src/core/failure-of.ts: which code a failure gets.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf } from '../../../src/core/failure-of.ts'
import { LimitError, UnavailableError } from '../../../src/errors.ts'

test('a failure has the code of what was thrown, or is a fault of the node', () => {
  assert.deepEqual(failureOf(new UnavailableError('STORE_FAILED', 'full')), {
    failed: 'STORE_FAILED',
    message: 'full',
  })
  assert.equal(failureOf(new LimitError('NODE_CHANNEL_LIMIT', 'too many')).failed, 'NODE_CHANNEL_LIMIT')
  assert.deepEqual(failureOf(new TypeError('oops')), { failed: 'INTERNAL', message: 'oops' })
  assert.deepEqual(failureOf('text'), { failed: 'INTERNAL', message: 'text' })
})
