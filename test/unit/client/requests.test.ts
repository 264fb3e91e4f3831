/**
 * Tests of src/client/requests.ts through a client: what publish, history and the like promise in every state.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { type ClientOptions, createClient } from '../../../src/client/client.ts'
import { HandTimers } from '../../support/hand-timers.ts'
import { type Answers, startScriptedNode } from '../../support/scripted-node.ts'
import { until } from '../../support/until.ts'

async function setUp(t: TestContext, answers: Answers = {}, options: ClientOptions = {}) {
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
  t.after(() => client.disconnect())
  return { node, client, timers }
}

function failure(name: string, retry = true) {
  return { name, code: 0, retry }
}

test('publish resolves to the position the node gave', async (t) => {
  const { node, client } = await setUp(t)
  client.connect()
  assert.deepEqual(await client.publish('web_chat', { text: 'hi' }, { event: 'said' }), {
    epoch: 'k3',
    offset: 41,
  })
  assert.deepEqual((await (await node.connection(0)).command('publish')).args, {
    channel: 'web_chat',
    data: { text: 'hi' },
    event: 'said',
    key: 'ii.1',
  })
})

test('publish that is not to come back to its session says so, and is told how many get it', async (t) => {
  const { node, client } = await setUp(t, {
    publish: () => ({ ok: { epoch: 'k3', offset: 41, reached: 3 } }),
  })
  client.connect()
  const published = await client.publish('web_chat', 'hi', { echo: false })
  assert.deepEqual(published, { epoch: 'k3', offset: 41, reached: 3 })
  const { args } = await (await node.connection(0)).command('publish')
  assert.deepEqual(args, { channel: 'web_chat', data: 'hi', key: 'ii.1', echo: false })
})

test('publish rejects with code, name, message and retry of what the node answered', async (t) => {
  const error = { code: 144, name: 'ACCESS_DENIED', message: 'Cannot publish to "news"', retry: false }
  const { client } = await setUp(t, { publish: () => ({ error }) })
  client.connect()
  await assert.rejects(client.publish('news', 1), error)
})

test('publish of null is sent, of undefined is refused as a mistake', async (t) => {
  const { node, client } = await setUp(t)
  client.connect()
  await client.publish('a', null)
  assert.deepEqual((await (await node.connection(0)).command('publish')).args, {
    channel: 'a',
    data: null,
    key: 'ii.1',
  })
  await assert.rejects(client.publish('a', undefined), TypeError)
})

test('stats and users resolve to what the node answered', async (t) => {
  const { client } = await setUp(t)
  client.connect()
  assert.deepEqual(await client.stats('news'), { channel: 'news', subscribers: 12 })
  assert.deepEqual(await client.users(['17']), { online: ['17'], lastSeen: {} })
})

test('publishes made before the connection go out after connect, in order', async (t) => {
  const { node, client } = await setUp(t)
  client.connect()
  await Promise.all([1, 2, 3].map((data) => client.publish('a', data)))
  const { commands } = await node.connection(0)
  assert.deepEqual(
    commands.map(({ id, name, args }) => [id, name, args.data]),
    [
      [1, 'connect', undefined],
      [2, 'publish', 1],
      [3, 'publish', 2],
      [4, 'publish', 3],
    ],
  )
})

test('publishes wait for the node to accept the session, not only for the socket', async (t) => {
  const { node, client } = await setUp(t, { connect: () => null })
  client.connect()
  const published = client.publish('a', 1)
  const connection = await node.connection(0)
  const { id } = await connection.command('connect')
  assert.equal(connection.commands.length, 1)
  connection.send({ id, ok: { session: 's', user: '', pingMs: 25_000 } })
  assert.deepEqual(await published, { epoch: 'k3', offset: 41 })
})

test('publish beyond maxQueued is rejected and the ones before it are kept', async (t) => {
  const { client } = await setUp(t, {}, { maxQueued: 2 })
  client.connect()
  const kept = [client.publish('a', 1), client.publish('a', 2)]
  await assert.rejects(client.publish('a', 3), failure('QUEUE_FULL'))
  assert.equal((await Promise.all(kept)).length, 2)
})

test('publish is rejected at once while the client is closed', async (t) => {
  const { client, timers } = await setUp(t)
  await assert.rejects(client.publish('a', 1), failure('CLOSED', false))
  assert.equal(timers.count, 0)
})

test('publish that waits for a connection is rejected by disconnect', async (t) => {
  const { client } = await setUp(t, { connect: () => null })
  client.connect()
  const published = client.publish('a', 1)
  client.disconnect()
  await assert.rejects(published, failure('CLOSED', false))
})

test('publish is rejected when no answer comes in time', async (t) => {
  const { node, client, timers } = await setUp(t, { publish: () => null }, { timeoutMs: 3_000 })
  client.connect()
  const published = client.publish('a', 1)
  await (await node.connection(0)).command('publish')
  timers.turn(3_000)
  await assert.rejects(published, {
    ...failure('TIMEOUT'),
    message: 'Cannot publish: no answer within 3000 ms',
  })
})

test('publish whose time ran out before there was a connection is never sent', async (t) => {
  const { node, client, timers } = await setUp(t, { connect: () => null }, { timeoutMs: 3_000 })
  client.connect()
  const published = client.publish('a', 'late')
  const connection = await node.connection(0)
  const { id } = await connection.command('connect')
  timers.turn(3_000)
  await assert.rejects(published, failure('TIMEOUT'))
  connection.send({ id, ok: { session: 's', user: '', pingMs: 25_000 } })
  await client.publish('a', 'in time')
  assert.deepEqual(
    connection.commands.flatMap(({ name, args }) => (name === 'publish' ? [args.data] : [])),
    ['in time'],
  )
})

/** Leaves the first publish unanswered and breaks its connection. */
function breakOnce(): Answers {
  let hasBroken = false
  return {
    publish: (_, { socket }) => {
      if (hasBroken) return { ok: { epoch: 'k3', offset: 41 } }
      hasBroken = true
      socket.terminate()
      return null
    },
  }
}

test('publish whose connection broke before the answer is sent again with its key, before later ones', async (t) => {
  const { node, client, timers } = await setUp(t, breakOnce())
  client.connect()
  const first = client.publish('a', 'first')
  await until(() => client.state === 'waiting')
  const second = client.publish('a', 'second', { key: 'mine' })
  timers.turn(250)
  assert.deepEqual(await first, { epoch: 'k3', offset: 41 })
  await second
  const sent = await (await node.connection(0)).command('publish')
  const { commands } = await node.connection(1)
  assert.deepEqual(
    commands.map(({ name, args }) => [name, args.data, args.key]),
    [
      ['connect', undefined, undefined],
      ['publish', 'first', sent.args.key],
      ['publish', 'second', 'mine'],
    ],
  )
})

test('publish that lost its connection is rejected as such when its time is over, or by disconnect', async (t) => {
  for (const end of ['time', 'disconnect'] as const) {
    const { client, timers } = await setUp(t, breakOnce(), { timeoutMs: 3_000, backoff: { minMs: 60_000 } })
    client.connect()
    const published = client.publish('a', 'first')
    await until(() => client.state === 'waiting')
    if (end === 'time') timers.turn(3_000)
    else client.disconnect()
    await assert.rejects(published, failure('CONNECTION_LOST'), end)
  }
})

test('history is asked for with what bounds it, and resolves to what the node answered', async (t) => {
  const page = { epoch: 'k3', offset: 40, publications: [{ channel: 'a', offset: 40, data: 1 }] }
  const { node, client } = await setUp(t, { history: () => ({ ok: page }) })
  client.connect()
  const since = { epoch: 'k3', offset: 39 }
  assert.deepEqual(await client.history('a', { since, limit: 5, reverse: true }), page)
  await client.history('a')
  const connection = await node.connection(0)
  assert.deepEqual((await connection.command('history')).args, {
    channel: 'a',
    since,
    limit: 5,
    reverse: true,
  })
  assert.deepEqual((await connection.command('history', 1)).args, { channel: 'a' })
})

test('presence resolves to what the node answered', async (t) => {
  const present = { channel: 'a', count: 1, clients: [{ session: 's1', user: '17' }] }
  const { client } = await setUp(t, { presence: () => ({ ok: present }) })
  client.connect()
  assert.deepEqual(await client.presence('a'), present)
})

test('userData resolves to the text the application keeps', async (t) => {
  const { client } = await setUp(t)
  client.connect()
  assert.deepEqual(await client.userData('17'), { user: '17', data: 'data of 17' })
})

const busy = { error: { code: 111, name: 'BUSY', message: 'Later', retry: true } }

/** Answers `history` with BUSY so many times, then as ever. */
function busyAtFirst(times: number): Answers {
  let left = times
  return {
    history: () => (left-- > 0 ? busy : { ok: { epoch: 'k3', offset: 0, publications: [] } }),
  }
}

// A node that has no room for one more large answer said BUSY, and pages that asked for a few histories at once had to
// ask again by themselves.
test('history that the node is too busy for is asked again, a little later each time', async (t) => {
  const { node, client, timers } = await setUp(t, busyAtFirst(2))
  client.connect()
  const history = client.history('log')
  const connection = await node.connection(0)
  await connection.command('history', 0)
  await until(() => timers.count === 3, { what: 'timers of the heartbeat, the limit and the next try' })
  timers.turn(199)
  assert.equal(connection.commands.filter(({ name }) => name === 'history').length, 1)
  timers.turn(1)
  await connection.command('history', 1)
  await until(() => timers.count === 3)
  timers.turn(300)
  await connection.command('history', 2)
  assert.deepEqual(await history, { epoch: 'k3', offset: 0, publications: [] })
  assert.equal(timers.count, 1, 'only the heartbeat is left')
})

test('request to a node that stays busy is rejected with BUSY when its time is over', async (t) => {
  const { client, timers } = await setUp(t, busyAtFirst(1_000), { timeoutMs: 500 })
  client.connect()
  await until(() => client.state === 'connected')
  const history = assert.rejects(client.history('log'), { name: 'BUSY', code: 111, retry: true })
  await until(() => timers.count === 3)
  timers.turn(500)
  await history
  assert.equal(timers.count, 1)
})

test('request that waits to be asked again goes out once over the next connection', async (t) => {
  const { node, client, timers } = await setUp(t, busyAtFirst(1))
  client.connect()
  await until(() => client.state === 'connected')
  const history = client.history('log')
  await until(() => timers.count === 3)
  ;(await node.connection(0)).socket.terminate()
  await until(() => client.state === 'waiting')
  timers.turn(250)
  assert.deepEqual(await history, { epoch: 'k3', offset: 0, publications: [] })
  timers.turn(5_000)
  await client.stats('log')
  const { commands } = await node.connection(1)
  assert.equal(commands.filter(({ name }) => name === 'history').length, 1)
})
