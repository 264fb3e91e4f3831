/**
 * Publications with a key, over every transport: asked again, they get the first place and are published once.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelFor, open, publish, startContractNode, tokenOf } from '../../support/contract.ts'
import { transports } from '../../support/transports.ts'

/** Longer than this process or the node may stand still between two polls of a session. */
const LINGER = ['--session-linger-ms', '15000'] as const

test('publications with a key', async (t) => {
  const node = await startContractNode(t, LINGER)

  for (const transport of transports) {
    await t.test(`${transport.name} client that asks twice publishes once`, async (t) => {
      const channel = channelFor('open_once', transport)
      const client = await open(t, transport, node)
      await client.ok({ subscribe: { channel } })
      const first = await client.ok({ publish: { channel, data: 'once', key: 'k1' } })
      assert.deepEqual(await client.ok({ publish: { channel, data: 'once', key: 'k1' } }), first)
      assert.deepEqual(await client.ok({ publish: { channel, data: 'other data', key: 'k1' } }), first)
      assert.equal((await client.ok({ publish: { channel, data: 'twice', key: 'k2' } })).offset, 2)
      await client.ok({ publish: { channel, data: 'no key' } })
      await client.ok({ publish: { channel, data: 'no key' } })
      assert.deepEqual(
        (await client.received(channel, 4)).map(({ data }) => data),
        ['once', 'twice', 'no key', 'no key'],
      )
    })

    await t.test(`${transport.name} client may use a key again on another channel`, async (t) => {
      const names = ['a', 'b'].map((name) => channelFor(`open_key-${name}`, transport))
      const client = await open(t, transport, node)
      for (const channel of names) {
        assert.equal((await client.ok({ publish: { channel, data: 1, key: 'same' } })).offset, 1)
      }
    })

    await t.test(`${transport.name} client repeats a publication after it came back`, async (t) => {
      const channel = channelFor('open_again', transport)
      const token = tokenOf(channelFor('repeater', transport))
      const first = await open(t, transport, node, { token, resume: true })
      const { epoch, offset } = await first.ok({ publish: { channel, data: 1, key: 'k' } })
      await first.close()
      const second = await open(t, transport, node, { resume: first.capsule() })
      assert.deepEqual(await second.ok({ publish: { channel, data: 1, key: 'k' } }), { epoch, offset })
      assert.deepEqual(await publish(node, channel, 'next'), { epoch, offset: 2 })
    })
  }
})
