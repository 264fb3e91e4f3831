/**
 * Tests of src/core/history-page.ts: which offsets a query gets, from either end, and what is said to be missing.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { HistoryQuery } from '../../../src/core/broker.ts'
import { heldPublication, historyPage } from '../../../src/core/history-page.ts'
import { MAX_PAGE_BYTES } from '../../../src/protocol/history-bounds.ts'
import type { Gap } from '../../../src/protocol/messages.ts'
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

describe('history page of a channel that lost some in the middle', () => {
  const lacking = (missing: readonly number[], query: Partial<HistoryQuery>) => {
    const read = (offset: number) => (missing.includes(offset) ? null : Buffer.from(String(offset)))
    const source = { ...at(9), retained: read, retainedAtMs: () => 0 }
    const page = historyPage(source, 3, { since: null, limit: 100, isReverse: false, ...query })
    return [page.messages.map((message) => Number(message.toString())), page.gap]
  }
  const trimmed = (from: number, to: number) => ({ from, to, reason: 'trimmed' })

  test('page ends where something can not be read, and the next begins with the gap', () => {
    assert.deepEqual(lacking([5, 6], { since: at(2) }), [[3, 4], null])
    assert.deepEqual(lacking([5, 6], { since: at(4) }), [[7, 8, 9], trimmed(5, 6)])
    assert.deepEqual(lacking([5, 6, 8], { since: at(4), limit: 1 }), [[7], trimmed(5, 6)])
    assert.deepEqual(lacking([9], { since: at(8) }), [[], trimmed(9, 9)])
  })

  test('page has one gap for what is too old and what can not be read behind it', () => {
    assert.deepEqual(lacking([3, 4], { since: at(1) }), [[5, 6, 7, 8, 9], trimmed(2, 4)])
    const other = { from: 1, to: 3, reason: 'epoch', epoch: 'k3' }
    assert.deepEqual(lacking([3], { since: at(7, 'k2') }), [[4, 5, 6, 7, 8, 9], other])
  })

  test('page in reverse holds what can be read, and a gap from the first to the last that can not', () => {
    assert.deepEqual(lacking([5, 7], { since: at(3), isReverse: true }), [[9, 8, 6, 4], trimmed(5, 7)])
    assert.deepEqual(lacking([5], { since: at(3), isReverse: true, limit: 2 }), [[9, 8], null])
  })

  test('page for one who names no position passes over what can not be read', () => {
    assert.deepEqual(lacking([3, 5], { limit: 3 }), [[4, 6, 7], null])
    assert.deepEqual(lacking([9], { limit: 2, isReverse: true }), [[8, 7], null])
  })

  test('pages and their gaps, each from where the last ended, are everything once, whatever is missing', () => {
    const offset = fc.integer({ min: 3, max: 9 })
    holds(
      fc.property(fc.uniqueArray(offset), fc.integer({ min: 1, max: 3 }), (missing, limit) => {
        const told: number[] = []
        for (let place = 0; place < 9; place = told.at(-1) ?? 9) {
          const [offsets, gap] = lacking(missing, { since: at(place), limit }) as [number[], Gap | null]
          for (let lost = gap?.from ?? 1; lost <= (gap?.to ?? 0); lost++) told.push(lost)
          told.push(...offsets)
          assert.ok(told.length > place, 'every page goes on')
          for (const one of offsets) assert.ok(!missing.includes(one))
        }
        assert.deepEqual(told, [1, 2, 3, 4, 5, 6, 7, 8, 9])
      }),
    )
  })

  test('page is not looked for without end', () => {
    let reads = 0
    const retained = () => {
      reads++
      return null
    }
    const source = { ...at(1_000_000), retained, retainedAtMs: () => 0 }
    const page = historyPage(source, 1, { since: at(0), limit: 5, isReverse: false })
    assert.deepEqual([page.messages, page.gap, reads], [[], trimmed(1, 10_000), 10_001])
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

describe('publication of a history', () => {
  test('publication is read in its place, and no other is looked for', () => {
    const reads: number[] = []
    const retained = (offset: number) => {
      reads.push(offset)
      return offset === 5 ? null : Buffer.from(String(offset))
    }
    const source = { ...at(9), retained, retainedAtMs: (offset: number) => offset * 1_000 }
    const held = (offset: number, epoch?: string) => heldPublication(source, 3, at(offset, epoch))
    assert.deepEqual(held(4), { message: Buffer.from('4'), timeMs: 4_000 })
    for (const offset of [5, 2, 10, 0, -1]) assert.equal(held(offset), null)
    assert.equal(held(4, 'k2'), null)
    assert.deepEqual(reads, [4, 5])
  })
})
