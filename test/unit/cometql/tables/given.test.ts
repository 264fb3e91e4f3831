/**
 * Tests of src/cometql/tables/given.ts: a column that was given nothing is the empty text.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GivenValue, Values } from '../../../../src/cometql/sql/values.ts'
import { payloadIn, textIn } from '../../../../src/cometql/tables/given.ts'
import { letters } from '../../../support/read-statements.ts'

function row(...texts: readonly (readonly [column: string, raw: string])[]) {
  const values = new Values()
  const given = new Map<string, GivenValue>()
  for (const [column, raw] of texts) {
    const value = values.given({ kind: 'text', raw: letters(raw), quote: "'" })
    if (value !== null) given.set(column, value)
  }
  return given
}

test('a value is a text without escapes, or data as JSON where it is that', () => {
  const given = row(['a', "it\\'s é"], ['b', '{"x":"\\n"}'])
  assert.equal(textIn(given, 'a'), "it's é")
  assert.equal(payloadIn(given, 'a').value(), "it's é")
  assert.deepEqual(payloadIn(given, 'b').value(), { x: '\n' })
})

test('what was not given is empty', () => {
  assert.equal(textIn(row(), 'a'), '')
  assert.equal(payloadIn(row(), 'a').value(), '')
  assert.equal(payloadIn(row(), 'a').isText, true)
})
