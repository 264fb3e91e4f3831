/**
 * Tests of src/client/subscriptions.ts through a client: what goes over the wire for which calls, and what comes back.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { createClient, type Gap } from '../../../src/client/client.ts'
import { HandTimers } from '../../support/hand-timers.ts'
import {
  type Answers,
  position,
  type ScriptedConnection,
  startScriptedNode,
} from '../../support/scripted-node.ts'
import { until } from '../../support/until.ts'

async function setUp(t: TestContext, answers: Answers = {}) {
  const node = await startScriptedNode(t, answers)
  const timers = new HandTimers()
  const client = createClient({ url: node.url, WebSocket, timers, random: () => 0.5 })
  t.after(() => client.disconnect())
  const connect = async () => {
    client.connect()
    await until(() => client.state === 'connected')
  }
  /** Breaks the newest connection and lets the next one come. */
  const reconnect = async () => {
    node.connections.at(-1)?.socket.terminate()
    await until(() => client.state === 'waiting')
    timers.turn(250)
    await until(() => client.state === 'connected')
  }
  return { node, client, timers, connect, reconnect }
}

/** Commands as `name channel…`, without connect. */
function wire(connection: ScriptedConnection): string[] {
  return connection.commands
    .filter(({ name }) => name !== 'connect' && name !== 'stats')
    .map(({ name, args }) => [name, ...((args.channels ?? [args.channel]) as string[])].join(' '))
}

test('subscription gets the publications of its channel and no others', async (t) => {
  const { node, client, connect } = await setUp(t)
  const came: unknown[] = []
  client.subscribe('a', (publication) => came.push(publication))
  await connect()
  const connection = await node.connection(0)
  connection.send({ channel: 'b', offset: 1, data: 'other' })
  connection.send({ channel: 'a', offset: 41, data: { n: 1 }, event: 'e', user: '5' })
  await until(() => came.length > 0)
  assert.deepEqual(came, [{ channel: 'a', offset: 41, data: { n: 1 }, event: 'e', user: '5' }])
})

test('subscriptions made in one turn go out as one command', async (t) => {
  const { node, client, connect } = await setUp(t)
  await connect()
  for (const channel of ['a', 'b', 'c']) client.subscribe(channel, () => {})
  await client.stats('a')
  assert.deepEqual(wire(await node.connection(0)), ['subscribe a b c'])
})

test('callbacks on one channel share one wire subscription, which ends with the last of them', async (t) => {
  const { node, client, connect } = await setUp(t)
  const came: string[] = []
  const first = client.subscribe('a', () => came.push('first'))
  const second = client.subscribe('a', () => came.push('second'))
  await connect()
  const connection = await node.connection(0)
  connection.send({ channel: 'a', offset: 41, data: 1 })
  await until(() => came.length === 2)
  first.unsubscribe()
  first.unsubscribe()
  connection.send({ channel: 'a', offset: 42, data: 2 })
  await until(() => came.length === 3)
  assert.deepEqual(came, ['first', 'second', 'second'])
  assert.deepEqual(wire(connection), ['subscribe a'])
  second.unsubscribe()
  await connection.command('unsubscribe')
  assert.deepEqual(wire(connection), ['subscribe a', 'unsubscribe a'])
  assert.deepEqual([first.state, second.state], ['ended', 'ended'])
})

test('subscription that is ended and made again in one turn costs nothing', async (t) => {
  const { node, client, connect } = await setUp(t)
  const subscription = client.subscribe('a', () => {})
  await connect()
  subscription.unsubscribe()
  const again = client.subscribe('a', () => {})
  await client.stats('a')
  assert.deepEqual(wire(await node.connection(0)), ['subscribe a'])
  assert.equal(again.state, 'active')
})

test('subscription that is ended before there was a connection is never sent', async (t) => {
  const { node, client, connect } = await setUp(t)
  client.subscribe('a', () => {}).unsubscribe()
  await connect()
  await client.stats('a')
  assert.deepEqual(wire(await node.connection(0)), [])
})

test('subscriptions are made again after a reconnect, without those that were ended', async (t) => {
  const { node, client, connect, reconnect } = await setUp(t)
  const came: unknown[] = []
  const gone = client.subscribe('gone', () => {})
  client.subscribe('a', ({ data }) => came.push(data))
  client.subscribe('b', () => {})
  await connect()
  gone.unsubscribe()
  await reconnect()
  const connection = await node.connection(1)
  assert.deepEqual(wire(connection), ['subscribe a b'])
  connection.send({ channel: 'a', offset: 41, data: 'again' })
  await until(() => came.length > 0)
})

test('subscription tells its position when it is accepted, to late callbacks too', async (t) => {
  const { client, connect } = await setUp(t)
  const positions: unknown[] = []
  const first = client.subscribe('a', () => {})
  first.on('subscribed', (at) => positions.push(['first', at]))
  assert.equal(first.state, 'waiting')
  await connect()
  await until(() => first.state === 'active')
  client.subscribe('a', () => {}).on('subscribed', (at) => positions.push(['second', at]))
  await until(() => positions.length === 2)
  assert.deepEqual(positions, [
    ['first', position],
    ['second', position],
  ])
})

test('subscription tells which publications a reconnect cost', async (t) => {
  const positions = [
    { epoch: 'k3', offset: 40 },
    { epoch: 'k3', offset: 45 },
    { epoch: 'k3', offset: 45 },
    { epoch: 'k4', offset: 2 },
  ]
  const { node, client, connect, reconnect } = await setUp(t, {
    subscribe: () => ({ ok: { channels: [{ channel: 'a', ...positions.shift() }] } }),
  })
  const gaps: Gap[] = []
  let came = 0
  client.subscribe('a', () => came++).on('gap', (gap) => gaps.push(gap))
  await connect()
  ;(await node.connection(0)).send({ channel: 'a', offset: 41, data: 1 })
  await until(() => came === 1)
  await reconnect()
  assert.deepEqual(gaps, [{ channel: 'a', from: 42, to: 45, isNewEpoch: false }])
  await reconnect()
  assert.equal(gaps.length, 1, 'nothing was published while away')
  await reconnect()
  assert.deepEqual(gaps[1], { channel: 'a', from: 1, to: 2, isNewEpoch: true })
})

test('subscription calls back once for a publication that the node sends again after a reconnect', async (t) => {
  // A node spreads large channels over time: a new subscription may begin before what the old one got last.
  const positions = [40, 40]
  const { node, client, connect, reconnect } = await setUp(t, {
    subscribe: () => ({ ok: { channels: [{ channel: 'a', epoch: 'k3', offset: positions.shift() }] } }),
  })
  const came: number[] = []
  const gaps: Gap[] = []
  const begins: number[] = []
  const subscription = client.subscribe('a', ({ offset }) => came.push(offset))
  subscription.on('gap', (gap) => gaps.push(gap))
  subscription.on('subscribed', ({ offset }) => begins.push(offset))
  await connect()
  const first = await node.connection(0)
  for (const offset of [41, 42]) first.send({ channel: 'a', offset, data: 1 })
  await until(() => came.length === 2)
  await reconnect()
  const second = await node.connection(1)
  for (const offset of [41, 42, 43]) second.send({ channel: 'a', offset, data: 1 })
  await until(() => came.includes(43))
  assert.deepEqual(came, [41, 42, 43])
  assert.deepEqual(begins, [40, 42])
  assert.deepEqual(gaps, [])
})

test('subscription tells of publications left out within a connection, before the one that follows them', async (t) => {
  // What a slow reader lost before its goodbye showed nowhere: the next publication moved the position past it.
  const { node, client, connect } = await setUp(t)
  const seen: unknown[] = []
  client.subscribe('a', ({ offset }) => seen.push(offset)).on('gap', (gap) => seen.push(gap))
  await connect()
  const connection = await node.connection(0)
  for (const offset of [41, 45]) connection.send({ channel: 'a', offset, data: 1 })
  await until(() => seen.includes(45))
  assert.deepEqual(seen, [41, { channel: 'a', from: 42, to: 44, isNewEpoch: false }, 45])
})

const denied = { code: 144, name: 'ACCESS_DENIED', message: 'Not you', retry: false }
const full = { code: 108, name: 'NODE_CHANNEL_LIMIT', message: 'No room', retry: true }

test('subscription that is refused tells its own listener, and the others go on', async (t) => {
  const { client, connect } = await setUp(t, {
    subscribe: () => ({
      ok: {
        channels: [
          { channel: 'a', ...position },
          { channel: 'b', error: denied },
        ],
      },
    }),
  })
  const errors: string[] = []
  client.on('error', (error) => errors.push(`client: ${error.name}`))
  const a = client.subscribe('a', () => {})
  const b = client.subscribe('b', () => {})
  b.on('error', (error) => errors.push(`b: ${error.name} ${error.code} ${error.message}`))
  await connect()
  await until(() => b.state === 'refused')
  assert.equal(a.state, 'active')
  assert.deepEqual(errors, ['b: ACCESS_DENIED 144 Not you'])
})

test('subscription that is refused and has no listener tells the client', async (t) => {
  const { client, connect } = await setUp(t, {
    subscribe: () => ({ ok: { channels: [{ channel: 'a', error: denied }] } }),
  })
  const errors: string[] = []
  client.on('error', (error) => errors.push(error.name))
  client.subscribe('a', () => {})
  await connect()
  await until(() => errors.length > 0)
  assert.deepEqual(errors, ['ACCESS_DENIED'])
})

test('subscription that is refused for good is asked for again only on the next connection', async (t) => {
  const { node, client, timers, connect, reconnect } = await setUp(t, {
    subscribe: () => ({ ok: { channels: [{ channel: 'a', error: denied }] } }),
  })
  const subscription = client.subscribe('a', () => {})
  subscription.on('error', () => {})
  await connect()
  await until(() => subscription.state === 'refused')
  timers.turn(20_000)
  await client.stats('a')
  assert.deepEqual(wire(await node.connection(0)), ['subscribe a'])
  await reconnect()
  assert.deepEqual(wire(await node.connection(1)), ['subscribe a'])
})

test('subscription that is refused for now is asked for again after a wait', async (t) => {
  let refusals = 2
  const { node, client, timers, connect } = await setUp(t, {
    subscribe: () =>
      refusals-- > 0
        ? { ok: { channels: [{ channel: 'a', error: full }] } }
        : { ok: { channels: [{ channel: 'a', ...position }] } },
  })
  let errors = 0
  const subscription = client.subscribe('a', () => {})
  subscription.on('error', () => errors++)
  await connect()
  await until(() => errors === 1)
  timers.turn(750) // 500 and half of 500
  await until(() => errors === 2)
  timers.turn(1_000) // 500 and half of 1,000
  await until(() => subscription.state === 'active')
  assert.deepEqual(wire(await node.connection(0)), ['subscribe a', 'subscribe a', 'subscribe a'])
})

test('subscriptions too many for one command are asked for in halves', async (t) => {
  const limit = { code: 106, name: 'CHANNEL_LIMIT', message: 'More than 2 names', retry: false }
  const { client, connect } = await setUp(t, {
    subscribe: ({ channels }) => {
      const names = channels as string[]
      if (names.length > 2) return { error: limit }
      return { ok: { channels: names.map((channel) => ({ channel, ...position })) } }
    },
  })
  const subscriptions = ['a', 'b', 'c', 'd', 'e'].map((channel) => client.subscribe(channel, () => {}))
  await connect()
  await until(() => subscriptions.every(({ state }) => state === 'active'))
})

test('subscriptions beyond a hundred go out in several commands', async (t) => {
  const { node, client, connect } = await setUp(t)
  const names = Array.from({ length: 250 }, (_, n) => `c${n}`)
  const subscriptions = names.map((channel) => client.subscribe(channel, () => {}))
  await connect()
  await until(() => subscriptions.every(({ state }) => state === 'active'))
  const sizes = (await node.connection(0)).commands
    .filter(({ name }) => name === 'subscribe')
    .map(({ args }) => (args.channels as string[]).length)
  assert.deepEqual(sizes, [100, 100, 50])
})
