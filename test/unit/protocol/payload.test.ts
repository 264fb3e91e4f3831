/**
 * Tests of src/protocol/payload.ts: what is JSON, what has a JSON form, and that nothing is turned twice.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MAX_JSON_DEPTH, Payload } from '../../../src/protocol/payload.ts'
import { cpuMs } from '../../support/cpu-time.ts'
import { holds } from '../../support/holds.ts'

const text = (value: string) => Buffer.from(value)
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('checkJson', () => {
  for (const json of [
    '0',
    '-1.5e3',
    'null',
    'true',
    '""',
    '"é☄🚀"',
    '[]',
    '{}',
    ' {"a": [1, null]}\r\n\t',
    '"\\ud800"',
    '"\u2028"',
    '"\u007f"',
  ]) {
    test(`checkJson takes ${JSON.stringify(json)} as it is`, () => {
      const bytes = text(json)
      const payload = Payload.checkJson(bytes)
      assert.equal(payload?.json(), bytes, 'the same buffer')
      assert.equal(payload?.bytes, bytes.length)
      assert.deepEqual(payload?.value(), JSON.parse(json))
    })
  }

  const refused: readonly [what: string, bytes: Buffer][] = [
    ['nothing', text('')],
    ['only space', text(' ')],
    ['a word', text('hello')],
    ['single quotes', text("'a'")],
    ['a trailing comma', text('[1,]')],
    ['what follows the value', text('{} {}')],
    ['NUL after the value', text('1\u0000')],
    ['half an object', text('{"a":')],
    ['a line break in a string', text('"a\nb"')],
    ['NaN', text('NaN')],
    ['a byte order mark', text('\ufeff1')],
    ['a no-break space around the value', text('\u00a01')],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a cut character', Buffer.from([0x22, 0xe2, 0x82, 0x22])],
    ['an overlong character', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['UTF-16', Buffer.from('"a"', 'utf16le')],
  ]
  for (const [what, bytes] of refused) {
    test(`checkJson refuses ${what}`, () => assert.equal(Payload.checkJson(bytes), null))
  }

  test('checkJson agrees with JSON.parse on any text', () => {
    const nearly = fc.oneof(
      fc.json(),
      fc
        .array(fc.constantFrom(...'[]{}",:0-e.\\ tn\u00a0é'), { maxLength: 8 })
        .map((letters) => letters.join('')),
    )
    holds(
      fc.property(nearly, (json) => {
        assert.equal(Payload.checkJson(text(json)) !== null, parses(json))
      }),
      3_000,
    )
  })
})

describe('depth', () => {
  test('a payload is too deep one level above the bound', () => {
    assert.equal(Payload.checkJson(text(nested(MAX_JSON_DEPTH)))?.isTooDeep(), false)
    assert.equal(Payload.checkJson(text(nested(MAX_JSON_DEPTH + 1)))?.isTooDeep(), true)
    const objects = `${'{"a":'.repeat(MAX_JSON_DEPTH + 1)}1${'}'.repeat(MAX_JSON_DEPTH + 1)}`
    assert.equal(Payload.checkJson(text(objects))?.isTooDeep(), true)
  })

  test('a payload with a megabyte of brackets is told at once', () => {
    const tookMs = cpuMs(() => assert.equal(Payload.checkJson(text(nested(500_000)))?.isTooDeep(), true))
    assert.ok(tookMs < 2_000, `${tookMs} ms`)
  })

  test('a payload is not deep because of brackets in its strings, escaped quotes or its length', () => {
    const brackets = '['.repeat(2 * MAX_JSON_DEPTH)
    for (const value of [
      [brackets],
      ['"', brackets],
      ['\\', brackets],
      ['\\"', brackets],
      Array(5_000).fill([]),
    ]) {
      assert.equal(Payload.fromValue(value)?.isTooDeep(), false)
    }
  })

  test('a payload of a value is as deep as its JSON', () => {
    assert.equal(Payload.fromValue(JSON.parse(nested(MAX_JSON_DEPTH + 1)))?.isTooDeep(), true)
  })
})

describe('fromValue', () => {
  test('fromValue keeps the value and makes its JSON once', () => {
    const value = { a: [1, 'é'] }
    const payload = Payload.fromValue(value)
    assert.equal(payload?.value(), value)
    assert.equal(payload?.json().toString(), '{"a":[1,"é"]}')
    assert.equal(payload?.json(), payload?.json())
    assert.equal(payload?.bytes, 14, 'bytes, not letters')
  })

  test('fromValue refuses what has no JSON form', () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    for (const value of [undefined, () => 1, Symbol('a'), 1n, [1n], cycle, JSON.parse(nested(200_000))]) {
      assert.equal(Payload.fromValue(value), null)
    }
  })
})

describe('fromBytes', () => {
  test('fromBytes takes JSON as the bytes it is', () => {
    const bytes = text(' {"a" : 1}')
    const payload = Payload.fromBytes(bytes)
    assert.equal(payload.json(), bytes)
    assert.deepEqual([payload.isText, payload.value()], [false, { a: 1 }])
  })

  test('fromBytes takes anything else as a text', () => {
    for (const given of ['', 'hello', '{a:1}', '[1,]', 'NaN', '"a', 'żółw 🐢']) {
      const payload = Payload.fromBytes(text(given))
      assert.deepEqual(
        [payload.isText, payload.value(), payload.json().toString()],
        [true, given, JSON.stringify(given)],
      )
    }
  })

  test('fromBytes puts marks where bytes are no UTF-8', () => {
    assert.equal(Payload.fromBytes(Buffer.from([0x61, 0xff])).value(), 'a\ufffd')
  })
})

describe('letters that are bytes of UTF-8', () => {
  const letters = (value: string) => text(value).toString('latin1')

  test('fromLetters gives what fromBytes does', () => {
    for (const given of [
      ' {"a" : "é🐢"}',
      '[1,]',
      '',
      'hello',
      'żółw 🐢 "\\" \n\u0000\u007f\u2028',
      '"ä"',
      '007',
      '-7',
    ]) {
      const [one, other] = [Payload.fromLetters(letters(given)), Payload.fromBytes(text(given))]
      assert.deepEqual(
        [one.json().toString(), one.isText, one.value()],
        [other.json().toString(), other.isText, other.value()],
      )
    }
  })

  test('checkLetters takes JSON as the bytes it is, and nothing else', () => {
    const payload = Payload.checkLetters(letters(' {"a" : "é"}'))
    assert.deepEqual([payload?.json(), payload?.isText], [text(' {"a" : "é"}'), false])
    assert.equal(Payload.checkLetters('{a:1}'), null)
  })
})

describe('trustJson', () => {
  test('trustJson takes any bytes and gives null as the value of those that are not JSON', () => {
    const bytes = text('not JSON')
    const payload = Payload.trustJson(bytes)
    assert.equal(payload.json(), bytes)
    assert.equal(payload.value(), null)
    assert.equal(payload.value(), null, 'the second time too')
  })

  test('trustJson parses once, when first asked', () => {
    const payload = Payload.trustJson(text('{"a":1}'))
    assert.deepEqual(payload.value(), { a: 1 })
    assert.equal(payload.value(), payload.value())
  })
})

function parses(json: string): boolean {
  try {
    JSON.parse(json)
    return true
  } catch {
    return false // not JSON
  }
}
