/**
 * Tests of src/core/batches.ts: walks that rest in between, and rows of the store on the way.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { inBatches, storedRows } from '../../../src/core/batches.ts'
import type { Change, Row, Store } from '../../../src/core/store.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { holdsAsync } from '../../support/holds.ts'

const BATCH = 256

async function batchesOf<T>(items: Iterable<T | null>): Promise<(readonly T[])[]> {
  const batches: (readonly T[])[] = []
  for await (const batch of inBatches(items)) batches.push(batch)
  return batches
}

const keyed = (n: number) => `key ${String(n).padStart(5, '0')}`

async function storeWith(count: number, tenant = 1): Promise<Store> {
  const store = createMemoryStore()
  const changes = Array.from({ length: count }, (_, n): Change => {
    return { put: 'userData', tenant, key: keyed(n), value: `${n}` }
  })
  await store.write(changes)
  return store
}

describe('a walk in batches', () => {
  test('walk gives everything once, in order, and no empty batch', async () => {
    await holdsAsync(
      fc.asyncProperty(fc.nat(3 * BATCH), async (count) => {
        const items = Array.from({ length: count }, (_, n) => n)
        const batches = await batchesOf(items)
        assert.deepEqual(batches.flat(), items)
        assert.equal(batches.length, Math.ceil(count / BATCH))
        assert.ok(batches.every(({ length }) => length > 0))
      }),
      50,
    )
  })

  test('walk leaves the loop to others after each batch', async () => {
    const order: string[] = []
    const others = (turns: number): void => {
      if (turns > 0) setImmediate(() => others(turns - 1))
      order.push('others')
    }
    setImmediate(() => others(3))
    for await (const batch of inBatches(Array(3 * BATCH).fill(1))) order.push(`${batch.length}`)
    assert.deepEqual(order.slice(0, 5), ['256', 'others', '256', 'others', '256'])
  })

  test('walk rests by what it looks at, whatever it finds', async () => {
    function* few(): Iterable<number | null> {
      for (let n = 0; n < 4 * BATCH; n++) yield n === BATCH + 7 ? n : null
    }
    assert.deepEqual(await batchesOf(few()), [[], [BATCH + 7], [], []])
  })

  test('walk rests as often as it is told', async () => {
    const sizes: number[] = []
    for await (const batch of inBatches([1, null, 3, 4, 5], 2)) sizes.push(batch.length)
    assert.deepEqual(sizes, [1, 2, 1])
  })

  test('walk takes no item before its batch is asked for, and none after it was given up', async () => {
    let taken = 0
    let isOver = false
    function* numbers(): Iterable<number> {
      try {
        for (;;) yield taken++
      } finally {
        isOver = true
      }
    }
    for await (const batch of inBatches(numbers())) {
      assert.deepEqual([batch.length, taken], [BATCH, BATCH])
      break
    }
    assert.deepEqual([taken, isOver], [BATCH, true])
  })

  test('walk that fails says so', async () => {
    function* numbers(): Iterable<number> {
      yield 1
      throw new Error('The disk can not be read')
    }
    await assert.rejects(batchesOf(numbers()), /disk can not be read/)
  })
})

describe('a walk over rows', () => {
  async function rowsOf(...asked: Parameters<typeof storedRows>): Promise<Row[]> {
    const rows: Row[] = []
    for await (const page of storedRows(...asked)) rows.push(...page)
    return rows
  }

  test('rows of a tenant are all given, in the order of their keys, whatever their number', async () => {
    for (const count of [0, 1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH]) {
      const rows = await rowsOf(await storeWith(count), 'userData', 1)
      assert.deepEqual(
        rows.map(({ key }) => key),
        Array.from({ length: count }, (_, n) => keyed(n)),
      )
    }
  })

  test('rows of other tenants and tables are not among them', async () => {
    const store = await storeWith(300)
    await store.write([
      { put: 'userData', tenant: 2, key: 'a', value: 'theirs' },
      { put: 'credentials', tenant: 1, key: 'a', value: 'secret' },
    ])
    assert.equal((await rowsOf(store, 'userData', 1)).length, 300)
    assert.deepEqual(
      (await rowsOf(store, 'userData', 2)).map(({ value }) => value),
      ['theirs'],
    )
  })

  // A page of texts of 64 KB each was 16 MB.
  test('rows that are large come in small pages', async () => {
    const store = createMemoryStore()
    const value = 'x'.repeat(100_000)
    const change = (n: number): Change => ({ put: 'userData', tenant: 1, key: keyed(n), value })
    await store.write(Array.from({ length: 10 }, (_, n) => change(n)))
    const pages: number[] = []
    for await (const page of storedRows(store, 'userData', 1)) pages.push(page.length)
    assert.deepEqual(pages, [3, 3, 3, 1])
  })

  test('rows that go and come while the walk rests do it no harm', async () => {
    const store = await storeWith(4 * BATCH)
    const seen: string[] = []
    for await (const page of storedRows(store, 'userData', 1)) {
      seen.push(...page.map(({ key }) => key))
      if (seen.length > BATCH) continue
      // The place of the walk goes, and so does what is next; something comes in front of it and behind.
      const gone = [BATCH - 1, BATCH, BATCH + 1]
      await store.write([
        ...gone.map((n): Change => ({ remove: 'userData', tenant: 1, key: keyed(n) })),
        { put: 'userData', tenant: 1, key: 'a', value: '' },
        { put: 'userData', tenant: 1, key: 'z', value: '' },
      ])
    }
    const after = Array.from({ length: 3 * BATCH - 2 }, (_, n) => keyed(BATCH + 2 + n))
    assert.deepEqual(seen.slice(BATCH), [...after, 'z'])
  })

  test('no cursor of the store stays open while the walk rests, and others have their turn', async () => {
    const store = await storeWith(2 * BATCH)
    let open = 0
    function* counted(rows: Iterable<Row>): Iterable<Row> {
      open++
      try {
        yield* rows
      } finally {
        open--
      }
    }
    const watched: Store = { ...store, rows: (...asked) => counted(store.rows(...asked)) }
    let turns = 0
    setImmediate(() => turns++)
    for await (const page of storedRows(watched, 'userData', 1)) assert.equal(open, 0, page[0]?.key)
    assert.equal(turns, 1)
  })
})
