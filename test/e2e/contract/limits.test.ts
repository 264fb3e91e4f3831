/**
 * Limits, over every transport: what is above a bound is refused by name, and the session lives on.
 *
 * The exception is a message that is too large: a socket ends with it, a request is answered with 413.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelFor, open, startContractNode } from '../../support/contract.ts'
import { transports } from '../../support/transports.ts'
import { until } from '../../support/until.ts'

/** Longer than this process or the node may stand still between two polls of a session. */
const LINGER = ['--session-linger-ms', '15000'] as const

const MESSAGE_BYTES = 4_000
const PUBLICATION_BYTES = 1_000
const COMMANDS_PER_SECOND = 20

test('limits', async (t) => {
  const node = await startContractNode(t, [
    ...LINGER,
    ...['--max-channels-per-session', '3', '--max-channels-per-command', '4'],
    ...['--max-message-bytes', `${MESSAGE_BYTES}`, '--max-publication-bytes', `${PUBLICATION_BYTES}`],
    ...['--max-commands-per-second', `${COMMANDS_PER_SECOND}`],
  ])

  for (const transport of transports) {
    await t.test(
      `${transport.name} client is refused one channel more than a session may hold`,
      async (t) => {
        const names = ['a', 'b', 'c', 'd'].map((name) => channelFor(name, transport))
        const client = await open(t, transport, node)
        const { channels } = await client.ok({ subscribe: { channels: names } })
        assert.deepEqual(
          (channels as { error?: { name: string } }[]).map(({ error }) => error?.name),
          [undefined, undefined, undefined, 'CHANNEL_LIMIT'],
        )
        assert.equal((await client.refused({ subscribe: { channel: names[3] } })).name, 'CHANNEL_LIMIT')
        await client.ok({ unsubscribe: { channel: names[0] } })
        await client.ok({ subscribe: { channel: names[3] } })
      },
    )

    await t.test(`${transport.name} client may not name too many channels or users at once`, async (t) => {
      const five = ['1', '2', '3', '4', '5']
      const client = await open(t, transport, node)
      assert.equal((await client.refused({ subscribe: { channels: five } })).name, 'CHANNEL_LIMIT')
      assert.equal((await client.refused({ users: { ids: five } })).name, 'CHANNEL_LIMIT')
      await client.ok({ users: { ids: five.slice(1) } })
    })

    await t.test(`${transport.name} client may publish up to the size limit and no more`, async (t) => {
      const channel = channelFor('open_size', transport)
      const client = await open(t, transport, node)
      await client.ok({ subscribe: { channel } })
      const fits = 'x'.repeat(PUBLICATION_BYTES - 2)
      const error = await client.refused({ publish: { channel, data: `${fits}x` } })
      assert.equal(error.name, 'PUBLICATION_TOO_LARGE')
      assert.equal((await client.ok({ publish: { channel, data: fits } })).offset, 1)
      assert.equal((await client.received(channel, 1))[0]?.data, fits)
    })

    await t.test(
      `${transport.name} client above its rate is told to slow down, and is heard again`,
      async (t) => {
        const client = await open(t, transport, node)
        const began = performance.now()
        for (let id = 2; id <= 101; id++) client.send({ id, ping: {} })
        await until(() => client.replies.length === 101, {
          what: () => `101 replies, ${client.replies.length} came`,
        })
        // One that begins anywhere in a second touches a second more than it is long; connect was a command as well.
        const seconds = Math.floor((performance.now() - began) / 1_000) + 2
        const errors = client.replies.flatMap(({ error }) => error ?? [])
        const heard = 100 - errors.length
        const most = seconds * COMMANDS_PER_SECOND
        assert.ok(heard >= COMMANDS_PER_SECOND - 1 && heard <= most, `${heard} of at most ${most} were heard`)
        assert.ok(errors.every(({ name, retry }) => name === 'COMMAND_RATE' && retry))
        // Ids went up beside those of the client: it has to go on above them.
        let id = 1_000
        await until(
          async () => {
            id++
            const own = id
            client.send({ id: own, ping: {} })
            const reply = await until(() => client.replies.find((one) => one.id === own), { what: 'a reply' })
            return reply.ok !== undefined
          },
          { what: 'the next second' },
        )
      },
    )

    await t.test(`${transport.name} client that sends too large a message is told so`, async (t) => {
      const channel = channelFor('open_large', transport)
      const client = await open(t, transport, node)
      const large = { id: 2, publish: { channel, data: 'x'.repeat(MESSAGE_BYTES) } }
      client.send(large)
      const reply = await until(() => client.replies[1], { what: 'the refusal' })
      assert.equal(reply.error?.name, 'MESSAGE_TOO_LARGE')
      if (!transport.isHttp) assert.equal((await client.closed()).code, 3526)
      const other = await open(t, transport, node)
      assert.equal((await other.ok({ stats: { channel } })).subscribers, 0)
    })
  }
})
