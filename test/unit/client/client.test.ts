/**
 * Tests of src/client/client.ts: the states, reconnecting, and what a page sees of them, over real WebSockets.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import {
  type Client,
  type ClientOptions,
  type ClientState,
  createClient,
} from '../../../src/client/client.ts'
import { codes } from '../../../src/codes.ts'
import { HandTimers } from '../../support/hand-timers.ts'
import { type Answers, position, type ScriptedNode, startScriptedNode } from '../../support/scripted-node.ts'
import { until } from '../../support/until.ts'

interface Setup {
  readonly node: ScriptedNode
  readonly client: Client
  readonly states: ClientState[]
  readonly timers: HandTimers
}

/** A client of a scripted node; its time stands still unless the test turns it. */
async function setUp(t: TestContext, answers: Answers = {}, options: ClientOptions = {}): Promise<Setup> {
  const node = await startScriptedNode(t, answers)
  const timers = new HandTimers()
  const client = createClient({
    url: node.url,
    WebSocket,
    timers,
    random: () => 0.5,
    transports: ['websocket'],
    ...options,
  })
  const states: ClientState[] = []
  client.on('state', (state) => states.push(state))
  t.after(() => client.disconnect())
  return { node, client, states, timers }
}

function words(states: readonly ClientState[]): string[] {
  return states.map(({ state }) => state)
}

async function connected(client: Client): Promise<void> {
  client.connect()
  await until(() => client.state === 'connected', { what: 'the client to be connected' })
}

function reached(client: Client, state: Client['state']): Promise<true> {
  return until(() => client.state === state, { what: () => `state ${state}, not ${client.state}` })
}

test('client connects with its token first and sends its subscriptions right behind', async (t) => {
  // The node keeps its answer to itself, so nothing can be waiting for it.
  const { node, client } = await setUp(t, { connect: () => null }, { token: 'abc' })
  client.subscribe('a', () => {})
  client.subscribe('b', () => {})
  client.connect()
  const connection = await node.connection(0)
  await connection.command('subscribe')
  assert.deepEqual(connection.commands, [
    { id: 1, name: 'connect', args: { token: 'abc', resume: true } },
    { id: 2, name: 'subscribe', args: { channels: ['a', 'b'] } },
  ])
})

test('client goes from connecting to connected and tells session and user', async (t) => {
  const { client, states } = await setUp(t, {
    connect: () => ({ ok: { session: 's9', user: '17', pingMs: 25_000 } }),
  })
  assert.equal(client.state, 'closed')
  await connected(client)
  assert.deepEqual(states, [
    { state: 'connecting', attempt: 1 },
    { state: 'connected', session: 's9', user: '17', transport: 'websocket' },
  ])
})

test('client without a token names none', async (t) => {
  const { node, client } = await setUp(t)
  await connected(client)
  assert.deepEqual((await (await node.connection(0)).command('connect')).args, { resume: true })
})

test('client asks getToken before every attempt', async (t) => {
  let asked = 0
  const getToken = async () => `token ${++asked}`
  const { node, client, timers } = await setUp(t, {}, { getToken })
  await connected(client)
  ;(await node.connection(0)).socket.terminate()
  await reached(client, 'waiting')
  timers.turn(500)
  await reached(client, 'connected')
  const { args } = await (await node.connection(1)).command('connect')
  assert.deepEqual(args, { token: 'token 2', resume: 'c1' })
})

test('client waits and tries again when getToken fails', async (t) => {
  const getToken = () => Promise.reject(new Error('no session'))
  const { node, client, states } = await setUp(t, {}, { getToken })
  const errors: string[] = []
  client.on('error', (error) => errors.push(`${error.name}: ${error.message}`))
  client.connect()
  await reached(client, 'waiting')
  assert.deepEqual(errors, ['TOKEN_FAILED: getToken failed: no session'])
  assert.deepEqual(words(states), ['connecting', 'waiting'])
  assert.equal(node.connections.length, 0)
})

test('client comes back after a broken connection and waits longer after every failure', async (t) => {
  const { node, client, states, timers } = await setUp(t, { connect: (_, { socket }) => abort(socket) })
  client.connect()
  for (let n = 0; n < 8; n++) {
    timers.turn(await nthWait(states, n))
  }
  await node.connection(8)
  const waits = states.flatMap((state) => (state.state === 'waiting' ? [state.retryInMs] : []))
  // Half of 500 ms, doubled every time, up to half of 20 s.
  assert.deepEqual(waits.slice(0, 8), [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
})

/** Resolves to how long the client waits, once it waits for the `n`th time (from 0). */
async function nthWait(states: readonly ClientState[], n: number): Promise<number> {
  return until(() => states.flatMap((state) => (state.state === 'waiting' ? [state.retryInMs] : []))[n], {
    what: `wait ${n}`,
  })
}

function abort(socket: WebSocket): null {
  socket.terminate()
  return null
}

test('client starts from the shortest wait again once it was connected', async (t) => {
  let refusals = 3
  const { node, client, states, timers } = await setUp(t, {
    connect: (_, { socket }) =>
      refusals-- > 0 ? abort(socket) : { ok: { session: 's', user: '', pingMs: 1_000 } },
  })
  client.connect()
  for (let n = 0; n < 3; n++) {
    timers.turn(await nthWait(states, n))
  }
  await reached(client, 'connected')
  ;(await node.connection(3)).socket.terminate()
  await reached(client, 'waiting')
  const last = states.at(-1)
  assert.equal(last?.state === 'waiting' && last.retryInMs, 250)
})

test('client comes back when the node asked it to in its goodbye', async (t) => {
  const { node, client, states, timers } = await setUp(t)
  await connected(client)
  ;(await node.connection(0)).send({ bye: { code: 3001, reason: 'draining', retryAfterMs: 3_420 } })
  await reached(client, 'waiting')
  assert.deepEqual(states.at(-1), { state: 'waiting', code: 3001, reason: 'draining', retryInMs: 3_420 })
  timers.turn(3_419)
  assert.equal(client.state, 'waiting')
  timers.turn(1)
  await reached(client, 'connected')
})

for (const [code, state] of [
  [1000, 'waiting'],
  [1001, 'waiting'],
  [3000, 'waiting'],
  [3499, 'waiting'],
  [3500, 'closed'],
  [3999, 'closed'],
  [4000, 'waiting'],
  [4499, 'waiting'],
  [4500, 'closed'],
  [4999, 'closed'],
] as const) {
  test(`client is ${state} after close code ${code}, with or without a goodbye`, async (t) => {
    const first = await setUp(t)
    await connected(first.client)
    ;(await first.node.connection(0)).socket.close(code, 'reason')
    await reached(first.client, state)
    assert.deepEqual(pick(first.states.at(-1)), { state, code, reason: 'reason' })

    const second = await setUp(t)
    await connected(second.client)
    ;(await second.node.connection(0)).send({ bye: { code, reason: 'reason' } })
    await reached(second.client, state)
    assert.deepEqual(pick(second.states.at(-1)), { state, code, reason: 'reason' })
  })
}

function pick(state: ClientState | undefined) {
  if (state?.state !== 'waiting' && state?.state !== 'closed') return state
  return { state: state.state, code: state.code, reason: state.reason }
}

test('client stops when its connect command is refused for good', async (t) => {
  const error = { code: 141, name: 'TOKEN_INVALID', message: 'Wrong signature', retry: false }
  const { client, states } = await setUp(t, { connect: () => ({ error }) })
  const errors: unknown[] = []
  client.on('error', ({ code, name, message, retry }) => errors.push({ code, name, message, retry }))
  client.connect()
  await reached(client, 'closed')
  assert.deepEqual(errors, [error])
  assert.deepEqual(states.at(-1), { state: 'closed', code: 141, reason: 'Wrong signature' })
})

test('client waits when its connect command is refused for now', async (t) => {
  const error = { code: 105, name: 'CONNECTION_LIMIT', message: 'Full', retry: true }
  const { client, states } = await setUp(t, { connect: () => ({ error }) })
  client.connect()
  await reached(client, 'waiting')
  assert.deepEqual(pick(states.at(-1)), { state: 'waiting', code: 105, reason: 'Full' })
})

test('client tries once more with a fresh token when the node says the token ran out', async (t) => {
  const error = { code: codes.TOKEN_EXPIRED.reply, name: 'TOKEN_EXPIRED', message: 'Over', retry: false }
  const { client, states, timers } = await setUp(t, { connect: () => ({ error }) }, { getToken: () => 'old' })
  client.connect()
  await reached(client, 'waiting')
  timers.turn(250)
  await reached(client, 'closed')
  assert.deepEqual(words(states), ['connecting', 'waiting', 'connecting', 'closed'])
})

test('client comes back with a fresh token when the node closes because the token ran out', async (t) => {
  const { node, client, timers } = await setUp(t, {}, { getToken: () => 'fresh' })
  await connected(client)
  ;(await node.connection(0)).socket.close(codes.TOKEN_EXPIRED.close, 'over')
  await reached(client, 'waiting')
  timers.turn(250)
  await reached(client, 'connected')
})

test('client gives up an attempt that is not answered in time', async (t) => {
  const { node, client, states, timers } = await setUp(t, { connect: () => null })
  client.connect()
  await (await node.connection(0)).command('connect')
  timers.turn(9_999)
  assert.equal(client.state, 'connecting')
  timers.turn(1)
  assert.deepEqual(pick(states.at(-1)), { state: 'waiting', code: 1006, reason: 'No answer within 10000 ms' })
})

test('client pings every pingMs and stays when it is answered', async (t) => {
  const { node, client, timers } = await setUp(t)
  await connected(client)
  const connection = await node.connection(0)
  timers.turn(24_999)
  assert.equal(connection.commands.length, 1)
  timers.turn(1)
  await connection.command('ping')
  await client.stats('a') // what comes now has come after the answer to the ping
  timers.turn(10_000)
  assert.equal(client.state, 'connected')
})

test('client takes a connection for dead when nothing answers its ping', async (t) => {
  const { node, client, states, timers } = await setUp(t, { ping: () => null })
  await connected(client)
  timers.turn(25_000)
  await (await node.connection(0)).command('ping')
  timers.turn(9_999)
  assert.equal(client.state, 'connected')
  timers.turn(1)
  assert.deepEqual(pick(states.at(-1)), {
    state: 'waiting',
    code: 1006,
    reason: 'The node did not answer a ping',
  })
})

test('client ends a connection that speaks another protocol', async (t) => {
  const { node, client } = await setUp(t)
  const errors: string[] = []
  client.on('error', (error) => errors.push(error.name))
  await connected(client)
  ;(await node.connection(0)).socket.send('hello')
  await reached(client, 'waiting')
  assert.deepEqual(errors, ['BAD_ANSWER'])
})

test('client passes over messages it does not know', async (t) => {
  const { node, client } = await setUp(t)
  const came: unknown[] = []
  client.subscribe('a', ({ data }) => came.push(data))
  await connected(client)
  const connection = await node.connection(0)
  connection.send({ channel: 'a', join: { user: '5' } })
  connection.send({ channel: 'a', offset: 41, data: 'known' })
  await until(() => came.length > 0)
  assert.deepEqual(came, ['known'])
})

test('client hands publications for its user to the message listeners', async (t) => {
  const { node, client } = await setUp(t, {
    connect: () => ({
      ok: { session: 's', user: '17', pingMs: 25_000, own: { channel: '@17', ...position } },
    }),
  })
  const messages: unknown[] = []
  client.on('message', (message) => messages.push(message))
  await connected(client)
  const message = { channel: '@17', offset: 41, data: { text: 'psst' }, event: 'note', user: '5' }
  ;(await node.connection(0)).send(message)
  await until(() => messages.length > 0)
  assert.deepEqual(messages, [message])
})

test('client closes with code 1000 on disconnect, leaves no timer and does not come back', async (t) => {
  const { node, client, states, timers } = await setUp(t)
  await connected(client)
  const { socket } = await node.connection(0)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  client.disconnect()
  assert.equal(await closed, 1000)
  assert.deepEqual(states.at(-1), { state: 'closed', code: 0, reason: 'Closed by disconnect()' })
  assert.equal(timers.count, 0)
})

test('client can be disconnected by a listener of any state', async (t) => {
  for (const word of ['connecting', 'connected', 'waiting'] as const) {
    const { node, client, timers } = await setUp(t)
    client.on('state', ({ state }) => {
      if (state === word) client.disconnect()
      else if (state === 'connected') for (const { socket } of node.connections) socket.terminate()
    })
    client.connect()
    await reached(client, 'closed')
    assert.equal(timers.count, 0, `timers after disconnect while ${word}`)
  }
})

test('client connects again after disconnect and brings its subscriptions', async (t) => {
  const { node, client } = await setUp(t)
  client.subscribe('a', () => {})
  await connected(client)
  client.disconnect()
  await connected(client)
  assert.deepEqual((await (await node.connection(1)).command('subscribe')).args, {
    channels: [{ channel: 'a', since: position }],
  })
})

test('client tries at once when connect is called while it waits', async (t) => {
  const { node, client } = await setUp(t)
  await connected(client)
  ;(await node.connection(0)).socket.terminate()
  await reached(client, 'waiting')
  await connected(client)
  assert.equal(node.connections.length, 2)
})

test('client closes when the platform forbids to open the address', (t) => {
  const Forbidden = class extends WebSocket {
    constructor(url: string) {
      super(url, 'not a subprotocol')
    }
  }
  const client = createClient({
    url: 'ws://127.0.0.1:1/ws',
    transports: ['websocket'],
    WebSocket: Forbidden,
    timers: new HandTimers(),
  })
  t.after(() => client.disconnect())
  const states: ClientState[] = []
  client.on('state', (state) => states.push(state))
  client.connect()
  assert.deepEqual(words(states), ['connecting', 'closed'])
  assert.match(JSON.stringify(states.at(-1)), /No websocket to be had: SyntaxError/)
})
