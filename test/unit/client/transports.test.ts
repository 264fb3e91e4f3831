/**
 * Tests of src/client/transports.ts, and through a client of the way to a fallback and back (probe.ts).
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import type { TransportName } from '../../../src/client/api.ts'
import { type ClientOptions, type ClientState, createClient } from '../../../src/client/client.ts'
import { Transports } from '../../../src/client/transports.ts'
import { HandTimers } from '../../support/hand-timers.ts'
import { type Answers, position, startScriptedNode } from '../../support/scripted-node.ts'
import { until } from '../../support/until.ts'

function choose(...names: TransportName[]) {
  const transports = new Transports({
    url: 'ws://127.0.0.1:1/ws',
    names,
    WebSocket,
    session: { fetch, timers: new HandTimers(), capsule: () => undefined, positions: () => ({}) },
  })
  /** The transport after each of `times` failures. */
  const fail = (times: number) =>
    Array.from({ length: times }, () => {
      transports.failed()
      return transports.name
    })
  return { transports, fail }
}

test('transport that fails twice in a row yields to the next one, round and round', () => {
  const { fail } = choose('websocket', 'sse', 'long-poll')
  assert.deepEqual(fail(6), ['websocket', 'sse', 'sse', 'long-poll', 'long-poll', 'websocket'])
})

test('transport that has worked is given more time, until the network is another one', () => {
  const { transports, fail } = choose('websocket', 'long-poll')
  transports.worked(false)
  assert.deepEqual(fail(6), [...Array(5).fill('websocket'), 'long-poll'])
  fail(2)
  assert.equal(transports.name, 'websocket')
  transports.forget()
  assert.deepEqual(fail(2), ['websocket', 'long-poll'])
})

test('transport starts counting anew once it has worked', () => {
  const { transports, fail } = choose('websocket', 'long-poll')
  fail(1)
  transports.worked(false)
  transports.forget()
  assert.deepEqual(fail(2), ['websocket', 'long-poll'])
})

test('transport that the platform forbids yields at once, the last one too, which is said', () => {
  const { transports } = choose('websocket', 'long-poll')
  assert.equal(transports.forbidden(), true)
  assert.deepEqual([transports.name, transports.isFallback], ['long-poll', true])
  assert.equal(transports.forbidden(), false)
  assert.equal(transports.name, 'websocket')
})

async function setUp(t: TestContext, answers: Answers = {}, options: ClientOptions = {}) {
  const node = await startScriptedNode(t, answers)
  const timers = new HandTimers()
  const client = createClient({ url: node.url, WebSocket, timers, random: () => 0.5, ...options })
  t.after(() => client.disconnect())
  const states: ClientState[] = []
  const errors: string[] = []
  const came: number[] = []
  client.on('state', (state) => states.push(state))
  client.on('error', (error) => errors.push(error.message))
  const subscription = client.subscribe('a', ({ offset }) => came.push(offset))
  const transport = () => {
    const last = states.at(-1)
    return last?.state === 'connected' ? last.transport : undefined
  }
  /** Connects to a node whose WebSockets are blocked: two failures, then the fallback. */
  const fallBack = async () => {
    node.isWebSocketBlocked = true
    client.connect()
    for (const waitMs of [250, 500]) {
      await until(() => states.at(-1)?.state === 'waiting')
      timers.turn(waitMs)
    }
    await until(() => client.state === 'connected' && subscription.state === 'active')
    states.splice(0, states.length - 1)
  }
  /** Lets time pass in steps shorter than a poll, each of which is answered. */
  const pass = async (ms: number) => {
    for (let leftMs = ms; leftMs > 0; leftMs -= 20_000) {
      const polls = node.http.requests('/poll').length
      ;(await node.http.request('/poll', polls - 1)).answer([])
      await node.http.request('/poll', polls)
      timers.turn(Math.min(leftMs, 20_000))
    }
  }
  return { node, client, timers, states, errors, came, subscription, transport, fallBack, pass }
}

test('client whose WebSockets are blocked goes on with long polling', async (t) => {
  const { transport, errors, subscription, fallBack } = await setUp(t)
  await fallBack()
  assert.equal(transport(), 'long-poll')
  assert.deepEqual([errors, subscription.state], [[], 'active'])
})

test('client uses the transports it is told, in their order', async (t) => {
  const { transport, fallBack } = await setUp(t, {}, { transports: ['websocket', 'sse'] })
  await fallBack()
  assert.equal(transport(), 'sse')
})

test('client falls back at once where the platform forbids WebSockets', async (t) => {
  const Forbidden = class extends WebSocket {
    constructor(url: string) {
      super(url, 'not a subprotocol')
    }
  }
  const { client, states, transport } = await setUp(t, {}, { WebSocket: Forbidden })
  client.connect()
  await until(() => client.state === 'connected')
  assert.equal(transport(), 'long-poll')
  assert.equal(states.length, 2)
})

test('client does not blame the transport for what a node says over it', async (t) => {
  const error = { code: 105, name: 'CONNECTION_LIMIT', message: 'Full', retry: true }
  let refusals = 4
  const { client, timers, states, transport } = await setUp(t, {
    connect: () =>
      refusals-- > 0 ? { error } : { ok: { session: 's', user: '', pingMs: 25_000, capsule: 'c1' } },
  })
  client.connect()
  for (let n = 1; n <= 4; n++) {
    const waits = await until(() => {
      const found = states.flatMap((state) => (state.state === 'waiting' ? [state.retryInMs] : []))
      return found.length === n && found
    })
    timers.turn(waits.at(-1) ?? 0)
  }
  await until(() => client.state === 'connected')
  assert.equal(transport(), 'websocket')
})

test('client goes back to WebSocket when it works again: same session, from its positions, still connected', async (t) => {
  const { node, client, states, errors, came, transport, fallBack, pass } = await setUp(t)
  await fallBack()
  ;(await node.http.request('/poll', 1)).answer([{ channel: 'a', offset: 41, data: 1 }])
  await node.http.request('/poll', 2)
  node.isWebSocketBlocked = false
  await pass(60_000)
  const held = node.http.requests('/poll').at(-1)
  const connection = await node.connection(0)
  await until(() => transport() === 'websocket')
  assert.deepEqual((await connection.command('connect')).args, { resume: 'c1' })
  assert.deepEqual((await connection.command('subscribe')).args, {
    channels: [{ channel: 'a', since: { epoch: 'k3', offset: 41 } }],
  })
  connection.send({ channel: 'a', offset: 42, data: 1 })
  await client.stats('a')
  assert.deepEqual(came, [41, 42])
  assert.deepEqual([states.map(({ state }) => state), errors], [['connected', 'connected'], []])
  await until(() => held?.isOver(), { what: 'the poll to be given up' })
})

test('client sends again over WebSocket what the fallback left unanswered', async (t) => {
  const page = new EventTarget()
  const { node, client, fallBack } = await setUp(t, {}, { page })
  await fallBack()
  await node.http.request('/poll', 1)
  node.http.intercept = () => true // the poll that carries it is never answered
  const published = client.publish('a', 'x')
  const carrier = await node.http.request('/poll', 2)
  node.isWebSocketBlocked = false
  page.dispatchEvent(new Event('online'))
  assert.deepEqual(await published, { epoch: 'k3', offset: 41 })
  const sent = await (await node.connection(0)).command('publish')
  assert.equal(sent.args.key, carrier.body.commands[0]?.args.key)
})

test('client tries WebSocket ever more seldom while it stays blocked, and notices nothing of it', async (t) => {
  const { node, states, fallBack, pass } = await setUp(t)
  await fallBack()
  let attempts = 0
  node.onUpgrade = () => attempts++
  const seen: number[] = []
  for (const ms of [40_000, 20_000, 100_000, 20_000, 220_000, 20_000]) {
    await pass(ms)
    await until(() => attempts === [0, 1, 1, 2, 2, 3][seen.length], { what: () => `not ${attempts}` })
    seen.push(attempts)
  }
  assert.deepEqual(
    states.map(({ state }) => state),
    ['connected'],
  )
})

test('client goes back to the fallback at once when the node does not answer over WebSocket', async (t) => {
  let isSilent = false
  const hello = { ok: { session: 's', user: '', pingMs: 25_000, capsule: 'c1' } }
  const { node, client, timers, states, transport, fallBack, pass } = await setUp(t, {
    connect: (_, { socket }) => (isSilent && socket !== undefined ? null : hello),
  })
  await fallBack()
  isSilent = true
  node.isWebSocketBlocked = false
  await node.http.request('/poll', 1)
  await pass(60_000)
  await (await node.connection(0)).command('connect')
  assert.equal(transport(), 'long-poll')
  timers.turn(10_000)
  timers.turn(0)
  await until(() => states.length > 1 && client.state === 'connected')
  assert.equal(transport(), 'long-poll')
  assert.equal(states.filter(({ state }) => state === 'waiting').length, 1)
})

test('client that is offline waits without attempts, and comes back with the network', async (t) => {
  const page = new EventTarget()
  const { node, client, timers, states } = await setUp(t, {}, { page })
  client.connect()
  await until(() => client.state === 'connected')
  page.dispatchEvent(new Event('offline'))
  assert.deepEqual(states.at(-1), {
    ...{ state: 'waiting', code: 0, reason: 'Offline' },
    retryInMs: Number.POSITIVE_INFINITY,
  })
  timers.turn(10_000_000)
  assert.equal(node.connections.length, 1)
  page.dispatchEvent(new Event('online'))
  await until(() => client.state === 'connected')
  const { args } = await (await node.connection(1)).command('subscribe')
  assert.deepEqual(args, { channels: [{ channel: 'a', since: position }] })
})

test('client on a fallback tries WebSocket as soon as the network is another one', async (t) => {
  const page = new EventTarget()
  const { node, transport, fallBack } = await setUp(t, {}, { page })
  await fallBack()
  node.isWebSocketBlocked = false
  page.dispatchEvent(new Event('online'))
  await until(() => transport() === 'websocket')
})

test('client that awakes pings at once and comes back when nobody answers', async (t) => {
  const page = new EventTarget()
  const { node, client, timers } = await setUp(t, { ping: () => null }, { page })
  client.connect()
  await until(() => client.state === 'connected')
  page.dispatchEvent(new Event('pageshow'))
  await (await node.connection(0)).command('ping')
  timers.turn(4_999)
  assert.equal(client.state, 'connected')
  timers.turn(1)
  assert.equal(client.state, 'waiting')
})

test('client that is closed hears no more of the page', async (t) => {
  const page = new EventTarget()
  const { client, states } = await setUp(t, {}, { page })
  client.connect()
  await until(() => client.state === 'connected')
  client.disconnect()
  for (const name of ['offline', 'online', 'pageshow']) page.dispatchEvent(new Event(name))
  assert.equal(states.at(-1)?.state, 'closed')
})

test('client needs a WebSocket only where it may use one', (t) => {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
  Reflect.deleteProperty(globalThis, 'WebSocket')
  t.after(() => own && Object.defineProperty(globalThis, 'WebSocket', own))
  const url = 'ws://127.0.0.1:1/ws'
  assert.throws(() => createClient({ url }), /No WebSocket here/)
  assert.equal(createClient({ url, transports: ['long-poll'] }).state, 'closed')
})
