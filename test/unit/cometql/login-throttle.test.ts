/**
 * How often an address may guess, with time in the hand of the test.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLoginThrottle } from '../../../src/cometql/login-throttle.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

function throttled(maxFailures: number) {
  const clock = new FakeClock()
  const throttle = createLoginThrottle(clock, maxFailures)
  const fail = (address: string, times: number) => {
    for (let left = times; left > 0; left--) throttle.failed(address)
  }
  return { clock, throttle, fail }
}

describe('login throttle', () => {
  test('lets an address guess as often as is allowed', () => {
    const { throttle, fail } = throttled(3)
    assert.equal(throttle.waitMs('a'), 0)
    fail('a', 2)
    assert.equal(throttle.waitMs('a'), 0)
    fail('a', 1)
    assert.equal(throttle.waitMs('a'), MINUTE_MS)
  })

  test('counts every address for itself', () => {
    const { throttle, fail } = throttled(2)
    fail('a', 2)
    fail('b', 1)
    assert.ok(throttle.waitMs('a') > 0)
    assert.equal(throttle.waitMs('b'), 0)
    assert.equal(throttle.waitMs('c'), 0)
  })

  test('ends the wait a minute after the first failure, not after the last', () => {
    const { clock, throttle, fail } = throttled(2)
    fail('a', 1)
    clock.turn(40_000)
    fail('a', 1)
    assert.equal(throttle.waitMs('a'), 20_000)
    clock.turn(19_999)
    assert.equal(throttle.waitMs('a'), 1)
    clock.turn(1)
    assert.equal(throttle.waitMs('a'), 0)
  })

  test('begins anew after the minute', () => {
    const { clock, throttle, fail } = throttled(2)
    fail('a', 2)
    clock.turn(MINUTE_MS)
    assert.equal(throttle.waitMs('a'), 0)
    fail('a', 1)
    assert.equal(throttle.waitMs('a'), 0)
    fail('a', 1)
    assert.equal(throttle.waitMs('a'), MINUTE_MS)
  })

  test('is not prolonged by tries that are refused unseen', () => {
    const { clock, throttle, fail } = throttled(1)
    fail('a', 1)
    clock.turn(30_000)
    fail('a', 5)
    assert.equal(throttle.waitMs('a'), 30_000)
  })

  test('of 0 failures has no bound', () => {
    const { throttle, fail } = throttled(0)
    fail('a', 100)
    assert.equal(throttle.waitMs('a'), 0)
  })

  test('does not shut out an address that the right password came from within the hour', () => {
    const { clock, throttle, fail } = throttled(2)
    throttle.succeeded('a')
    fail('a', 5)
    assert.equal(throttle.waitMs('a'), 0)
    clock.turn(HOUR_MS - 1)
    fail('a', 5)
    assert.equal(throttle.waitMs('a'), 0)
    clock.turn(1)
    fail('a', 2)
    assert.ok(throttle.waitMs('a') > 0)
  })

  test('prolongs the hour with every right password', () => {
    const { clock, throttle, fail } = throttled(1)
    throttle.succeeded('a')
    throttle.succeeded('b')
    clock.turn(HOUR_MS - 1)
    throttle.succeeded('a')
    clock.turn(1)
    fail('a', 1)
    fail('b', 1)
    assert.equal(throttle.waitMs('a'), 0)
    assert.ok(throttle.waitMs('b') > 0)
  })

  test('trusts at most 10,000 addresses, those that were last', () => {
    const { throttle, fail } = throttled(1)
    for (let n = 0; n <= 10_000; n++) throttle.succeeded(`address ${n}`)
    fail('address 0', 1)
    fail('address 1', 1)
    assert.ok(throttle.waitMs('address 0') > 0)
    assert.equal(throttle.waitMs('address 1'), 0)
  })

  test('remembers 10,000 addresses and forgets those that came first', () => {
    const { throttle, fail } = throttled(1)
    for (let n = 0; n < 10_000; n++) fail(`address ${n}`, 1)
    assert.ok(throttle.waitMs('address 0') > 0)
    fail('one more', 1)
    assert.equal(throttle.waitMs('address 0'), 0)
    assert.ok(throttle.waitMs('address 1') > 0)
    assert.ok(throttle.waitMs('one more') > 0)
  })
})
