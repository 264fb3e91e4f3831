/**
 * Tests of src/cometql/tables/message-text.ts: what was published as a text reads as that text, and nothing changes when
 * what is read is published again.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { messageText } from '../../../../src/cometql/tables/message-text.ts'
import { Payload } from '../../../../src/protocol/payload.ts'
import { seed } from '../../../support/seed.ts'

test('JSON that is no text stays as it was published', () => {
  for (const json of ['{"a":"x\\ny"}', '[1, 2]', '5', '-1.50', 'true', 'null', '{ }']) {
    assert.equal(messageText(json), json)
  }
})

test('a text is told without quotes and escapes', () => {
  assert.equal(messageText('"it\'s"'), "it's")
  assert.equal(messageText('"a\\n\\"b\\"\\u00e9\\\\"'), 'a\n"b"é\\')
  assert.equal(messageText('""'), '')
  assert.equal(messageText('"{not json}"'), '{not json}')
})

test('a text that looks like JSON is told as the JSON of it', () => {
  for (const text of ['5', 'true', 'null', '{"a":1}', '"quoted"', ' 5 ', '[]']) {
    assert.equal(messageText(JSON.stringify(text)), JSON.stringify(text))
  }
})

test('what is read and published again is the same', async () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom('5', '"5"', '""', '', ' ', '\\', '{"a":"\\\\"}'),
  )
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      const json = JSON.stringify(text)
      const again = Payload.fromBytes(Buffer.from(messageText(json)))
      assert.deepEqual(JSON.parse(again.json().toString()), text)
    }),
    { seed, numRuns: 1_000 },
  )
})
