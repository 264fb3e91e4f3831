/**
 * Tests of src/protocol/parse-command.ts: every command, every field of a wrong type, and ids.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { commandNames, parseCommand } from '../../../src/protocol/parse-command.ts'

const MAX_ID = 2 ** 53 - 1

const connect = { kind: 'connect', token: '', resume: null, since: null, login: null }
const position = { epoch: 'k3', offset: 41 }
const fromNow = (channel: string) => ({ channel, since: null })

describe('command', () => {
  const accepted: readonly [message: object, command: object][] = [
    [{ connect: {} }, { ...connect }],
    [{ connect: { token: null, resume: null, since: null } }, { ...connect }],
    [{ connect: { token: 'abc' } }, { ...connect, token: 'abc' }],
    [{ connect: { resume: false } }, { ...connect }],
    [{ connect: { resume: true } }, { ...connect, resume: '' }],
    [{ connect: { resume: '' } }, { ...connect, resume: '' }],
    [{ connect: { resume: 'a capsule' } }, { ...connect, resume: 'a capsule' }],
    [{ connect: { since: position } }, { ...connect, since: position }],
    [{ connect: { login: null } }, { ...connect }],
    [{ connect: { login: {} } }, { ...connect, login: { tenant: null, user: '', key: '', uuid: '' } }],
    [
      { connect: { login: { tenant: 0, user: '7', key: 'k', uuid: 'a-Z_09'.padEnd(32, 'x') } } },
      { ...connect, login: { tenant: 0, user: '7', key: 'k', uuid: 'a-Z_09'.padEnd(32, 'x') } },
    ],
    [
      { connect: { login: { tenant: 2_147_483_647, user: '7' } } },
      { ...connect, login: { tenant: 2_147_483_647, user: '7', key: '', uuid: '' } },
    ],
    [{ refresh: { token: 'abc' } }, { kind: 'refresh', token: 'abc' }],
    [{ subscribe: { channel: 'a' } }, { kind: 'subscribe', channels: [fromNow('a')], isList: false }],
    [
      { subscribe: { channel: 'a', since: position } },
      { kind: 'subscribe', channels: [{ channel: 'a', since: position }], isList: false },
    ],
    [
      { subscribe: { channel: 'a', since: { epoch: '', offset: 0 } } },
      { kind: 'subscribe', channels: [{ channel: 'a', since: { epoch: '', offset: 0 } }], isList: false },
    ],
    [
      { subscribe: { channel: 'a', since: { epoch: 'e'.repeat(64), offset: MAX_ID } } },
      {
        kind: 'subscribe',
        channels: [{ channel: 'a', since: { epoch: 'e'.repeat(64), offset: MAX_ID } }],
        isList: false,
      },
    ],
    [
      { subscribe: { channels: ['a', { channel: 'b' }, { channel: 'c', since: position }] } },
      {
        kind: 'subscribe',
        channels: [fromNow('a'), fromNow('b'), { channel: 'c', since: position }],
        isList: true,
      },
    ],
    [{ subscribe: { channels: [] } }, { kind: 'subscribe', channels: [], isList: true }],
    [{ unsubscribe: { channel: '' } }, { kind: 'unsubscribe', channel: '' }],
    [
      { publish: { channel: 'a', data: null } },
      { kind: 'publish', channel: 'a', data: null, event: '', key: '', echo: true },
    ],
    [
      { publish: { channel: 'a', data: [1], event: 'e', key: 'é'.repeat(64) } },
      { kind: 'publish', channel: 'a', data: [1], event: 'e', key: 'é'.repeat(64), echo: true },
    ],
    [
      { publish: { channel: 'a', data: 1, key: null } },
      { kind: 'publish', channel: 'a', data: 1, event: '', key: '', echo: true },
    ],
    [
      { publish: { channel: 'a', data: 1, echo: false } },
      { kind: 'publish', channel: 'a', data: 1, event: '', key: '', echo: false },
    ],
    [
      { publish: { channel: 'a', data: 1, echo: null } },
      { kind: 'publish', channel: 'a', data: 1, event: '', key: '', echo: true },
    ],
    [{ userData: { user: '7' } }, { kind: 'userData', user: '7' }],
    [{ ack: position }, { kind: 'ack', position }],
    [
      { history: { channel: 'a' } },
      { kind: 'history', channel: 'a', since: null, limit: 0, isReverse: false },
    ],
    [
      { history: { channel: 'a', since: null, limit: null, reverse: null } },
      { kind: 'history', channel: 'a', since: null, limit: 0, isReverse: false },
    ],
    [
      { history: { channel: 'a', since: position, limit: 1_000_000, reverse: true } },
      { kind: 'history', channel: 'a', since: position, limit: 1_000_000, isReverse: true },
    ],
    [{ presence: { channel: 'a' } }, { kind: 'presence', channel: 'a' }],
    [{ users: { ids: ['1'] } }, { kind: 'users', ids: ['1'] }],
    [{ stats: { channel: 'a' } }, { kind: 'stats', channel: 'a' }],
    [{ ping: {} }, { kind: 'ping' }],
  ]
  for (const [message, command] of accepted) {
    test(`command ${JSON.stringify(message)} is understood`, () => {
      assert.deepEqual(parseCommand({ id: 7, ...message }), { id: 7, command })
    })
  }

  test('a command may hold members that this version does not know', () => {
    const since = { ...position, shard: 1 }
    const message = { id: 7, trace: 'x', subscribe: { channel: 'a', since, filter: 'x' } }
    assert.deepEqual(parseCommand(message), {
      id: 7,
      command: { kind: 'subscribe', channels: [{ channel: 'a', since: position }], isList: false },
    })
  })

  test('the list of command names is complete', () => {
    const names =
      'connect refresh subscribe unsubscribe publish history presence users stats userData ack ping'
    assert.deepEqual(commandNames, names.split(' '))
  })
})

describe('command that is refused', () => {
  const wrong: readonly [message: object, text: RegExp][] = [
    [{ connect: { token: 1 } }, /^Field "connect.token" must be a string: it is 1$/],
    [{ connect: { token: ['a'] } }, /"connect.token" must be a string: it is a list of 1$/],
    [{ connect: { resume: 1 } }, /^Field "connect.resume" must be true or a capsule: it is 1$/],
    [{ connect: { resume: {} } }, /"connect.resume" must be true or a capsule: it is an object$/],
    [
      { connect: { since: 'k3' } },
      /^Field "connect.since" must be an object with epoch and offset: it is "k3"$/,
    ],
    [{ connect: { since: { epoch: 'k3' } } }, /"connect.since.offset" .* it is missing$/],
    [{ connect: { login: '7' } }, /^Field "connect.login" must be an object with user and key: it is "7"$/],
    [{ connect: { login: [] } }, /"connect.login" must be an object with user and key: it is a list of 0$/],
    [
      { connect: { login: { tenant: -1 } } },
      /^Field "connect.login.tenant" must be an integer from 0 to 2147483647: it is -1$/,
    ],
    [{ connect: { login: { tenant: 2 ** 31 } } }, /"connect.login.tenant" .* it is 2147483648$/],
    [{ connect: { login: { tenant: '1' } } }, /"connect.login.tenant" .* it is "1"$/],
    [{ connect: { login: { user: 7 } } }, /^Field "connect.login.user" must be a string: it is 7$/],
    [{ connect: { login: { key: null } } }, /^Field "connect.login.key" must be a string: it is null$/],
    [
      { connect: { login: { uuid: 'a~b' } } },
      /^Field "connect.login.uuid" must be at most 32 of A-Z a-z 0-9 _ -: it is "a~b"$/,
    ],
    [{ connect: { login: { uuid: 'a'.repeat(33) } } }, /"connect.login.uuid" must be at most 32/],
    [{ connect: { login: { uuid: 'a\n' } } }, /"connect.login.uuid" must be at most 32/],
    [{ connect: { login: { uuid: 5 } } }, /"connect.login.uuid" .* it is 5$/],
    [
      { publish: { channel: 'a', data: 1, echo: 0 } },
      /^Field "publish.echo" must be true or false: it is 0$/,
    ],
    [{ userData: {} }, /^Field "userData.user" must be a string: it is missing$/],
    [{ ack: {} }, /^Field "ack.epoch" must be a string of at most 64 characters: it is missing$/],
    [{ ack: { epoch: 'k3', offset: -1 } }, /^Field "ack.offset" must be an integer from 0/],
    [{ ack: null }, /^Field "ack" must be an object: it is null$/],
    [{ refresh: {} }, /^Field "refresh.token" must be a string: it is missing$/],
    [{ refresh: { token: null } }, /"refresh.token" must be a string: it is null$/],
    [{ connect: 'token' }, /^Field "connect" must be an object: it is "token"$/],
    [{ connect: null }, /^Field "connect" must be an object: it is null$/],
    [{ connect: [] }, /^Field "connect" must be an object: it is a list of 0$/],
    [{ subscribe: {} }, /^Field "subscribe.channel" must be a string: it is missing$/],
    [{ subscribe: { channel: 7 } }, /"subscribe.channel" must be a string: it is 7$/],
    [
      { subscribe: { channel: 'a', channels: ['b'] } },
      /"subscribe.channel" must be absent when channels is given/,
    ],
    [
      { subscribe: { since: position, channels: ['b'] } },
      /^Field "subscribe.since" must be absent when channels is given: it is an object$/,
    ],
    [
      { subscribe: { channel: 'a', since: { epoch: 3, offset: 1 } } },
      /^Field "subscribe.since.epoch" must be a string of at most 64 characters: it is 3$/,
    ],
    [{ subscribe: { channel: 'a', since: { epoch: 'e'.repeat(65), offset: 1 } } }, /"subscribe.since.epoch"/],
    [
      { subscribe: { channel: 'a', since: { epoch: 'k3', offset: -1 } } },
      /^Field "subscribe.since.offset" must be an integer from 0 to 9007199254740991: it is -1$/,
    ],
    [{ subscribe: { channel: 'a', since: { epoch: 'k3', offset: 2 ** 53 } } }, /"subscribe.since.offset"/],
    [{ subscribe: { channel: 'a', since: { epoch: 'k3', offset: 1.5 } } }, /it is 1\.5$/],
    [{ subscribe: { channel: 'a', since: { epoch: 'k3', offset: '1' } } }, /it is "1"$/],
    [{ subscribe: { channel: 'a', since: [] } }, /"subscribe.since" .* it is a list of 0$/],
    [{ subscribe: { channels: 'a' } }, /^Field "subscribe.channels" must be a list: it is "a"$/],
    [
      { subscribe: { channels: ['a', 1] } },
      /^Field "subscribe.channels\[1\]" must be a string or an object with a channel: it is 1$/,
    ],
    [
      { subscribe: { channels: ['a', {}] } },
      /^Field "subscribe.channels\[1\].channel" must be a string: it is missing$/,
    ],
    [
      { subscribe: { channels: [{ channel: 'a', since: {} }] } },
      /^Field "subscribe.channels\[0\].since.epoch" must be a string of at most 64 characters: it is missing$/,
    ],
    [{ subscribe: { channels: { 0: 'a', length: 1 } } }, /"subscribe.channels" .* it is an object$/],
    [{ subscribe: { channels: null } }, /"subscribe.channels" .* it is null$/],
    [{ unsubscribe: {} }, /^Field "unsubscribe.channel" must be a string: it is missing$/],
    [{ unsubscribe: { channel: {} } }, /it is an object$/],
    [{ publish: { data: 1 } }, /^Field "publish.channel" must be a string: it is missing$/],
    [{ publish: { channel: 'a' } }, /^Field "publish.data" must be any value: it is missing$/],
    [{ publish: { channel: 'a', data: 1, event: 2 } }, /^Field "publish.event" must be a string: it is 2$/],
    [{ publish: { channel: 'a', data: 1, event: null } }, /"publish.event" must be a string: it is null$/],
    [{ publish: { channel: 'a', data: 1, key: 2 } }, /^Field "publish.key" must be .* text .*: it is 2$/],
    [
      { publish: { channel: 'a', data: 1, key: 'é'.repeat(65) } },
      /^Field "publish.key" must be at most 128 bytes of text without control characters: it is "é/,
    ],
    [{ publish: { channel: 'a', data: 1, key: 'a\n' } }, /"publish.key" .* it is "a\\n"$/],
    [{ history: {} }, /^Field "history.channel" must be a string: it is missing$/],
    [
      { history: { channel: 'a', limit: 0 } },
      /^Field "history.limit" must be an integer from 1 to 1000000: it is 0$/,
    ],
    [{ history: { channel: 'a', limit: 1_000_001 } }, /"history.limit" .* it is 1000001$/],
    [{ history: { channel: 'a', limit: 1.5 } }, /"history.limit" .* it is 1\.5$/],
    [{ history: { channel: 'a', limit: '9' } }, /"history.limit" .* it is "9"$/],
    [
      { history: { channel: 'a', reverse: 'yes' } },
      /^Field "history.reverse" must be true or false: it is "yes"$/,
    ],
    [
      { history: { channel: 'a', since: 41 } },
      /^Field "history.since" must be an object with epoch and offset: it is 41$/,
    ],
    [{ presence: {} }, /^Field "presence.channel" must be a string: it is missing$/],
    [{ users: {} }, /^Field "users.ids" must be a list of strings: it is missing$/],
    [{ users: { ids: [17] } }, /"users.ids" must be a list of strings/],
    [{ stats: {} }, /^Field "stats.channel" must be a string: it is missing$/],
    [{ ping: null }, /^Field "ping" must be an object: it is null$/],
    [{ ping: true }, /^Field "ping" must be an object: it is true$/],
  ]
  for (const [message, text] of wrong) {
    test(`command ${JSON.stringify(message)} keeps its id and names field, value and bound`, () => {
      const parsed = parseCommand({ id: 7, ...message })
      assert.ok('failed' in parsed)
      assert.deepEqual([parsed.id, parsed.failed], [7, 'INVALID_ARGUMENT'])
      assert.match(parsed.message, text)
    })
  }

  test('a long value is shortened in the message', () => {
    const parsed = parseCommand({ id: 1, connect: 'x'.repeat(60_000) })
    assert.ok('failed' in parsed)
    assert.match(parsed.message, /it is "x{37}\.\.\."$/)
  })
})

describe('message that holds no command', () => {
  const unknown: readonly [message: object, text: RegExp][] = [
    [{}, /^Message holds no command this node knows: it holds none, known are connect, refresh, subscribe, /],
    [{ jump: {} }, /it holds "jump"/],
    [{ Connect: {} }, /it holds "Connect"/],
    [{ toString: {} }, /it holds "toString"/],
    [JSON.parse('{"__proto__":{"connect":{}}}'), /it holds "__proto__"/],
    [{ constructor: {} }, /it holds "constructor"/],
    [{ '': {} }, /it holds ""/],
    [{ ping: {}, connect: {} }, /^Message holds two commands: "ping" and "connect"$/],
  ]
  for (const [message, text] of unknown) {
    test(`message ${JSON.stringify(message)} is an unknown command`, () => {
      const parsed = parseCommand({ ...message, id: 7 })
      assert.ok('failed' in parsed)
      assert.deepEqual([parsed.id, parsed.failed], [7, 'UNKNOWN_COMMAND'])
      assert.match(parsed.message, text)
    })
  }

  const noObjects: readonly [message: unknown, shown: string][] = [
    [null, 'null'],
    [undefined, 'missing'],
    [7, '7'],
    ['ping', '"ping"'],
    [true, 'true'],
    [[{ id: 1, ping: {} }], 'a list of 1'],
  ]
  for (const [message, shown] of noObjects) {
    test(`message ${shown} is no object`, () => {
      assert.deepEqual(parseCommand(message), {
        id: 0,
        failed: 'INVALID_ARGUMENT',
        message: `Message must be an object: it is ${shown}`,
      })
    })
  }
})

describe('id', () => {
  for (const id of [1, 2, 2 ** 31, 2 ** 32, MAX_ID]) {
    test(`id ${id} is taken`, () => {
      assert.deepEqual(parseCommand({ id, ping: {} }), { id, command: { kind: 'ping' } })
    })
  }

  const wrong = [
    undefined,
    null,
    0,
    -0,
    -1,
    1.5,
    MAX_ID + 1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '1',
    [1],
    {},
    true,
    1n,
  ]
  for (const id of wrong) {
    test(`id ${typeof id} ${String(id)} is refused`, () => {
      const parsed = parseCommand({ id, ping: {} })
      assert.ok('failed' in parsed)
      assert.deepEqual([parsed.id, parsed.failed], [0, 'INVALID_ARGUMENT'])
      assert.match(parsed.message, /^Field "id" must be an integer from 1 to 9007199254740991: it is /)
    })
  }
})
