/**
 * Recovery, over every transport and from each to each: who comes back with a position gets what it missed, then what
 * comes, with nothing between lost and nothing twice, however fast is published meanwhile.
 *
 * The ring is larger than what is published here, so no gap may be told; gap.test.ts has those.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertUnbroken,
  channelFor,
  keep,
  open,
  publish,
  publishMany,
  startContractNode,
  startFlow,
  tokenOf,
} from '../../support/contract.ts'
import { transportChanges, transports } from '../../support/transports.ts'
import type { WirePublication } from '../../support/wire.ts'
import type { Position } from '../../support/wire-inbox.ts'

/** Longer than this process or the node may stand still between two polls of a session. */
const LINGER = ['--session-linger-ms', '15000'] as const

const MISSED = 200
const RETURNS = 20

test('recovery', async (t) => {
  const node = await startContractNode(t, ['--ring-size', '100000', ...LINGER])

  for (const transport of transports) {
    await t.test(
      `${transport.name} client that comes back gets what it missed, then what comes`,
      async (t) => {
        const channel = channelFor('missed', transport)
        const first = await open(t, transport, node)
        await first.ok({ subscribe: { channel } })
        await publishMany(node, channel, 5)
        await first.received(channel, 5)
        const since = first.position(channel)
        await first.close()
        await publishMany(node, channel, MISSED)
        const second = await open(t, transport, node)
        const { epoch, offset, recovered, gap } = await second.ok({ subscribe: { channel, since } })
        assert.deepEqual([epoch, offset, recovered, gap], [since?.epoch, 5 + MISSED, true, undefined])
        await publishMany(node, channel, 5)
        assertUnbroken(await second.received(channel, MISSED + 5), 6, 10 + MISSED)
        assert.deepEqual(second.gaps, [])
      },
    )

    await t.test(`${transport.name} client that is up to date is recovered with nothing`, async (t) => {
      const channel = channelFor('current', transport)
      const client = await open(t, transport, node)
      const since = await publish(node, channel, 1)
      const { offset, recovered } = await client.ok({ subscribe: { channel, since } })
      assert.deepEqual([offset, recovered], [1, true])
      await publish(node, channel, 2)
      assertUnbroken(await client.received(channel, 1), 2, 2)
    })

    await t.test(
      `${transport.name} client loses and repeats nothing while the publisher never pauses`,
      async (t) => {
        const channel = channelFor('flow', transport)
        const barrier = channelFor('barrier', transport)
        const client = await open(t, transport, node)
        const { epoch } = await client.ok({ subscribe: { channel } })
        await client.ok({ subscribe: { channel: barrier } })
        const flow = await startFlow(t, node, channel)
        for (let n = 1; n <= RETURNS; n++) {
          await client.ok({ unsubscribe: { channel } })
          // Replies may overtake publications (SSE): what was under way has come once the barrier has.
          await publish(node, barrier, n)
          await client.received(barrier, n)
          const last = client.publications.findLast((one) => one.channel === channel)
          await flow.goOn(10)
          const since = { epoch, offset: last?.offset ?? 0 }
          const { recovered, gap } = await client.ok({ subscribe: { channel, since } })
          assert.deepEqual([recovered, gap], [true, undefined])
          await flow.goOn(10)
        }
        const count = await flow.stop()
        assertUnbroken(await client.received(channel, count), 1, count)
      },
    )

    await t.test(
      `${transport.name} client whose connection breaks in the middle of a flow recovers`,
      async (t) => {
        const channel = channelFor('broken', transport)
        await keep(t, node, channel)
        const flow = await startFlow(t, node, channel)
        const got: WirePublication[] = []
        let since: Position = { epoch: '', offset: 0 }
        for (let n = 0; n < 5; n++) {
          const client = await open(t, transport, node)
          const { recovered } = await client.ok({ subscribe: { channel, since } })
          assert.equal(recovered, true)
          await flow.goOn(20)
          await client.received(channel, 1)
          await client.close()
          got.push(...client.publications)
          since = client.position(channel) ?? since
        }
        const client = await open(t, transport, node)
        await client.ok({ subscribe: { channel, since } })
        const count = await flow.stop()
        await client.received(channel, count - since.offset)
        assertUnbroken([...got, ...client.publications], 1, count)
      },
    )

    await t.test(
      `${transport.name} client recovers many channels by one command, each for itself`,
      async (t) => {
        const names = ['a', 'b', 'c'].map((name) => channelFor(`each-${name}`, transport))
        const client = await open(t, transport, node)
        const [a = '', b = '', c = ''] = names
        for (const name of names) {
          await keep(t, node, name)
          await publishMany(node, name, 10)
        }
        const { epoch } = await publish(node, a, 'eleven')
        const { channels } = await client.ok({
          subscribe: {
            channels: [{ channel: a, since: { epoch, offset: 3 } }, { channel: b }, c, 'private_d'],
          },
        })
        const rows = channels as {
          channel: string
          offset?: number
          recovered?: boolean
          error?: { name: string }
        }[]
        assert.deepEqual(
          rows.map((row) => [row.channel, row.offset ?? row.error?.name, row.recovered]),
          [
            [a, 11, true],
            [b, 10, undefined],
            [c, 10, undefined],
            ['private_d', 'ACCESS_DENIED', undefined],
          ],
        )
        assertUnbroken(await client.received(a, 8), 4, 11)
        for (const name of names) await publish(node, name, 'live')
        assertUnbroken(await client.received(a, 9), 4, 12)
        assertUnbroken(await client.received(b, 1), 11, 11)
        assertUnbroken(await client.received(c, 1), 11, 11)
      },
    )

    await t.test(
      `${transport.name} client gets all that is held from the position before everything`,
      async (t) => {
        const channel = channelFor('kept_all', transport)
        await publishMany(node, channel, 50)
        const client = await open(t, transport, node)
        const { recovered } = await client.ok({ subscribe: { channel, since: { epoch: '', offset: 0 } } })
        assert.equal(recovered, true)
        assertUnbroken(await client.received(channel, 50), 1, 50)
      },
    )

    await t.test(`${transport.name} client gets what was sent to its user while it was away`, async (t) => {
      const user = channelFor('away', transport)
      const first = await open(t, transport, node, { token: tokenOf(user) })
      await publish(node, `@${user}`, 'one')
      await first.received(`@${user}`, 1)
      const since = first.position(`@${user}`)
      assert.ok(since)
      await first.close()
      for (const data of ['two', 'three']) await publish(node, `@${user}`, data)
      const second = await open(t, transport, node, { token: tokenOf(user), since })
      await publish(node, `@${user}`, 'four')
      const publications = await second.received(`@${user}`, 3)
      assertUnbroken(publications, 2, 4)
      assert.deepEqual(
        publications.map(({ data }) => data),
        ['two', 'three', 'four'],
      )
      const own = second.replies[0]?.ok?.own as { channel: string; recovered: boolean }
      assert.deepEqual([own.channel, own.recovered], [`@${user}`, true])
    })
  }

  for (const [from, to] of transportChanges) {
    await t.test(
      `a session goes on from ${from.name} to ${to.name} without loss or repetition`,
      async (t) => {
        const channel = channelFor('change', from, to)
        const token = tokenOf(channelFor('traveller', from, to))
        const first = await open(t, from, node, { token, resume: true })
        const session = first.replies[0]?.ok?.session
        await first.ok({ subscribe: { channel, since: { epoch: '', offset: 0 } } })
        const flow = await startFlow(t, node, channel)
        await first.received(channel, 50)
        await first.close()
        const second = await open(t, to, node, { resume: first.capsule() })
        assert.equal(second.replies[0]?.ok?.session, session)
        assert.equal(second.replies[0]?.ok?.user, first.replies[0]?.ok?.user)
        const since = first.position(channel)
        assert.ok(since)
        const reply = await second.ok({ subscribe: { channel, since } })
        assert.equal(reply.recovered, true)
        await flow.goOn(50)
        const count = await flow.stop()
        await second.received(channel, count - since.offset)
        assertUnbroken([...first.publications, ...second.publications], 1, count)
      },
    )
  }
})
