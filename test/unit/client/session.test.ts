/**
 * Tests of src/client/session.ts through a client: the capsule, the user's own channel, and what was lost unnoticed.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { type ChannelGap, type ClientOptions, createClient } from '../../../src/client/client.ts'
import { HandTimers } from '../../support/hand-timers.ts'
import { type Answers, position, startScriptedNode } from '../../support/scripted-node.ts'
import { until } from '../../support/until.ts'

async function setUp(t: TestContext, answers: Answers = {}, options: ClientOptions = {}) {
  const node = await startScriptedNode(t, answers)
  const timers = new HandTimers()
  const client = createClient({
    ...{ url: node.url, transports: ['websocket'], WebSocket, timers, random: () => 0.5 },
    ...options,
  })
  t.after(() => client.disconnect())
  const messages: number[] = []
  const gaps: ChannelGap[] = []
  client.on('message', ({ offset }) => messages.push(offset))
  client.on('gap', (gap) => gaps.push(gap))
  client.connect()
  await until(() => client.state === 'connected')
  const back = async () => {
    timers.turn(250)
    await until(() => client.state === 'connected')
  }
  const reconnect = async () => {
    node.connections.at(-1)?.socket.terminate()
    await until(() => client.state === 'waiting')
    await back()
  }
  /** The arguments of connect on the `n`th connection. */
  const introduction = async (n: number) => (await (await node.connection(n)).command('connect')).args
  return { node, client, timers, messages, gaps, back, reconnect, introduction }
}

/** Answers to connect, one after the other; `own` is what they say of the user's own channel. */
function greeting(...owns: (object | undefined)[]): Answers {
  return {
    connect: () => ({ ok: { session: 's1', user: '17', pingMs: 25_000, capsule: 'c1', own: owns.shift() } }),
  }
}

test('session asks for a capsule and goes on with it after a reconnect', async (t) => {
  const { reconnect, introduction } = await setUp(t)
  assert.deepEqual(await introduction(0), { resume: true })
  await reconnect()
  assert.deepEqual(await introduction(1), { resume: 'c1' })
})

test('session takes a new capsule in the place of the one it has', async (t) => {
  const { node, client, reconnect, introduction } = await setUp(t, {}, { token: 'abc' })
  ;(await node.connection(0)).send({ capsule: 'c2' })
  await client.stats('a')
  await reconnect()
  assert.deepEqual(await introduction(1), { token: 'abc', resume: 'c2' })
})

test('session is a new one after disconnect, or when the node refuses its capsule', async (t) => {
  const { node, client, back, introduction } = await setUp(t)
  client.disconnect()
  client.connect()
  await until(() => client.state === 'connected')
  assert.deepEqual(await introduction(1), { resume: true })
  ;(await node.connection(1)).send({ bye: { code: 3047, reason: 'too old' } })
  await until(() => client.state === 'waiting')
  await back()
  assert.deepEqual(await introduction(2), { resume: true })
})

test('session names where it got to in the own channel of its user, and gets what it missed', async (t) => {
  const own = { channel: '@17', epoch: 'k3', offset: 40 }
  const { node, client, messages, gaps, reconnect, introduction } = await setUp(
    t,
    greeting(own, { ...own, offset: 43, recovered: true }),
  )
  const send = async (n: number, ...offsets: number[]) => {
    for (const offset of offsets) (await node.connection(n)).send({ channel: '@17', offset, data: 1 })
    await client.stats('a')
  }
  await send(0, 40, 41)
  await reconnect()
  assert.deepEqual(await introduction(1), { resume: 'c1', since: { epoch: 'k3', offset: 41 } })
  await send(1, 41, 42, 43)
  assert.deepEqual([messages, gaps], [[41, 42, 43], []])
})

test('session tells which messages for its user will not come', async (t) => {
  const own = { channel: '@17', epoch: 'k3', offset: 40 }
  const gap = { from: 41, to: 44, reason: 'trimmed' }
  const later = { from: 46, to: 47, reason: 'trimmed' }
  const { node, client, messages, gaps, reconnect } = await setUp(
    t,
    greeting(own, { ...own, offset: 45, recovered: false, gap }),
  )
  await reconnect()
  const connection = await node.connection(1)
  connection.send({ channel: '@17', offset: 45, data: 1 })
  connection.send({ channel: '@17', gap: later })
  connection.send({ channel: '@17', offset: 48, data: 1 })
  await client.stats('a')
  assert.deepEqual(messages, [45, 48])
  assert.deepEqual(gaps, [
    { channel: '@17', ...gap },
    { channel: '@17', ...later },
  ])
})

test('session of another user begins where the node says, without a gap of the one before', async (t) => {
  const { gaps, reconnect, introduction } = await setUp(
    t,
    greeting(
      { channel: '@17', epoch: 'k3', offset: 40 },
      { channel: '@18', epoch: 'k9', offset: 2, recovered: false, gap: { from: 1, to: 0, reason: 'epoch' } },
      undefined,
    ),
  )
  await reconnect()
  assert.deepEqual(gaps, [])
  await reconnect()
  assert.deepEqual(await introduction(2), { resume: 'c1', since: { epoch: 'k9', offset: 2 } })
})

/** Positions 40 in channel `a` and 3 in `@17`, and a ping answered with `sum`. */
function counting(sum: number | undefined): Answers {
  const { connect } = greeting(
    { channel: '@17', epoch: 'k3', offset: 3 },
    { channel: '@17', epoch: 'k3', offset: 3, recovered: true },
  )
  return { ...(connect && { connect }), ping: () => ({ ok: { sum } }) }
}

async function subscribed(t: TestContext, answers: Answers) {
  const setup = await setUp(t, answers)
  const subscription = setup.client.subscribe('a', () => {})
  await until(() => subscription.state === 'active')
  return { ...setup, subscription }
}

for (const sum of [undefined, 42, 43]) {
  test(`session that got 43 stays when the node says it sent ${sum}`, async (t) => {
    const { node, client, timers } = await subscribed(t, counting(sum))
    timers.turn(25_000)
    await (await node.connection(0)).command('ping')
    await client.stats('a')
    assert.equal(client.state, 'connected')
  })
}

test('session that got less than the node says it sent asks for it again', async (t) => {
  const { node, client, timers, back, introduction } = await subscribed(t, counting(44))
  timers.turn(25_000)
  await until(() => client.state === 'waiting')
  await back()
  assert.deepEqual(await introduction(1), { resume: 'c1', since: { epoch: 'k3', offset: 3 } })
  assert.deepEqual((await (await node.connection(1)).command('subscribe')).args, {
    channels: [{ channel: 'a', since: position }],
  })
})

test('session compares nothing while it subscribes or unsubscribes', async (t) => {
  const { node, client, subscription } = await subscribed(t, { ...counting(999), unsubscribe: () => null })
  subscription.unsubscribe()
  const connection = await node.connection(0)
  await connection.command('unsubscribe')
  connection.send({ sum: 999 })
  await client.stats('a')
  assert.equal(client.state, 'connected')
})

test('session compares no sum with a subscription the ping did not know of', async (t) => {
  const { node, client, timers, subscription } = await subscribed(t, { ...counting(43), ping: () => null })
  const connection = await node.connection(0)
  timers.turn(25_000)
  const { id } = await connection.command('ping')
  subscription.unsubscribe()
  await connection.command('unsubscribe')
  await client.stats('a') // unsubscribe was answered as well
  connection.send({ id, ok: { sum: 43 } })
  await client.stats('a')
  assert.equal(client.state, 'connected')
})

test('session may be ended by a listener of its first gap', async (t) => {
  const own = { channel: '@17', epoch: 'k3', offset: 40 }
  const gap = { from: 41, to: 44, reason: 'trimmed' }
  const { node, client, timers } = await setUp(
    t,
    greeting(own, { ...own, offset: 45, recovered: false, gap }),
  )
  client.on('gap', () => client.disconnect())
  ;(await node.connection(0)).socket.terminate()
  await until(() => client.state === 'waiting')
  timers.turn(250)
  await until(() => client.state === 'closed')
  assert.equal(timers.count, 0)
})

/** A message to the user that waited while they were away. */
function waited(offset: number, id: string) {
  return { channel: '@17', offset, id, time: 1_700_000_000_000, event: 'pm', data: id }
}

const own = { channel: '@17', epoch: 'k3', offset: 40 }

test('session acknowledges messages that waited, once for all that came in a turn', async (t) => {
  const { node, client } = await setUp(t, greeting(own))
  const told: unknown[] = []
  client.on('message', (message) => told.push(message))
  const connection = await node.connection(0)
  connection.send(waited(41, 'a-1'))
  const { args } = await connection.command('ack')
  assert.deepEqual(args, { epoch: 'k3', offset: 41 })
  assert.deepEqual(told, [waited(41, 'a-1')])
  connection.send({ channel: '@17', offset: 42, data: 'live' })
  await client.stats('a')
  assert.equal(connection.commands.filter(({ name }) => name === 'ack').length, 1)
})

test('session acknowledges in the next poll what came with the last one', async (t) => {
  const { node, client, messages } = await setUp(t, greeting(own), { transports: ['long-poll'] })
  await until(() => node.http.requests('/poll').length === 2)
  const poll = await node.http.request('/poll', 1)
  poll.answer([waited(41, 'a-1'), waited(42, 'a-2')])
  const { body } = await node.http.request('/poll', 2)
  assert.deepEqual(
    body.commands.map(({ name, args }) => [name, args]),
    [['ack', { epoch: 'k3', offset: 42 }]],
  )
  assert.deepEqual(messages, [41, 42])
  assert.equal(client.state, 'connected')
})

test('session hands a message that comes again to nobody, and acknowledges it again', async (t) => {
  const { node, client, messages, reconnect } = await setUp(
    t,
    greeting(own, { ...own, offset: 41, recovered: true }),
  )
  ;(await node.connection(0)).send(waited(41, 'a-1'))
  await until(() => messages.length === 1)
  await reconnect()
  const connection = await node.connection(1)
  connection.send(waited(42, 'a-1'))
  connection.send(waited(43, 'a-2'))
  await client.stats('a')
  assert.deepEqual(messages, [41, 43])
  const acks = connection.commands.filter(({ name }) => name === 'ack').map(({ args }) => args)
  assert.deepEqual(acks.at(-1), { epoch: 'k3', offset: 43 })
})

test('session remembers the last thousand messages that waited', async (t) => {
  const { node, client, messages } = await setUp(t, greeting(own))
  const connection = await node.connection(0)
  for (let n = 0; n <= 1_000; n++) connection.send(waited(41 + n, `a-${n}`))
  connection.send(waited(1_042, 'a-1'))
  connection.send(waited(1_043, 'a-0')) // the oldest is forgotten
  await client.stats('a')
  assert.deepEqual(messages.slice(-2), [1_041, 1_043])
})

test('session tells of messages that went before they could be read, and moves past nothing', async (t) => {
  const gap = { from: 1, to: 0, reason: 'expired', count: 3 }
  const { node, client, messages, gaps, reconnect, introduction } = await setUp(
    t,
    greeting({ ...own, gap }, { ...own, offset: 41, recovered: true, gap: { ...gap, count: 4 } }),
  )
  const connection = await node.connection(0)
  connection.send({ channel: '@17', gap: { ...gap, count: 5 } })
  connection.send(waited(41, 'a-1'))
  await client.stats('a')
  await reconnect()
  assert.deepEqual(await introduction(1), { resume: 'c1', since: { epoch: 'k3', offset: 41 } })
  assert.deepEqual(
    gaps.map(({ reason, count }) => [reason, count]),
    [3, 5, 4].map((count) => ['expired', count]),
  )
  assert.deepEqual(messages, [41])
})

test('session logs in by a key and tells whether it fits', async (t) => {
  const login = { tenant: 15, user: '17', key: 'abc', uuid: 'u1' }
  const answer = { authorized: true, key: 'stored' }
  const { node, client } = await setUp(
    t,
    {
      connect: () => ({ ok: { session: 'u1~1', user: '17', pingMs: 25_000, capsule: 'c1', login: answer } }),
    },
    { login },
  )
  client.disconnect()
  const states: unknown[] = []
  client.on('state', (state) => states.push(state))
  client.connect()
  await until(() => client.state === 'connected')
  assert.deepEqual(states.at(-1), {
    ...{ state: 'connected', session: 'u1~1', user: '17', transport: 'websocket' },
    login: answer,
  })
  const { args } = await (await node.connection(1)).command('connect')
  assert.deepEqual(args, { login, resume: true })
})

test('session of another login is a new one at once, with the same subscriptions from where they were', async (t) => {
  const { node, client, introduction } = await setUp(t, greeting(own, own, own), {
    login: { user: '17', key: 'old' },
  })
  const subscription = client.subscribe('a', () => {})
  await until(() => subscription.state === 'active')
  const words: string[] = []
  client.on('state', ({ state }) => words.push(state))
  client.login({ user: '17', key: 'new' })
  await until(() => client.state === 'connected')
  assert.deepEqual(await introduction(1), {
    login: { user: '17', key: 'new' },
    resume: true,
    since: { epoch: 'k3', offset: 40 },
  })
  assert.deepEqual((await (await node.connection(1)).command('subscribe')).args, {
    channels: [{ channel: 'a', since: position }],
  })
  client.login({ user: '18', key: 'other' })
  assert.deepEqual(await introduction(2), { login: { user: '18', key: 'other' }, resume: true })
  await until(() => client.state === 'connected')
  assert.deepEqual(words, ['connecting', 'connected', 'connecting', 'connected'])
})

test('session at an address that is none is refused, and the one there is goes on', async (t) => {
  const { node, client } = await setUp(t, greeting(own), { login: { user: '17', key: 'old' } })
  await until(() => client.state === 'connected')
  assert.throws(() => client.login({ user: '18' }, { url: 'http://' }), TypeError)
  assert.deepEqual([client.state, node.connections.length], ['connected', 1])
})

test('session of another login answers what was asked of the one before', async (t) => {
  const answers: (object | null)[] = [null, { ok: { user: '5', data: 'text' } }]
  const { node, client } = await setUp(t, { userData: () => answers.shift() ?? null })
  const asked = client.userData('5')
  await (await node.connection(0)).command('userData')
  client.login({ user: '17', key: 'new' })
  assert.deepEqual(await asked, { user: '5', data: 'text' })
})

test('session of another login waits for connect when the client is closed', async (t) => {
  const { client, introduction } = await setUp(t)
  client.disconnect()
  client.login({ user: '17', key: 'new' })
  assert.equal(client.state, 'closed')
  client.connect()
  assert.deepEqual(await introduction(1), { login: { user: '17', key: 'new' }, resume: true })
})

test('session says whether it is over when it closes a connection', async (t) => {
  const { node, client } = await setUp(t, { ping: () => null })
  const codes: number[] = []
  const closed = async (n: number) => {
    const { socket } = await node.connection(n)
    socket.on('close', (code) => codes.push(code))
  }
  await closed(0)
  client.login({ user: '17', key: 'new' })
  await closed(1)
  await until(() => client.state === 'connected')
  client.disconnect()
  await until(() => codes.length === 2)
  assert.deepEqual(codes, [1000, 1000])
})

test('session goes on elsewhere when its connection is dead, and says so to whoever may still hear it', async (t) => {
  const { node, client, timers } = await setUp(t, { ping: () => null })
  const closed = new Promise((resolve) => node.connections[0]?.socket.once('close', resolve))
  timers.turn(25_000)
  timers.turn(10_000)
  await until(() => client.state !== 'connected')
  assert.equal(await closed, 4000)
})
