/**
 * Tests of src/core/history-page.ts: which offsets a query gets, from either end, and what is said to be missing.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { HistoryQuery } from '../../../src/core/broker.ts'
import { historyPage } from '../../../src/core/history-page.ts'
import { MAX_PAGE_BYTES } from '../../../src/protocol/history-bounds.ts'
import { holds } from '../../support/holds.ts'

const at = (offset: number, epoch = 'k3') => ({ epoch, offset })

/** The page of a channel that is at `latest` and holds what follows from `first` on. */
function pageOf(latest: number, first: number, query: Partial<HistoryQuery>) {
  const read = (offset: number) => (offset >= first && offset <= latest ? Buffer.from(String(offset)) : null)
  const source = { ...at(latest), retained: read, retainedAtMs: (offset: number) => offset * 1_000 }
  const page = historyPage(source, first, { since: null, limit: 100, isReverse: false, ...query })
  return { ...page, offsets: page.messages.map((message) => Number(message.toString())) }
}

describe('history page', () => {
  test('page holds all there is, oldest first, and the position of the channel', () => {
    const { offsets, position, gap } = pageOf(5, 3, {})
    assert.deepEqual({ offsets, position, gap }, { offsets: [3, 4, 5], position: at(5), gap: null })
  })

  test('page holds the newest first when asked for in reverse', () => {
    assert.deepEqual(pageOf(5, 3, { isReverse: true }).offsets, [5, 4, 3])
  })

  test('page holds the oldest that fit, or the newest in reverse', () => {
    assert.deepEqual(pageOf(9, 3, { limit: 2 }).offsets, [3, 4])
    assert.deepEqual(pageOf(9, 3, { limit: 2, isReverse: true }).offsets, [9, 8])
  })

  test('page begins after the position asked for', () => {
    assert.deepEqual(pageOf(9, 3, { since: at(6) }).offsets, [7, 8, 9])
    assert.deepEqual(pageOf(9, 3, { since: at(6), isReverse: true }).offsets, [9, 8, 7])
    assert.deepEqual(pageOf(9, 3, { since: at(6), limit: 1 }).offsets, [7])
    assert.deepEqual(pageOf(9, 3, { since: at(9) }).offsets, [])
  })

  test('page says what was asked for and is not held', () => {
    const { offsets, gap } = pageOf(9, 6, { since: at(2) })
    assert.deepEqual(offsets, [6, 7, 8, 9])
    assert.deepEqual(gap, { from: 3, to: 5, reason: 'trimmed' })
    assert.equal(pageOf(9, 6, {}).gap, null, 'who names no position misses nothing')
  })

  test('page of another epoch is all that is held, and a gap', () => {
    const { offsets, gap } = pageOf(9, 8, { since: at(2, 'k2') })
    assert.deepEqual(offsets, [8, 9])
    assert.deepEqual([gap?.from, gap?.to, gap?.reason], [1, 7, 'epoch'])
  })

  test('page of one who is ahead is empty, and a gap', () => {
    const { offsets, gap } = pageOf(9, 3, { since: at(20) })
    assert.deepEqual(offsets, [])
    assert.deepEqual(gap, { from: 10, to: 20, reason: 'future' })
  })

  test('page of a channel that holds nothing is empty', () => {
    assert.deepEqual(pageOf(0, 1, {}).offsets, [])
    assert.deepEqual(pageOf(9, 10, {}).offsets, [])
    assert.deepEqual(pageOf(9, 10, { isReverse: true }).offsets, [])
    assert.deepEqual(pageOf(9, 10, { since: at(7) }).gap, { from: 8, to: 9, reason: 'trimmed' })
  })
})

/** The page of a channel that holds messages of these sizes, from offset 1 on. */
function pageOfSizes(sizes: readonly number[], query: Partial<HistoryQuery> = {}) {
  const messages: readonly Buffer[] = sizes.map((size) => Buffer.alloc(size))
  const read = (offset: number) => messages[offset - 1] ?? null
  const source = { ...at(sizes.length), retained: read, retainedAtMs: () => 0 }
  const page = historyPage(source, 1, {
    since: null,
    limit: 100,
    isReverse: false,
    ...query,
  })
  return { ...page, offsets: page.messages.map((message) => messages.indexOf(message) + 1) }
}

describe('history page of large messages', () => {
  const HALF = MAX_PAGE_BYTES / 2

  test('page holds just MAX_PAGE_BYTES, and is cut before the first message that does not fit', () => {
    assert.deepEqual(pageOfSizes([HALF, HALF]).offsets, [1, 2])
    assert.deepEqual(pageOfSizes([HALF, HALF, 1]).offsets, [1, 2])
    assert.deepEqual(pageOfSizes([HALF, HALF + 1]).offsets, [1])
  })

  test('page leaves out what follows the cut, though it would fit', () => {
    assert.deepEqual(pageOfSizes([HALF, HALF + 1, 1]).offsets, [1])
    assert.deepEqual(pageOfSizes([1, HALF + 1, HALF], { isReverse: true }).offsets, [3])
  })

  test('page is never cut to nothing: a message larger than a page comes alone', () => {
    assert.deepEqual(pageOfSizes([MAX_PAGE_BYTES + 1, 1]).offsets, [1])
    assert.deepEqual(pageOfSizes([1, MAX_PAGE_BYTES + 1]).offsets, [1])
    assert.deepEqual(pageOfSizes([1, MAX_PAGE_BYTES + 1], { isReverse: true }).offsets, [2])
  })

  test('page that was cut has the position of the channel, and no gap for what is still to be asked for', () => {
    const { offsets, position, gap } = pageOfSizes([1, HALF, HALF, 1], { since: at(1) })
    assert.deepEqual({ offsets, position, gap }, { offsets: [2, 3], position: at(4), gap: null })
  })

  test('pages of any sizes, each from where the last was cut, give everything once', () => {
    const size = fc.constantFrom(1, 1_000, HALF - 1, HALF, HALF + 1, MAX_PAGE_BYTES, MAX_PAGE_BYTES + 1)
    holds(
      fc.property(fc.array(size, { maxLength: 8 }), (sizes) => {
        const got: number[] = []
        while (got.length < sizes.length) {
          const { offsets } = pageOfSizes(sizes, { since: at(got.length) })
          assert.notEqual(offsets.length, 0)
          const bytes = offsets.reduce((sum, offset) => sum + (sizes[offset - 1] ?? 0), 0)
          assert.ok(offsets.length === 1 || bytes <= MAX_PAGE_BYTES, `${bytes} bytes`)
          got.push(...offsets)
        }
        assert.deepEqual(
          got,
          sizes.map((_, index) => index + 1),
        )
      }),
    )
  })
})

test('pages one after the other give everything once, in either direction', () => {
  const numbers = fc.record({
    latest: fc.nat(40),
    first: fc.integer({ min: 1, max: 45 }),
    limit: fc.integer({ min: 1, max: 7 }),
  })
  holds(
    fc.property(numbers, ({ latest, first, limit }) => {
      const got: number[] = []
      for (let place = first - 1; ; place = got.at(-1) ?? latest) {
        const { offsets } = pageOf(latest, first, { since: at(Math.min(place, latest)), limit })
        if (offsets.length === 0) break
        got.push(...offsets)
      }
      const all = pageOf(latest, first, {}).offsets
      assert.deepEqual(got, all)
      assert.deepEqual(pageOf(latest, first, { isReverse: true }).offsets, all.toReversed())
    }),
  )
})
