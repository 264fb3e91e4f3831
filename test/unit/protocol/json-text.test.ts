/**
 * Tests of src/protocol/json-text.ts: it says what JSON.parse says, and asks it only when a text looks like JSON.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isJson } from '../../../src/protocol/json-text.ts'
import { cpuMs } from '../../support/cpu-time.ts'
import { holds } from '../../support/holds.ts'

const BLANKS = ['', ' ', '\t', '\n', '\r', ' \r\n\t ']

for (const json of [
  '0',
  '-0',
  '-1.5e3',
  '1E+9',
  '0.10',
  'null',
  'true',
  'false',
  '""',
  '"a"',
  '"\\ud800"',
  '"\u2028"',
  '[]',
  '[ ]',
  '[null]',
  '[ -1]',
  '[[[]]]',
  '{}',
  '{ }',
  '{ "a":1}',
]) {
  test(`JSON is ${json}, with blanks around it`, () => {
    for (const blank of BLANKS) assert.equal(isJson(blank + json + blank), true, JSON.stringify(blank))
  })
}

for (const text of [
  '',
  ' ',
  'hello',
  'nul',
  'nullx',
  'True',
  'NaN',
  '-Infinity',
  '-',
  '+1',
  '01',
  '1.',
  '.5',
  '1e',
  '0x10',
  '1 2',
  '12:30',
  '"',
  '"a',
  '"a" "b"',
  '"a\nb"',
  '[',
  '[}',
  '[1,]',
  '[12:30] late]',
  '{',
  '{]',
  '{a:1}',
  '{\\"a\\":1}',
  '{} {}',
  '\ufeff1',
  '\u00a01',
  '1\u00a0',
  '\v1',
  '1\0',
]) {
  test(`JSON is not ${JSON.stringify(text)}`, () => assert.equal(isJson(text), false))
}

test('any text is JSON where JSON.parse takes it, as characters and as bytes', () => {
  const parts = [
    '{',
    '}',
    '[',
    ']',
    '"',
    ',',
    ':',
    ' ',
    '\t',
    '0',
    '1',
    '-',
    '.',
    'e',
    't',
    'true',
    'null',
    'a',
    '\\',
    'n',
  ]
  const nearly = fc.array(fc.constantFrom(...parts, '\u00a0', 'é'), { maxLength: 9 })
  const texts = fc.oneof(
    fc.json(),
    nearly.map((letters) => letters.join('')),
  )
  let count = 0
  holds(
    fc.property(texts, (text) => {
      const expected = parses(text)
      if (expected) count++
      assert.equal(isJson(text), expected)
      assert.equal(isJson(Buffer.from(text).toString('latin1')), expected)
    }),
    20_000,
  )
  assert.ok(count > 1_000, `only ${count} were JSON`)
})

/** Parsing what is no JSON throws, which made a text ten times as dear as JSON. */
test('a text that gives itself away is not parsed', (t) => {
  const parse = t.mock.method(JSON, 'parse')
  for (const text of [
    'some words',
    "it's {not} JSON",
    'null and void',
    'true story',
    'nobody',
    '12:30, 2024-01-01',
    '-5 degrees',
    '[12:30] hello',
    '{name}, hello',
    '{\\"a\\":1}',
    '"so" he said',
    '42',
    ' ',
  ]) {
    isJson(text)
  }
  assert.equal(parse.mock.callCount(), 0)
  isJson('{"a":1}')
  assert.equal(parse.mock.callCount(), 1, 'what looks like JSON is')
})

test('JSON is told in time that grows with the length of the text', () => {
  for (const part of ['{', '[', '"', ' ', '1', '1.', 'true', '{"', '[1,', '\\']) {
    const text = part.repeat(1_000_000 / part.length)
    const tookMs = cpuMs(() => isJson(text))
    assert.ok(tookMs < 1_000, `${part}: ${tookMs} ms`)
  }
})

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false // which is what was asked
  }
}
