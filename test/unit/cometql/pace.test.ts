/**
 * The slice of time that one connection may keep the loop to itself.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createPace } from '../../../src/cometql/pace.ts'

/** Longer than a slice. */
const LONG_MS = 20

/** A pace whose time is that of the test: `work` is a statement of so many ms, in which nothing else has a turn. */
function setUp(t: TestContext) {
  let nowMs = 1
  t.mock.method(performance, 'now', () => nowMs)
  const work = (ms: number) => {
    nowMs += ms
  }
  return { pace: createPace(), work }
}

describe('pace', () => {
  test('goes on while its slice lasts', (t) => {
    const { pace } = setUp(t)
    assert.equal(pace.rest(), null)
    assert.equal(pace.rest(), null)
  })

  test('rests when its slice is over, for a turn of the loop', async (t) => {
    const { pace, work } = setUp(t)
    assert.equal(pace.rest(), null)
    work(LONG_MS)
    let hadATurn = false
    setImmediate(() => {
      hadATurn = true
    })
    const rest = pace.rest()
    assert.ok(rest !== null)
    await rest
    assert.ok(hadATurn)
    assert.equal(pace.rest(), null, 'a new slice')
  })

  test('has a whole slice in every turn, however long it did nothing', async (t) => {
    const { pace, work } = setUp(t)
    assert.equal(pace.rest(), null)
    await turn()
    work(LONG_MS)
    assert.equal(pace.rest(), null)
  })

  test('lets others have a turn again and again', async (t) => {
    const { pace, work } = setUp(t)
    let turns = 0
    let isOver = false
    const count = () => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    for (let left = 5; left > 0; left--) {
      let rest = pace.rest()
      for (; rest === null; rest = pace.rest()) work(1)
      await rest
    }
    isOver = true
    assert.ok(turns >= 5, `${turns} turns`)
  })
})
