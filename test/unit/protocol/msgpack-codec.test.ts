/**
 * Tests of src/protocol/msgpack-codec.ts: what goes in comes out, and what must not come in does not.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import * as jsonCodec from '../../../src/protocol/json-codec.ts'
import {
  decodeMessage,
  decodeTrusted,
  decodeValue,
  encodeMessage,
  encodePublication,
  encodeValue,
  recodePublication,
} from '../../../src/protocol/msgpack-codec.ts'
import { MsgpackError, MsgpackReader } from '../../../src/protocol/msgpack-reader.ts'
import { MAX_JSON_DEPTH, Payload } from '../../../src/protocol/payload.ts'
import { hex } from '../../support/hex.ts'
import { holds } from '../../support/holds.ts'

const json = (value: string) => Payload.trustJson(Buffer.from(value))

describe('MessagePack', () => {
  test('MessagePack of any JSON value decodes to it', () => {
    holds(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value)
        fc.pre(!text.includes('__proto__')) // the one key the decoder renames
        const plain: unknown = JSON.parse(text)
        assert.deepEqual(decodeMessage(encodeValue(plain)), plain)
      }),
    )
  })

  test('MessagePack of a publication has the members of the JSON form', () => {
    const parts = { channel: 'news', offset: 42, data: json('{"a":[1,null]}') }
    assert.deepEqual(decodeMessage(encodePublication({ ...parts, event: '', user: '' })), {
      channel: 'news',
      offset: 42,
      data: { a: [1, null] },
    })
    assert.deepEqual(decodeMessage(encodePublication({ ...parts, event: 'e', user: '17' })), {
      channel: 'news',
      offset: 42,
      event: 'e',
      user: '17',
      data: { a: [1, null] },
    })
  })

  test('MessagePack carries data whose members have the names of methods', () => {
    // The library called such a toJSON as a function: one publication of a stranger ended the node.
    for (const text of [
      '{"constructor":1,"toJSON":1}',
      '[{"a":{"constructor":null,"toJSON":"x","b":[{"c":2}]}}]',
      '{"constructor":{"toJSON":true,"constructor":[]},"hasOwnProperty":1,"toString":2}',
    ]) {
      const parts = { channel: 'a', offset: 1, data: json(text), event: '', user: '' }
      assert.deepEqual(decodeMessage(encodePublication(parts)), {
        channel: 'a',
        offset: 1,
        data: JSON.parse(text),
      })
    }
  })

  test('MessagePack of a publication carries null where trusted bytes are not JSON', () => {
    const bytes = encodePublication({ channel: 'a', offset: 1, data: json('oops'), event: '', user: '' })
    assert.deepEqual(decodeMessage(bytes), { channel: 'a', offset: 1, data: null })
  })

  test('MessagePack can be made of data as deep as a publication may be', () => {
    // Deeper data once ran the encoder out of stack, in the middle of a flush.
    const data = json('['.repeat(MAX_JSON_DEPTH) + ']'.repeat(MAX_JSON_DEPTH))
    assert.equal(data.isTooDeep(), false)
    const bytes = encodePublication({ channel: 'a', offset: 1, data, event: '', user: '' })
    assert.ok(bytes.length > MAX_JSON_DEPTH)
  })

  for (const [event, user] of [
    ['', ''],
    ['e', ''],
    ['', '17'],
    ['e', '17'],
  ] as const) {
    test(`MessagePack of a JSON publication is that of the publication itself (${event || '-'} ${user || '-'})`, () => {
      const parts = {
        channel: 'n"ews',
        offset: 2 ** 40,
        data: json(' {"b":[1.5,null],"a":"é"} '),
        event,
        user,
      }
      const recoded = recodePublication(jsonCodec.encodePublication(parts))
      assert.equal(recoded.toString('hex'), encodePublication(parts).toString('hex'))
      assert.deepEqual(
        Object.keys(decodeMessage(recoded) as object),
        ['channel', 'offset', event && 'event', user && 'user', 'data'].filter(Boolean),
      )
    })
  }

  test('MessagePack of a publication that waited has its id and time, made of JSON or not', () => {
    const inbox = { id: 'k3-1', timeMs: 1_700_000_000_000 }
    const parts = { channel: '@7', offset: 3, inbox, data: json('1'), event: 'pm', user: '' }
    const bytes = encodePublication(parts)
    assert.deepEqual(decodeMessage(bytes), {
      channel: '@7',
      offset: 3,
      id: 'k3-1',
      time: 1_700_000_000_000,
      event: 'pm',
      data: 1,
    })
    assert.equal(recodePublication(jsonCodec.encodePublication(parts)).toString('hex'), bytes.toString('hex'))
  })

  test('MessagePack of a JSON publication carries null where trusted bytes are not JSON', () => {
    const parts = { channel: 'a', offset: 1, data: json('oops'), event: '', user: '' }
    const recoded = recodePublication(jsonCodec.encodePublication(parts))
    assert.deepEqual(decodeMessage(recoded), { channel: 'a', offset: 1, data: null })
  })

  test('MessagePack of a reply decodes to it', () => {
    const reply = { id: 7, ok: { epoch: 'k3', offset: 2 ** 40 } }
    assert.deepEqual(decodeMessage(encodeMessage(reply)), reply)
  })

  test('MessagePack of one message is not changed by the next', () => {
    const first = encodeValue(['a'])
    const copy = Buffer.from(first)
    for (let i = 0; i < 10_000; i++) encodeValue(['b'.repeat(100), i])
    assert.deepEqual(first, copy)
  })
})

describe('decoding', () => {
  test('decoding takes every small integer as one', () => {
    // The library has a mode in which some of these bytes stand for record structures.
    for (let byte = 0; byte <= 0x7f; byte++) assert.equal(decodeMessage(Buffer.from([byte])), byte)
    for (let byte = 0xe0; byte <= 0xff; byte++) assert.equal(decodeMessage(Buffer.from([byte])), byte - 256)
  })

  test('decoding gives numbers, never BigInt', () => {
    assert.equal(decodeMessage(hex('cf 001fffffffffffff')), Number.MAX_SAFE_INTEGER)
    assert.equal(typeof decodeMessage(hex('cf ffffffffffffffff')), 'number')
    assert.equal(typeof decodeMessage(hex('d3 8000000000000000')), 'number')
  })

  test('decoding does not let a key reach a prototype', () => {
    const value = decodeMessage(hex("81 a9 '__proto__' 81 a7 'connect' 80")) as object
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    assert.equal('connect' in value, false)
  })

  const refused: readonly [name: string, bytes: Buffer, at: number][] = [
    ['nothing', hex(''), 0],
    ['what follows the message', hex('01 02'), 1],
    ['bytes', hex("c4 01 'a'"), 0],
    ['bytes inside', hex("82 a1 'a' 01 a1 'b' c4 00"), 6],
    ['a timestamp', hex('d6 ff 00000000'), 0],
    ['the unused type', hex('c1'), 0],
    ['an array 32 of 0xffffffff', hex('dd ffffffff'), 0],
    ['a map 32 of 0xffffffff', hex('df ffffffff'), 0],
    ['a key that is a structure', hex('81 90 01'), 0],
  ]
  for (const [name, bytes, at] of refused) {
    test(`decoding refuses ${name} and says where`, () => {
      assert.throws(
        () => decodeMessage(bytes),
        (error) => error instanceof MsgpackError && error.at === at,
      )
    })
  }

  test('decoding moves the reader behind the value and leaves the rest', () => {
    const bytes = hex("c0 92 01 02 a1 'x' c0")
    const reader = new MsgpackReader(bytes, 1, bytes.length)
    assert.deepEqual([decodeValue(reader), decodeValue(reader), reader.at], [[1, 2], 'x', 6])
  })

  test('decoding what our node has sent takes any depth and the whole rest, and still fails with a place', () => {
    let deep: unknown = 'x'
    for (let level = 0; level < MAX_JSON_DEPTH; level++) deep = [deep]
    const bytes = Buffer.concat([hex('c0'), encodeValue(deep)])
    const reader = new MsgpackReader(bytes, 1, bytes.length)
    assert.deepEqual([decodeTrusted(reader), reader.at], [deep, bytes.length])
    for (const text of ['dd ffffffff', 'df ffffffff', 'db ffffffff', '92 01', '01 02', '']) {
      const broken = hex(`c0 ${text}`)
      assert.throws(
        () => decodeTrusted(new MsgpackReader(broken, 1, broken.length)),
        (error) => error instanceof MsgpackError && error.at === 1,
      )
    }
  })

  test('decoding goes on well after a failure', () => {
    assert.throws(() => decodeMessage(hex('81 90 01')), MsgpackError)
    assert.deepEqual(decodeMessage(hex("81 a1 'a' 92 01 02")), { a: [1, 2] })
  })
})
