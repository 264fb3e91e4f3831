/**
 * Tests of src/protocol/publish-frames.ts: every operation, each field wrong, written byte by byte.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LENGTH_BYTES } from '../../../src/protocol/frame-splitter.ts'
import { encodeValue } from '../../../src/protocol/msgpack-codec.ts'
import { MsgpackError, MsgpackReader } from '../../../src/protocol/msgpack-reader.ts'
import { MAX_JSON_DEPTH } from '../../../src/protocol/payload.ts'
import {
  answerOps,
  encodeFrame,
  type Item,
  MAX_LIST,
  readAnswer,
  readRequest,
  requestOps,
} from '../../../src/protocol/publish-frames.ts'
import { hex } from '../../support/hex.ts'

const read = (bytes: Buffer, isTrusted = false) =>
  readRequest(new MsgpackReader(bytes, 0, bytes.length), isTrusted)
const readHex = (text: string) => read(hex(text))
const plain = ({ data, ...names }: Item) => ({
  ...names,
  data: data === null ? null : data.json().toString(),
})

describe('request', () => {
  test('the numbers of operations and answers stay what they are', () => {
    assert.deepEqual(requestOps, {
      hello: 1,
      publish: 2,
      publishMany: 3,
      publishToUser: 4,
      batch: 5,
      users: 6,
      stats: 7,
      disconnect: 8,
      history: 9,
      presence: 10,
      settings: 11,
    })
    assert.deepEqual(answerOps, { welcome: 64, ack: 65, ackUpTo: 66, result: 67, error: 68 })
  })

  test('hello holds any value', () => {
    const request = readHex("93 01 00 81 a7 'version' 01")
    assert.deepEqual(request, { op: 'hello', seq: 0, fields: { version: 1 } })
    assert.deepEqual(readHex('93 01 00 c0'), { op: 'hello', seq: 0, fields: null })
  })

  const five = { channel: 'c', data: '5', event: '', user: '', key: '' }
  const publishes: readonly [bytes: string, item: object][] = [
    ["94 02 07 a1 'c' 05", five],
    ["94 02 07 a1 'c' 81 a1 'a' 91 c3", { ...five, data: '{"a":[true]}' }],
    ["94 02 07 a1 'c' c4 03 '[ ]'", { ...five, data: '[ ]' }],
    ["94 02 07 a1 'c' c0", { ...five, data: 'null' }],
    ["95 02 07 a1 'c' 05 a1 'e'", { ...five, event: 'e' }],
    ["96 02 07 a1 'c' 05 a1 'e' a2 '17'", { ...five, event: 'e', user: '17' }],
    ["96 02 07 a1 'c' 05 c0 a2 '17'", { ...five, user: '17' }],
    ["97 02 07 a1 'c' 05 a1 'e' a2 '17' a1 'k'", { ...five, event: 'e', user: '17', key: 'k' }],
    ["97 02 07 a1 'c' 05 c0 c0 a1 'k'", { ...five, key: 'k' }],
    ["97 02 07 a1 'c' 05 c0 a0 c0", five],
    ["dc 0004 cc02 cd 0007 d9 01 'c' cc05", five],
  ]
  for (const [bytes, item] of publishes) {
    test(`publish ${bytes} is understood`, () => {
      const request = readHex(bytes)
      assert.ok(request.op === 'publish')
      assert.deepEqual([request.seq, plain(request.item)], [7, item])
    })
  }

  test('publish of bytes that are not JSON has no data, unless the publisher is trusted', () => {
    const bytes = hex("94 02 07 a1 'c' c4 04 'oops'")
    const request = read(bytes)
    assert.ok(request.op === 'publish')
    assert.equal(request.item.data, null)
    const trusted = read(bytes, true)
    assert.ok(trusted.op === 'publish')
    assert.equal(trusted.item.data?.json().toString(), 'oops')
  })

  test('publish to many gives one item for each channel, with the same data', () => {
    const request = readHex("95 03 07 92 a1 'a' a1 'b' 05 a1 'e'")
    assert.ok(request.op === 'publishMany')
    assert.deepEqual(request.items.map(plain), [
      { channel: 'a', data: '5', event: 'e', user: '', key: '' },
      { channel: 'b', data: '5', event: 'e', user: '', key: '' },
    ])
    assert.equal(request.items[0]?.data, request.items[1]?.data)
    const withKey = readHex("96 03 07 92 a1 'a' a1 'b' 05 c0 a1 'k'")
    assert.ok(withKey.op === 'publishMany')
    assert.deepEqual(
      withKey.items.map(({ event, user, key }) => [event, user, key]),
      [
        ['', '', 'k'],
        ['', '', 'k'],
      ],
    )
  })

  test('publish to user names the user', () => {
    const request = readHex("94 04 07 a2 '17' 05")
    assert.ok(request.op === 'publishToUser')
    assert.deepEqual(
      [request.user, plain(request.item)],
      ['17', { channel: '', data: '5', event: '', user: '', key: '' }],
    )
    const withKey = readHex("96 04 07 a2 '17' 05 a1 'e' a1 'k'")
    assert.ok(withKey.op === 'publishToUser')
    assert.deepEqual(plain(withKey.item), { channel: '', data: '5', event: 'e', user: '', key: 'k' })
  })

  test('batch holds items of two to five fields', () => {
    const items = "92 a1 'a' 01 93 a1 'b' 02 a1 'e' 94 a1 'c' 03 c0 a1 'u' 95 a1 'd' 04 c0 c0 a1 'k'"
    const request = readHex(`93 05 07 94 ${items}`)
    assert.ok(request.op === 'batch')
    assert.deepEqual(request.items.map(plain), [
      { channel: 'a', data: '1', event: '', user: '', key: '' },
      { channel: 'b', data: '2', event: 'e', user: '', key: '' },
      { channel: 'c', data: '3', event: '', user: 'u', key: '' },
      { channel: 'd', data: '4', event: '', user: '', key: 'k' },
    ])
  })

  test('users, stats and disconnect are understood', () => {
    assert.deepEqual(readHex("93 06 07 92 a1 '1' a1 '2'"), { op: 'users', seq: 7, ids: ['1', '2'] })
    assert.deepEqual(readHex('92 07 07'), { op: 'stats', seq: 7, channel: '' })
    assert.deepEqual(readHex('93 07 07 c0'), { op: 'stats', seq: 7, channel: '' })
    assert.deepEqual(readHex("93 07 07 a1 'c'"), { op: 'stats', seq: 7, channel: 'c' })
    const disconnect = { op: 'disconnect', seq: 7, target: { user: '1' }, code: null, reason: '' }
    assert.deepEqual(readHex("93 08 07 81 a4 'user' a1 '1'"), disconnect)
    assert.deepEqual(readHex("95 08 07 81 a4 'user' a1 '1' cd 1195 a3 'bye'"), {
      ...disconnect,
      code: 4501,
      reason: 'bye',
    })
  })

  test('history holds a channel, and any values after it', () => {
    const history = { op: 'history', seq: 7, channel: 'c', limit: null, since: null, isReverse: null }
    assert.deepEqual(readHex("93 09 07 a1 'c'"), history)
    assert.deepEqual(readHex("96 09 07 a1 'c' c0 c0 c0"), history)
    assert.deepEqual(readHex("94 09 07 a1 'c' 0a"), { ...history, limit: 10 })
    assert.deepEqual(readHex("96 09 07 a1 'c' a1 'x' 92 a2 'k3' 29 c3"), {
      ...history,
      limit: 'x',
      since: ['k3', 41],
      isReverse: true,
    })
  })

  test('presence holds a channel', () => {
    assert.deepEqual(readHex("93 0a 07 a1 'c'"), { op: 'presence', seq: 7, channel: 'c' })
  })

  for (const op of [0, 12, 63, 64, 127]) {
    test(`operation ${op} is not known, whatever it holds`, () => {
      const request = read(Buffer.concat([hex('94'), Buffer.from([op]), hex("07 91 a1 'x' c0")]))
      assert.ok(request.op === 'unknown')
      assert.equal(request.seq, 7)
      assert.match(request.message, new RegExp(`^Operation ${op} is not known: 1 hello, 2 publish, `))
    })
  }

  test('sequence numbers are read up to 2^53 − 1', () => {
    const seqOf = (text: string) => readHex(`92 07 ${text}`).seq
    assert.deepEqual(['00', 'ce ffffffff', 'cf 0000000100000000', 'cf 001fffffffffffff'].map(seqOf), [
      0,
      2 ** 32 - 1,
      2 ** 32,
      Number.MAX_SAFE_INTEGER,
    ])
  })
})

describe('request that is refused', () => {
  const wrong: readonly [what: string, bytes: string, at: number][] = [
    ['nothing', '', 0],
    ['no array', '02', 0],
    ['a map', '82 02 07 02 07', 0],
    ['an empty array', '90', 1],
    ['an operation alone', '91 02', 1],
    ['an operation that is no number', "92 a1 '2' 07", 1],
    ['a negative operation', '92 ff 07', 1],
    ['a sequence number that is no number', '92 07 c0', 2],
    ['a negative sequence number', '92 07 ff', 2],
    ['a sequence number that is a float', '92 07 cb 401c000000000000', 2],
    ['a sequence number above 2^53 − 1', '92 07 cf 0020000000000000', 2],
    ['a hello without its map', '92 01 00', 3],
    ['a hello with more', '94 01 00 80 80', 3],
    ['a publish without data', "93 02 07 a1 'c'", 3],
    ['a publish with six fields', "98 02 07 a1 'c' 05 c0 c0 c0 c0", 3],
    ['a publish with a key that is no string', "97 02 07 a1 'c' 05 c0 c0 01", 8],
    ['a publish to a number', '94 02 07 05 05', 3],
    ['a publish to nil', '94 02 07 c0 05', 3],
    ['a publish to bytes', "94 02 07 c4 01 'c' 05", 3],
    ['a publish of a timestamp', "94 02 07 a1 'c' d6 ff 00000000", 5],
    ['a publish of bytes inside a value', "94 02 07 a1 'c' 91 c4 00", 6],
    ['a publish with an event that is no string', "95 02 07 a1 'c' 05 01", 6],
    ['a publish with a user that is no string', "96 02 07 a1 'c' 05 c0 01", 7],
    ['a publish that is cut', "94 02 07 a1 'c'", 5],
    ['a publish with bytes behind it', "94 02 07 a1 'c' 05 05", 6],
    ['a publish of an array bomb', "94 02 07 a1 'c' dd ffffffff", 5],
    ['a publish of a bytes bomb', "94 02 07 a1 'c' c6 ffffffff", 10],
    ['a publish to a name bomb', '94 02 07 db ffffffff', 8],
    ['a publish to many without data', "93 03 07 91 a1 'c'", 3],
    ['a publish to many that names one', "94 03 07 a1 'c' 05", 3],
    ['a publish to many that names none', '94 03 07 90 05', 4],
    ['a publish to many with a number among its names', "94 03 07 92 a1 'c' 01 05", 6],
    ['a publish to a user that is a number', '94 04 07 11 05', 3],
    ['a publish to user with a user as well', "97 04 07 a1 'u' 05 c0 c0 c0", 3],
    ['a publish to many with a user as well', "97 03 07 91 a1 'c' 05 c0 c0 c0", 3],
    ['a batch of none', '93 05 07 90', 4],
    ['a batch that is no list', '93 05 07 05', 3],
    ['a batch with an item of one field', "93 05 07 91 91 a1 'c'", 5],
    ['a batch with an item of six fields', "93 05 07 91 96 a1 'c' 05 c0 c0 c0 c0", 5],
    ['a batch with an item that is no list', '93 05 07 91 05', 4],
    ['a list bomb', '93 06 07 dd ffffffff', 8],
    ['users that are numbers', '93 06 07 91 01', 4],
    ['stats of a number', '93 07 07 01', 3],
    ['stats of two channels', "94 07 07 a1 'a' a1 'b'", 3],
    ['a disconnect of nobody', '92 08 07', 3],
    ['a disconnect with a reason that is no string', '95 08 07 80 c0 01', 5],
    ['a history of nothing', '92 09 07', 3],
    ['a history of a number', '93 09 07 01', 3],
    ['a history of nil', '93 09 07 c0', 3],
    ['a history with five fields', "97 09 07 a1 'c' c0 c0 c0 c0", 3],
    ['a history with a limit that is cut', "94 09 07 a1 'c' cd 00", 6],
    ['a presence of nothing', '92 0a 07', 3],
    ['a presence of two channels', "94 0a 07 a1 'a' a1 'b'", 3],
    ['an unknown operation that is cut', '94 0c 07 01', 4],
    ['an unknown operation with a bomb', '93 0c 07 df ffffffff', 3],
  ]
  for (const [what, bytes, at] of wrong) {
    test(`${what} is refused at byte ${at}`, () => {
      assert.throws(
        () => readHex(bytes),
        (error) => {
          assert.ok(error instanceof MsgpackError, String(error))
          assert.equal(error.at, at, error.message)
          return true
        },
      )
    })
  }

  test('a list holds 10,000 elements and not one more', () => {
    const users = (count: number) => encodeValue([requestOps.users, 1, Array(count).fill('1')])
    const request = read(users(MAX_LIST))
    assert.ok(request.op === 'users')
    assert.equal(request.ids.length, 10_000)
    assert.throws(() => read(users(MAX_LIST + 1)), /A list holds 1 to 10000 elements, this one has 10001/)
  })

  test('nothing is read behind the end of a frame', () => {
    const bytes = hex("94 02 07 a1 'c' 05 c0 c0 c0 c0")
    assert.throws(() => readRequest(new MsgpackReader(bytes, 0, 5), false), MsgpackError)
  })
})

describe('encodeFrame', () => {
  test('encodeFrame puts the length of the body in front', () => {
    assert.deepEqual(encodeFrame([2, 7, 'c', 5]), hex("00000006 94 02 07 a1 'c' 05"))
    assert.equal(encodeFrame(['x'.repeat(70_000)]).readUInt32BE(0), 70_000 + 6)
  })

  for (const seq of [0, 127, 128, 2 ** 16, 2 ** 32 - 1, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    test(`encodeFrame writes sequence number ${seq} so that it can be read`, () => {
      // Beyond 32 bits the encoder writes a float of its own accord, which no reader takes as a sequence number:
      // a publisher would have stopped working after 4,294,967,296 publications.
      const frame = encodeFrame([requestOps.stats, seq])
      const request = readRequest(new MsgpackReader(frame, LENGTH_BYTES, frame.length), false)
      assert.equal(request.seq, seq)
    })
  }
})

describe('readAnswer', () => {
  const answer = (text: string) => {
    const bytes = hex(text)
    return readAnswer(new MsgpackReader(bytes, 0, bytes.length))
  }

  test('readAnswer reads every answer', () => {
    assert.deepEqual(answer("93 40 01 82 a6 'window' 10 ad 'maxFrameBytes' cd 0400"), {
      op: 'welcome',
      seq: 1,
      window: 16,
      maxFrameBytes: 1024,
    })
    assert.deepEqual(answer("94 41 02 a2 'k3' 09"), { op: 'ack', seq: 2, epoch: 'k3', offset: 9 })
    assert.deepEqual(answer('92 42 07'), { op: 'ackUpTo', seq: 7 })
    assert.deepEqual(answer("93 43 07 81 a1 'a' 01"), { op: 'result', seq: 7, value: { a: 1 } })
    assert.deepEqual(answer("95 44 c0 78 ab 'BAD_MESSAGE' a4 'what'"), {
      op: 'error',
      seq: null,
      name: 'BAD_MESSAGE',
      message: 'what',
    })
  })

  for (const bytes of ['05', 'c0', '80', '90', '92 02 07', '92 45 07', "91 a1 'x'"]) {
    test(`readAnswer refuses ${bytes}: no answer of a node`, () => {
      assert.throws(() => answer(bytes), TypeError)
    })
  }

  test('readAnswer takes data that is nested as deep as a publication may be', () => {
    // A page of history with such data once looked like broken bytes, and the publisher left its node.
    let data: unknown = 1
    for (let level = 0; level < MAX_JSON_DEPTH; level++) data = [data]
    const bytes = encodeValue([answerOps.result, 7, { publications: [{ data }] }])
    const result = readAnswer(new MsgpackReader(bytes, 0, bytes.length))
    assert.deepEqual(result, { op: 'result', seq: 7, value: { publications: [{ data }] } })
  })

  test('readAnswer refuses broken bytes', () => {
    assert.throws(() => answer('92 42'), MsgpackError)
  })
})
