/**
 * Tests of idempotency.ts: a key means its first publication, until its time or its place is over.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createIdempotency, type Idempotency } from '../../../src/core/idempotency.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { holds } from '../../support/holds.ts'

const WINDOW_MS = 1_000

interface Setup {
  readonly keys: Idempotency
  readonly clock: FakeClock
  forgotten: number
}

function setUp(maxIdempotencyKeys = 100, idempotencyMs = WINDOW_MS): Setup {
  const clock = new FakeClock()
  const onForgotten = () => {
    setup.forgotten++
  }
  const keys = createIdempotency(clock, { idempotencyMs, maxIdempotencyKeys }, onForgotten)
  const setup: Setup = { keys, clock, forgotten: 0 }
  return setup
}

const at = (offset: number) => ({ epoch: 'k3', offset })

test('idempotency finds what was published under a key', () => {
  const { keys } = setUp()
  assert.equal(keys.find('17', 'news', 'a'), null)
  keys.remember('17', 'news', 'a', at(4))
  assert.deepEqual(keys.find('17', 'news', 'a'), at(4))
})

test('idempotency keeps the keys of publishers and channels apart', () => {
  const { keys } = setUp()
  keys.remember('17', 'news', 'a', at(4))
  for (const [scope, channel, key] of [
    ['18', 'news', 'a'],
    ['', 'news', 'a'],
    ['17', 'new', 'a'],
    ['17', 'news', 'A'],
    ['17', 'news', ''],
    ['17', 'newsa', ''],
    ['17n', 'ews', 'a'],
  ] as const) {
    assert.equal(keys.find(scope, channel, key), null, `${scope}/${channel}/${key}`)
  }
})

test('idempotency takes keys that hold line breaks', () => {
  const { keys } = setUp()
  keys.remember('17', 'a', 'b\nc', at(1))
  keys.remember('17', 'a', '\n', at(2))
  assert.deepEqual(keys.find('17', 'a', 'b\nc'), at(1))
  assert.deepEqual(keys.find('17', 'a', '\n'), at(2))
})

test('idempotency forgets a key when its time is over, and counts that for nothing', () => {
  const { keys, clock } = setUp()
  keys.remember('', 'news', 'a', at(1))
  clock.turn(WINDOW_MS - 1)
  keys.remember('', 'news', 'b', at(2))
  assert.deepEqual(keys.find('', 'news', 'a'), at(1))
  clock.turn(1)
  assert.equal(keys.find('', 'news', 'a'), null)
  assert.deepEqual([keys.size, keys.find('', 'news', 'b')], [1, at(2)])
})

test('idempotency frees what has expired when any other key is asked for or remembered', () => {
  const setup = setUp()
  const { keys, clock } = setup
  for (let offset = 1; offset <= 50; offset++) keys.remember('', 'news', `${offset}`, at(offset))
  clock.turn(WINDOW_MS)
  keys.remember('', 'news', 'new', at(51))
  assert.equal(keys.size, 1)
  clock.turn(WINDOW_MS)
  keys.find('', 'news', 'other')
  assert.deepEqual([keys.size, setup.forgotten], [0, 0])
})

test('idempotency forgets the oldest key when there are too many, and tells', () => {
  const setup = setUp(2)
  const { keys } = setup
  for (const [index, key] of ['a', 'b', 'c'].entries()) keys.remember('', 'news', key, at(index + 1))
  assert.deepEqual([keys.find('', 'news', 'a'), keys.find('', 'news', 'b')], [null, at(2)])
  assert.deepEqual([keys.size, setup.forgotten], [2, 1])
})

test('idempotency keeps the first position and time of a key that is remembered twice', () => {
  const setup = setUp(2)
  const { keys, clock } = setup
  keys.remember('', 'news', 'a', at(1))
  keys.remember('', 'news', 'b', at(2))
  clock.turn(WINDOW_MS / 2)
  keys.remember('', 'news', 'a', at(3))
  assert.deepEqual([keys.find('', 'news', 'a'), setup.forgotten], [at(1), 0])
  clock.turn(WINDOW_MS / 2)
  assert.equal(keys.find('', 'news', 'a'), null)
})

test('idempotency without a window remembers nothing', () => {
  const { keys } = setUp(10, 0)
  keys.remember('', 'news', 'a', at(1))
  assert.deepEqual([keys.find('', 'news', 'a'), keys.size], [null, 0])
})

test('idempotency finds what a plain list finds, in any order of calls', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), afterMs: fc.nat(400) })
  holds(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 4 }), (steps, most) => {
      const setup = setUp(most)
      let known: { key: string; offset: number; expiresMs: number }[] = []
      let forgotten = 0
      for (const [offset, { key, afterMs }] of steps.entries()) {
        setup.clock.turn(afterMs)
        const nowMs = setup.clock.nowMs()
        known = known.filter(({ expiresMs }) => expiresMs > nowMs)
        const expected = known.find((entry) => entry.key === key)
        const found = setup.keys.find('', 'news', key)
        assert.equal(found?.offset, expected?.offset)
        if (found !== null) continue
        setup.keys.remember('', 'news', key, at(offset))
        known.push({ key, offset, expiresMs: nowMs + WINDOW_MS })
        if (known.length > most) forgotten += known.splice(0, 1).length
        assert.equal(setup.keys.size, known.length)
      }
      assert.equal(setup.forgotten, forgotten)
    }),
  )
})
