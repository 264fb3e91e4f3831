/**
 * Tests of src/cometql/tables/lookup.ts: rows come in the order of their keys, in batches, with a rest in between.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { Row } from '../../../../src/cometql/answer.ts'
import { forEach, lookup, rowsFrom } from '../../../../src/cometql/tables/lookup.ts'

const numbers = Array.from({ length: 1_000 }, (_, at) => String(at))

test('each key gives its rows, one, none or several, in the order of the keys', async () => {
  const keys = { by: 'id', keys: ['3', '0', '1', '2'] }
  const rowsOf = (key: string): Row[] => Array.from({ length: Number(key) }, () => [key])
  const batches: (readonly Row[])[] = []
  for await (const batch of lookup(keys, rowsOf)) batches.push(batch)
  assert.deepEqual(batches.flat(), [['3'], ['3'], ['3'], ['1'], ['2'], ['2']])
})

test('keys that take longer do not change the order', async () => {
  const found: Row[] = []
  const slowFirst = async (key: string): Promise<Row[]> => {
    if (key === '0') await turnOfTheLoop()
    return [[key]]
  }
  for await (const batch of lookup({ by: 'id', keys: numbers }, slowFirst)) found.push(...batch)
  assert.deepEqual(
    found,
    numbers.map((key) => [key]),
  )
})

test('only a batch of keys is asked for at a time, and others have their turn', async () => {
  let asked = 0
  const keys = { by: 'id', keys: numbers }
  const rowsOf = (key: string): Row[] => {
    asked++
    return [[key]]
  }
  let turns = 0
  let isOver = false
  const others = (async () => {
    for (; !isOver; turns++) await turnOfTheLoop()
  })()
  let first = 0
  for await (const batch of lookup(keys, rowsOf)) if (first === 0) first = batch.length === asked ? asked : -1
  isOver = true
  await others
  assert.ok(first > 0 && first < 500, `${first} keys at once`)
  assert.equal(asked, 1_000)
  assert.ok(turns >= 3, `${turns} turns`)
})

// A batch was made of whole inboxes: 256 of them, of a megabyte each.
test('keys with much to tell are told one by one, whatever their number', async () => {
  const text = 'x'.repeat(300_000)
  const sizes: number[] = []
  let asked = 0
  const rowsOf = async (key: string): Promise<Row[]> => {
    asked++
    return [
      [key, text],
      [key, text],
    ]
  }
  for await (const batch of lookup({ by: 'id', keys: numbers.slice(0, 5) }, rowsOf)) {
    if (batch.length > 0) sizes.push(batch.length)
    assert.ok(asked <= sizes.length)
  }
  assert.deepEqual(sizes, [2, 2, 2, 2, 2])
})

test('something is done with each, in order, one after the other, and others have their turn', async () => {
  const done: string[] = []
  let turns = 0
  let underWay = 0
  setImmediate(() => turns++)
  await forEach(numbers, async (key) => {
    assert.equal(++underWay, 1)
    await Promise.resolve()
    underWay--
    done.push(key)
  })
  assert.deepEqual(done, numbers)
  assert.equal(turns, 1)
  const failing = forEach(numbers, (key) => {
    if (key === '3') throw new Error('The disk can not be read')
  })
  await assert.rejects(failing, /The disk can not be read/)
})

// A thousand lookups of a tenth of a millisecond each were one turn of the loop.
test('keys that take long are rested from earlier', async () => {
  let turns = 0
  let isOver = false
  const others = (async () => {
    for (; !isOver; turns++) await turnOfTheLoop()
  })()
  const slow = () => {
    const until = performance.now() + 3
    while (performance.now() < until);
    return []
  }
  for await (const _ of lookup({ by: 'id', keys: numbers.slice(0, 20) }, slow));
  isOver = true
  await others
  assert.ok(turns >= 5, `${turns} turns`)
})

test('whoever stops taking rows stops the asking', async () => {
  let asked = 0
  const rowsOf = (key: string): Row[] => {
    asked++
    return [[key]]
  }
  for await (const _ of lookup({ by: 'id', keys: numbers }, rowsOf)) break
  assert.ok(asked < 500, `${asked} keys`)
})

test('a key that can not be looked up ends the rows with its cause', async () => {
  const found = lookup({ by: 'id', keys: ['1', '2'] }, (key) => {
    if (key === '2') throw new Error('The disk can not be read')
    return [[key]]
  })
  await assert.rejects(async () => {
    for await (const _ of found);
  }, /The disk can not be read/)
})

test('things of a walk become rows, or nothing', async () => {
  async function* walk() {
    yield [1, 2, 3]
    yield [4]
  }
  const batches: (readonly Row[])[] = []
  for await (const batch of rowsFrom(walk(), (one) => (one % 2 === 0 ? [one] : null))) batches.push(batch)
  assert.deepEqual(batches, [[[2]], [[4]]])
})
