/**
 * Tests of src/core/commands.ts over a real broker and hub: every refusal and its code, and what is done otherwise.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { codes } from '../../../src/codes.ts'
import type { VerifyToken } from '../../../src/core/tokens.ts'
import type { Command, StreamPosition } from '../../../src/protocol/messages.ts'
import { codeOf, type LocalCore, type LocalCoreOptions, localCore } from '../../support/local-core.ts'

const subscribe = (channel: string, since: StreamPosition | null = null): Command => ({
  kind: 'subscribe',
  channels: [{ channel, since }],
  isList: false,
})
const subscribeList = (...names: string[]): Command => {
  const channels = names.map((channel) => ({ channel, since: null }))
  return { kind: 'subscribe', channels, isList: true }
}
const unsubscribe = (channel: string): Command => ({ kind: 'unsubscribe', channel })
const connect = (token = '', resume: string | null = null): Command => ({
  kind: 'connect',
  token,
  resume,
  since: null,
  login: null,
})
const publish = (channel: string, data: unknown = 1, event = '', key = ''): Command => ({
  kind: 'publish',
  channel,
  data,
  event,
  key,
  echo: true,
})

/** Tokens are the name of the user here, and a list of grants behind a colon. */
const verifyToken: VerifyToken = (token) => {
  if (token === 'bad') return { failed: 'TOKEN_INVALID', message: 'The token can not be trusted' }
  const [user = '', grants = ''] = token.split(':')
  return { tenant: 1, user, grants: grants === '' ? [] : grants.split(','), untilSecond: 0 }
}
const tokens: LocalCoreOptions = { verifyToken }

/** Runs a command on a session and gives the failure's code, or the result. */
async function run(core: LocalCore, session: ReturnType<LocalCore['connected']>, command: Command) {
  return codeOf(await core.commands.run(session, command))
}

/** A session that connected with a token. */
async function arrive(core: LocalCore, token = '') {
  const session = core.hub.open(core.fanOut, '')
  session.connection = {}
  const outcome = await core.commands.run(session, connect(token))
  assert.equal(codeOf(outcome), outcome)
  return session
}

describe('every other command', () => {
  const commands: readonly Command[] = [
    subscribe('a'),
    unsubscribe('a'),
    publish('web_a'),
    { kind: 'users', ids: ['1'] },
    { kind: 'stats', channel: 'a' },
    { kind: 'ping' },
  ]
  for (const command of commands) {
    test(`${command.kind} before connect is refused`, async (t) => {
      const core = localCore(t)
      assert.equal(await run(core, core.hub.open(core.fanOut, ''), command), 'NOT_CONNECTED')
    })
  }

  test('ping is answered', async (t) => {
    const core = localCore(t)
    assert.deepEqual(await run(core, core.connected(), { kind: 'ping' }), { sum: 0 })
  })
})

describe('ping', () => {
  test('ping is answered with the sum of all offsets, own channel included', async (t) => {
    const core = localCore(t, tokens)
    const session = await arrive(core, '17')
    await core.subscribe(session, 'a')
    assert.deepEqual(await run(core, session, { kind: 'ping' }), { sum: 0 })
    for (const channel of ['a', 'a', '@17']) await core.publish(channel)
    await core.settle()
    assert.deepEqual(await run(core, session, { kind: 'ping' }), { sum: 3 })
  })

  test('ping is answered without a sum while the session is behind', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    await core.subscribe(session, 'a')
    core.fanOut.stall(session, 0)
    await core.publish('a')
    await core.settle()
    assert.deepEqual(await run(core, session, { kind: 'ping' }), {})
    core.fanOut.resume(session)
    await core.settle()
    assert.deepEqual(await run(core, session, { kind: 'ping' }), { sum: 1 })
  })
})

describe('subscribe', () => {
  test('subscribe answers with the position', async (t) => {
    const core = localCore(t)
    await core.publish('a')
    assert.deepEqual(await run(core, core.connected(), subscribe('a')), { epoch: 'k3', offset: 1 })
  })

  test('subscribe is refused by name, rule, repetition and count', async (t) => {
    const core = localCore(t, {
      ...tokens,
      maxChannelsPerSession: 2,
      rules: [{ match: 'vip', subscribe: 'token' }],
    })
    const session = await arrive(core, '17')
    assert.equal(await run(core, session, subscribe('')), 'INVALID_CHANNEL')
    assert.equal(await run(core, session, subscribe('vip')), 'ACCESS_DENIED')
    assert.equal(await run(core, session, subscribe('@18')), 'ACCESS_DENIED')
    assert.equal(await run(core, session, subscribe('@17')), 'ACCESS_DENIED')
    assert.deepEqual(await run(core, session, subscribe('a')), { epoch: 'k3', offset: 0 })
    assert.equal(await run(core, session, subscribe('a')), 'ALREADY_SUBSCRIBED')
    assert.deepEqual(await run(core, session, subscribe('b')), { epoch: 'k3', offset: 0 })
    assert.equal(await run(core, session, subscribe('c')), 'CHANNEL_LIMIT', 'the user channel does not count')
    await run(core, session, unsubscribe('a'))
    assert.deepEqual(await run(core, session, subscribe('c')), { epoch: 'k3', offset: 0 })
  })

  test('subscribe asks the rule about the identity of the session', async (t) => {
    const core = localCore(t, { ...tokens, rules: [{ match: 'vip-*', subscribe: 'token' }] })
    assert.equal(await run(core, await arrive(core, '17:vip-2'), subscribe('vip-1')), 'ACCESS_DENIED')
    assert.deepEqual(await run(core, await arrive(core, '17:vip-*'), subscribe('vip-1')), {
      epoch: 'k3',
      offset: 0,
    })
    assert.equal(await run(core, await arrive(core), subscribe('private_1')), 'ACCESS_DENIED')
    assert.deepEqual(await run(core, await arrive(core, '17'), subscribe('private_1')), {
      epoch: 'k3',
      offset: 0,
    })
  })

  test('subscribe with a list answers every name in its place', async (t) => {
    const core = localCore(t, { maxChannelsPerSession: 2 })
    const session = core.connected()
    const outcome = await core.commands.run(session, subscribeList('a', '', 'b', 'a', 'c'))
    assert.ok('channels' in outcome)
    assert.deepEqual(
      outcome.channels.map((row) => [row.channel, 'error' in row ? row.error.name : row.offset]),
      [
        ['a', 0],
        ['', 'INVALID_CHANNEL'],
        ['b', 0],
        ['a', 'ALREADY_SUBSCRIBED'],
        ['c', 'CHANNEL_LIMIT'],
      ],
    )
    const [, row] = outcome.channels
    assert.ok(row !== undefined && 'error' in row)
    assert.equal(row.error.code, codes.INVALID_CHANNEL.reply)
    assert.deepEqual(await run(core, session, subscribeList()), { channels: [] })
  })

  test('subscribe with too long a list does nothing at all', async (t) => {
    const core = localCore(t, { maxChannelsPerCommand: 2 })
    const session = core.connected()
    assert.equal(await run(core, session, subscribeList('a', 'b', 'c')), 'CHANNEL_LIMIT')
    assert.equal(session.channels.length, 0)
  })

  // In one process the broker answers before the next message is read, so nothing overlaps yet.
  test('subscribe holds its limit when commands overlap', async (t) => {
    const core = localCore(t, { maxChannelsPerSession: 1 })
    const session = core.connected()
    const outcomes = await Promise.all(['a', 'b', 'c'].map((name) => run(core, session, subscribe(name))))
    assert.equal(session.channels.length, 1)
    assert.equal(outcomes.filter((one) => one === 'CHANNEL_LIMIT').length, 2)
  })
})

describe('unsubscribe', () => {
  test('unsubscribe ends deliveries', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    await run(core, session, subscribe('a'))
    assert.deepEqual(await run(core, session, unsubscribe('a')), {})
    await core.publish('a')
    await core.settle()
    assert.deepEqual(core.fanOut.got(session), [])
  })

  test('unsubscribe is refused for a channel the session does not hold, and for its user channel', async (t) => {
    const core = localCore(t, tokens)
    const session = await arrive(core, '17')
    assert.equal(await run(core, session, unsubscribe('a')), 'NOT_SUBSCRIBED')
    assert.equal(await run(core, session, unsubscribe('')), 'NOT_SUBSCRIBED')
    assert.equal(await run(core, session, unsubscribe('@17')), 'NOT_SUBSCRIBED')
    assert.deepEqual((await core.broker.usersOnline(1, ['17'])).online, ['17'])
  })
})

describe('publish', () => {
  test('publish goes to all subscribers with the user who published', async (t) => {
    const core = localCore(t, tokens)
    const [author, reader] = [await arrive(core, '17'), await arrive(core)]
    for (const session of [author, reader]) await run(core, session, subscribe('web_chat'))
    assert.deepEqual(await run(core, author, publish('web_chat', { text: 'hi' }, 'line')), {
      epoch: 'k3',
      offset: 1,
    })
    await core.settle()
    const message = { channel: 'web_chat', offset: 1, data: { text: 'hi' }, event: 'line', user: '17' }
    for (const session of [author, reader]) assert.deepEqual(core.fanOut.got(session), [message])
  })

  test('publish is refused by name, rule, event, data and size', async (t) => {
    const core = localCore(t, { maxPublicationBytes: 100 })
    const session = core.connected()
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
    assert.equal(await run(core, session, publish('a\n')), 'INVALID_CHANNEL')
    assert.equal(await run(core, session, publish('news')), 'ACCESS_DENIED')
    assert.equal(await run(core, session, publish('@17')), 'ACCESS_DENIED')
    assert.equal(await run(core, session, publish('webauth_a')), 'ACCESS_DENIED')
    assert.equal(await run(core, session, publish('web_a', 1, 'a\n')), 'INVALID_ARGUMENT')
    assert.equal(await run(core, session, publish('web_a', 1, 'e'.repeat(256))), 'INVALID_ARGUMENT')
    assert.equal(await run(core, session, publish('web_a', 1n)), 'INVALID_DATA')
    assert.equal(await run(core, session, publish('web_a', deep)), 'INVALID_DATA')
    assert.equal(await run(core, session, publish('web_a', 'x'.repeat(99))), 'PUBLICATION_TOO_LARGE')
    assert.equal((await core.broker.channel('web_a')).position.offset, 0)
  })
})

describe('users and stats', () => {
  test('users names those who are online', async (t) => {
    const core = localCore(t, tokens)
    const session = await arrive(core, '17')
    assert.deepEqual(await run(core, session, { kind: 'users', ids: ['18', '17', ''] }), {
      online: ['17'],
      lastSeen: {},
    })
    core.lose(session)
    const other = await arrive(core, '18')
    assert.deepEqual(await run(core, other, { kind: 'users', ids: ['17', '18'] }), {
      online: ['18'],
      lastSeen: { '17': core.clock.wallMs() },
    })
  })

  test('users tells nothing where the rule of user channels has presence off', async (t) => {
    const core = localCore(t, { ...tokens, rules: [{ match: '@1*', presence: 'off', subscribe: 'nobody' }] })
    const session = await arrive(core, '17')
    await arrive(core, '27')
    assert.deepEqual(await run(core, session, { kind: 'users', ids: ['17', '27'] }), {
      online: ['27'],
      lastSeen: {},
    })
  })

  test('users takes maxChannelsPerCommand ids and not one more', async (t) => {
    const core = localCore(t, { maxChannelsPerCommand: 2 })
    const session = core.connected()
    assert.deepEqual(await run(core, session, { kind: 'users', ids: ['1', '2'] }), {
      online: [],
      lastSeen: {},
    })
    assert.equal(await run(core, session, { kind: 'users', ids: ['1', '2', '3'] }), 'CHANNEL_LIMIT')
  })

  test('stats counts subscribers for those who may subscribe and where presence is on', async (t) => {
    const core = localCore(t, { rules: [{ match: 'quiet', presence: 'off' }] })
    const session = core.connected()
    await run(core, session, subscribe('a'))
    const stats = (channel: string) => run(core, session, { kind: 'stats', channel })
    assert.deepEqual(await stats('a'), { channel: 'a', subscribers: 1 })
    assert.deepEqual(await stats('empty'), { channel: 'empty', subscribers: 0 })
    assert.equal(await stats(''), 'INVALID_CHANNEL')
    assert.equal(await stats('@17'), 'ACCESS_DENIED')
    assert.equal(await stats('private_1'), 'ACCESS_DENIED')
    assert.equal(await stats('quiet'), 'ACCESS_DENIED')
  })
})

describe('admission', () => {
  test('ids must rise, gaps are fine, and id 0 only counts for the rate', (t) => {
    const core = localCore(t)
    const session = core.connected()
    const admit = (id: number) => codeOf(core.commands.admit(session, id))
    assert.deepEqual([1, 2, 2, 1, 7, 0, 5, 8].map(admit), [
      null,
      null,
      'DUPLICATE_ID',
      'DUPLICATE_ID',
      null,
      null,
      'DUPLICATE_ID',
      null,
    ])
  })

  test('commands above the rate are refused until the second is over, and their ids stay unused', (t) => {
    const core = localCore(t, { maxCommandsPerSecond: 3 })
    const session = core.connected()
    const admit = (id: number) => codeOf(core.commands.admit(session, id))
    core.clock.turn(5_500)
    assert.deepEqual([1, 2, 3, 4, 0].map(admit), [null, null, null, 'COMMAND_RATE', 'COMMAND_RATE'])
    core.clock.turn(499)
    assert.equal(admit(4), 'COMMAND_RATE')
    core.clock.turn(1)
    assert.equal(admit(4), null)
    assert.deepEqual(core.fanOut.endings, [])
  })

  test('a session that sends ten times its rate is ended, once', (t) => {
    const core = localCore(t, { maxCommandsPerSecond: 3 })
    const session = core.connected()
    for (let id = 1; id <= 29; id++) core.commands.admit(session, id)
    assert.equal(core.fanOut.endings.length, 0)
    for (let id = 30; id <= 40; id++) core.commands.admit(session, id)
    assert.deepEqual(
      core.fanOut.endings.map((one) => [one.session, one.code]),
      [[session, codes.COMMAND_RATE.close]],
    )
    assert.equal(session.endedBy, 'COMMAND_RATE')
  })

  test('without a limit any rate is fine', (t) => {
    const core = localCore(t, { maxCommandsPerSecond: 0 })
    const session = core.connected()
    for (let id = 1; id <= 10_000; id++) assert.equal(core.commands.admit(session, id), null)
  })
})

test('a client is told BUSY while more waits than the node may hold, and may publish when it is sent', async (t) => {
  const core = localCore(t, { maxPendingBytes: 10_000 })
  const reader = core.connected()
  await core.hub.subscribe(reader, 'web_a')
  const writer = core.connected()
  const outcomes: unknown[] = []
  // The loop does not turn in between, so nothing is sent; the one that reaches the bound waits for its answer.
  for (let n = 0; n < 100 && outcomes.at(-1) !== 'BUSY'; n++) {
    const outcome = core.commands.run(writer, publish('web_a', 'x'.repeat(500)))
    outcomes.push(outcome instanceof Promise && core.hub.room() === null ? codeOf(await outcome) : outcome)
    if (core.hub.room() !== null) outcomes.push(await run(core, writer, publish('web_a')))
  }
  assert.equal(outcomes.at(-1), 'BUSY')
  await core.settle()
  assert.deepEqual(await run(core, writer, publish('web_a', 'again')), {
    epoch: 'k3',
    offset: core.fanOut.got(reader).length + 1,
  })
})
