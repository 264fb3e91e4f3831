/**
 * Tests of src/client/place.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Place } from '../../../src/client/place.ts'
import type { Gap } from '../../../src/protocol/messages.ts'

function placeAt(offset: number) {
  const gaps: Gap[] = []
  const place = new Place((gap) => gaps.push(gap))
  place.begin({ epoch: 'k3', offset })
  return { place, gaps }
}

test('place is nowhere until the node names it', () => {
  const place = new Place(() => assert.fail('a gap'))
  assert.equal(place.position, null)
  assert.equal(place.take(1), false)
  assert.equal(place.skip({ from: 1, to: 2, reason: 'trimmed' }), true)
  assert.equal(place.position, null)
})

test('place moves with every new publication and takes none twice', () => {
  const { place, gaps } = placeAt(40)
  assert.deepEqual(
    [41, 41, 40, 42].map((offset) => place.take(offset)),
    [true, false, false, true],
  )
  assert.deepEqual([place.position, gaps], [{ epoch: 'k3', offset: 42 }, []])
})

test('place stays where it was when everything after it will come', () => {
  const { place } = placeAt(40)
  place.begin({ epoch: 'k3', offset: 44, recovered: true })
  assert.deepEqual(place.position, { epoch: 'k3', offset: 40 })
})

for (const [reason, gap, answer, expected] of [
  ['trimmed', { from: 41, to: 50 }, { epoch: 'k3', offset: 52 }, { epoch: 'k3', offset: 50 }],
  ['epoch', { from: 1, to: 0 }, { epoch: 'k4', offset: 2 }, { epoch: 'k4', offset: 0 }],
  ['future', { from: 31, to: 40 }, { epoch: 'k3', offset: 30 }, { epoch: 'k3', offset: 30 }],
] as const) {
  test(`place after an answer with a ${reason} gap is where the node goes on`, () => {
    const { place, gaps } = placeAt(40)
    place.begin({ ...answer, recovered: false, gap: { ...gap, reason } })
    assert.deepEqual(place.position, expected)
    assert.deepEqual(gaps, [{ ...gap, reason }])
  })
}

test('place moves past a gap that came between publications, once', () => {
  const { place, gaps } = placeAt(40)
  const gap = { from: 41, to: 43, reason: 'trimmed' } as const
  assert.equal(place.skip(gap), true)
  assert.equal(place.skip(gap), true)
  assert.deepEqual([place.position, gaps], [{ epoch: 'k3', offset: 43 }, [gap]])
})

test('place falls back with a gap in the future', () => {
  const { place } = placeAt(40)
  assert.equal(place.skip({ from: 31, to: 40, reason: 'future' }), true)
  assert.deepEqual(place.position, { epoch: 'k3', offset: 30 })
})

test('place follows into a new epoch, once', () => {
  const { place, gaps } = placeAt(40)
  const gap = { from: 1, to: 2, reason: 'epoch', epoch: 'k4' } as const
  assert.equal(place.skip(gap), true)
  assert.equal(place.skip(gap), true)
  assert.deepEqual([place.position, gaps], [{ epoch: 'k4', offset: 2 }, [gap]])
})

test('place can not follow into an epoch that was not named', () => {
  const { place, gaps } = placeAt(40)
  assert.equal(place.skip({ from: 1, to: 2, reason: 'epoch' }), false)
  assert.deepEqual([place.position, gaps], [{ epoch: 'k3', offset: 40 }, []])
})

test('place passes what the page published itself, whenever it hears of it', () => {
  const { place, gaps } = placeAt(40)
  place.own({ epoch: 'k3', offset: 41 })
  place.own({ epoch: 'k3', offset: 43 })
  assert.deepEqual([place.position?.offset, place.take(42), place.position?.offset], [41, true, 43])
  place.own({ epoch: 'k3', offset: 42 })
  place.own({ epoch: 'k2', offset: 44 })
  assert.deepEqual([place.position?.offset, place.take(44), gaps], [43, true, []])
})

test('place takes what the page published itself for known, should it come after all', () => {
  const { place, gaps } = placeAt(40)
  place.own({ epoch: 'k3', offset: 42 })
  place.skip({ from: 41, to: 41, reason: 'trimmed' })
  assert.deepEqual([place.take(42), place.take(43), gaps.length], [false, true, 1])
})
