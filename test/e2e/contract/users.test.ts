/**
 * Users and numbers, over every transport: who is online, when others were last seen, how many are on a channel.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelFor, open, publish, startContractNode, tokenOf } from '../../support/contract.ts'
import { openSse } from '../../support/sse-client.ts'
import { transports } from '../../support/transports.ts'
import { until } from '../../support/until.ts'

test('users and numbers', async (t) => {
  const node = await startContractNode(t)

  for (const transport of transports) {
    await t.test(
      `${transport.name} client learns who is online and when others were last seen`,
      async (t) => {
        const [here, gone, never] = ['here', 'gone', 'never'].map((name) => channelFor(name, transport))
        const ids = [never, gone, here]
        const client = await open(t, transport, node, { token: tokenOf(String(here)) })
        const other = await open(t, transport, node, { token: tokenOf(String(gone)) })
        const ask = () => client.ok({ users: { ids } })
        assert.deepEqual(await ask(), { online: [gone, here], lastSeen: {} })
        const closedMs = Date.now()
        await other.close()
        const { lastSeen } = await until(
          async () => {
            const answer = await ask()
            return (answer.online as string[]).length === 1 && answer
          },
          { what: 'the other to be gone' },
        )
        assert.deepEqual(Object.keys(lastSeen as object), [gone])
        const seenMs = (lastSeen as Record<string, number>)[String(gone)] ?? 0
        assert.ok(
          seenMs >= closedMs - 1 && seenMs <= Date.now(),
          `${seenMs - closedMs} ms after it was closed`,
        )
      },
    )

    await t.test(`${transport.name} client is told how many subscribers a channel has`, async (t) => {
      const channel = channelFor('counted', transport)
      const clients = [await open(t, transport, node), await open(t, transport, node)]
      const [client = assert.fail(), other = assert.fail()] = clients
      assert.deepEqual(await client.ok({ stats: { channel } }), { channel, subscribers: 0 })
      for (const one of clients) await one.ok({ subscribe: { channel } })
      assert.deepEqual(await client.ok({ stats: { channel } }), { channel, subscribers: 2 })
      await other.ok({ unsubscribe: { channel } })
      assert.deepEqual(await client.ok({ stats: { channel } }), { channel, subscribers: 1 })
      await other.ok({ subscribe: { channel } })
      await other.close()
      await until(async () => (await client.ok({ stats: { channel } })).subscribers === 1, {
        what: 'the subscriber that vanished to be counted out',
      })
    })

    await t.test(
      `${transport.name} client is told the sum of its offsets, or that there is none`,
      async (t) => {
        const user = channelFor('summed', transport)
        const names = ['a', 'b'].map((name) => channelFor(`sum-${name}`, transport))
        const client = await open(t, transport, node, { token: tokenOf(user) })
        await publish(node, String(names[0]), 'before')
        await client.ok({ subscribe: { channels: names } })
        if (transport.isHttp) {
          // Replies come another way than publications: a sum in them would be of another moment.
          assert.deepEqual(await client.ok({ ping: {} }), {})
          return
        }
        const sum = async () => (await client.ok({ ping: {} })).sum
        assert.equal(await sum(), 1)
        for (const name of [...names, `@${user}`]) {
          await publish(node, name, 'x')
          await client.received(name, 1)
        }
        assert.equal(await sum(), 4)
        const own = [...names, `@${user}`].map((name) => client.position(name)?.offset ?? 0)
        assert.equal(
          own.reduce((total, offset) => total + offset, 0),
          4,
        )
        await client.ok({ unsubscribe: { channel: names[0] } })
        assert.equal(await sum(), 2)
      },
    )
  }
})

// Only an EventSource needs the positions told: the ids of its events, which event-source.test.ts looks at.
test('a stream is told the sum of its offsets with every heartbeat, and no ids', async (t) => {
  const node = await startContractNode(t, ['--ping-ms', '1000'])
  const client = await openSse(node, { connect: { resume: true } })
  t.after(() => client.close())
  await client.ok({ subscribe: { channels: ['beat-a', 'beat-b'] } })
  await publish(node, 'beat-a', 1)
  await publish(node, 'beat-a', 2)
  await publish(node, 'beat-b', 1)
  await until(() => client.sums.at(-1) === 3, { what: () => `a sum of 3, there were ${client.sums}` })
  assert.equal(client.lastEventId(), '')
})
