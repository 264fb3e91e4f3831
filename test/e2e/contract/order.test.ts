/**
 * Order, over every transport: subscribers of a channel get its publications by rising offset, all of them, none twice.
 *
 * The ring holds all that is published here, so that nobody may be told of a gap. Can not show order under back-pressure or across connections: slow readers are in test/fault, recovery beside this.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertUnbroken, channelFor, open, publish, startContractNode } from '../../support/contract.ts'
import { transports } from '../../support/transports.ts'
import { openPublisher, ops } from '../../support/wire.ts'

/** Longer than this process or the node may stand still between two polls of a session. */
const LINGER = ['--session-linger-ms', '15000'] as const

const PUBLICATIONS = 1_000
const CHANNELS = 10

test('order', async (t) => {
  const node = await startContractNode(t, ['--ring-size', '10000', ...LINGER])

  for (const transport of transports) {
    await t.test(`${transport.name} client gets what two publishers publish in one order`, async (t) => {
      const channel = channelFor('two', transport)
      const client = await open(t, transport, node)
      assert.equal((await client.ok({ subscribe: { channel } })).offset, 0)
      const lines = [
        await openPublisher({ port: node.publishPort }),
        await openPublisher({ port: node.publishPort }),
      ]
      t.after(() => Promise.all(lines.map((line) => line.close())))
      for (let n = 1; n <= PUBLICATIONS / 2; n++) {
        for (const [by, line] of lines.entries()) line.send(ops.publish, n + 1, channel, { by, n })
      }
      const publications = await client.received(channel, PUBLICATIONS)
      assertUnbroken(publications, 1, PUBLICATIONS)
      for (const by of lines.keys()) {
        const own = publications
          .map(({ data }) => data as { by: number; n: number })
          .filter((one) => one.by === by)
        assert.deepEqual(
          own.map(({ n }) => n),
          Array.from({ length: PUBLICATIONS / 2 }, (_, n) => n + 1),
          'each publisher is heard in its own order',
        )
      }
    })

    await t.test(`${transport.name} client keeps the channels of one session apart`, async (t) => {
      const names = Array.from({ length: CHANNELS }, (_, n) => channelFor(`many-${n}`, transport))
      const client = await open(t, transport, node)
      await client.ok({ subscribe: { channels: names } })
      const line = await openPublisher({ port: node.publishPort })
      t.after(() => line.close())
      for (let n = 1; n <= PUBLICATIONS; n++) line.send(ops.publish, n + 1, names[n % CHANNELS], n)
      for (const name of names) {
        assertUnbroken(await client.received(name, PUBLICATIONS / CHANNELS), 1, PUBLICATIONS / CHANNELS)
      }
      assert.equal(client.publications.length, PUBLICATIONS)
    })

    await t.test(`${transport.name} client gets its own publications among those of others`, async (t) => {
      const channel = channelFor('open_own', transport)
      const client = await open(t, transport, node)
      await client.ok({ subscribe: { channel } })
      const offsets: number[] = []
      for (let n = 0; n < 20; n++) {
        offsets.push((await publish(node, channel, `theirs ${n}`)).offset)
        offsets.push(Number((await client.ok({ publish: { channel, data: `own ${n}` } })).offset))
      }
      const publications = await client.received(channel, offsets.length)
      assertUnbroken(publications, 1, offsets.length)
      for (const [n, { data }] of publications.entries()) {
        const who = n % 2 === 0 ? 'theirs' : 'own'
        assert.equal(data, `${who} ${Math.floor(n / 2)}`, `offset ${offsets[n]}`)
      }
    })

    await t.test(`${transport.name} client gets nothing of a channel it left`, async (t) => {
      const [left, kept] = [channelFor('left', transport), channelFor('still', transport)]
      const client = await open(t, transport, node)
      await client.ok({ subscribe: { channels: [left, kept] } })
      await publish(node, left, 1)
      await client.received(left, 1)
      assert.deepEqual(await client.ok({ unsubscribe: { channel: left } }), {})
      await publish(node, left, 2)
      await publish(node, kept, 'after it')
      await client.received(kept, 1)
      assert.equal((await client.ok({ subscribe: { channel: left } })).offset, 2)
      await publish(node, left, 3)
      const publications = await client.received(left, 2)
      assert.deepEqual(
        publications.map(({ offset }) => offset),
        [1, 3],
      )
    })

    await t.test(`${transport.name} client gets every JSON value, event and nothing more`, async (t) => {
      const channel = channelFor('values', transport)
      const values = [
        null,
        true,
        0,
        -1.5,
        'text',
        '',
        [],
        {},
        { deep: [{ ü: '🙂\u2028\n\r\ndata: x' }] },
        2 ** 53,
      ]
      const client = await open(t, transport, node)
      await client.ok({ subscribe: { channel } })
      for (const data of values) await publish(node, channel, data, { event: 'happened' })
      await publish(node, channel, 'plain')
      assert.deepEqual(await client.received(channel, values.length + 1), [
        ...values.map((data, n) => ({ channel, offset: n + 1, event: 'happened', data })),
        { channel, offset: values.length + 1, data: 'plain' },
      ])
    })
  }
})
