/**
 * Tests of src/core/eventually.ts: what is there already is used at once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whenDone } from '../../../src/core/eventually.ts'

test('whenDone goes on at once with a value that is there', () => {
  assert.equal(
    whenDone(20, (value) => value + 1),
    21,
  )
})

test('whenDone waits for a promise', async () => {
  const outcome = whenDone(Promise.resolve(20), (value) => value + 1)
  assert.ok(outcome instanceof Promise)
  assert.equal(await outcome, 21)
})

test('whenDone passes on what either step threw', async () => {
  const fail = () => {
    throw new Error('second')
  }
  await assert.rejects(async () => whenDone(Promise.reject(new Error('first')), fail), /first/)
  await assert.rejects(async () => whenDone(Promise.resolve(1), fail), /second/)
  assert.throws(() => whenDone(1, fail), /second/)
})
