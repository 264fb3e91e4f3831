/**
 * Tests of src/client/sse.ts through a client, over real HTTP.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type ClientState, createClient } from '../../../src/client/client.ts'
import { HandTimers } from '../../support/hand-timers.ts'
import { type Answers, position, startScriptedNode } from '../../support/scripted-node.ts'
import { until } from '../../support/until.ts'

async function setUp(t: TestContext, answers: Answers = {}) {
  const node = await startScriptedNode(t, answers)
  const timers = new HandTimers()
  const client = createClient({ url: node.url, transports: ['sse'], timers, random: () => 0.5 })
  t.after(() => client.disconnect())
  const states: ClientState[] = []
  client.on('state', (state) => states.push(state))
  const connect = async () => {
    client.connect()
    await until(() => client.state === 'connected')
    return node.http.request('/sse', 0)
  }
  return { node, client, timers, states, connect }
}

test('stream begins with connect and the subscriptions, and brings publications', async (t) => {
  const { client, states, connect } = await setUp(t)
  const came: unknown[] = []
  client.subscribe('a', ({ data }) => came.push(data))
  const stream = await connect()
  assert.deepEqual(stream.body, {
    commands: [
      { id: 1, name: 'connect', args: { resume: true } },
      { id: 2, name: 'subscribe', args: { channels: ['a'] } },
    ],
  })
  stream.send({ channel: 'a', offset: 41, data: 'first' })
  stream.send({ channel: 'a', offset: 42, data: 'second' })
  await until(() => came.length === 2)
  assert.deepEqual(came, ['first', 'second'])
  assert.deepEqual(states.at(-1), { state: 'connected', session: 's1', user: '', transport: 'sse' })
})

test('stream is read wherever its pieces are cut, within a character too', async (t) => {
  const { client, connect } = await setUp(t)
  const came: unknown[] = []
  client.subscribe('a', ({ data }) => came.push(data))
  const stream = await connect()
  const event = Buffer.from(
    `: heartbeat\n\nid: {"a":["k3",41]}\ndata: {"channel":"a","offset":41,"data":"☄"}\n\n`,
  )
  for (const byte of event) {
    stream.write(Buffer.of(byte) as unknown as string)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => came.length === 1)
  assert.deepEqual(came, ['☄'])
})

test('stream has commands beside it, with the capsule, and they get their replies', async (t) => {
  const { node, client, connect } = await setUp(t)
  await connect()
  assert.equal((await client.publish('a', 1)).offset, 41)
  assert.equal((await client.stats('a')).subscribers, 12)
  const posts = node.http.requests('/command')
  assert.deepEqual(
    posts.map(({ body }) => [body.capsule, ...body.commands.map(({ id, name }) => [id, name])]),
    [
      ['c1', [2, 'publish']],
      ['c1', [3, 'stats']],
    ],
  )
})

test('stream waits for replies under way: publications that overtake the answer to subscribe are not lost', async (t) => {
  const { node, client, connect } = await setUp(t)
  const stream = await connect()
  node.http.intercept = ({ path }) => path === '/command'
  const came: number[] = []
  client.subscribe('a', ({ offset }) => came.push(offset))
  const command = await node.http.request('/command', 0)
  stream.send({ channel: 'a', offset: 41, data: 1 })
  await new Promise((resolve) => setImmediate(resolve))
  command.answer([{ id: command.body.commands[0]?.id, ok: { channels: [{ channel: 'a', ...position }] } }])
  await until(() => came.length > 0)
  assert.deepEqual(came, [41])
})

test('stream keeps commands back until its first answer has brought a capsule', async (t) => {
  const { node, client, connect } = await setUp(t, { connect: () => null })
  client.connect()
  const stream = await node.http.request('/sse', 0)
  client.subscribe('a', () => {})
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(node.http.requests('/command').length, 0)
  stream.send({ id: 1, ok: { session: 's', user: '', pingMs: 1e4, capsule: 'c9' } })
  const { body } = await node.http.request('/command', 0)
  assert.deepEqual([body.capsule, body.commands[0]?.name], ['c9', 'subscribe'])
  await connect()
})

test('stream that says it sent more than came is begun again from the positions', async (t) => {
  const { node, client, timers, connect } = await setUp(t)
  client.subscribe('a', () => {})
  const stream = await connect()
  stream.send({ sum: 40 })
  await client.stats('a')
  assert.equal(client.state, 'connected')
  stream.send({ sum: 41 })
  await until(() => client.state === 'waiting')
  timers.turn(250)
  const { body } = await node.http.request('/sse', 1)
  assert.deepEqual(
    body.commands.map(({ args }) => args),
    [{ resume: 'c1' }, { channels: [{ channel: 'a', since: position }] }],
  )
})

test('stream without a byte for a minute is dead, with heartbeats it is not', async (t) => {
  const { client, timers, connect } = await setUp(t)
  const came: number[] = []
  client.subscribe('a', ({ offset }) => came.push(offset))
  const stream = await connect()
  timers.turn(59_000)
  stream.write(': heartbeat\n\n')
  stream.send({ channel: 'a', offset: 41, data: 1 })
  await until(() => came.length > 0)
  timers.turn(59_999)
  assert.equal(client.state, 'connected')
  timers.turn(1)
  await until(() => client.state === 'waiting')
  await until(() => stream.isOver(), { what: 'the request to be given up' })
})

test('stream that is cut, garbled or refused a command is over, and the client comes back', async (t) => {
  for (const end of ['cut', 'garbled', 'refused'] as const) {
    const { node, client, timers, states, connect } = await setUp(t)
    const stream = await connect()
    if (end === 'cut') stream.cut()
    else if (end === 'garbled') stream.write('data: <html>\n\n')
    else {
      node.http.intercept = (request) => {
        if (request.path === '/command') request.refuse('CAPSULE_INVALID')
        return request.path === '/command'
      }
      client.stats('a').catch(() => {}) // rejected by disconnect
    }
    await until(() => client.state === 'waiting', { what: end })
    timers.turn(250)
    await until(() => states.filter(({ state }) => state === 'connected').length === 2, { what: end })
    const { args } = (await node.http.request('/sse', 1)).body.commands[0] ?? {}
    assert.deepEqual(args, { resume: end === 'refused' ? true : 'c1' })
    client.disconnect()
  }
})

test('stream and its timers end on disconnect', async (t) => {
  const { client, timers, connect } = await setUp(t)
  const stream = await connect()
  client.disconnect()
  await until(() => stream.isOver() && timers.count === 0)
})

test('stream spreads commands over several requests where one would be too large for a node', async (t) => {
  const { node, client, connect } = await setUp(t)
  await connect()
  const data = 'x'.repeat(10_000)
  await Promise.all([1, 2, 3].map(() => client.publish('a', data)))
  const sizes = node.http
    .requests('/command')
    .map(({ body }) => body.commands.filter(({ name }) => name === 'publish').length)
  assert.deepEqual(sizes.filter(Boolean), [1, 1, 1])
})
