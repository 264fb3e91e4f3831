/**
 * The history command, over every transport: what a channel keeps, forwards or backwards, in pages, with its gaps.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelFor, open, publish, publishMany, startContractNode } from '../../support/contract.ts'
import { transports } from '../../support/transports.ts'
import type { Fields, WirePublication } from '../../support/wire.ts'

/** What a channel `kept_…` keeps. */
const KEPT = 100

test('history', async (t) => {
  const node = await startContractNode(t, ['--max-history-per-command', '40'])

  for (const transport of transports) {
    await t.test(`${transport.name} client gets what is kept, whole`, async (t) => {
      const channel = channelFor('kept_whole', transport)
      const client = await open(t, transport, node)
      assert.deepEqual((await client.ok({ history: { channel } })).publications, [])
      await publish(node, channel, { n: 1 }, { event: 'first' })
      const { epoch } = await publish(node, channel, { n: 2 })
      const page = await client.ok({ history: { channel } })
      const times = (page.publications as { time: number }[]).map(({ time }) => time)
      assert.ok(times.every((time) => Math.abs(time - Date.now()) < 60_000))
      assert.deepEqual(page, {
        epoch,
        offset: 2,
        publications: [
          { channel, offset: 1, event: 'first', data: { n: 1 }, time: times[0] },
          { channel, offset: 2, data: { n: 2 }, time: times[1] },
        ],
      })
      assert.deepEqual(client.publications, [], 'history is not a subscription')
    })

    await t.test(`${transport.name} client turns the pages of a history in either direction`, async (t) => {
      const channel = channelFor('kept_pages', transport)
      const client = await open(t, transport, node)
      await publishMany(node, channel, 30)
      const { epoch, offset } = await client.ok({ history: { channel, limit: 1, reverse: true } })
      assert.equal(offset, 30)
      const ask = async (more: Fields) => offsetsOf(await client.ok({ history: { channel, ...more } }))
      assert.deepEqual(await ask({ since: { epoch, offset: 0 }, limit: 3 }), [1, 2, 3])
      assert.deepEqual(await ask({ since: { epoch, offset: 3 }, limit: 3 }), [4, 5, 6])
      assert.deepEqual(await ask({ since: { epoch, offset: 28 }, limit: 10 }), [29, 30])
      assert.deepEqual(await ask({ since: { epoch, offset: 30 } }), [])
      assert.deepEqual(await ask({ limit: 3, reverse: true }), [30, 29, 28])
      assert.deepEqual(await ask({ since: { epoch, offset: 27 }, reverse: true }), [30, 29, 28])
    })

    await t.test(`${transport.name} client gets no more at once than the node gives`, async (t) => {
      const channel = channelFor('kept_most', transport)
      const client = await open(t, transport, node)
      await publishMany(node, channel, 60)
      assert.equal(offsetsOf(await client.ok({ history: { channel } })).length, 40)
      assert.equal(offsetsOf(await client.ok({ history: { channel, limit: 1000 } })).length, 40)
    })

    await t.test(`${transport.name} client is told what of its question is not kept`, async (t) => {
      const channel = channelFor('kept_gap', transport)
      const client = await open(t, transport, node)
      await publishMany(node, channel, KEPT + 20)
      const first = await client.ok({ history: { channel, limit: 2 } })
      assert.deepEqual([first.offset, offsetsOf(first)], [KEPT + 20, [21, 22]])
      const ask = (since: Fields) => client.ok({ history: { channel, since, limit: 2 } })
      const trimmed = await ask({ epoch: first.epoch, offset: 5 })
      assert.deepEqual(trimmed.gap, { from: 6, to: 20, reason: 'trimmed' })
      assert.deepEqual(offsetsOf(trimmed), [21, 22])
      assert.equal(((await ask({ epoch: 'another', offset: 5 })) as { gap?: Fields }).gap?.reason, 'epoch')
      const future = await ask({ epoch: first.epoch, offset: KEPT + 30 })
      assert.deepEqual(future.gap, { from: KEPT + 21, to: KEPT + 30, reason: 'future' })
      assert.deepEqual(offsetsOf(future), [])
    })

    await t.test(
      `${transport.name} client is refused the history of what it may not subscribe to`,
      async (t) => {
        const client = await open(t, transport, node)
        assert.equal((await client.refused({ history: { channel: 'private_x' } })).name, 'ACCESS_DENIED')
        assert.equal((await client.refused({ history: { channel: 'nothing' } })).name, 'HISTORY_OFF')
      },
    )
  }
})

function offsetsOf(result: Fields): number[] {
  return (result.publications as WirePublication[]).map(({ offset }) => offset)
}
