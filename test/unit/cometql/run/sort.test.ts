/**
 * Tests of src/cometql/run/sort.ts: order, the order of equals, and what happens at the bound of memory.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { Batches, Row } from '../../../../src/cometql/answer.ts'
import { QueryError, queryCodes } from '../../../../src/cometql/query-failure.ts'
import { numberOf } from '../../../../src/cometql/run/comparable.ts'
import { distinct, inOrder, type SortKey } from '../../../../src/cometql/run/sort.ts'

const PLENTY = 16_777_216

/** What the rows of these tests are counted as: two short texts. */
const ROW_BYTES = 240 + 2 * 2 + 16

function by(at: number, { isNumber = false, isDescending = false } = {}): SortKey {
  const read = isNumber ? numberOf : String
  return { of: (row) => read(row[at] ?? ''), isDescending }
}

/** Rows in batches of `size`. */
function* inBatchesOf(size: number, rows: readonly Row[]): Iterable<readonly Row[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size)
}

async function collected(batches: Batches): Promise<Row[]> {
  const all: Row[] = []
  for await (const batch of batches) all.push(...batch)
  return all
}

function ordered(batches: Batches, keys: readonly SortKey[], needed: number, maxBytes: number): Batches {
  return inOrder(batches, keys, { needed, maxBytes, isWanted: () => true })
}

async function sorted(rows: readonly Row[], keys: readonly SortKey[], needed = Infinity): Promise<Row[]> {
  return collected(ordered(inBatchesOf(2, rows), keys, needed, PLENTY))
}

function tooLong(error: unknown): boolean {
  assert.ok(error instanceof QueryError)
  assert.equal(error.failure.code, queryCodes.tooLong)
  assert.match(error.message, /cometqlSortBytes/)
  return true
}

describe('ORDER BY', () => {
  const rows: Row[] = [
    ['b', 10, 'first'],
    ['a', 9, 'second'],
    ['B', 100, 'third'],
    ['b', 9, 'fourth'],
    ['', 10, 'fifth'],
  ]
  const names = (found: readonly Row[]) => found.map((row) => row[2]).join(' ')

  test('texts are ordered letter by letter', async () => {
    assert.equal(names(await sorted(rows, [by(0)])), 'fifth third second first fourth')
  })

  test('numbers are ordered as numbers', async () => {
    assert.equal(names(await sorted(rows, [by(1, { isNumber: true })])), 'second fourth first fifth third')
  })

  test('numbers in a column of texts are ordered as texts', async () => {
    assert.equal(names(await sorted(rows, [by(1)])), 'first fifth third second fourth')
  })

  test('equals stay in the order they came in, descending as well', async () => {
    const descending = [by(0, { isDescending: true })]
    assert.equal(names(await sorted(rows, descending)), 'first fourth second third fifth')
  })

  test('the second key decides between equals of the first', async () => {
    const keys = [by(0), by(1, { isNumber: true })]
    assert.equal(names(await sorted(rows, keys)), 'fifth third second fourth first')
  })

  test('a text where a number should be comes before all numbers', async () => {
    const odd: Row[] = [['5'], ['x'], ['-7'], [''], ['3']]
    assert.deepEqual((await sorted(odd, [by(0, { isNumber: true })])).flat(), ['x', '', '-7', '3', '5'])
  })

  test('numbers of more digits than a double has are ordered by all of them', async () => {
    const long: Row[] = [['12345678901234569'], ['12345678901234567'], ['5'], ['12345678901234568'], ['x']]
    const [, , ...rest] = (await sorted(long, [by(0, { isNumber: true })])).flat()
    assert.deepEqual(rest, ['12345678901234567', '12345678901234568', '12345678901234569'])
  })

  test('nothing is ordered for a client that has left', async () => {
    let compared = 0
    const key: SortKey = { of: ([one]) => numberOf(one ?? ''), isDescending: false }
    const counting = new Proxy(key, {
      get(target, name) {
        if (name === 'isDescending') compared++
        return Reflect.get(target, name)
      },
    })
    const limits = { needed: Infinity, maxBytes: PLENTY, isWanted: () => false }
    assert.deepEqual(await collected(inOrder([[[2], [1]]], [counting], limits)), [])
    assert.ok(compared <= 1)
  })

  test('no rows are no batches', async () => {
    assert.deepEqual(await sorted([], [by(0)]), [])
  })

  test('all rows come out, in more than one batch, and others have their turn in between', async () => {
    const many: Row[] = Array.from({ length: 2_000 }, (_, at) => [(at * 7) % 2_000])
    const out: number[] = []
    let turns = 0
    let isOver = false
    const others = (async () => {
      for (; !isOver; turns++) await turnOfTheLoop()
    })()
    for await (const batch of ordered([many], [by(0, { isNumber: true })], Infinity, PLENTY)) {
      out.push(...batch.map(([one]) => Number(one)))
    }
    isOver = true
    await others
    assert.deepEqual(
      out,
      many.map((_, at) => at),
    )
    assert.ok(turns >= 4, `${turns} turns`)
  })
})

describe('ORDER BY with LIMIT', () => {
  const many: Row[] = Array.from({ length: 20_000 }, (_, at) => [String((at * 7_919) % 20_000), 'ab'])
  const number = by(0, { isNumber: true })

  test('the first rows are at least those that are needed, in order', async () => {
    const found = await collected(ordered(inBatchesOf(100, many), [number], 5, PLENTY))
    assert.deepEqual(
      found.slice(0, 5).map(([one]) => one),
      ['0', '1', '2', '3', '4'],
    )
  })

  test('of equals the first ones are kept, however many batches come behind them', async () => {
    const equals: Row[] = Array.from({ length: 10_000 }, (_, at) => ['same', at])
    const found = await collected(ordered(inBatchesOf(64, equals), [by(0)], 7, PLENTY))
    assert.deepEqual(
      found.slice(0, 7).map((row) => row[1]),
      [0, 1, 2, 3, 4, 5, 6],
    )
  })

  test('rows that can not be among the first need no room: a hundred times the bound goes by', async () => {
    const bytes = 4_000 * ROW_BYTES
    const found = await collected(ordered(inBatchesOf(100, many), [number], 10, bytes / 20))
    assert.deepEqual(
      found.slice(0, 3).map(([one]) => one),
      ['0', '1', '2'],
    )
  })

  test('a few large rows are found among many large ones', async () => {
    const large: Row[] = Array.from({ length: 200 }, (_, at) => [`${(at * 7) % 200}`, 'x'.repeat(10_000)])
    const found = await collected(ordered(inBatchesOf(1, large), [number], 3, 10 * 20_400))
    assert.deepEqual(
      found.slice(0, 3).map(([one]) => one),
      ['0', '1', '2'],
    )
  })

  test('as many as are needed must fit all the same', async () => {
    const needed = 1_000
    const fits = ordered(inBatchesOf(100, many), [number], needed, 1_200 * 260)
    assert.equal((await collected(fits)).length >= needed, true)
    const tight = ordered(inBatchesOf(100, many), [number], needed, 900 * 240)
    await assert.rejects(collected(tight), tooLong)
  })
})

describe('the bound', () => {
  const row: Row = ['ab']

  test('ORDER BY of what just fits succeeds, of one row more is refused', async () => {
    const rows = Array.from({ length: 100 }, () => row)
    const fit = ordered([rows], [by(0)], Infinity, 100 * ROW_BYTES)
    assert.equal((await collected(fit)).length, 100)
    await assert.rejects(collected(ordered([[...rows, row]], [by(0)], Infinity, 100 * ROW_BYTES)), tooLong)
  })

  test('each thing a row is ordered by counts', async () => {
    const rows = Array.from({ length: 100 }, () => row)
    const keys = Array.from({ length: 10 }, () => by(0))
    await assert.rejects(collected(ordered([rows], keys, Infinity, 100 * ROW_BYTES)), tooLong)
    const fit = ordered([rows], keys, Infinity, 100 * (ROW_BYTES + 9 * 16))
    assert.equal((await collected(fit)).length, 100)
  })

  test('ORDER BY is refused at the batch that is too much, not at the end', async () => {
    let taken = 0
    function* endless(): Iterable<readonly Row[]> {
      for (;;) {
        taken++
        yield [row]
      }
    }
    await assert.rejects(collected(ordered(endless(), [by(0)], Infinity, 10 * ROW_BYTES)), tooLong)
    assert.equal(taken, 11)
  })

  test('DISTINCT counts what it has to remember, and repetitions cost nothing', async () => {
    const rows: Row[] = Array.from({ length: 10_000 }, (_, at) => [at % 10])
    assert.equal((await collected(distinct(inBatchesOf(64, rows), 10 * 250))).length, 10)
    const unlike: Row[] = Array.from({ length: 11 }, (_, at) => [at])
    await assert.rejects(collected(distinct([unlike], 10 * 250)), tooLong)
  })
})

describe('DISTINCT', () => {
  test('a row is told once, where it was met first', async () => {
    const rows: Row[] = [
      ['b', 1],
      ['a', 1],
      ['b', 1],
      ['b', 2],
      ['a', 1],
    ]
    assert.deepEqual(await collected(distinct(inBatchesOf(2, rows), PLENTY)), [
      ['b', 1],
      ['a', 1],
      ['b', 2],
    ])
  })

  test('rows whose texts only look alike when they are put together are different', async () => {
    const rows: Row[] = [
      ['a', 'b,c'],
      ['a,b', 'c'],
      ['a"', '"b'],
      ['a', '""b'],
    ]
    assert.deepEqual(await collected(distinct([rows], PLENTY)), rows)
  })
})
