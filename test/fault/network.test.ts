/**
 * A bad network between clients and a real node, over every transport: promise 2 holds, no silent gap.
 *
 * Owns what a TCP proxy can do to a connection: delay, darkness, resets anywhere, readers that are too slow. Can not show
 * lost segments, and knows of the node only what a client sees and its counters: the books must balance. The node's ring is large where nothing
 * may be lost and small where gaps are the point.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import {
  assertAccounted,
  assertUnbroken,
  channelFor,
  keep,
  publish,
  startContractNode,
  startFlow,
  tokenOf,
} from '../support/contract.ts'
import type { TestNode } from '../support/node.ts'
import { openPoll } from '../support/poll-client.ts'
import { createRandom } from '../support/seed.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { type Transport, transports } from '../support/transports.ts'
import { until } from '../support/until.ts'
import { counter, openClient, openPublisher, ops, type WirePublication } from '../support/wire.ts'
import type { Position, TransportClient } from '../support/wire-inbox.ts'
import { startWitness } from '../support/witness.ts'

const RESETS = 10
const STORM = 100
/** More than the kernels and the node hold for one connection. */
const FLOOD_BYTES = 24_000_000
const FLOOD_DATA = 'x'.repeat(4_000)

test('a bad network with a long ring', async (t) => {
  const node = await startContractNode(t, ['--ring-size', '100000'])

  for (const transport of transports) {
    await t.test(`${transport.name} client far away gets everything in order`, async (t) => {
      const { proxy, through } = await before(t, node)
      proxy.shape('toClient', { latencyMs: 40 })
      proxy.shape('toNode', { latencyMs: 40 })
      const channel = channelFor('far', transport)
      const client = await through(transport)
      await client.ok({ subscribe: { channel } })
      const flow = await startFlow(t, node, channel)
      await flow.goOn(500)
      const count = await flow.stop()
      assertUnbroken(await client.received(channel, count), 1, count)
    })

    await t.test(`${transport.name} client in the dark for a while loses nothing`, async (t) => {
      const { proxy, through } = await before(t, node)
      const channel = channelFor('dark', transport)
      const client = await through(transport)
      await client.ok({ subscribe: { channel } })
      const flow = await startFlow(t, node, channel)
      await client.received(channel, 10)
      proxy.blackout()
      await flow.goOn(500)
      await until(() => flow.count() > client.publications.length + 100, { what: 'the client to be behind' })
      proxy.restore()
      const count = await flow.stop()
      assertUnbroken(await client.received(channel, count), 1, count)
      assert.deepEqual(client.gaps, [])
    })

    await t.test(`${transport.name} client that is reset anywhere in a message recovers`, async (t) => {
      const random = createRandom()
      const { proxy, through } = await before(t, node)
      const channel = channelFor('reset', transport)
      await keep(t, node, channel)
      const flow = await startFlow(t, node, channel)
      const got: WirePublication[] = []
      let since: Position = { epoch: '', offset: 0 }
      for (let n = 0; n < RESETS; n++) {
        const client = await through(transport)
        await client.ok({ subscribe: { channel, since } })
        for (const connection of proxy.connections()) connection.resetAfter(1 + random.below(5_000))
        await client.closed()
        got.push(...client.publications)
        since = client.position(channel) ?? since
        assert.deepEqual(client.gaps, [])
      }
      const client = await through(transport)
      await client.ok({ subscribe: { channel, since } })
      const count = await flow.stop()
      await client.received(channel, count - since.offset)
      assertUnbroken([...got, ...client.publications], 1, count)
    })

    await t.test(`${transport.name} clients that are all reset at once come back and recover`, async (t) => {
      const { proxy, through } = await before(t, node)
      const channel = channelFor('storm', transport)
      await keep(t, node, channel)
      const flow = await startFlow(t, node, channel)
      const from: Position = { epoch: '', offset: 0 }
      const first = await Promise.all(Array.from({ length: STORM }, () => through(transport)))
      await Promise.all(first.map((client) => client.ok({ subscribe: { channel, since: from } })))
      await Promise.all(first.map((client) => client.received(channel, 20)))
      proxy.reset()
      const second = await Promise.all(
        first.map(async (client) => {
          await client.closed()
          const next = await through(transport)
          await next.ok({ subscribe: { channel, since: client.position(channel) } })
          return next
        }),
      )
      const count = await flow.stop()
      for (const [n, client] of second.entries()) {
        const before = first[n]?.publications ?? []
        await client.received(channel, count - before.length)
        assertUnbroken([...before, ...client.publications], 1, count)
      }
    })
  }

  await t.test(
    'long poll client whose answers are cut off again and again gets each message once',
    async (t) => {
      const random = createRandom()
      const { proxy } = await before(t, node)
      const channel = 'cut-off'
      const client = await openPoll(proxy, { persists: true })
      t.after(() => client.close())
      await client.ok({ subscribe: { channel } })
      const flow = await startFlow(t, node, channel)
      for (let n = 0; n < RESETS; n++) {
        const polls = client.polls()
        for (const connection of proxy.connections()) connection.resetAfter(1 + random.below(20_000))
        await until(() => client.polls() > polls + 2, { what: 'the next polls' })
        await flow.goOn(50)
      }
      const count = await flow.stop()
      assertUnbroken(await client.received(channel, count), 1, count)
      assert.deepEqual(client.gaps, [])
    },
  )

  assert.equal(await counter(node.internalUrl, 'encke_books_balance'), 0)
})

// Each waits out the patience of a node of its own.
describe('clients that give no sign of life', { concurrency: true }, () => {
  // An event stream is left out: what goes to the proxy counts as received, and its client has nothing to say.
  for (const transport of transports.filter(({ name }) => name !== 'SSE')) {
    const name = `${transport.name} client whose line is half-open is counted out by the node [slow]`
    test(name, async (t) => {
      const quick = ['--ping-ms', '3000', '--idle-timeout-ms', '8000', '--poll-hold-ms', '2000']
      const own = await startContractNode(t, quick)
      const { proxy, through } = await before(t, own)
      const user = channelFor('half-open', transport)
      const client = await through(transport, { token: tokenOf(user) })
      const online = async () => {
        const asker = await openClient(own.wsUrl)
        const { online } = await asker.ok({ users: { ids: [user] } })
        await asker.close()
        return (online as string[]).length
      }
      await until(async () => (await online()) === 1, { what: 'the user to be there' })
      proxy.halfOpen()
      await until(async () => (await online()) === 0, { withinMs: 40_000, what: 'the user to be gone' })
      assert.deepEqual([client.bye(), client.ended()], [null, null])
    })
  }

  test('a client that never reads is ended as too slow, and nobody else is harmed', async (t) => {
    const own = await startContractNode(t, ['--max-lag-ms', '2000'])
    const others = await startWitness(t, own)
    const { proxy, through } = await before(t, own)
    const client = await through(transports[0] ?? assert.fail())
    await client.ok({ subscribe: { channel: 'never' } })
    proxy.pause('toClient')
    await flood(t, own, 'never')
    const ended = () => counter(own.internalUrl, 'encke_connections_closed_total', { code: 'SLOW_CONSUMER' })
    // The node gives it some seconds to hear the goodbye.
    await until(async () => (await ended()) === 1, { withinMs: 30_000, what: 'the client to be ended' })
    await others.unharmed()
  })
})

test('slow readers on a node with a short ring', async (t) => {
  const node = await startContractNode(t, ['--ring-size', '1000', '--max-lag-ms', '60000'])
  const witness = await startWitness(t, node)

  for (const transport of transports) {
    await t.test(
      `${transport.name} client that can not keep up is told exactly what it missed`,
      async (t) => {
        const { proxy, through } = await before(t, node)
        const channel = channelFor('slow', transport)
        const client = await through(transport)
        await client.ok({ subscribe: { channel } })
        proxy.pause('toClient')
        const count = await flood(t, node, channel)
        await witness.unharmed()
        proxy.resume('toClient')
        const { offset } = await publish(node, channel, 'the last')
        await until(() => client.position(channel)?.offset === offset || client.ended() !== null, {
          withinMs: 30_000,
          what: () => `offset ${offset}, it is at ${client.position(channel)?.offset}`,
        })
        assert.equal(client.ended(), null)
        assert.equal(offset, count + 1)
        const missing = assertAccounted(client, channel, 1, offset)
        assert.ok(missing > 0, 'the flood was too small to leave a gap')
      },
    )
  }

  // These wait more than they work.
  await t.test('thin lines', { concurrency: true }, async (t) => {
    const tests = transports.map((transport) =>
      t.test(
        `${transport.name} client on a thin line gets all that fits the ring, at its own pace`,
        async (t) => {
          const { proxy, through } = await before(t, node)
          const channel = channelFor('thin', transport)
          const client = await through(transport)
          await client.ok({ subscribe: { channel } })
          proxy.shape('toClient', { bytesPerSecond: 1_000_000 })
          const line = await openPublisher({ port: node.publishPort })
          t.after(() => line.close())
          for (let n = 1; n <= 900; n++) line.send(ops.publish, n + 1, channel, FLOOD_DATA)
          assertUnbroken(await client.received(channel, 900), 1, 900)
          assert.deepEqual(client.gaps, [])
        },
      ),
    )
    await Promise.all(tests)
  })

  assert.equal(await counter(node.internalUrl, 'encke_books_balance'), 0)
})

/** A proxy before a node, and clients through it that are closed when the test ends. */
async function before(t: TestContext, node: TestNode) {
  const proxy: TcpProxy = await startTcpProxy(t, node.publicPort)
  const through = async (transport: Transport, options = {}): Promise<TransportClient> => {
    const client = await transport.open(proxy, options)
    t.after(() => client.close())
    return client
  }
  return { proxy, through }
}

/** Publishes more than anybody buffers, as fast as it is taken; resolves to how many publications that were. */
async function flood(t: TestContext, node: TestNode, channel: string): Promise<number> {
  const line = await openPublisher({ port: node.publishPort }, { acks: 'cumulative' })
  t.after(() => line.close())
  const count = FLOOD_BYTES / FLOOD_DATA.length
  for (let n = 1; n <= count; n++) line.send(ops.publish, n + 1, channel, FLOOD_DATA)
  await until(() => line.answers.at(-1)?.[1] === count + 1, { withinMs: 30_000, what: 'the last answer' })
  return count
}
