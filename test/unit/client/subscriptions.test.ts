/**
 * Tests of src/client/subscriptions.ts through a client: what goes over the wire for which calls, and what comes back.
 *
 * Longer than most: wire, recovery, presence and refusals of a subscription are read side by side.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { type ChannelGap, createClient, type Subscribed } from '../../../src/client/client.ts'
import { HandTimers } from '../../support/hand-timers.ts'
import {
  type Answers,
  namesOf,
  position,
  type ScriptedConnection,
  startScriptedNode,
} from '../../support/scripted-node.ts'
import { until } from '../../support/until.ts'

async function setUp(t: TestContext, answers: Answers = {}) {
  const node = await startScriptedNode(t, answers)
  const timers = new HandTimers()
  const client = createClient({
    url: node.url,
    transports: ['websocket'],
    WebSocket,
    timers,
    random: () => 0.5,
  })
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
    .map(({ name, args }) => [name, ...namesOf(args.channels ?? [args.channel])].join(' '))
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
    ['first', { ...position, recovered: undefined }],
    ['second', { ...position, recovered: undefined }],
  ])
})

/** Answers to subscribing to channel `a`, one after the other. */
function answering(...results: object[]): Answers {
  return { subscribe: () => ({ ok: { channels: [{ channel: 'a', ...results.shift() }] } }) }
}

/** A client of `node` with all that a subscription to `a` tells, in order: offsets of publications, and events. */
async function follow(t: TestContext, answers: Answers) {
  const setup = await setUp(t, answers)
  const seen: (number | ChannelGap | Subscribed)[] = []
  const subscription = setup.client.subscribe('a', ({ offset }) => seen.push(offset))
  subscription.on('gap', (gap) => seen.push(gap))
  subscription.on('subscribed', (at) => seen.push(at))
  await setup.connect()
  await until(() => subscription.state === 'active')
  const send = async (n: number, ...offsets: number[]) => {
    const connection = await setup.node.connection(n)
    for (const offset of offsets) connection.send({ channel: 'a', offset, data: 1 })
    await setup.client.stats('a') // what was sent before the answer has come
  }
  /** What was told since the last call. */
  const news = () => seen.splice(0)
  return { ...setup, subscription, send, news }
}

test('subscription goes on after a reconnect from where it got to, and gets what it missed', async (t) => {
  const { node, reconnect, send, news } = await follow(
    t,
    answering(position, { epoch: 'k3', offset: 44, recovered: true }),
  )
  await send(0, 41, 42)
  await reconnect()
  assert.deepEqual((await (await node.connection(1)).command('subscribe')).args, {
    channels: [{ channel: 'a', since: { epoch: 'k3', offset: 42 } }],
  })
  await send(1, 43, 44, 45)
  assert.deepEqual(news(), [
    { ...position, recovered: undefined },
    41,
    42,
    { epoch: 'k3', offset: 42, recovered: true },
    43,
    44,
    45,
  ])
})

test('subscription tells what the node no longer holds, then gets the rest', async (t) => {
  const gap = { from: 41, to: 50, reason: 'trimmed' }
  const { reconnect, send, news } = await follow(
    t,
    answering(position, { epoch: 'k3', offset: 52, recovered: false, gap }),
  )
  news()
  await reconnect()
  await send(1, 51, 52)
  assert.deepEqual(news(), [{ channel: 'a', ...gap }, { epoch: 'k3', offset: 50, recovered: false }, 51, 52])
})

test('subscription to a channel that began anew tells so and gets what is held of its new life', async (t) => {
  const gap = { from: 1, to: 0, reason: 'epoch' }
  const { node, reconnect, send, news } = await follow(
    t,
    answering(position, { epoch: 'k4', offset: 2, recovered: false, gap }, { epoch: 'k4', offset: 2 }),
  )
  news()
  await reconnect()
  await send(1, 1, 2)
  assert.deepEqual(news(), [{ channel: 'a', ...gap }, { epoch: 'k4', offset: 0, recovered: false }, 1, 2])
  await reconnect()
  assert.deepEqual((await (await node.connection(2)).command('subscribe')).args, {
    channels: [{ channel: 'a', since: { epoch: 'k4', offset: 2 } }],
  })
})

test('subscription to a channel that was set back falls back to its latest publication', async (t) => {
  const gap = { from: 31, to: 40, reason: 'future' }
  const { reconnect, send, news } = await follow(
    t,
    answering(position, { epoch: 'k3', offset: 30, recovered: false, gap }),
  )
  news()
  await reconnect()
  await send(1, 31)
  assert.deepEqual(news(), [{ channel: 'a', ...gap }, { epoch: 'k3', offset: 30, recovered: false }, 31])
})

test('subscription calls back once for what the node sends again', async (t) => {
  const { reconnect, send, news } = await follow(
    t,
    answering(position, { epoch: 'k3', offset: 42, recovered: true }),
  )
  await send(0, 41, 42)
  news()
  await reconnect()
  news()
  await send(1, 41, 42, 43, 43)
  assert.deepEqual(news(), [43])
})

test('subscription passes over publications that come before the answer: they are of an earlier one', async (t) => {
  const { node, client, connect } = await setUp(t, { subscribe: () => null })
  const came: number[] = []
  const subscription = client.subscribe('a', ({ offset }) => came.push(offset))
  await connect()
  const connection = await node.connection(0)
  const { id } = await connection.command('subscribe')
  connection.send({ channel: 'a', offset: 40, data: 1 })
  connection.send({ id, ok: { channels: [{ channel: 'a', ...position }] } })
  connection.send({ channel: 'a', offset: 41, data: 1 })
  await until(() => came.includes(41))
  assert.deepEqual([came, subscription.state], [[41], 'active'])
})

test('subscription tells a gap where it comes between publications, and goes on behind it', async (t) => {
  const { node, reconnect, send, news } = await follow(t, answering(position, position))
  news()
  const gap = { from: 42, to: 44, reason: 'trimmed' }
  await send(0, 41)
  ;(await node.connection(0)).send({ channel: 'a', gap })
  ;(await node.connection(0)).send({ channel: 'a', gap }) // the answer of a poll that was repeated
  await send(0, 45)
  assert.deepEqual(news(), [41, { channel: 'a', ...gap }, 45])
  ;(await node.connection(0)).send({ channel: 'a', gap: { from: 46, to: 49, reason: 'trimmed' } })
  await reconnect()
  const { args } = await (await node.connection(1)).command('subscribe')
  assert.deepEqual(args, { channels: [{ channel: 'a', since: { epoch: 'k3', offset: 49 } }] })
})

test('subscription tells of publications left out without a word, before the one that follows them', async (t) => {
  const { send, news } = await follow(t, answering(position))
  news()
  await send(0, 41, 45)
  assert.deepEqual(news(), [41, { channel: 'a', from: 42, to: 44, reason: 'trimmed' }, 45])
})

test('subscription goes on in the new epoch that a gap names', async (t) => {
  const gap = { from: 1, to: 3, reason: 'epoch', epoch: 'k4' }
  const { node, reconnect, send, news } = await follow(t, answering(position, position))
  news()
  ;(await node.connection(0)).send({ channel: 'a', gap })
  await send(0, 4)
  assert.deepEqual(news(), [{ channel: 'a', ...gap }, 4])
  await reconnect()
  const { args } = await (await node.connection(1)).command('subscribe')
  assert.deepEqual(args, { channels: [{ channel: 'a', since: { epoch: 'k4', offset: 4 } }] })
})

test('subscription whose new epoch is not named is made again: the answer names it', async (t) => {
  const gap = { from: 1, to: 3, reason: 'epoch' }
  const { node, timers, client, send, news } = await follow(
    t,
    answering(position, { epoch: 'k4', offset: 4, recovered: false, gap }),
  )
  news()
  ;(await node.connection(0)).send({ channel: 'a', gap })
  await until(() => client.state === 'waiting')
  timers.turn(250)
  await (await node.connection(1)).command('subscribe')
  await until(() => client.state === 'connected')
  await send(1, 4)
  assert.deepEqual(news(), [{ channel: 'a', ...gap }, { epoch: 'k4', offset: 3, recovered: false }, 4])
})

const one = { session: 's1', user: '17' }
const two = { session: 's2', user: '' }

test('subscription tells who joins, who leaves, and then how many there are', async (t) => {
  const { node, client, connect } = await setUp(t)
  const seen: unknown[] = []
  const subscription = client.subscribe('a', () => {})
  subscription.on('join', (present) => seen.push(['join', present]))
  subscription.on('leave', (present) => seen.push(['leave', present]))
  subscription.on('presence', (change) => seen.push(change))
  await connect()
  await until(() => subscription.state === 'active')
  ;(await node.connection(0)).send({ channel: 'a', presence: { count: 7, join: [one], leave: [two] } })
  await until(() => seen.length === 3)
  assert.deepEqual(seen, [
    ['join', one],
    ['leave', two],
    { channel: 'a', count: 7, join: [one], leave: [two] },
  ])
})

/** A client on channel `a` whose node names `one` and `two` when it is asked; counts how often it is asked. */
async function watched(t: TestContext, answers: Answers = {}) {
  const asked: string[] = []
  const setup = await setUp(t, {
    presence: ({ channel }) => {
      asked.push(String(channel))
      return { ok: { channel, count: 2, clients: [one, two] } }
    },
    ...answers,
  })
  const seen: unknown[] = []
  const subscription = setup.client.subscribe('a', () => {})
  subscription.on('presence', (change) => seen.push(change))
  await setup.connect()
  await until(() => subscription.state === 'active')
  /** The node says that not all was told; resolves once that has come. */
  const stale = async (times = 1) => {
    const connection = await setup.node.connection(setup.node.connections.length - 1)
    for (let n = 0; n < times; n++) connection.send({ channel: 'a', presence: { count: 9, stale: true } })
    await setup.client.stats('a')
  }
  return { ...setup, asked, seen, subscription, stale }
}

const everybody = { channel: 'a', count: 2, clients: [one, two] }

// Thousands who were told in the same moment that not all was told all asked in the same moment.
test('subscription asks who is there at a moment of its own when the node did not tell all changes', async (t) => {
  const { timers, asked, seen, stale, client } = await watched(t)
  await stale()
  timers.turn(999)
  await client.stats('a')
  assert.deepEqual([asked, seen], [[], []])
  timers.turn(1)
  await until(() => seen.length > 0)
  assert.deepEqual([asked, seen], [['a'], [everybody]])
})

test('subscription asks once who is there, however often it was told before it asks', async (t) => {
  const { timers, asked, seen, stale, client } = await watched(t)
  await stale(5)
  timers.turn(1_000)
  await until(() => seen.length > 0)
  timers.turn(5_000)
  await client.stats('a')
  assert.deepEqual([asked, seen], [['a'], [everybody]])
})

test('subscription asks once more when it was told while an answer was under way', async (t) => {
  const { node, timers, seen, stale } = await watched(t, { presence: () => null })
  const connection = await node.connection(0)
  await stale()
  timers.turn(1_000)
  const { id } = await connection.command('presence', 0)
  await stale(3)
  timers.turn(3_000)
  assert.equal(connection.commands.filter(({ name }) => name === 'presence').length, 1)
  connection.send({ id, ok: everybody })
  await until(() => seen.length === 1)
  timers.turn(1_000)
  const again = await connection.command('presence', 1)
  connection.send({ id: again.id, ok: everybody })
  await until(() => seen.length === 2)
})

test('subscription that was about to ask who is there does so after a reconnect', async (t) => {
  const { node, timers, seen, stale, reconnect } = await watched(t)
  await stale()
  await reconnect()
  timers.turn(1_000)
  await until(() => seen.length > 0)
  assert.deepEqual(
    (await node.connection(1)).commands.flatMap(({ name }) => (name === 'presence' ? [name] : [])),
    ['presence'],
  )
})

test('subscription that is ended, or whose client is, asks nobody any more who is there', async (t) => {
  const { client, timers, asked, stale, subscription } = await watched(t)
  await stale()
  subscription.unsubscribe()
  timers.turn(2_000)
  await client.stats('a')
  assert.deepEqual(asked, [])
  client.subscribe('a', () => {})
  await client.stats('a')
  await stale()
  client.disconnect()
  assert.equal(timers.count, 0)
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

test('subscription that the node takes back tells its listener', async (t) => {
  const { node, client, connect } = await setUp(t)
  const errors: string[] = []
  const subscription = client.subscribe('a', () => {})
  subscription.on('error', (error) => errors.push(error.name))
  await connect()
  await until(() => subscription.state === 'active')
  ;(await node.connection(0)).send({ channel: 'a', error: denied })
  await until(() => errors.length > 0)
  assert.deepEqual([errors, subscription.state], [['ACCESS_DENIED'], 'refused'])
})

test('subscriptions too many for one command are asked for in halves', async (t) => {
  const limit = { code: 106, name: 'CHANNEL_LIMIT', message: 'More than 2 names', retry: false }
  const { client, connect } = await setUp(t, {
    subscribe: ({ channels }) => {
      const names = namesOf(channels)
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
    .map(({ args }) => namesOf(args.channels).length)
  assert.deepEqual(sizes, [100, 100, 50])
})
