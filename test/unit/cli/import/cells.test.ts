/**
 * Cells of rows: what they may hold, and the reasons to leave a row out.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  channelOf,
  dataOf,
  eventOf,
  integerOf,
  publisherOf,
  RowFault,
  tenantOf,
  textOf,
  timeOf,
  userOf,
} from '../../../../src/cli/import/cells.ts'
import { MAX_JSON_DEPTH } from '../../../../src/protocol/payload.ts'

const bytes = (text: string) => Buffer.from(text)
const shown = <T>(value: T | RowFault) => (value instanceof RowFault ? value.reason : value)

test('whole numbers are read from their digits', () => {
  const cells = ['7', '-7', '0', '9007199254740991', '9007199254740992', '7.5', ' 7', '', '7e1', '٧']
  assert.deepEqual(
    cells.map((text) => integerOf(bytes(text))),
    [7, -7, 0, 9_007_199_254_740_991, null, null, null, null, null, null],
  )
  assert.deepEqual([integerOf(null), integerOf(undefined)], [null, null])
})

test('tenant is that of the row, or the one that is named where rows have none', () => {
  assert.equal(tenantOf({}, 4), 4)
  assert.equal(tenantOf({ dev_id: bytes('0') }, 4), 0)
  assert.equal(tenantOf({ dev_id: bytes('2147483647') }, 4), 2_147_483_647)
  for (const cell of [bytes('2147483648'), bytes('-1'), bytes('x'), null]) {
    assert.equal(shown(tenantOf({ dev_id: cell }, 4)), 'dev_id is no tenant')
  }
})

test('user is a number above 0, a publisher may be nobody', () => {
  assert.equal(userOf({ user_id: bytes('007') }), '7')
  assert.equal(publisherOf({ user_id: bytes('7') }), '7')
  for (const cell of [bytes('0'), bytes('-7'), bytes('x'), null]) {
    assert.equal(shown(userOf({ user_id: cell })), 'user_id is not above 0')
    assert.equal(publisherOf({ user_id: cell }), '')
  }
})

test('names are of letters, digits, dash and underscore', () => {
  const longest = 'x'.repeat(128)
  assert.equal(channelOf(bytes('web_Chat-1')), 'web_Chat-1')
  assert.equal(channelOf(bytes(longest)), longest)
  for (const name of ['', 'a b', 'ä', 'a\n', '@7', 'a.b', `${longest}x`]) {
    assert.equal(shown(channelOf(bytes(name))), 'name has foreign characters', JSON.stringify(name))
  }
  assert.equal(shown(channelOf(null)), 'name has foreign characters')
  assert.equal(eventOf({ event: bytes('') }), '')
  assert.equal(eventOf({ event: null }), '')
  assert.equal(eventOf({ event: bytes('new_message') }), 'new_message')
  assert.equal(shown(eventOf({ event: bytes('a b') })), 'event has foreign characters')
})

test('times are seconds that become milliseconds', () => {
  assert.equal(timeOf({ time: bytes('1700000000') }), 1_700_000_000_000)
  for (const cell of [bytes('0'), bytes('-1'), bytes('4294967296'), bytes('2023-01-01'), null]) {
    assert.equal(shown(timeOf({ time: cell })), 'time is none')
  }
})

test('text is UTF-8', () => {
  assert.equal(textOf(bytes('Änn 🌠')), 'Änn 🌠')
  assert.equal(textOf(null), '')
  assert.equal(shown(textOf(Buffer.from([0xff, 0x41]))), 'text is broken')
})

describe('data', () => {
  const read = (text: string) => {
    const data = dataOf({ message: bytes(text) })
    assert.ok(!(data instanceof RowFault))
    return [data.json().toString(), data.isText]
  }

  test('that is JSON stays as it is written', () => {
    assert.deepEqual(read('{"a": 1}'), ['{"a": 1}', false])
    assert.deepEqual(read('"a\\nb"'), ['"a\\nb"', false])
    assert.deepEqual(read('17'), ['17', false])
  })

  test('that is JSON behind the escapes of a query is that JSON', () => {
    assert.deepEqual(read('{\\"a\\":\\"it\\\'s\\"}'), ['{"a":"it\'s"}', false])
    assert.deepEqual(read('{\\"a\\":\\"x\\\\ny\\"}'), ['{"a":"x\\ny"}', false])
  })

  test('that is no JSON is a text, escapes included', () => {
    assert.deepEqual(read('hello'), ['"hello"', true])
    assert.deepEqual(read('C:\\dir'), ['"C:\\\\dir"', true])
    assert.deepEqual(read(''), ['""', true])
  })

  test('that is broken or nested too deep is a fault', () => {
    assert.equal(shown(dataOf({ message: Buffer.from([0xc3, 0x28]) })), 'text is broken')
    const deep = '['.repeat(MAX_JSON_DEPTH + 1) + ']'.repeat(MAX_JSON_DEPTH + 1)
    assert.equal(shown(dataOf({ message: bytes(deep) })), 'data is nested too deep')
  })
})
