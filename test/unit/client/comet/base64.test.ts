/**
 * Tests of src/client/comet/base64.ts: any text there and back, and what is not quite base64.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Base64 } from '../../../../src/client/comet/base64.ts'

test('base64 is that of the UTF-8 of a text', () => {
  for (const text of ['', 'a', 'ab', 'abc', 'жук 🐞', '\u0000']) {
    assert.equal(Base64.encode(text), Buffer.from(text).toString('base64'))
  }
})

test('base64 brings every text back, with or without its padding', async () => {
  await fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const base64 = Base64.encode(text)
      const plain = text.replace(/\r\n/g, '\n')
      return Base64.decode(base64) === plain && Base64.decode(base64.replace(/=/g, '')) === plain
    }),
  )
})

test('base64 passes over what is none', () => {
  assert.equal(Base64.encode('a\r\nb'), Base64.encode('a\nb'))
  assert.equal(Base64.decode('aG\n Vs*bG8='), 'hello')
  assert.equal(Base64.decode('aGVsbG8a'), 'hello\u001a')
  assert.equal(Base64.decode('aGVsA'), 'hel')
})
