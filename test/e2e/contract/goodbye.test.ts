/**
 * How it ends, over every transport: by the application, by the node, or because the session went on elsewhere.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { channelFor, open, publish, startContractNode, tokenOf } from '../../support/contract.ts'
import { startNode, type TestNode } from '../../support/node.ts'
import { type OpenOptions, type Transport, transportChanges, transports } from '../../support/transports.ts'
import { until } from '../../support/until.ts'
import { counter, post, type WireReply } from '../../support/wire.ts'
import type { TransportClient } from '../../support/wire-inbox.ts'

const DRAIN_MS = 1_000
const CLIENTS = 10

test('goodbyes', async (t) => {
  const node = await startContractNode(t)

  for (const transport of transports) {
    await t.test(
      `${transport.name} client is ended by session, with code and reason, and only that session`,
      async (t) => {
        const user = channelFor('ended', transport)
        const client = await open(t, transport, node, { token: tokenOf(user) })
        const other = await open(t, transport, node, { token: tokenOf(user) })
        const session = client.replies[0]?.ok?.session
        const bye = { code: 4501, reason: 'account closed' }
        const answer = await post(`${node.internalUrl}/api/disconnect`, { session, ...bye })
        assert.deepEqual(answer, { status: 200, body: { disconnected: 1 } })
        assert.deepEqual(await client.closed(), bye)
        assert.deepEqual(client.bye(), bye)
        await publish(node, `@${user}`, 'still here?')
        await other.received(`@${user}`, 1)
      },
    )

    await t.test(`${transport.name} client is ended with all sessions of its user`, async (t) => {
      const user = channelFor('gone', transport)
      const clients = [
        await open(t, transport, node, { token: tokenOf(user) }),
        await open(t, transport, node, { token: tokenOf(user) }),
      ]
      const answer = await post(`${node.internalUrl}/api/disconnect`, { user })
      assert.deepEqual(answer, { status: 200, body: { disconnected: 2 } })
      for (const client of clients) {
        assert.equal((await client.closed()).code, 3500)
        assert.equal(client.bye()?.code, 3500)
      }
    })

    await t.test(`${transport.name} client gets the last words before the goodbye`, async (t) => {
      const channel = channelFor('last', transport)
      const client = await open(t, transport, node)
      await client.ok({ subscribe: { channel } })
      const session = client.replies[0]?.ok?.session
      await publish(node, channel, 'last words')
      await post(`${node.internalUrl}/api/disconnect`, { session, code: 4001, reason: 'come back' })
      assert.deepEqual(await client.closed(), { code: 4001, reason: 'come back' })
      assert.deepEqual(client.publications, [{ channel, offset: 1, data: 'last words' }])
    })

    await t.test(
      `${transport.name} clients of a node that goes are spread over when they come back`,
      async (t) => {
        const own = await startNode(t, ['--drain-ms', `${DRAIN_MS}`])
        const clients: TransportClient[] = []
        for (let left = CLIENTS; left > 0; left--) clients.push(await openAndWait(t, transport, own))
        const stopped = own.stop()
        for (const client of clients) {
          assert.deepEqual(await client.closed(), { code: 3001, reason: 'draining' })
          const { retryAfterMs = -1, ...bye } = client.bye() ?? {}
          assert.deepEqual(bye, { code: 3001, reason: 'draining' })
          assert.ok(retryAfterMs >= 1 && retryAfterMs <= DRAIN_MS, `${retryAfterMs}`)
        }
        const times = new Set(clients.map((client) => client.bye()?.retryAfterMs))
        assert.ok(times.size > CLIENTS / 3, `${times.size} different times`)
        assert.equal(await stopped, 0)
      },
    )
  }

  await t.test(
    'a poll that another poll of its session replaces is told so, and the other goes on',
    async () => {
      const channel = channelFor('replaced')
      const commands = [
        { id: 1, connect: {} },
        { id: 2, subscribe: { channel } },
      ]
      const first = await post(`${node.publicUrl}/poll`, { commands })
      const [connected, subscribed] = first.body as unknown as WireReply[]
      const positions = { [channel]: subscribed?.ok }
      const poll = () => post(`${node.publicUrl}/poll`, { capsule: connected?.ok?.capsule, positions })
      const [one, other] = [poll(), poll()]
      const replaced = await Promise.race([one, other])
      const bye = { code: 3012, reason: 'The session went on with another poll' }
      assert.deepEqual(replaced, { status: 200, body: [{ bye }] })
      await publish(node, channel, 'for the other')
      const answers = await Promise.all([one, other])
      const went = answers.find((answer) => answer !== replaced)
      assert.deepEqual(went?.body, [{ channel, offset: 1, data: 'for the other' }])
    },
  )

  for (const [from, to] of transportChanges) {
    await t.test(
      `a session that goes on over ${to.name} is over where it was, over ${from.name}`,
      async (t) => {
        const user = channelFor('moved', from, to)
        const first = await openAndWait(t, from, node, { token: tokenOf(user), resume: true })
        const second = await open(t, to, node, { resume: first.capsule() })
        assert.deepEqual([(await first.closed()).code, first.bye()?.code], [3012, 3012])
        await publish(node, `@${user}`, 'where are you')
        await second.received(`@${user}`, 1)
        assert.equal(first.publications.length, 0)
        const answer = await post(`${node.internalUrl}/api/disconnect`, { user })
        assert.deepEqual(answer.body, { disconnected: 1 }, 'it is one session')
      },
    )
  }
})

/** Opens a client by which the node can say something: who polls has sent the poll that waits, and it is there. */
async function openAndWait(
  t: TestContext,
  transport: Transport,
  node: TestNode,
  options: OpenOptions = {},
): Promise<TransportClient> {
  const received = () => counter(node.internalUrl, 'encke_received_bytes_total', { transport: 'long-poll' })
  if (transport.name !== 'long poll') return open(t, transport, node, options)
  const before = await received()
  const client = await open(t, transport, node, options)
  // The first one is what it is; the one that waits has the capsule, and something around it.
  const first = JSON.stringify({ commands: [{ id: 1, connect: options }] })
  const least = before + first.length + client.capsule().length
  await until(async () => (await received()) >= least, { what: 'the poll that waits to have come' })
  return client
}
