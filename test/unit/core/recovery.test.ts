/**
 * Tests of recovery.ts: gap and replay together are what a subscriber has not got, each offset once.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { planRecovery } from '../../../src/core/recovery.ts'
import { holds } from '../../support/holds.ts'

const EPOCH = 'k3'
const at = (offset: number, epoch = EPOCH) => ({ epoch, offset })
const NONE = { epoch: '', offset: 0 }

/** The offsets `from` up to and including `to`. */
const span = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)

describe('planRecovery', () => {
  test('recovery replays what follows the position', () => {
    assert.deepEqual(planRecovery(at(44), 40, at(41)), { next: 42, gap: null })
    assert.deepEqual(planRecovery(at(44), 42, at(41)), { next: 42, gap: null })
  })

  test('recovery has nothing to do for who is at the latest', () => {
    assert.deepEqual(planRecovery(at(44), 40, at(44)), { next: 45, gap: null })
    assert.deepEqual(planRecovery(at(44), 45, at(44)), { next: 45, gap: null })
    assert.deepEqual(planRecovery(at(0), 1, at(0)), { next: 1, gap: null })
  })

  test('recovery names what was trimmed and replays the rest', () => {
    const gap = { from: 42, to: 42, reason: 'trimmed' }
    assert.deepEqual(planRecovery(at(44), 43, at(41)), { next: 43, gap })
  })

  test('recovery names all of it when nothing is held', () => {
    const gap = { from: 42, to: 44, reason: 'trimmed' }
    assert.deepEqual(planRecovery(at(44), 45, at(41)), { next: 45, gap })
  })

  test('recovery leaves to the live stream what the log has but was not sent to everyone yet', () => {
    const gap = { from: 42, to: 44, reason: 'trimmed' }
    assert.deepEqual(planRecovery(at(44), 50, at(41)), { next: 45, gap })
    assert.deepEqual(planRecovery(at(44), 50, at(44)), { next: 45, gap: null })
  })

  test('recovery tells who comes from another epoch, though nothing of this one may be missing', () => {
    const none = { from: 1, to: 0, reason: 'epoch', epoch: EPOCH }
    assert.deepEqual(planRecovery(at(3), 1, at(41, 'k2')), { next: 1, gap: none })
    const some = { from: 1, to: 2, reason: 'epoch', epoch: EPOCH }
    assert.deepEqual(planRecovery(at(3), 3, at(1, 'k2')), { next: 3, gap: some })
    assert.deepEqual(planRecovery(at(0), 1, at(0, 'k2')), { next: 1, gap: none })
  })

  test('recovery takes back who is ahead of the channel', () => {
    const gap = { from: 45, to: 50, reason: 'future' }
    assert.deepEqual(planRecovery(at(44), 40, at(50)), { next: 45, gap })
  })

  test('recovery gives all that is held to who has no position', () => {
    assert.deepEqual(planRecovery(at(44), 1, NONE), { next: 1, gap: null })
    const gap = { from: 1, to: 39, reason: 'trimmed' }
    assert.deepEqual(planRecovery(at(44), 40, NONE), { next: 40, gap })
    assert.deepEqual(planRecovery(at(0), 1, NONE), { next: 1, gap: null })
  })

  test('recovery takes an offset without an epoch for one of another epoch', () => {
    const gap = { from: 1, to: 39, reason: 'epoch', epoch: EPOCH }
    assert.deepEqual(planRecovery(at(44), 40, at(41, '')), { next: 40, gap })
  })
})

describe('planRecovery, for any numbers', () => {
  /** Small, so that they often meet. */
  const offset = fc.nat(12)

  test('gap and replay are exactly the offsets after a position of the same epoch', () => {
    holds(
      fc.property(offset, offset, fc.nat(15), (latest, since, first) => {
        fc.pre(since <= latest)
        const { next, gap } = planRecovery(at(latest), first + 1, at(since))
        const missing = gap === null ? [] : span(gap.from, gap.to)
        assert.deepEqual([...missing, ...span(next, latest)], span(since + 1, latest))
        assert.equal(gap !== null, missing.length > 0)
      }),
    )
  })

  test('gap and replay are exactly the offsets of the epoch for who comes from another', () => {
    holds(
      fc.property(offset, offset, fc.nat(15), (latest, since, first) => {
        const { next, gap } = planRecovery(at(latest), first + 1, at(since, 'k2'))
        assert.equal(gap?.reason, 'epoch')
        assert.equal(gap.epoch, EPOCH, 'the gap leads to a position of the new epoch')
        assert.deepEqual([...span(gap.from, gap.to), ...span(next, latest)], span(1, latest))
      }),
    )
  })

  test('nothing is replayed to who is ahead, and the gap is exactly what is taken back', () => {
    holds(
      fc.property(offset, fc.integer({ min: 1, max: 9 }), fc.nat(15), (latest, ahead, first) => {
        const { next, gap } = planRecovery(at(latest), first + 1, at(latest + ahead))
        assert.equal(next, latest + 1)
        assert.deepEqual(gap, { from: latest + 1, to: latest + ahead, reason: 'future' })
      }),
    )
  })

  test('replay never begins before what is held nor beyond the first live offset', () => {
    const position = fc.record({ epoch: fc.constantFrom('', 'k2', EPOCH), offset })
    holds(
      fc.property(offset, position, fc.nat(15), (latest, since, first) => {
        const { next } = planRecovery(at(latest), first + 1, since)
        assert.ok(next >= Math.min(first + 1, latest + 1) && next <= latest + 1, `begins at ${next}`)
      }),
    )
  })
})
