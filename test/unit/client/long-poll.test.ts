/**
 * Tests of src/client/long-poll.ts and the shared half of http-socket.ts through a client, over real HTTP.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type ClientOptions, type ClientState, createClient } from '../../../src/client/client.ts'
import { openLongPoll } from '../../../src/client/long-poll.ts'
import type { SocketClose, SocketMessage } from '../../../src/client/socket.ts'
import type { CodeName } from '../../../src/codes.ts'
import { HandTimers } from '../../support/hand-timers.ts'
import { movedBye } from '../../support/scripted-http.ts'
import { type Answers, position, startScriptedNode } from '../../support/scripted-node.ts'
import { until } from '../../support/until.ts'

async function setUp(t: TestContext, answers: Answers = {}, options: ClientOptions = {}) {
  const node = await startScriptedNode(t, answers)
  const timers = new HandTimers()
  const client = createClient({
    ...{ url: node.url, transports: ['long-poll'], timers, random: () => 0.5 },
    ...options,
  })
  t.after(() => client.disconnect())
  const states: ClientState[] = []
  client.on('state', (state) => states.push(state))
  const connect = async () => {
    client.connect()
    await until(() => client.state === 'connected')
  }
  const poll = (n: number) => node.http.request('/poll', n)
  const back = async () => {
    timers.turn(250)
    await until(() => client.state === 'connected')
  }
  return { node, client, timers, states, connect, poll, back }
}

test('long polling connects with the first poll, which carries connect and the subscriptions', async (t) => {
  const { client, states, connect, poll } = await setUp(t, {}, { token: 'abc' })
  const subscription = client.subscribe('a', () => {})
  await connect()
  const { headers, body } = await poll(0)
  assert.deepEqual(body, {
    commands: [
      { id: 1, name: 'connect', args: { token: 'abc', resume: true } },
      { id: 2, name: 'subscribe', args: { channels: ['a'] } },
    ],
    waitMs: 25_000,
  })
  assert.equal(headers['content-type'], 'text/plain')
  assert.equal(subscription.state, 'active')
  assert.deepEqual(states.at(-1), { state: 'connected', session: 's1', user: '', transport: 'long-poll' })
})

test('long polling names capsule and positions and waits, then moves on with what came', async (t) => {
  const { client, connect, poll } = await setUp(t, {
    connect: () => ({
      ok: { session: 's', user: '17', pingMs: 1e4, capsule: 'c1', own: { channel: '@17', ...position } },
    }),
  })
  const came: number[] = []
  client.subscribe('a', ({ offset }) => came.push(offset))
  await connect()
  const second = await poll(1)
  assert.deepEqual(second.body, {
    capsule: 'c1',
    positions: { a: position, '@17': position },
    commands: [],
    waitMs: 25_000,
  })
  second.answer([
    { capsule: 'c2' },
    { channel: 'a', offset: 41, data: 1 },
    { channel: 'a', gap: { from: 42, to: 44, reason: 'trimmed' } },
    { channel: '@17', offset: 41, data: 1 },
  ])
  const third = await poll(2)
  assert.deepEqual(
    [third.body.capsule, third.body.positions],
    ['c2', { a: { epoch: 'k3', offset: 44 }, '@17': { epoch: 'k3', offset: 41 } }],
  )
  assert.deepEqual(came, [41])
})

test('long polling sends the commands of one turn with a new poll, and overlooks that the old one ends', async (t) => {
  const { client, states, connect, poll } = await setUp(t)
  await connect()
  const held = await poll(1)
  const [first, second] = await Promise.all([client.publish('a', 1), client.stats('a')])
  assert.deepEqual([first.offset, second.subscribers], [41, 12])
  assert.deepEqual(
    (await poll(2)).body.commands.map(({ name }) => name),
    ['publish', 'stats'],
  )
  assert.ok(held.isOver())
  await poll(3)
  assert.equal(states.at(-1)?.state, 'connected')
})

test('long polling delivers what its replaced poll brings, and overlooks that the session moved', async (t) => {
  const { node, client, states, connect, poll } = await setUp(t)
  const came: number[] = []
  client.subscribe('a', ({ offset }) => came.push(offset))
  await connect()
  const held = await poll(1)
  node.http.intercept = () => true
  const asked = client.stats('a')
  const carrier = await poll(2)
  held.answer([{ channel: 'a', offset: 41, data: 1 }, movedBye])
  await until(() => came.includes(41))
  assert.equal(client.state, 'connected')
  carrier.answer([{ id: carrier.body.commands[0]?.id, ok: { channel: 'a', subscribers: 12 } }])
  assert.equal((await asked).subscribers, 12)
  assert.equal(states.filter(({ state }) => state === 'waiting').length, 0)
})

test('long polling ends with any other goodbye, though it came with a replaced poll', async (t) => {
  const { node, client, states, connect, poll } = await setUp(t)
  await connect()
  const held = await poll(1)
  node.http.intercept = () => true
  client.publish('a', 1).catch(() => {}) // it is never answered
  await poll(2)
  held.answer([{ bye: { code: 4501, reason: 'account closed' } }])
  await until(() => client.state === 'closed')
  assert.deepEqual(states.at(-1), { state: 'closed', code: 4501, reason: 'account closed' })
})

test('long polling whose latest poll is told that the session moved comes back, as after any goodbye', async (t) => {
  const { client, states, connect, poll, back } = await setUp(t)
  await connect()
  ;(await poll(1)).answer([movedBye])
  await until(() => client.state === 'waiting')
  const last = states.at(-1)
  assert.equal(last && 'code' in last && last.code, 3012)
  await back()
})

test('long polling never replaces a poll that carries commands', async (t) => {
  const { node, client, connect, poll } = await setUp(t)
  await connect()
  await poll(1)
  node.http.intercept = ({ body }) => body.commands[0]?.args.data === 'slow'
  const slow = client.publish('a', 'slow')
  const carrier = await poll(2)
  const next = client.publish('a', 'next')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(node.http.requests('/poll').length, 3)
  carrier.answer([{ id: carrier.body.commands[0]?.id, ok: { epoch: 'k3', offset: 7 } }])
  assert.equal((await slow).offset, 7)
  assert.equal((await next).offset, 41)
})

test('long polling gives publications once that come with the old poll and again with the new one', async (t) => {
  const { node, client, connect, poll } = await setUp(t)
  const came: number[] = []
  client.subscribe('a', ({ offset }) => came.push(offset))
  await connect()
  const held = await poll(1)
  node.http.intercept = () => true
  const publication = (offset: number) => ({ channel: 'a', offset, data: 1 })
  held.answer([publication(41)])
  const next = await poll(2)
  next.answer([publication(41), publication(42)])
  await until(() => came.includes(42))
  assert.deepEqual(came, [41, 42])
})

test('long polling that is cut comes back with its capsule and from its positions', async (t) => {
  const { client, states, connect, poll, back } = await setUp(t)
  client.subscribe('a', () => {})
  await connect()
  ;(await poll(1)).cut()
  await until(() => client.state === 'waiting')
  await back()
  const { body } = await poll(2)
  assert.equal(body.capsule, undefined)
  assert.deepEqual(
    body.commands.map(({ args }) => args),
    [{ resume: 'c1' }, { channels: [{ channel: 'a', since: position }] }],
  )
  assert.equal(states.filter(({ state }) => state === 'connected').length, 2)
})

test('long polling takes a poll for lost that is not answered ten seconds after its time', async (t) => {
  const { client, timers, connect, poll } = await setUp(t)
  await connect()
  const held = await poll(1)
  timers.turn(34_999)
  assert.equal(client.state, 'connected')
  timers.turn(1)
  await until(() => client.state === 'waiting')
  await until(() => held.isOver(), { what: 'the request to be given up' })
})

for (const [name, state, code] of [
  ['CAPSULE_EXPIRED', 'waiting', 147],
  ['DRAINING', 'waiting', 101],
  ['MESSAGE_TOO_LARGE', 'closed', 126],
  ['NOT_FOUND', 'waiting', 1006],
] as const satisfies readonly (readonly [CodeName, string, number])[]) {
  test(`long polling that is refused with ${name} is ${state} with code ${code}`, async (t) => {
    const { client, states, connect, poll } = await setUp(t)
    await connect()
    ;(await poll(1)).refuse(name)
    await until(() => client.state === state)
    const last = states.at(-1)
    assert.equal(last && 'code' in last && last.code, code)
  })
}

test('long polling whose capsule is refused connects anew without it', async (t) => {
  const { client, connect, poll, back } = await setUp(t)
  await connect()
  ;(await poll(1)).refuse('CAPSULE_INVALID')
  await until(() => client.state === 'waiting')
  await back()
  assert.deepEqual((await poll(2)).body.commands[0]?.args, { resume: true })
})

test('long polling comes back when the node says in retry-after', async (t) => {
  const { client, states, connect, poll } = await setUp(t)
  await connect()
  ;(await poll(1)).refuse('DRAINING', { 'retry-after': '7' })
  await until(() => client.state === 'waiting')
  const last = states.at(-1)
  assert.equal(last?.state === 'waiting' && last.retryInMs, 7_000)
})

for (const [what, status, text] of [
  ['a page of something in between', 502, '<html>'],
  ['the login page of a hotel', 200, '<html>'],
  ['JSON that is no list', 200, '{"id":1}'],
] as const) {
  test(`long polling that gets ${what} waits and tries again`, async (t) => {
    const { client, connect, poll } = await setUp(t)
    await connect()
    ;(await poll(1)).garble(status, text)
    await until(() => client.state === 'waiting')
  })
}

test('long polling ends with the goodbye in an answer', async (t) => {
  const { client, states, connect, poll } = await setUp(t)
  await connect()
  ;(await poll(1)).answer([{ bye: { code: 3001, reason: 'draining', retryAfterMs: 900 } }])
  await until(() => client.state === 'waiting')
  assert.deepEqual(states.at(-1), { state: 'waiting', code: 3001, reason: 'draining', retryInMs: 900 })
})

test('long polling tells of a subscription that is refused by position', async (t) => {
  const { client, connect, poll } = await setUp(t)
  const errors: string[] = []
  client.subscribe('a', () => {}).on('error', (error) => errors.push(error.name))
  await connect()
  const error = { code: 144, name: 'ACCESS_DENIED', message: 'Not you', retry: false }
  ;(await poll(1)).answer([{ channel: 'a', error }])
  assert.deepEqual((await poll(2)).body.positions, {})
  assert.deepEqual(errors, ['ACCESS_DENIED'])
})

test('long polling sends no pings of its own, and gives everything up on disconnect', async (t) => {
  const { node, client, timers, connect, poll } = await setUp(t)
  await connect()
  const held = await poll(1)
  timers.turn(25_000)
  client.disconnect()
  await until(() => held.isOver() && timers.count === 0)
  assert.equal(node.http.requests('/poll').length, 2)
})

test('long polling has the shape of a WebSocket: open, messages with the goodbye last, close', async (t) => {
  const node = await startScriptedNode(t)
  node.http.intercept = (request) => {
    request.answer([{ id: 1, ok: {} }, { bye: { code: 4001, reason: 'enough' } }, { never: 'seen' }])
    return true
  }
  const socket = openLongPoll(node.url.replace('ws:', 'http:').replace('/ws', '/poll'), {
    fetch,
    timers: new HandTimers(),
    capsule: () => undefined,
    positions: () => ({}),
  })
  const seen: unknown[] = []
  socket.onopen = () => {
    seen.push('open')
    socket.send('{"id":1,"connect":{}}')
  }
  socket.onmessage = ({ data }: SocketMessage) => seen.push(data)
  socket.onclose = ({ code, reason }: SocketClose) => seen.push([code, reason])
  await until(() => seen.length === 4)
  const bye = { code: 4001, reason: 'enough' }
  assert.deepEqual(seen, ['open', { id: 1, ok: {} }, { bye }, [4001, 'enough']])
})

test('long polling spreads commands over several requests where one would be too large for a node', async (t) => {
  const { node, client, connect } = await setUp(t)
  await connect()
  const data = 'x'.repeat(10_000)
  await Promise.all([1, 2, 3].map(() => client.publish('a', data)))
  const sizes = node.http
    .requests('/poll')
    .map(({ body }) => body.commands.filter(({ name }) => name === 'publish').length)
  assert.deepEqual(sizes.filter(Boolean), [1, 1, 1])
})
