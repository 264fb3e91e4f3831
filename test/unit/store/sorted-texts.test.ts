/**
 * Tests of src/store/sorted-texts.ts: a set in order, against a plain sorted array.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SortedTexts } from '../../../src/store/sorted-texts.ts'
import { holds } from '../../support/holds.ts'

function all(texts: SortedTexts): string[] {
  const found: string[] = []
  for (let text = texts.atLeast(''); text !== null; text = texts.atLeast(`${text}\u0000`)) found.push(text)
  return found
}

test('sorted texts are those that were added and not deleted, in order, each once', () => {
  const step = fc.tuple(fc.boolean(), fc.nat(40).map(String))
  holds(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(40).map(String), (steps, from) => {
      const texts = new SortedTexts()
      const plain = new Set<string>()
      for (const [isAdded, text] of steps) {
        if (isAdded) texts.add(text)
        else texts.delete(text)
        if (isAdded) plain.add(text)
        else plain.delete(text)
      }
      const expected = [...plain].sort()
      assert.deepEqual(all(texts), expected)
      assert.equal(texts.atLeast(from), expected.find((text) => text >= from) ?? null)
    }),
  )
})

test('sorted texts keep their order over many runs, and until the last has gone', () => {
  const texts = new SortedTexts()
  const expected = Array.from({ length: 20_000 }, (_, at) => String((at * 7_919) % 20_000).padStart(5, '0'))
  for (const text of expected) texts.add(text)
  assert.deepEqual(all(texts), expected.toSorted())
  for (const text of expected) if (Number(text) % 3 > 0) texts.delete(text)
  assert.deepEqual(all(texts), expected.filter((text) => Number(text) % 3 === 0).toSorted())
  for (const text of expected) texts.delete(text)
  assert.equal(texts.atLeast(''), null)
})
