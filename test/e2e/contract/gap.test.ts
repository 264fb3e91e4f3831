/**
 * Gaps, over every transport: what a client can not get any more it is told, exactly, with the reason, and nothing else.
 *
 * Owns the three reasons (trimmed, epoch, future) on a node that keeps ten publications of a channel. A keeper stays
 * subscribed, so that the short ring of the channel is there.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  assertUnbroken,
  channelFor,
  keep,
  open,
  publish,
  publishMany,
  startContractNode,
} from '../../support/contract.ts'
import type { TestNode } from '../../support/node.ts'
import { openPoll } from '../../support/poll-client.ts'
import { openSse } from '../../support/sse-client.ts'
import { transports } from '../../support/transports.ts'
import type { Fields } from '../../support/wire.ts'
import type { TransportClient } from '../../support/wire-inbox.ts'

/** Longer than this process or the node may stand still between two polls of a session. */
const LINGER = ['--session-linger-ms', '15000'] as const

const RING = 10
const PUBLISHED = 30

test('gaps', async (t) => {
  const node = await startContractNode(t, ['--ring-size', `${RING}`, ...LINGER])

  for (const transport of transports) {
    await t.test(
      `${transport.name} client that missed more than is held gets a trimmed gap, then the rest`,
      async (t) => {
        const { channel, epoch } = await filled(t, node, channelFor('trimmed', transport))
        const client = await open(t, transport, node)
        const reply = await client.ok({ subscribe: { channel, since: { epoch, offset: 4 } } })
        assert.deepEqual(reply, {
          epoch,
          offset: PUBLISHED,
          recovered: false,
          gap: { from: 5, to: PUBLISHED - RING, reason: 'trimmed' },
        })
        await rest(client, node, channel, PUBLISHED - RING + 1)
      },
    )

    await t.test(
      `${transport.name} client that missed just what is held gets no gap, one before it does`,
      async (t) => {
        const { channel, epoch } = await filled(t, node, channelFor('edge', transport))
        const client = await open(t, transport, node)
        const since = { epoch, offset: PUBLISHED - RING }
        assert.equal((await client.ok({ subscribe: { channel, since } })).recovered, true)
        await rest(client, node, channel, since.offset + 1)
        // One more has been published: the oldest of before is out, and the same position one too old.
        const other = await open(t, transport, node)
        const { gap } = await other.ok({ subscribe: { channel, since } })
        assert.deepEqual(gap, { from: since.offset + 1, to: since.offset + 1, reason: 'trimmed' })
      },
    )

    await t.test(
      `${transport.name} client with a position of another epoch learns so and gets what is held`,
      async (t) => {
        const { channel, epoch } = await filled(t, node, channelFor('epoch', transport))
        const client = await open(t, transport, node)
        const reply = await client.ok({ subscribe: { channel, since: { epoch: 'another', offset: 7 } } })
        assert.equal(reply.recovered, false)
        assert.deepEqual(reply.gap, { from: 1, to: PUBLISHED - RING, reason: 'epoch', epoch })
        await rest(client, node, channel, PUBLISHED - RING + 1)
      },
    )

    await t.test(`${transport.name} client of another epoch misses nothing of a young channel`, async (t) => {
      const { channel, epoch } = await filled(t, node, channelFor('young', transport), 3)
      const client = await open(t, transport, node)
      const reply = await client.ok({ subscribe: { channel, since: { epoch: 'another', offset: 7 } } })
      assert.deepEqual([reply.recovered, reply.gap], [false, { from: 1, to: 0, reason: 'epoch', epoch }])
      await rest(client, node, channel, 1, 3)
    })

    await t.test(`${transport.name} client that is ahead of the channel falls back to it`, async (t) => {
      const { channel, epoch } = await filled(t, node, channelFor('future', transport))
      const client = await open(t, transport, node)
      const reply = await client.ok({ subscribe: { channel, since: { epoch, offset: PUBLISHED + 5 } } })
      assert.deepEqual(reply, {
        epoch,
        offset: PUBLISHED,
        recovered: false,
        gap: { from: PUBLISHED + 1, to: PUBLISHED + 5, reason: 'future' },
      })
      await rest(client, node, channel, PUBLISHED + 1)
      assert.deepEqual(client.position(channel), { epoch, offset: PUBLISHED + 1 })
    })

    await t.test(`${transport.name} client that asks for all that is held is told what is not`, async (t) => {
      const { channel } = await filled(t, node, channelFor('all', transport))
      const client = await open(t, transport, node)
      const reply = await client.ok({ subscribe: { channel, since: { epoch: '', offset: 0 } } })
      assert.deepEqual(reply.gap, { from: 1, to: PUBLISHED - RING, reason: 'trimmed' })
      await rest(client, node, channel, PUBLISHED - RING + 1)
    })

    await t.test(`${transport.name} client gets a gap for each channel of a list that has one`, async (t) => {
      const a = await filled(t, node, channelFor('list-a', transport))
      const b = await filled(t, node, channelFor('list-b', transport), 5)
      const client = await open(t, transport, node)
      const asked = [a, b].map(({ channel, epoch }) => ({ channel, since: { epoch, offset: 2 } }))
      const { channels } = await client.ok({ subscribe: { channels: asked } })
      assert.deepEqual(
        (channels as Fields[]).map(({ recovered, gap }) => [recovered, gap]),
        [
          [false, { from: 3, to: PUBLISHED - RING, reason: 'trimmed' }],
          [true, undefined],
        ],
      )
      await rest(client, node, a.channel, PUBLISHED - RING + 1)
      await rest(client, node, b.channel, 3, 5)
    })

    await t.test(
      `${transport.name} client recovers from a history longer than the ring, nobody subscribed`,
      async (t) => {
        const channel = channelFor('kept_long', transport)
        await publishMany(node, channel, PUBLISHED)
        const client = await open(t, transport, node)
        const reply = await client.ok({ subscribe: { channel, since: { epoch: '', offset: 0 } } })
        assert.deepEqual([reply.recovered, reply.gap], [true, undefined])
        await rest(client, node, channel, 1)
      },
    )
  }

  for (const [name, openWith] of [
    ['long poll', openPoll],
    ['SSE', openSse],
  ] as const) {
    await t.test(
      `${name} client that names its positions is told its gaps before what follows them`,
      async (t) => {
        const slug = name.replace(' ', '-')
        const a = await filled(t, node, `named-trimmed-${slug}`)
        const b = await filled(t, node, `named-future-${slug}`)
        const c = await filled(t, node, `named-epoch-${slug}`)
        const client = await openWith(node, {
          positions: {
            [a.channel]: { epoch: a.epoch, offset: 1 },
            [b.channel]: { epoch: b.epoch, offset: PUBLISHED + 3 },
            [c.channel]: { epoch: 'another', offset: 1 },
            private_none: { epoch: '', offset: 0 },
          },
        })
        t.after(() => client.close())
        for (const { channel } of [a, b, c]) await publish(node, channel, PUBLISHED + 1)
        assertUnbroken(await client.received(a.channel, RING + 1), PUBLISHED - RING + 1)
        assertUnbroken(await client.received(b.channel, 1), PUBLISHED + 1)
        assertUnbroken(await client.received(c.channel, RING + 1), PUBLISHED - RING + 1)
        const byChannel = new Map(client.gaps.map(({ channel, ...gap }) => [channel, gap]))
        assert.equal(client.gaps.length, 3)
        assert.deepEqual(byChannel.get(a.channel), { from: 2, to: PUBLISHED - RING, reason: 'trimmed' })
        assert.deepEqual(byChannel.get(b.channel), {
          from: PUBLISHED + 1,
          to: PUBLISHED + 3,
          reason: 'future',
        })
        assert.deepEqual(byChannel.get(c.channel), {
          from: 1,
          to: PUBLISHED - RING,
          reason: 'epoch',
          epoch: c.epoch,
        })
        for (const { channel } of [a, b, c]) {
          const ofChannel = (client.messages as Fields[]).filter((message) => message.channel === channel)
          assert.ok(ofChannel[0] !== undefined && 'gap' in ofChannel[0], `the gap comes first on ${channel}`)
        }
        assert.deepEqual(
          client.refusals.map(({ channel, error }) => [channel, error.name]),
          [['private_none', 'ACCESS_DENIED']],
        )
      },
    )
  }
})

/** A channel with a keeper and publications 1 to `count`. */
async function filled(t: TestContext, node: TestNode, channel: string, count = PUBLISHED) {
  const { epoch } = await keep(t, node, channel)
  await publishMany(node, channel, count)
  return { channel, epoch }
}

/** What is held from `first` on comes, then the next one live; and nothing else of the channel. */
async function rest(
  client: TransportClient,
  node: TestNode,
  channel: string,
  first: number,
  published = PUBLISHED,
): Promise<void> {
  const { offset } = await publish(node, channel, 'live')
  assert.ok(offset > published)
  assertUnbroken(await client.received(channel, offset - first + 1), first, offset)
}
