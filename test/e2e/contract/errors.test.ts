/**
 * Errors, over every transport: a command that can not be done is answered with the same name, and nothing else changes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codes } from '../../../src/codes.ts'
import { channelFor, open, publish, startContractNode } from '../../support/contract.ts'
import { transports } from '../../support/transports.ts'
import { until } from '../../support/until.ts'
import type { Fields } from '../../support/wire.ts'

/** Longer than this process or the node may stand still between two polls of a session. */
const LINGER = ['--session-linger-ms', '15000'] as const

const epoch = 'k3'

/** Commands that are none, by the error they get. */
const REFUSED: readonly (readonly [name: keyof typeof codes, command: Fields])[] = [
  ['UNKNOWN_COMMAND', { dance: {} }],
  ['UNKNOWN_COMMAND', {}],
  ['UNKNOWN_COMMAND', { ping: {}, stats: { channel: 'a' } }],
  ['INVALID_ARGUMENT', { subscribe: {} }],
  ['INVALID_ARGUMENT', { subscribe: { channel: 17 } }],
  ['INVALID_ARGUMENT', { subscribe: null }],
  ['INVALID_ARGUMENT', { subscribe: { channel: 'a', since: 5 } }],
  ['INVALID_ARGUMENT', { subscribe: { channel: 'a', since: { epoch, offset: -1 } } }],
  ['INVALID_ARGUMENT', { subscribe: { channel: 'a', since: { epoch: 1, offset: 1 } } }],
  ['INVALID_ARGUMENT', { subscribe: { channel: 'a', since: { epoch: 'x'.repeat(65), offset: 1 } } }],
  ['INVALID_ARGUMENT', { subscribe: { channels: [{ since: { epoch, offset: 1 } }] } }],
  ['INVALID_ARGUMENT', { publish: { channel: 'open_a', data: 1, key: 5 } }],
  ['INVALID_ARGUMENT', { publish: { channel: 'open_a', data: 1, key: 'x'.repeat(129) } }],
  ['INVALID_ARGUMENT', { publish: { channel: 'open_a' } }],
  ['INVALID_ARGUMENT', { history: { channel: 'kept_a', limit: 0 } }],
  ['INVALID_ARGUMENT', { history: { channel: 'kept_a', limit: 1.5 } }],
  ['INVALID_ARGUMENT', { history: { channel: 'kept_a', reverse: 'yes' } }],
  ['INVALID_ARGUMENT', { presence: {} }],
  ['INVALID_ARGUMENT', { users: { ids: 'all' } }],
  ['INVALID_ARGUMENT', { refresh: {} }],
  ['INVALID_CHANNEL', { subscribe: { channel: '' } }],
  ['INVALID_CHANNEL', { subscribe: { channel: 'a\nb' } }],
  ['INVALID_CHANNEL', { subscribe: { channel: 'x'.repeat(256) } }],
  ['INVALID_CHANNEL', { publish: { channel: '', data: 1 } }],
  ['ACCESS_DENIED', { subscribe: { channel: 'private_a' } }],
  ['ACCESS_DENIED', { subscribe: { channel: '@17' } }],
  ['ACCESS_DENIED', { publish: { channel: 'news', data: 1 } }],
  ['ACCESS_DENIED', { publish: { channel: '@17', data: 1 } }],
  ['ACCESS_DENIED', { stats: { channel: 'off_a' } }],
  ['NOT_SUBSCRIBED', { unsubscribe: { channel: 'never' } }],
  ['HISTORY_OFF', { history: { channel: 'no-history' } }],
]

test('errors', async (t) => {
  const node = await startContractNode(t, LINGER)

  for (const transport of transports) {
    await t.test(`${transport.name} client is refused by name and number, and lives on`, async (t) => {
      const channel = channelFor('alive', transport)
      const client = await open(t, transport, node)
      await client.ok({ subscribe: { channel } })
      for (const [name, command] of REFUSED) {
        const error = await client.refused(command)
        const text = JSON.stringify(command)
        assert.deepEqual(
          [error.name, error.code, error.retry],
          [name, codes[name].reply, codes[name].retry],
          text,
        )
        assert.match(error.message, /^\S.*[^.]$/s, text)
      }
      await publish(node, channel, 'still there')
      assert.equal((await client.received(channel, 1))[0]?.data, 'still there')
    })

    await t.test(`${transport.name} client can not subscribe twice or connect twice`, async (t) => {
      const channel = channelFor('twice', transport)
      const client = await open(t, transport, node)
      await client.ok({ subscribe: { channel } })
      assert.equal((await client.refused({ subscribe: { channel } })).name, 'ALREADY_SUBSCRIBED')
      assert.equal((await client.refused({ connect: {} })).name, 'ALREADY_CONNECTED')
      await publish(node, channel, 1)
      await client.received(channel, 1)
    })

    await t.test(
      `${transport.name} client gets the replies to commands it sent without waiting`,
      async (t) => {
        const channel = channelFor('open_burst', transport)
        const client = await open(t, transport, node)
        client.send({ id: 2, subscribe: { channel } })
        client.send({ id: 30, publish: { channel, data: 'x' } })
        client.send({ id: 31, dance: {} })
        client.send({ id: 32, ping: {} })
        await client.received(channel, 1)
        const answered = (id: number) =>
          until(() => client.replies.find((reply) => reply.id === id), { what: `reply ${id}` })
        assert.notEqual((await answered(32)).ok, undefined)
        assert.equal((await answered(2)).ok?.offset, 0)
        assert.equal((await answered(30)).ok?.offset, 1)
        assert.equal((await answered(31)).error?.name, 'UNKNOWN_COMMAND')
      },
    )
  }
})
