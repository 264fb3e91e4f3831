/**
 * Golden bytes of the client protocol: what each message looks like on the wire, in both formats.
 *
 * The MessagePack literals were written by hand from its specification, the JSON ones from the protocol reference; no
 * encoder of ours had a part in them. A client written from the documents must be able to rely on every one.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as json from '../../src/protocol/json-codec.ts'
import type { ControlMessage, Reply } from '../../src/protocol/messages.ts'
import * as msgpack from '../../src/protocol/msgpack-codec.ts'
import { parseCommand } from '../../src/protocol/parse-command.ts'
import { Payload } from '../../src/protocol/payload.ts'
import { hex } from '../support/hex.ts'

describe('command on the wire', () => {
  const commands: readonly [text: string, bytes: string, command: object][] = [
    [
      '{"id":1,"connect":{"token":"abc"}}',
      "82 a2 'id' 01 a7 'connect' 81 a5 'token' a3 'abc'",
      { kind: 'connect', token: 'abc', resume: null, since: null, login: null },
    ],
    [
      '{"id":1,"connect":{"resume":true,"since":{"epoch":"k3","offset":300}}}',
      "82 a2 'id' 01 a7 'connect' 82 a6 'resume' c3 a5 'since' 82 a5 'epoch' a2 'k3' a6 'offset' cd 012c",
      { kind: 'connect', token: '', resume: '', since: { epoch: 'k3', offset: 300 }, login: null },
    ],
    [
      '{"id":1,"refresh":{"token":"abc"}}',
      "82 a2 'id' 01 a7 'refresh' 81 a5 'token' a3 'abc'",
      { kind: 'refresh', token: 'abc' },
    ],
    [
      '{"id":1,"subscribe":{"channel":"news"}}',
      "82 a2 'id' 01 a9 'subscribe' 81 a7 'channel' a4 'news'",
      { kind: 'subscribe', channels: [{ channel: 'news', since: null }], isList: false },
    ],
    [
      '{"id":1,"subscribe":{"channel":"news","since":{"epoch":"k3","offset":41}}}',
      "82 a2 'id' 01 a9 'subscribe' 82 a7 'channel' a4 'news' a5 'since' 82 a5 'epoch' a2 'k3' a6 'offset' 29",
      {
        kind: 'subscribe',
        channels: [{ channel: 'news', since: { epoch: 'k3', offset: 41 } }],
        isList: false,
      },
    ],
    [
      '{"id":1,"subscribe":{"channels":["a",{"channel":"b","since":{"epoch":"","offset":0}}]}}',
      "82 a2 'id' 01 a9 'subscribe' 81 a8 'channels' 92 a1 'a' 82 a7 'channel' a1 'b' a5 'since' 82 a5 'epoch' a0 a6 'offset' 00",
      {
        kind: 'subscribe',
        channels: [
          { channel: 'a', since: null },
          { channel: 'b', since: { epoch: '', offset: 0 } },
        ],
        isList: true,
      },
    ],
    [
      '{"id":1,"unsubscribe":{"channel":"news"}}',
      "82 a2 'id' 01 ab 'unsubscribe' 81 a7 'channel' a4 'news'",
      { kind: 'unsubscribe', channel: 'news' },
    ],
    [
      '{"id":1,"publish":{"channel":"web_chat","data":{"n":[1.5,-1,null]},"event":"line","key":"k1"}}',
      "82 a2 'id' 01 a7 'publish' 84 a7 'channel' a8 'web_chat' a4 'data' 81 a1 'n' 93 cb 3ff8000000000000 ff c0 a5 'event' a4 'line' a3 'key' a2 'k1'",
      {
        kind: 'publish',
        channel: 'web_chat',
        data: { n: [1.5, -1, null] },
        event: 'line',
        key: 'k1',
        echo: true,
      },
    ],
    [
      '{"id":1,"history":{"channel":"news","since":{"epoch":"k3","offset":41},"limit":10,"reverse":true}}',
      "82 a2 'id' 01 a7 'history' 84 a7 'channel' a4 'news' a5 'since' 82 a5 'epoch' a2 'k3' a6 'offset' 29 a5 'limit' 0a a7 'reverse' c3",
      { kind: 'history', channel: 'news', since: { epoch: 'k3', offset: 41 }, limit: 10, isReverse: true },
    ],
    [
      '{"id":1,"presence":{"channel":"news"}}',
      "82 a2 'id' 01 a8 'presence' 81 a7 'channel' a4 'news'",
      { kind: 'presence', channel: 'news' },
    ],
    [
      '{"id":1,"users":{"ids":["17","é"]}}',
      "82 a2 'id' 01 a5 'users' 81 a3 'ids' 92 a2 '17' a2 c3a9",
      { kind: 'users', ids: ['17', 'é'] },
    ],
    [
      '{"id":1,"stats":{"channel":"news"}}',
      "82 a2 'id' 01 a5 'stats' 81 a7 'channel' a4 'news'",
      { kind: 'stats', channel: 'news' },
    ],
    [
      '{"id":1,"connect":{"login":{"tenant":15,"user":"7","key":"h7","uuid":"tab"}}}',
      "82 a2 'id' 01 a7 'connect' 81 a5 'login' 84 a6 'tenant' 0f a4 'user' a1 '7' a3 'key' a2 'h7' a4 'uuid' a3 'tab'",
      {
        kind: 'connect',
        token: '',
        resume: null,
        since: null,
        login: { tenant: 15, user: '7', key: 'h7', uuid: 'tab' },
      },
    ],
    [
      '{"id":1,"publish":{"channel":"web_chat","data":1,"echo":false}}',
      "82 a2 'id' 01 a7 'publish' 83 a7 'channel' a8 'web_chat' a4 'data' 01 a4 'echo' c2",
      { kind: 'publish', channel: 'web_chat', data: 1, event: '', key: '', echo: false },
    ],
    [
      '{"id":1,"ack":{"epoch":"k3","offset":5}}',
      "82 a2 'id' 01 a3 'ack' 82 a5 'epoch' a2 'k3' a6 'offset' 05",
      { kind: 'ack', position: { epoch: 'k3', offset: 5 } },
    ],
    [
      '{"id":1,"userData":{"user":"7"}}',
      "82 a2 'id' 01 a8 'userData' 81 a4 'user' a1 '7'",
      { kind: 'userData', user: '7' },
    ],
    ['{"id":1,"ping":{}}', "82 a2 'id' 01 a4 'ping' 80", { kind: 'ping' }],
  ]
  for (const [text, bytes, command] of commands) {
    test(`command ${text} is the same in both formats`, () => {
      const expected = { id: 1, command }
      assert.deepEqual(parseCommand(json.decodeMessage(Buffer.from(text))), expected)
      assert.deepEqual(parseCommand(msgpack.decodeMessage(hex(bytes))), expected)
    })

    test(`command ${text} cut at any byte is refused in both formats`, () => {
      const whole = hex(bytes)
      for (let length = 0; length < whole.length; length++) {
        assert.throws(() => msgpack.decodeMessage(whole.subarray(0, length)), { name: 'MsgpackError' })
      }
      for (let length = 0; length < text.length; length++) {
        assert.throws(() => json.decodeMessage(Buffer.from(text.slice(0, length))), SyntaxError)
      }
    })
  }

  test('an id may come in any integer format of MessagePack', () => {
    const ids = [
      '07',
      'cc 07',
      'cd 0007',
      'ce 00000007',
      'cf 0000000000000007',
      'd0 07',
      'd1 0007',
      'd2 00000007',
    ]
    for (const id of [...ids, 'd3 0000000000000007', 'cb 401c000000000000']) {
      const message = msgpack.decodeMessage(hex(`82 a2 'id' ${id} a4 'ping' 80`))
      assert.deepEqual(parseCommand(message), { id: 7, command: { kind: 'ping' } })
    }
  })
})

describe('answer on the wire', () => {
  const answers: readonly [message: Reply | ControlMessage, text: string, bytes: string][] = [
    [
      { id: 1, ok: { session: 'n1-7', user: '17', pingMs: 25_000 } },
      '{"id":1,"ok":{"session":"n1-7","user":"17","pingMs":25000}}',
      "82 a2 'id' 01 a2 'ok' 83 a7 'session' a4 'n1-7' a4 'user' a2 '17' a6 'pingMs' cd 61a8",
    ],
    [
      { id: 200, ok: { epoch: 'k3', offset: 70_000 } },
      '{"id":200,"ok":{"epoch":"k3","offset":70000}}',
      "82 a2 'id' cc c8 a2 'ok' 82 a5 'epoch' a2 'k3' a6 'offset' ce 00011170",
    ],
    [{ id: 3, ok: {} }, '{"id":3,"ok":{}}', "82 a2 'id' 03 a2 'ok' 80"],
    [
      { id: 3, ok: { online: ['17'], lastSeen: { 18: 1_769_000_000_000 } } },
      '{"id":3,"ok":{"online":["17"],"lastSeen":{"18":1769000000000}}}',
      "82 a2 'id' 03 a2 'ok' 82 a6 'online' 91 a2 '17' a8 'lastSeen' 81 a2 '18' cb 4279be09dda00000",
    ],
    [
      {
        id: 1,
        ok: {
          session: 'n1-7',
          user: '17',
          pingMs: 25_000,
          capsule: 'eyJ',
          expiresInMs: 60_000,
          own: { channel: '@17', epoch: 'k3', offset: 5 },
        },
      },
      '{"id":1,"ok":{"session":"n1-7","user":"17","pingMs":25000,"capsule":"eyJ","expiresInMs":60000,"own":{"channel":"@17","epoch":"k3","offset":5}}}',
      "82 a2 'id' 01 a2 'ok' 86 a7 'session' a4 'n1-7' a4 'user' a2 '17' a6 'pingMs' cd 61a8 a7 'capsule' a3 'eyJ' ab 'expiresInMs' cd ea60 a3 'own' 83 a7 'channel' a3 '@17' a5 'epoch' a2 'k3' a6 'offset' 05",
    ],
    [
      {
        id: 2,
        ok: { epoch: 'k3', offset: 44, recovered: false, gap: { from: 42, to: 43, reason: 'trimmed' } },
      },
      '{"id":2,"ok":{"epoch":"k3","offset":44,"recovered":false,"gap":{"from":42,"to":43,"reason":"trimmed"}}}',
      "82 a2 'id' 02 a2 'ok' 84 a5 'epoch' a2 'k3' a6 'offset' 2c a9 'recovered' c2 a3 'gap' 83 a4 'from' 2a a2 'to' 2b a6 'reason' a7 'trimmed'",
    ],
    [{ id: 9, ok: { sum: 49 } }, '{"id":9,"ok":{"sum":49}}', "82 a2 'id' 09 a2 'ok' 81 a3 'sum' 31"],
    [
      { channel: 'news', gap: { from: 45, to: 51, reason: 'trimmed' } },
      '{"channel":"news","gap":{"from":45,"to":51,"reason":"trimmed"}}',
      "82 a7 'channel' a4 'news' a3 'gap' 83 a4 'from' 2d a2 'to' 33 a6 'reason' a7 'trimmed'",
    ],
    [
      { channel: 'news', gap: { from: 1, to: 0, reason: 'epoch', epoch: 'k4' } },
      '{"channel":"news","gap":{"from":1,"to":0,"reason":"epoch","epoch":"k4"}}',
      "82 a7 'channel' a4 'news' a3 'gap' 84 a4 'from' 01 a2 'to' 00 a6 'reason' a5 'epoch' a5 'epoch' a2 'k4'",
    ],
    [
      { channel: 'news', gap: { from: 45, to: 51, reason: 'future' } },
      '{"channel":"news","gap":{"from":45,"to":51,"reason":"future"}}',
      "82 a7 'channel' a4 'news' a3 'gap' 83 a4 'from' 2d a2 'to' 33 a6 'reason' a6 'future'",
    ],
    [
      { id: 4, ok: { channels: [{ channel: 'a', epoch: 'k3', offset: 2, recovered: true }] } },
      '{"id":4,"ok":{"channels":[{"channel":"a","epoch":"k3","offset":2,"recovered":true}]}}',
      "82 a2 'id' 04 a2 'ok' 81 a8 'channels' 91 84 a7 'channel' a1 'a' a5 'epoch' a2 'k3' a6 'offset' 02 a9 'recovered' c3",
    ],
    [
      {
        id: 5,
        ok: {
          epoch: 'k3',
          offset: 9,
          publications: [{ channel: 'a', offset: 9, data: null }],
          gap: { from: 3, to: 8, reason: 'trimmed' },
        },
      },
      '{"id":5,"ok":{"epoch":"k3","offset":9,"publications":[{"channel":"a","offset":9,"data":null}],"gap":{"from":3,"to":8,"reason":"trimmed"}}}',
      "82 a2 'id' 05 a2 'ok' 84 a5 'epoch' a2 'k3' a6 'offset' 09 ac 'publications' 91 83 a7 'channel' a1 'a' a6 'offset' 09 a4 'data' c0 a3 'gap' 83 a4 'from' 03 a2 'to' 08 a6 'reason' a7 'trimmed'",
    ],
    [
      { id: 6, ok: { channel: 'c', count: 2, clients: [{ session: 'n1-7', user: '17' }] } },
      '{"id":6,"ok":{"channel":"c","count":2,"clients":[{"session":"n1-7","user":"17"}]}}',
      "82 a2 'id' 06 a2 'ok' 83 a7 'channel' a1 'c' a5 'count' 02 a7 'clients' 91 82 a7 'session' a4 'n1-7' a4 'user' a2 '17'",
    ],
    [
      { channel: 'c', presence: { count: 0, leave: [{ session: 'n1-7', user: '17' }] } },
      '{"channel":"c","presence":{"count":0,"leave":[{"session":"n1-7","user":"17"}]}}',
      "82 a7 'channel' a1 'c' a8 'presence' 82 a5 'count' 00 a5 'leave' 91 82 a7 'session' a4 'n1-7' a4 'user' a2 '17'",
    ],
    [
      { channel: 'c', presence: { count: 300, stale: true } },
      '{"channel":"c","presence":{"count":300,"stale":true}}',
      "82 a7 'channel' a1 'c' a8 'presence' 82 a5 'count' cd 012c a5 'stale' c3",
    ],
    [
      { channel: 'c', error: { code: 144, name: 'ACCESS_DENIED', message: 'No', retry: false } },
      '{"channel":"c","error":{"code":144,"name":"ACCESS_DENIED","message":"No","retry":false}}',
      "82 a7 'channel' a1 'c' a5 'error' 84 a4 'code' cc 90 a4 'name' ad 'ACCESS_DENIED' a7 'message' a2 'No' a5 'retry' c2",
    ],
    [
      { channel: 'c', presence: { count: 1, join: [{ session: 'n1-7', user: '' }] } },
      '{"channel":"c","presence":{"count":1,"join":[{"session":"n1-7","user":""}]}}',
      "82 a7 'channel' a1 'c' a8 'presence' 82 a5 'count' 01 a4 'join' 91 82 a7 'session' a4 'n1-7' a4 'user' a0",
    ],
    [{ capsule: 'eyJ' }, '{"capsule":"eyJ"}', "81 a7 'capsule' a3 'eyJ'"],
    [{ sum: 49 }, '{"sum":49}', "81 a3 'sum' 31"],
    [
      { id: 0, error: { code: 144, name: 'ACCESS_DENIED', message: 'No', retry: false } },
      '{"id":0,"error":{"code":144,"name":"ACCESS_DENIED","message":"No","retry":false}}',
      "82 a2 'id' 00 a5 'error' 84 a4 'code' cc 90 a4 'name' ad 'ACCESS_DENIED' a7 'message' a2 'No' a5 'retry' c2",
    ],
    [
      { bye: { code: 3001, reason: 'draining', retryAfterMs: 3_420 } },
      '{"bye":{"code":3001,"reason":"draining","retryAfterMs":3420}}',
      "81 a3 'bye' 83 a4 'code' cd 0bb9 a6 'reason' a8 'draining' ac 'retryAfterMs' cd 0d5c",
    ],
  ]
  for (const [message, text, bytes] of answers) {
    test(`answer ${text} is just these bytes`, () => {
      assert.equal(json.encodeMessage(message).toString(), text)
      assert.equal(msgpack.encodeMessage(message).toString('hex'), hex(bytes).toString('hex'))
    })
  }
})

describe('publication on the wire', () => {
  const data = () => {
    const payload = Payload.checkJson(Buffer.from('{"text":"h\\u00e9 ☄","n":[0,-33,256,true,null]}'))
    assert.ok(payload)
    return payload
  }
  const dataBytes = "82 a4 'text' a7 'h' c3a9 20 e29884 a1 'n' 95 00 d0 df cd 0100 c3 c0"

  test('a publication of the application has neither event nor user', () => {
    const parts = { channel: 'news', offset: 42, data: data(), event: '', user: '' }
    assert.equal(
      json.encodePublication(parts).toString(),
      '{"channel":"news","offset":42,"data":{"text":"h\\u00e9 ☄","n":[0,-33,256,true,null]}}',
    )
    assert.equal(
      msgpack.recodePublication(json.encodePublication(parts)).toString('hex'),
      msgpack.encodePublication(parts).toString('hex'),
    )
    assert.equal(
      msgpack.encodePublication(parts).toString('hex'),
      hex(`83 a7 'channel' a4 'news' a6 'offset' 2a a4 'data' ${dataBytes}`).toString('hex'),
    )
  })

  test('a publication of a client names its event and user before the data', () => {
    const parts = { channel: '@17', offset: 300, data: data(), event: 'line', user: '5' }
    assert.equal(
      json.encodePublication(parts).toString(),
      '{"channel":"@17","offset":300,"event":"line","user":"5","data":{"text":"h\\u00e9 ☄","n":[0,-33,256,true,null]}}',
    )
    assert.equal(
      msgpack.encodePublication(parts).toString('hex'),
      hex(
        `85 a7 'channel' a3 '@17' a6 'offset' cd 012c a5 'event' a4 'line' a4 'user' a1 '5' a4 'data' ${dataBytes}`,
      ).toString('hex'),
    )
  })
})
