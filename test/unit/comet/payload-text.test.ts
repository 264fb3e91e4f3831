/**
 * Tests of src/comet/payload-text.ts: data becomes a text that pages read back as the same data.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { textOf, textOfJson } from '../../../src/comet/payload-text.ts'
import { Payload } from '../../../src/protocol/payload.ts'
import { holds } from '../../support/holds.ts'

/** What a page makes of a text: it tries to parse it, and eats backslashes until it can or gives up. */
function readByPage(text: string): unknown {
  let left = text
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      return JSON.parse(attempt % 2 === 0 ? left.replaceAll("\\'", "'") : left)
    } catch {
      if (attempt % 2 === 0) left = left.replace(/\\(.?)/gs, '$1')
    }
  }
  return left
}

describe('data as a text for pages', () => {
  test('JSON goes out as the bytes it came in', () => {
    const json = ' {"a" : [1, 2],"b":"it\'s"}\n'
    assert.equal(textOf(Payload.fromBytes(Buffer.from(json))), json)
    assert.equal(textOfJson(json), json)
  })

  for (const text of ['plain', '', 'Привет ✓ 😀', 'two\nlines', "it's", 'not {json}', 'true love', '1 000']) {
    test(`text ${JSON.stringify(text)} goes out bare`, () => {
      assert.equal(textOf(Payload.fromText(text)), text)
      assert.equal(textOfJson(JSON.stringify(text)), text)
    })
  }

  for (const text of [
    '5',
    'true',
    'null',
    '"quoted"',
    '[1]',
    ' {} ',
    'A::5;x',
    'back\\slash',
    "\\'",
    '\\n',
  ]) {
    test(`text ${JSON.stringify(text)} goes out as JSON, as pages would read something else`, () => {
      const sent = textOf(Payload.fromText(text))
      assert.equal(JSON.parse(sent), text)
      assert.equal(textOfJson(JSON.stringify(text)), sent)
    })
  }

  test('string that was published as JSON goes out as it is, and bare from a history', () => {
    const data = Payload.fromValue('plain')
    assert.ok(data !== null)
    assert.equal(textOf(data), '"plain"')
    assert.equal(textOfJson('"plain"'), 'plain')
  })

  test('apostrophe behind a backslash is written so that pages leave it alone', () => {
    const sent = textOf(Payload.fromBytes(Buffer.from('{"a":"\\\\\'"}')))
    assert.equal(sent, '{"a":"\\\\\\u0027"}')
    assert.deepEqual(readByPage(sent), { a: "\\'" })
  })

  test('every value is read back by pages, live and from a history', () => {
    const letters = fc.array(fc.constantFrom('\\', "'", '"', 'n', '1', 'A::', '{', '}', '\n', 'é'), {
      maxLength: 8,
    })
    const texts = fc.oneof(
      letters.map((all) => all.join('')),
      fc.string({ unit: 'binary' }),
    )
    const values = fc.oneof(texts, fc.jsonValue({ stringUnit: 'binary' }), fc.dictionary(texts, texts))
    holds(
      fc.property(values, (value) => {
        const json = JSON.stringify(value)
        const data = Payload.fromBytes(Buffer.from(json))
        assert.equal(data.isText, false)
        assert.equal(JSON.stringify(readByPage(textOf(data))), json)
        assert.equal(JSON.stringify(readByPage(textOfJson(json))), json)
      }),
    )
  })

  test('every text is read back by pages, unless it is JSON', () => {
    holds(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const read = readByPage(textOf(Payload.fromText(text)))
        assert.equal(read, text)
      }),
    )
  })
})

describe('what a page sends', () => {
  test('JSON is data, anything else is a text', () => {
    assert.deepEqual(Payload.fromBytes(Buffer.from('{"a":1}')).value(), { a: 1 })
    const text = Payload.fromBytes(Buffer.from('{a:1}'))
    assert.deepEqual([text.isText, text.value()], [true, '{a:1}'])
  })

  test('bytes that are no UTF-8 are a text with marks in their place', () => {
    assert.equal(Payload.fromBytes(Buffer.from([0x61, 0xff])).value(), 'a\ufffd')
  })
})
