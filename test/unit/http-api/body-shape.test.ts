/**
 * Tests of body-shape.ts and fields.ts: what a body may hold, in which words it is refused, and that the documented
 * schema and the check agree, held against each other with an independent validator.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import Schema from 'typebox/schema'
import { hasFailed } from '../../../src/core/broker.ts'
import { bodyShape, MAX_DEPTH } from '../../../src/http-api/body-shape.ts'
import {
  channelField,
  channelListField,
  dataField,
  eventField,
  integerField,
  nullable,
  optional,
  textField,
  tokenField,
  userField,
  userKeyField,
} from '../../../src/http-api/fields.ts'

const publishShape = bodyShape(
  {
    channel: optional(channelField, null),
    user: optional(userField, null),
    data: dataField,
    event: optional(eventField, ''),
  },
  ['channel', 'user'],
)
const allShape = bodyShape({
  channels: channelListField,
  user: optional(userField, ''),
  code: optional(integerField(3000, 4999, 'Close code'), 3500),
  reason: optional(textField({ min: 1, max: 8 }, 'Reason'), 'bye'),
})
const userShape = bodyShape({
  key: optional(userKeyField, 'k'),
  token: optional(tokenField, 't'),
  size: nullable(optional(integerField(3000, 4999, 'Size'), 3500), 'Size, or null'),
  text: optional(textField({ min: 0, max: 8 }, 'Text'), ''),
})

/** Reads a body and gives the failure it must have. */
function failureOf(shape: { read(bytes: Buffer): object }, body: string | Buffer) {
  const outcome = shape.read(Buffer.from(body))
  assert.ok(hasFailed(outcome), `accepted: ${body.toString()}`)
  return outcome
}

describe('a body that fits', () => {
  test('body gives its fields and the stand-ins of those it lacks', () => {
    const body = publishShape.read(Buffer.from('{"channel":"news","data":{"a":1}}'))
    assert.ok(!hasFailed(body))
    assert.deepEqual(
      { ...body, data: body.data.value() },
      { channel: 'news', user: null, data: { a: 1 }, event: '' },
    )
  })

  test('data keeps every byte it came with', () => {
    const body = publishShape.read(
      Buffer.from('{"channel":"a","data": {"id": 12345678901234567890, "n": 1.0}}'),
    )
    assert.ok(!hasFailed(body))
    assert.equal(body.data.json().toString(), '{"id": 12345678901234567890, "n": 1.0}')
  })

  test('data may be as deep as data may be anywhere', () => {
    const deepest = '['.repeat(MAX_DEPTH - 1) + ']'.repeat(MAX_DEPTH - 1)
    const body = publishShape.read(Buffer.from(`{"channel":"a","data":${deepest}}`))
    assert.ok(!hasFailed(body))
    assert.equal(body.data.isTooDeep(), false)
  })

  for (const data of ['null', 'false', '0', '""', '[]']) {
    test(`data may be ${data}`, () => {
      const body = publishShape.read(Buffer.from(`{"data":${data},"channel":"a"}`))
      assert.ok(!hasFailed(body))
      assert.equal(body.data.json().toString(), data)
    })
  }

  test('a user id given as an integer is its digits', () => {
    const body = publishShape.read(Buffer.from('{"user":17,"data":1}'))
    assert.ok(!hasFailed(body))
    assert.equal(body.user, '17')
  })
})

describe('a body that does not fit', () => {
  const deep = '['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH)
  const longUser = 'u'.repeat(129)
  const cases: readonly [what: string, body: string | Buffer, code: string, message: RegExp][] = [
    ['an empty body', '', 'INVALID_ARGUMENT', /^Body is not JSON: /],
    ['half a body', '{"channel":"a","da', 'INVALID_ARGUMENT', /^Body is not JSON: /],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'INVALID_DATA', /^Body is not UTF-8$/],
    ['an array', '[1]', 'INVALID_ARGUMENT', /^Body must be a JSON object: \[1\] given$/],
    ['null', 'null', 'INVALID_ARGUMENT', /^Body must be a JSON object: null given$/],
    ['deep nesting', `{"channel":"a","data":${deep}}`, 'INVALID_DATA', /deeper than 501$/],
    ['no data', '{"channel":"a"}', 'INVALID_ARGUMENT', /^Body lacks the field "data"$/],
    [
      'a slip in a name',
      '{"chanel":"a","data":1}',
      'INVALID_ARGUMENT',
      /unknown field "chanel": did you mean "channel"\?$/,
    ],
    ['a name in capitals', '{"DATA":1}', 'INVALID_ARGUMENT', /"DATA": did you mean "data"\?$/],
    [
      'a strange name',
      '{"priority":1,"data":1}',
      'INVALID_ARGUMENT',
      /"priority": known are channel, user, data, event$/,
    ],
    ['the name __proto__', '{"__proto__":{},"channel":"a","data":1}', 'INVALID_ARGUMENT', /"__proto__"/],
    [
      'neither channel nor user',
      '{"data":1}',
      'INVALID_ARGUMENT',
      /exactly one of "channel" and "user": none/,
    ],
    [
      'channel and user',
      '{"channel":"a","user":"b","data":1}',
      'INVALID_ARGUMENT',
      /exactly one of .*: 2 of them/,
    ],
    [
      'a channel of another type',
      '{"channel":17,"data":1}',
      'INVALID_ARGUMENT',
      /^Field "channel" must be a string: 17 given$/,
    ],
    [
      'a fraction as user',
      '{"user":1.5,"data":1}',
      'INVALID_ARGUMENT',
      /^Field "user" must be a string or an integer .*: 1\.5 given$/,
    ],
    [
      'an integer beyond 2^53 as user',
      '{"user":9007199254740993,"data":1}',
      'INVALID_ARGUMENT',
      /^Field "user" must be/,
    ],
    [
      'an empty user',
      '{"user":"","data":1}',
      'INVALID_ARGUMENT',
      /^Field "user" can not be "": it is empty$/,
    ],
    [
      'a user of 129 bytes',
      `{"user":"${longUser}","data":1}`,
      'INVALID_ARGUMENT',
      /129 of at most 128 bytes$/,
    ],
    [
      'an event of another type',
      '{"channel":"a","data":1,"event":[]}',
      'INVALID_ARGUMENT',
      /^Field "event" must be a string: \[\] given$/,
    ],
    [
      'a control character in the event',
      '{"channel":"a","data":1,"event":"a\\u0000"}',
      'INVALID_ARGUMENT',
      /control characters/,
    ],
  ]
  for (const [what, body, code, message] of cases) {
    test(`body is refused: ${what}`, () => {
      const failure = failureOf(publishShape, body)
      assert.equal(failure.failed, code)
      assert.match(failure.message, message)
    })
  }

  const others: readonly [what: string, body: string, message: RegExp][] = [
    ['a list that is none', '{"channels":"a"}', /^Field "channels" must be an array of strings: "a" given$/],
    ['an empty list', '{"channels":[]}', /^Field "channels" must be an array of at least one string/],
    [
      'an item of another type',
      '{"channels":["a",null]}',
      /^Field "channels\[1\]" must be a string: null given$/,
    ],
    [
      'a code below its bound',
      '{"channels":["a"],"code":1000}',
      /^Field "code" must be an integer from 3000 to 4999: 1000 given$/,
    ],
    ['a code that is a string', '{"channels":["a"],"code":"3500"}', /^Field "code" must be an integer/],
    ['a code with a fraction', '{"channels":["a"],"code":3500.5}', /^Field "code" must be an integer/],
    [
      'a text of too many bytes',
      '{"channels":["a"],"reason":"☄☄☄"}',
      /^Field "reason" can not be .*: it has 9 bytes, 1 to 8/,
    ],
    ['an empty text', '{"channels":["a"],"reason":""}', /it has 0 bytes, 1 to 8 are allowed$/],
  ]
  for (const [what, body, message] of others) {
    test(`body is refused: ${what}`, () => assert.match(failureOf(allShape, body).message, message))
  }

  test('a long value is shortened in the message', () => {
    const { message } = failureOf(publishShape, JSON.stringify({ channel: ['x'.repeat(5000)], data: 1 }))
    assert.ok(message.length < 100, message)
  })

  test('a million brackets are refused without being parsed', () => {
    const { failed } = failureOf(publishShape, `{"channel":"a","data":${'['.repeat(1_000_000)}`)
    assert.equal(failed, 'INVALID_DATA')
  })
})

describe('schema and check', () => {
  // Values in ASCII, where the bytes that the check counts are the characters that the schema counts.
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '@', ' '), maxLength: 12 })
  const value = fc.oneof(
    word,
    fc.integer({ min: 2900, max: 5100 }),
    fc.double(),
    fc.constant(null),
    fc.array(word),
    fc.boolean(),
  )
  const body = (names: readonly string[]) =>
    fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] })

  const shapes = [
    ['publish', publishShape, ['channel', 'user', 'data', 'event', 'other']],
    ['all', allShape, ['channels', 'user', 'code', 'reason', 'other']],
    ['user', userShape, ['key', 'token', 'size', 'text']],
  ] as const
  for (const [name, shape, names] of shapes) {
    test(`schema and check of the ${name} shape accept the same bodies`, async () => {
      const validator = Schema.Compile(shape.schema)
      await fc.assert(
        fc.property(body(names), (fields) => {
          const bytes = Buffer.from(JSON.stringify(fields))
          const asSent: unknown = JSON.parse(bytes.toString())
          // An empty channel is the one thing that only the broker refuses.
          const brokerDecides = hasEmptyChannel(asSent)
          assert.equal(!hasFailed(shape.read(bytes)) && !brokerDecides, validator.Check(asSent))
        }),
        { numRuns: 2000 },
      )
    })
  }
})

function hasEmptyChannel(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  if ('channel' in body && body.channel === '') return true
  return 'channels' in body && Array.isArray(body.channels) && body.channels.includes('')
}
