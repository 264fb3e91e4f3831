/**
 * Values: escapes, doubled quotes, JSON as it stands, and what prepared statements are given.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError } from '../../../../src/cometql/query-failure.ts'
import type { Value } from '../../../../src/cometql/sql/statement.ts'
import { type Parameter, Values, withoutEscapes } from '../../../../src/cometql/sql/values.ts'
import { eachCase } from '../../../support/cases.ts'
import { cpuMs } from '../../../support/cpu-time.ts'
import {
  letters,
  nothingGiven,
  number,
  parameter,
  statement,
  text,
  word,
} from '../../../support/read-statements.ts'

const values = new Values()

/** The message of an INSERT, as it was written between the parentheses. */
function messageOf(written: string): Value {
  const read = statement(`INSERT INTO pipes_messages (message) VALUES (${written})`)
  assert.equal(read.kind, 'insert')
  const value = read.rows[0]?.[0]
  assert.ok(value !== undefined)
  return value
}

/** What subscribers get: the JSON, and whether it is a text that is no JSON. */
function published(
  written: string,
  parameters?: readonly Parameter[],
): readonly [json: unknown, isText: boolean] {
  const payload = new Values(parameters).given(messageOf(written))?.payload()
  assert.ok(payload !== undefined)
  return [JSON.parse(payload.json().toString()), payload.isText]
}

/** As PHP's mysqli_real_escape_string does it. */
function escapedByPhp(unescaped: string): string {
  const marks: Readonly<Record<string, string>> = {
    '\0': '\\0',
    '\n': '\\n',
    '\r': '\\r',
    '\x1a': '\\Z',
    '\\': '\\\\',
    "'": "\\'",
    '"': '\\"',
  }
  return Array.from(unescaped, (letter) => marks[letter] ?? letter).join('')
}

const texts: readonly (readonly [written: string, expected: string])[] = [
  ["''", ''],
  ["'abc'", 'abc'],
  ['"abc"', 'abc'],
  ["'it\\'s'", "it's"],
  ["'it''s'", "it's"],
  ['"it\'s"', "it's"],
  ['"it\'\'s"', "it''s"],
  [`'say "hi"'`, 'say "hi"'],
  [`'say ""hi""'`, 'say ""hi""'],
  ['"say ""hi"""', 'say "hi"'],
  ['"say \\"hi\\""', 'say "hi"'],
  ["''''", "'"],
  ["'\\''''", "''"],
  ["'a\\nb\\rc\\td'", 'a\nb\rc\td'],
  ["'\\0\\b\\Z'", '\0\b\x1a'],
  ["'\\\\'", '\\'],
  ["'\\\\n'", '\\n'],
  ["'\\\\\\n'", '\\\n'],
  ["'\\a\\x\\/'", 'ax/'],
  ["'100\\%'", '100\\%'],
  ["'a\\_b'", 'a\\_b'],
  ["'a\nb'", 'a\nb'],
  ["'\\\n'", '\n'],
  ["'é\\'ü'", "é'ü"],
  ["'привет 👍'", 'привет 👍'],
  ["'\\👍'", '👍'],
  ['7', '7'],
  ['-7', '-7'],
  ['+7', '7'],
  ['1.50', '1.50'],
  ['web_one', 'web_one'],
  ['имя', 'имя'],
  ["X'F09F918D'", '👍'],
  ["X'5C6E'", '\\n'],
  ["_binary'a\\'b'", "a'b"],
]

for (const [written, expected] of texts) {
  test(`value ${JSON.stringify(written)} is the text ${JSON.stringify(expected)}`, () => {
    assert.equal(values.text(messageOf(written)), expected)
    assert.equal(values.given(messageOf(written))?.text(), expected)
  })
}

test('value of NULL is none', () => {
  assert.equal(values.text(nothingGiven), null)
  assert.equal(values.given(nothingGiven), null)
})

test('value of a parameter is its bytes as text, without escapes', () => {
  const given = new Values([Buffer.from("it''s \\n 👍"), null, Buffer.alloc(0)])
  assert.equal(given.text(parameter(0)), "it''s \\n 👍")
  assert.equal(given.given(parameter(0))?.text(), "it''s \\n 👍")
  assert.equal(given.text(parameter(1)), null)
  assert.equal(given.given(parameter(1)), null)
  assert.equal(given.text(parameter(2)), '')
  assert.equal(given.given(parameter(2))?.text(), '')
})

test('value of a parameter that was not given is refused', () => {
  const isRefusal = (error: unknown) =>
    error instanceof QueryError && error.failure.code === 12 && error.message === 'Parameter 1 has no value'
  assert.throws(() => values.text(parameter(0)), isRefusal)
  assert.throws(() => values.given(parameter(0)), isRefusal)
})

const messages: readonly (readonly [subject: string, written: string, json: unknown, isText: boolean])[] = [
  ['JSON as it stands', `'{"a":1}'`, { a: 1 }, false],
  ['JSON as it stands, with its own escapes', `'{"a":"x\\ny"}'`, { a: 'x\ny' }, false],
  ['JSON as it stands, with quotes of its own', `'{"a":"say \\"hi\\""}'`, { a: 'say "hi"' }, false],
  ['JSON as it stands, with backslashes of its own', `'{"a":"C:\\\\x"}'`, { a: 'C:\\x' }, false],
  ['JSON that was escaped', `'{\\"a\\":\\"x\\"}'`, { a: 'x' }, false],
  ['JSON that was escaped, with escapes of its own', `'{\\"a\\":\\"x\\\\ny\\"}'`, { a: 'x\ny' }, false],
  ['JSON with an escaped apostrophe', `'{"a":"it\\'s"}'`, { a: "it's" }, false],
  ['JSON with a doubled apostrophe', `'{"a":"it''s"}'`, { a: "it's" }, false],
  [
    'JSON with a doubled apostrophe and escapes of its own',
    `'{"a":"it''s \\n","b":"\\"","c":"\\\\"}'`,
    { a: "it's \n", b: '"', c: '\\' },
    false,
  ],
  ['JSON with two apostrophes, both doubled', `'{"a":"''''"}'`, { a: "''" }, false],
  ['JSON with a doubled apostrophe behind a backslash of its own', `'{"a":"\\\\''"}'`, { a: "\\'" }, false],
  ['a JSON string with a doubled apostrophe', `'"it''s"'`, "it's", false],
  ['JSON in double quotes, doubled', `"{""a"":1}"`, { a: 1 }, false],
  ['JSON in double quotes, doubled, with escapes of its own', `"{""a"":""x\\ny""}"`, { a: 'x\ny' }, false],
  ['JSON in double quotes with two apostrophes, which are two', `"{""a"":""it''s""}"`, { a: "it''s" }, false],
  ['no JSON with quotation marks doubled between apostrophes', `'{""a"":1}'`, '{""a"":1}', true],
  ['no JSON with an apostrophe that is doubled and one that is escaped', `'{\\'a'':1}'`, "{'a':1}", true],
  ['JSON in double quotes, escaped', `"{\\"a\\":1}"`, { a: 1 }, false],
  ['a list', "'[1,2,3]'", [1, 2, 3], false],
  ['a number in quotes', "'7'", 7, false],
  ['a number', '7', 7, false],
  ['a negative number', '-7', -7, false],
  ['a number that JSON does not write so', '007', '007', true],
  ['a bare word', 'hello', 'hello', true],
  ['a bare word of JSON', 'true', true, false],
  ['a JSON string', `'"abc"'`, 'abc', false],
  ['a text', "'hello'", 'hello', true],
  ['an empty text', "''", '', true],
  ['a text with an escaped apostrophe', "'it\\'s'", "it's", true],
  ['a text with a doubled apostrophe', "'it''s'", "it's", true],
  ['a text with a line break', "'a\\nb'", 'a\nb', true],
  ['a text with a backslash', "'a\\\\b'", 'a\\b', true],
  ['a text that is no ASCII', "'привет 👍'", 'привет 👍', true],
  ['JSON that is no ASCII', `'{"a":"привет 👍"}'`, { a: 'привет 👍' }, false],
  ['JSON in hexadecimal digits', "X'7b2261223a225c6e227d'", { a: '\n' }, false],
]

for (const [subject, written, json, isText] of messages) {
  test(`message is ${subject}: ${written}`, () => {
    assert.deepEqual(published(written), [json, isText])
  })
}

test('message of JSON reaches subscribers in the bytes it was written in', () => {
  const json = '{ "a" : "x\\ny", "b":[1.0, 2] }'
  const payload = values.given(messageOf(`'${json}'`))?.payload()
  assert.equal(payload?.json().toString(), json)
})

test('message that PHP escaped arrives as it was, JSON or not', () => {
  const originals: readonly unknown[] = [
    { text: 'it\'s "so"', path: 'C:\\temp\\new', lines: 'a\nb\r\n', tab: '\t', mark: '👍', end: '\u001a' },
    ['\\', '"', "'", '\\"', "\\'", '\0'],
    'plain',
  ]
  for (const original of originals) {
    const written = `'${escapedByPhp(JSON.stringify(original))}'`
    assert.deepEqual(published(written), [original, false], written)
  }
  for (const original of [`it's "so" \\ and\nmore 👍`, '\\n', "'", '"', '100%_\\%', '\0\x1a\r\n']) {
    assert.deepEqual(published(`'${escapedByPhp(original)}'`)[0], original)
  }
})

test('message whose apostrophes PHP doubled arrives as it was', () => {
  const written = `'${'it\'s "so"'.replaceAll("'", "''")}'`
  assert.deepEqual(published(written), ['it\'s "so"', true])
})

test('message of a parameter is taken as its bytes', () => {
  assert.deepEqual(published('?', [Buffer.from('{"a":"x\\ny"}')]), [{ a: 'x\ny' }, false])
  assert.deepEqual(published('?', [Buffer.from("it''s \\'")]), ["it''s \\'", true])
  assert.deepEqual(published('?', [Buffer.alloc(0)]), ['', true])
  assert.deepEqual(published('?', [Buffer.from('привет')]), ['привет', true])
})

test('message of bytes that are no UTF-8 is a text with marks for them', () => {
  assert.deepEqual(published("X'7b2261223aff7d'"), ['{"a":\ufffd}', true])
  assert.deepEqual(published('?', [Buffer.from('"\xff"', 'latin1')]), ['"\ufffd"', true])
})

test('message is JSON as it stands exactly where JSON.parse takes it so', async () => {
  const parts = [
    '"',
    '\\',
    "''",
    'a',
    'n',
    'u0041',
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    ' ',
    '1',
    '\xc3\xa9',
  ] as const
  let count = 0
  await eachCase(20_000, (random) => {
    const inside = Array.from({ length: random.below(8) }, () => random.pick(parts)).join('')
    const raw = random.below(2) === 0 ? `["${inside}"]` : inside
    const asJson = parsed(raw.replaceAll("''", "'"))
    const payload = values.given({ kind: 'text', raw, quote: "'" })?.payload()
    const got = JSON.parse(payload?.json().toString() ?? '')
    const otherwise = () => parsed(withoutEscapes(raw, "'")) ?? { value: utf8(withoutEscapes(raw, "'")) }
    assert.deepEqual({ value: got }, asJson ?? otherwise(), raw)
    if (asJson !== null && raw.includes('\\')) count++
  })
  assert.ok(count > 100, `only ${count} had escapes of JSON: they test nothing`)
})

/** Null = it is no JSON. */
function parsed(written: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(utf8(written)) }
  } catch {
    return null // which is what was asked
  }
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString()
}

/** What is no JSON was parsed as it was written and once more unescaped; both threw, and cost more than all the rest. */
test('message of plain or escaped text is never parsed, and JSON once', (t) => {
  const texts = [
    "'it''s'",
    "'it\\'s'",
    `'say \\"hi\\"'`,
    "'C:\\\\temp'",
    "'[12:30] it\\'s'",
    `"so ""he"" said"`,
  ]
  const json = [
    '{"a":1}',
    '{\\"a\\":\\"x\\"}',
    '{"a":"x\\ny"}',
    `{"a":"it\\'s"}`,
    `{"a":"it''s"}`,
    '{"a":"x \\\\"y\\\\""}',
  ]
  const all = [...texts, ...json.map((one) => `'${one}'`)].map(messageOf)
  const parse = t.mock.method(JSON, 'parse')
  const payloads = all.map((value) => values.given(value)?.payload())
  assert.equal(parse.mock.callCount(), json.length)
  assert.deepEqual(
    payloads.map((payload) => payload?.isText),
    [...texts.map(() => true), ...json.map(() => false)],
  )
})

test('count is a whole number, in whichever form it was given', () => {
  assert.equal(values.count(number(10), 'LIMIT'), 10)
  assert.equal(values.count(number(0), 'LIMIT'), 0)
  assert.equal(values.count(text('25'), 'LIMIT'), 25)
  assert.equal(values.count(number('999999999999999'), 'LIMIT'), 999_999_999_999_999)
  assert.equal(new Values([Buffer.from('7')]).count(parameter(0), 'LIMIT'), 7)
})

test('count of more than there can be is as many as can', () => {
  // MySQL's manual gives this one for "all the rest".
  assert.equal(values.count(number('18446744073709551615'), 'LIMIT'), Number.MAX_SAFE_INTEGER)
  assert.equal(values.count(number('9'.repeat(1_000)), 'LIMIT'), Number.MAX_SAFE_INTEGER)
})

test('count that is no whole number is refused, with what it is', () => {
  const isRefusal = (message: string) => (error: unknown) =>
    error instanceof QueryError && error.failure.code === 3 && error.message === message
  const start = 'Syntax error in query: LIMIT must be a whole number: it is'
  const cases: readonly (readonly [Value, string])[] = [
    [number(-1), '-1'],
    [number('1.5'), '1.5'],
    [number('1e3'), '1e3'],
    [text(''), ''],
    [text(' 7'), ' 7'],
    [word('x'.repeat(100)), 'x'.repeat(40)],
    [nothingGiven, 'NULL'],
  ]
  for (const [value, shown] of cases) {
    assert.throws(() => values.count(value, 'LIMIT'), isRefusal(`${start} ${shown}`))
  }
  assert.throws(() => new Values([null]).count(parameter(0), 'LIMIT'), isRefusal(`${start} NULL`))
})

test('escapes are undone from left to right', () => {
  assert.equal(withoutEscapes("\\\\'' \\'' '\\'", "'"), "\\' '' ''")
  assert.equal(withoutEscapes('a\'\'b""c', "'"), `a'b""c`)
  assert.equal(withoutEscapes('a\'\'b""c', '"'), `a''b"c`)
  assert.equal(withoutEscapes('\\\\\\\\n', "'"), '\\\\n')
})

test('escapes leave a backslash at the end as it is', () => {
  assert.equal(withoutEscapes('abc\\', "'"), 'abc\\')
})

test('escapes leave bytes of letters as they are', () => {
  assert.equal(withoutEscapes(`${letters('é👍')}\\'`, "'"), `${letters('é👍')}'`)
})

/**
 * Were the time to grow with the square of the length, this many letters would take seconds, so that the test fails instead
 * of never ending; as it is they take a millisecond.
 */
const MANY = 20_000
const MOST_MS = 250

for (const part of ['\\', "'", '\\\\', "''", "\\'", 'a', '\\""']) {
  const raw = part.repeat(MANY / part.length)

  test(`escapes are undone in time that grows with the length of ${JSON.stringify(part)}, repeated`, () => {
    inTime(() => withoutEscapes(raw, "'"))
    inTime(() => values.given({ kind: 'text', raw: `"${raw}"`, quote: "'" })?.payload())
  })
}

function inTime(run: () => void): void {
  const tookMs = cpuMs(run)
  assert.ok(tookMs < MOST_MS, `it took ${tookMs} ms`)
}
