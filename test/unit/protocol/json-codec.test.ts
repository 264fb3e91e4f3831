/**
 * Tests of src/protocol/json-codec.ts: text against literals, and against JSON.parse.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeMessage,
  decodePublication,
  encodeMessage,
  encodePublication,
  readPublication,
} from '../../../src/protocol/json-codec.ts'
import type { ControlMessage, Reply } from '../../../src/protocol/messages.ts'
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

test('JSON of a publication that waited has its id and time', () => {
  const inbox = { id: 'k3-1"', timeMs: 1_700_000_000_000 }
  const bytes = encodePublication({ channel: '@7', offset: 3, inbox, data: json('1'), event: 'pm', user: '' })
  assert.equal(
    bytes.toString(),
    '{"channel":"@7","offset":3,"id":"k3-1\\"","time":1700000000000,"event":"pm","data":1}',
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

const gap = { from: 1, to: 41, reason: 'trimmed' } as const
const publication = { channel: 'a', offset: 1, data: { b: [null, 'ü'] }, event: 'e' }

const messages: readonly (Reply | ControlMessage)[] = [
  ...[
    {},
    { epoch: 'k3', offset: 9 },
    { epoch: 'k3', offset: 9, reached: 0 },
    { user: '7', data: '{"a":1}' },
    { session: 'u~n1-1', user: '', pingMs: 25_000, login: { authorized: false, key: '' } },
    { epoch: 'k3', offset: Number.MAX_SAFE_INTEGER, recovered: true },
    { epoch: 'a"\n', offset: 0, recovered: false, gap },
    { session: 'n1-a', user: 'ä"\\', pingMs: 25_000 },
    { session: 'n1-a', user: '\u2028\n', pingMs: 25_000, expiresInMs: 60_000 },
    {
      session: 'n1-a',
      user: '17',
      pingMs: 25_000,
      capsule: 'ey"J'.repeat(50),
      expiresInMs: 1,
      own: { channel: '@17', epoch: 'k3', offset: 3 },
    },
    {
      session: 'n1-a',
      user: '\ud800',
      pingMs: 0,
      own: { channel: '@\ud800', epoch: '', offset: 3, recovered: false, gap },
    },
    { expiresInMs: 60_000 },
    { channel: 'a b', subscribers: 0 },
    { online: ['17', '18'], lastSeen: { 'a"b': 1_769_000_000_000 } },
    { channels: [{ channel: 'a', epoch: 'k3', offset: 0, recovered: true }] },
    { epoch: 'k3', offset: 1, publications: [] },
    { epoch: 'k3', offset: 1, publications: [publication], gap },
    { channel: 'a', count: 2, clients: [{ session: 's', user: '' }] },
    { sum: 12 },
  ].map((ok) => ({ id: 7, ok }) as Reply),
  { id: 0, error: { code: 120, name: 'BAD_MESSAGE', message: 'No "JSON"', retry: false } },
  { channel: 'a', gap },
  { channel: 'a', presence: { count: 1, join: [{ session: 's', user: '17' }], leave: [], stale: true } },
  { capsule: 'eyJ' },
  { sum: 0 },
  { bye: { code: 3001, reason: 'draining', retryAfterMs: 3_420 } },
]
for (const message of messages) {
  test(`encodeMessage writes what JSON.stringify would: ${JSON.stringify(message).slice(0, 60)}`, () => {
    assert.equal(encodeMessage(message), JSON.stringify(message))
  })
}

describe('decodePublication', () => {
  const encoded = (data: string, event = '', user = '') =>
    encodePublication({ channel: '"data":', offset: 3, data: json(data), event, user })

  test('decodePublication gives what was encoded', () => {
    assert.deepEqual(decodePublication(encoded('{"data":"data"}', '"data":', 'data')), {
      channel: '"data":',
      offset: 3,
      event: '"data":',
      user: 'data',
      data: { data: 'data' },
    })
  })

  for (const text of ['oops', '', '{"data":', '1}{', '"data":']) {
    test(`decodePublication gives null for the trusted bytes ${JSON.stringify(text)}, which are no JSON`, () => {
      assert.deepEqual(decodePublication(encoded(text, '', 'data')), {
        channel: '"data":',
        offset: 3,
        user: 'data',
        data: null,
      })
    })
  }
})

describe('readPublication', () => {
  const encoded = (data: string) =>
    encodePublication({ channel: 'a"data":', offset: 3, data: json(data), event: '"data":', user: '7' })

  for (const data of [
    ' {"b" : 1,\n "a":"\\u00e9"} ',
    '"data\\":1}"',
    'null',
    '{"data":{"data":1}}',
    '1e400',
    'oops}',
  ]) {
    test(`readPublication gives the data ${JSON.stringify(data)} byte for byte`, () => {
      const { message, json: text } = readPublication(encoded(data))
      assert.equal(text, data)
      assert.deepEqual(
        [message.channel, message.offset, message.event, message.user],
        ['a"data":', 3, '"data":', '7'],
      )
    })
  }

  test('readPublication gives no data of a notice, which is no publication', () => {
    const notice = Buffer.from('{"channel":"a","gap":{"from":1,"to":2}}')
    assert.equal(readPublication(notice).json, null)
  })

  test('readPublication gives back any data of any channel', () => {
    holds(
      fc.property(fc.json(), fc.string({ minLength: 1 }), (data, channel) => {
        const parts = { channel, offset: 1, data: json(data), event: '', user: '' }
        const { message, json: text } = readPublication(encodePublication(parts))
        assert.deepEqual([text, message.channel], [data, channel])
      }),
    )
  })
})
