/**
 * Tests of src/protocol/publication-key.ts: the bound in bytes, and what could make two keys one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publicationKeyFault } from '../../../src/protocol/publication-key.ts'

for (const key of ['', 'a', 'order 4711 ☄', 'x'.repeat(128), 'é'.repeat(64), '☄'.repeat(42), '__proto__']) {
  test(`a key may be ${JSON.stringify(key).slice(0, 30)}`, () => {
    assert.equal(publicationKeyFault(key), null)
  })
}

test('a key has at most 128 bytes, however many characters these are', () => {
  assert.equal(publicationKeyFault('x'.repeat(129)), 'it has 129 of at most 128 bytes')
  assert.equal(publicationKeyFault('é'.repeat(65)), 'it has 130 of at most 128 bytes')
  assert.equal(publicationKeyFault('☄'.repeat(43)), 'it has 129 of at most 128 bytes')
})

for (const key of ['a\n', '\u0000', '\u007f', '\u0085', '\ufffd', '\ud800', 'a\udc00']) {
  test(`a key may not be ${JSON.stringify(key)}`, () => {
    assert.equal(publicationKeyFault(key), 'it holds control characters or broken Unicode')
  })
}
