/**
 * Tests of src/protocol/json-codec.ts: text against literals, and against JSON.parse.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeMessage, encodeMessage, encodePublication } from '../../../src/protocol/json-codec.ts'
import { Payload } from '../../../src/protocol/payload.ts'
import { holds } from '../../support/holds.ts'

const json = (value: string) => Payload.trustJson(Buffer.from(value))

test('JSON of a publication leaves out an empty event and user', () => {
  const bytes = encodePublication({ channel: 'news', offset: 42, data: json('[1,2]'), event: '', user: '' })
  assert.equal(bytes.toString(), '{"channel":"news","offset":42,"data":[1,2]}')
})

test('JSON of a publication holds data bytes as they came, space and all', () => {
  const data = json(' {"b" : 1,\n "a":"\\u00e9"} ')
  const bytes = encodePublication({ channel: 'a"b', offset: 1, data, event: 'é', user: '17' })
  assert.equal(
    bytes.toString(),
    '{"channel":"a\\"b","offset":1,"event":"é","user":"17","data": {"b" : 1,\n "a":"\\u00e9"} }',
  )
})

test('JSON of a publication means what went in, for any names and data', () => {
  const parts = fc.record({
    channel: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    offset: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    event: fc.string({ unit: 'binary', maxLength: 10 }),
    user: fc.string({ unit: 'binary', maxLength: 10 }),
    data: fc.json({ maxDepth: 3 }),
  })
  holds(
    fc.property(parts, ({ data, ...names }) => {
      const decoded = decodeMessage(encodePublication({ ...names, data: json(data) }))
      const { event, user, ...always } = names
      assert.deepEqual(decoded, {
        ...always,
        ...(event === '' ? {} : { event }),
        ...(user === '' ? {} : { user }),
        data: JSON.parse(data),
      })
    }),
  )
})

test('JSON of a reply and of a goodbye is the message itself', () => {
  assert.equal(
    encodeMessage({ id: 3, ok: { epoch: 'k3', offset: 9 } }).toString(),
    '{"id":3,"ok":{"epoch":"k3","offset":9}}',
  )
  assert.equal(
    encodeMessage({ bye: { code: 3001, reason: 'draining', retryAfterMs: 3420 } }).toString(),
    '{"bye":{"code":3001,"reason":"draining","retryAfterMs":3420}}',
  )
})

test('JSON that is none is a SyntaxError', () => {
  for (const text of ['', '{', '{}{}', '\u0000', 'undefined']) {
    assert.throws(() => decodeMessage(Buffer.from(text)), SyntaxError)
  }
})

test('encodeMessage writes what JSON.stringify would, whatever a result holds', () => {
  const results = [
    {},
    { epoch: 'k3', offset: 9 },
    { session: 'n1-a', user: 'ä"\\', pingMs: 25_000 },
    { session: 'n1-a', user: '\u2028\n', pingMs: 25_000 },
    { channel: 'a b', subscribers: 0 },
    { online: ['17', '18'] },
    { channels: [{ channel: 'a', epoch: 'k3', offset: 0 }] },
  ]
  for (const ok of results) assert.equal(encodeMessage({ id: 7, ok }), JSON.stringify({ id: 7, ok }))
})
