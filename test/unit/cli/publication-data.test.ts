/**
 * What a word on the command line is as data.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publicationData } from '../../../src/cli/publication-data.ts'

test('JSON passes through byte for byte', () => {
  for (const text of ['{"a": 1.0}', '[1,2]', '42', 'null', '"é"', ' true ']) {
    assert.deepEqual(publicationData(text, 'auto'), Buffer.from(text))
    assert.deepEqual(publicationData(text, 'json'), Buffer.from(text))
  }
})

test('text that is no JSON is a string, unless JSON is insisted on', () => {
  for (const text of ['Hello', '{a:1}', '', "'x'", '1,2']) {
    assert.equal(publicationData(text, 'auto'), text)
    assert.equal(publicationData(text, 'json'), null)
  }
})

test('form text makes a string of everything', () => {
  assert.equal(publicationData('42', 'text'), '42')
  assert.equal(publicationData('{"a":1}', 'text'), '{"a":1}')
})
