/**
 * The slice of time that one connection may keep the loop to itself.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createPace, type Pace } from '../../../src/cometql/pace.ts'

/** Longer than a slice. */
const LONG_MS = 20

/** Works as a statement does: nothing else has a turn. */
function work(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** Asks until there is a rest, and takes it. */
async function untilRested(pace: Pace): Promise<void> {
  for (;;) {
    const rest = pace.rest()
    if (rest !== null) return rest
  }
}

describe('pace', () => {
  test('goes on while its slice lasts', () => {
    const pace = createPace()
    assert.equal(pace.rest(), null)
    assert.equal(pace.rest(), null)
  })

  test('rests when its slice is over, for a turn of the loop', async () => {
    const pace = createPace()
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

  test('has a whole slice in every turn, however long it did nothing', async () => {
    const pace = createPace()
    assert.equal(pace.rest(), null)
    await turn()
    work(LONG_MS)
    assert.equal(pace.rest(), null)
  })

  test('lets others have a turn again and again', async () => {
    const pace = createPace()
    let turns = 0
    let isOver = false
    const count = () => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    for (let left = 5; left > 0; left--) await untilRested(pace)
    isOver = true
    assert.ok(turns >= 5, `${turns} turns`)
  })
})
