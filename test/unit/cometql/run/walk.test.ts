/**
 * Tests of src/cometql/run/walk.ts: what passes, that others have their turn, and that nobody looks on for who has left.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { Batches, Row } from '../../../../src/cometql/answer.ts'
import { filtered } from '../../../../src/cometql/run/walk.ts'

const isHere = () => true

async function collected(batches: Batches): Promise<(readonly Row[])[]> {
  const all: (readonly Row[])[] = []
  for await (const batch of batches) all.push(batch)
  return all
}

function busyFor(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('filtered', () => {
  test('rows that pass come in their order, and no batch is empty', async () => {
    const batches = [[[1], [2], [3]], [[5], [7]], [], [[8]]]
    const isEven = ([one]: Row) => Number(one) % 2 === 0
    assert.deepEqual(await collected(filtered(batches, isEven, isHere)), [[[2]], [[8]]])
  })

  test('a walk ends at the batch before which its client has left, though no row of it passes', async () => {
    let taken = 0
    let isEnded = false
    function* endless(): Iterable<readonly Row[]> {
      try {
        for (;;) {
          taken++
          yield [[taken]]
        }
      } finally {
        isEnded = true
      }
    }
    const none = filtered(
      endless(),
      () => false,
      () => taken < 5,
    )
    assert.deepEqual(await collected(none), [])
    assert.deepEqual([taken, isEnded], [5, true])
  })

  test('a batch that takes long is tested in pieces, and others have their turn in between', async () => {
    const batch: Row[] = Array.from({ length: 64 }, (_, at) => [at])
    let turns = 0
    let isOver = false
    const others = (async () => {
      for (; !isOver; turns++) await turnOfTheLoop()
    })()
    const slow = (): boolean => {
      busyFor(2)
      return true
    }
    assert.deepEqual(await collected(filtered([batch], slow, isHere)), [batch])
    isOver = true
    await others
    assert.ok(turns >= 8, `${turns} turns`)
  })
})
