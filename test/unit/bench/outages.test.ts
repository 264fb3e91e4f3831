/**
 * Outages and the time to catch up after them. Pure: times in, milliseconds out.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catchUpMs, outageIn } from '../../../bench/support/outages.ts'

const published = [100, 200, 300, 400]

test('catchUpMs counts until the last publication before the end of the outage has come', () => {
  const received = [101, 350, 360, 401]
  assert.equal(catchUpMs(310, [{ published, received }]), 50)
})

test('catchUpMs of a client that missed nothing is 0', () => {
  const received = [101, 201, 301, 401]
  assert.equal(catchUpMs(310, [{ published, received }]), 0)
  assert.equal(catchUpMs(50, [{ published, received: [] }]), 0)
})

test('catchUpMs takes the slowest channel', () => {
  const channels = [
    { published, received: [101, 201, 301, 401] },
    { published: [150, 250], received: [151, 500] },
  ]
  assert.equal(catchUpMs(310, channels), 190)
})

test('catchUpMs counts a publication of the very moment in which the line came back', () => {
  assert.equal(catchUpMs(300, [{ published, received: [101, 201, 333] }]), 33)
})

test('catchUpMs of a client that never got one is infinite', () => {
  for (const received of [[101, 201], new Float64Array([101, 201, 0, 401])]) {
    assert.equal(catchUpMs(310, [{ published, received }]), Number.POSITIVE_INFINITY)
  }
})

test('outageIn reads a report and refuses one of an unknown kind', () => {
  const report = { event: 'outage', line: 3, kind: 'half-open', fromMs: 1, toMs: 2_001 }
  assert.deepEqual(outageIn(report), { line: 3, kind: 'half-open', fromMs: 1, toMs: 2_001 })
  assert.throws(() => outageIn({ ...report, kind: 'eclipse' }), /unknown kind: eclipse/)
})
