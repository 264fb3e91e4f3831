/**
 * What a client can say wrong, and what it is told.
 *
 * Owns bad messages on a WebSocket that opened well, in both wire formats. After each of them there was a named error,
 * a counter rose, and a witness on the same node noticed nothing. Tokens, connections and publishers have files of
 * their own beside this one.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startNode, type TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import { type Fields, formats, openClient, openSocket, post, type WireClient } from '../support/wire.ts'
import { startWitness, type Witness } from '../support/witness.ts'

const ERRORS = 'encke_command_errors_total'
const CLOSED = 'encke_connections_closed_total'
const MEGABYTE = 1_000_000

/** Messages whose refusal names `field`; the reply has the id of the command. */
const wrongFields: readonly (readonly [command: Fields, field: string])[] = [
  [{ connect: 'now' }, 'connect'],
  [{ connect: null }, 'connect'],
  [{ connect: [] }, 'connect'],
  [{ connect: { token: 17 } }, 'connect.token'],
  [{ connect: { token: {} } }, 'connect.token'],
  [{ subscribe: {} }, 'subscribe.channel'],
  [{ subscribe: { channel: null } }, 'subscribe.channel'],
  [{ subscribe: { channel: ['a'] } }, 'subscribe.channel'],
  [{ subscribe: { channels: 'a' } }, 'subscribe.channels'],
  [{ subscribe: { channels: ['a', 1] } }, 'subscribe.channels[1]'],
  [{ subscribe: { channels: ['a', {}] } }, 'subscribe.channels[1].channel'],
  [{ subscribe: { channels: ['a'], since: { epoch: '', offset: 0 } } }, 'subscribe.since'],
  [{ subscribe: { channel: 'a', since: 4 } }, 'subscribe.since'],
  [{ subscribe: { channel: 'a', since: { epoch: 'k3', offset: -1 } } }, 'subscribe.since.offset'],
  [{ subscribe: { channels: { length: 1 } } }, 'subscribe.channels'],
  [{ subscribe: { channel: 'a', channels: ['b'] } }, 'subscribe.channel'],
  [{ unsubscribe: { channel: 1 } }, 'unsubscribe.channel'],
  [{ publish: { data: 1 } }, 'publish.channel'],
  [{ publish: { channel: 'web_a' } }, 'publish.data'],
  [{ publish: { channel: 'web_a', data: 1, event: 5 } }, 'publish.event'],
  [{ publish: { channel: 'web_a', data: 1, key: 5 } }, 'publish.key'],
  [{ history: {} }, 'history.channel'],
  [{ history: { channel: 'a', limit: 0 } }, 'history.limit'],
  [{ history: { channel: 'a', reverse: 1 } }, 'history.reverse'],
  [{ presence: { channel: 4 } }, 'presence.channel'],
  [{ refresh: {} }, 'refresh.token'],
  [{ connect: { resume: 4 } }, 'connect.resume'],
  [{ users: {} }, 'users.ids'],
  [{ users: { ids: '17' } }, 'users.ids'],
  [{ users: { ids: [17] } }, 'users.ids'],
  [{ stats: { channel: true } }, 'stats.channel'],
  [{ ping: 1 }, 'ping'],
]

const badIds: readonly unknown[] = [0, -1, 1.5, '1', null, true, [1], {}, 2 ** 53, undefined]

const badChannels = [
  '',
  '\u0000',
  'a\nb',
  'web_\u007f',
  'web_\u0085',
  'web_\ufffd',
  'x'.repeat(300),
  'ü'.repeat(128),
  '@',
]

for (const format of formats) {
  test(`bad ${format} messages`, async (t) => {
    const node = await startNode(t, [
      '--max-commands-per-second',
      '0',
      '--max-message-bytes',
      `${2 * MEGABYTE}`,
    ])
    const witness = await startWitness(t, node)
    const open = async (t: TestContext) => {
      const client = await openClient(node.wsUrl, { format })
      t.after(() => client.close())
      return client
    }

    await t.test('a command nobody knows is refused by name', async (t) => {
      const client = await open(t)
      for (const command of [
        { dance: {} },
        {},
        { Ping: {} },
        { constructor: {} },
        { toString: {} },
        { ok: {} },
      ]) {
        const error = await witness.sees(ERRORS, 'UNKNOWN_COMMAND', () => client.refused(command))
        assert.equal(error.name, 'UNKNOWN_COMMAND')
      }
      const two = await client.refused({ ping: {}, stats: { channel: 'a' } })
      assert.equal(two.name, 'UNKNOWN_COMMAND')
      assert.deepEqual(await client.ok({ ping: {} }), { sum: 0 })
    })

    await t.test('a field of the wrong type is named in the refusal', async (t) => {
      const client = await open(t)
      await witness.sees(ERRORS, 'INVALID_ARGUMENT', async () => {
        for (const [command, field] of wrongFields) {
          const error = await client.refused(command)
          assert.equal(error.name, 'INVALID_ARGUMENT', JSON.stringify(command))
          assert.ok(error.message.includes(`"${field}"`), `${error.message} names ${field}`)
          assert.equal(error.retry, false)
        }
      })
      assert.deepEqual(await client.ok({ ping: {} }), { sum: 0 })
    })

    await t.test('an id that is none is answered under id 0', async (t) => {
      const client = await open(t)
      await witness.sees(ERRORS, 'INVALID_ARGUMENT', async () => {
        for (const id of badIds) client.send({ ...(id === undefined ? {} : { id }), ping: {} })
        await until(() => repliesTo(client, 0).length === badIds.length, { what: 'a reply to each' })
      })
      assert.ok(repliesTo(client, 0).every(({ error }) => error?.name === 'INVALID_ARGUMENT'))
      assert.deepEqual(await client.ok({ ping: {} }), { sum: 0 })
    })

    await t.test('a message that is no object is answered under id 0', async (t) => {
      const client = await open(t)
      const messages = [1, 'ping', null, true, [], [{ id: 2, ping: {} }]]
      await witness.sees(ERRORS, 'INVALID_ARGUMENT', async () => {
        for (const message of messages) client.send(message)
        await until(() => repliesTo(client, 0).length === messages.length, { what: 'a reply to each' })
      })
      assert.deepEqual(await client.ok({ ping: {} }), { sum: 0 })
    })

    await t.test('an id that was used before, or is lower, is refused', async (t) => {
      const client = await open(t)
      await witness.sees(ERRORS, 'DUPLICATE_ID', async () => {
        client.send({ id: 10, ping: {} })
        client.send({ id: 10, publish: { channel: 'web_twice', data: 1 } })
        client.send({ id: 9, ping: {} })
        await until(() => client.replies.length === 4, { what: 'three more replies' })
      })
      const names = client.replies.slice(1).map(({ id, error }) => [id, error?.name ?? 'ok'])
      assert.deepEqual(names, [
        [10, 'ok'],
        [10, 'DUPLICATE_ID'],
        [9, 'DUPLICATE_ID'],
      ])
      const { body } = await get(`${node.internalUrl}/api/channels/web_twice`)
      assert.equal(body.offset, 0, 'the refused command was not run')
    })

    await t.test('any command before connect is refused', async (t) => {
      const client = await openSocket(node.wsUrl, { format })
      t.after(() => client.close())
      const commands = [
        { subscribe: { channel: 'a' } },
        { publish: { channel: 'web_a', data: 1 } },
        { ping: {} },
      ]
      for (const command of commands) {
        const error = await witness.sees(ERRORS, 'NOT_CONNECTED', () => client.refused(command))
        assert.equal(error.name, 'NOT_CONNECTED')
      }
    })

    await t.test('a channel name that can be none is refused wherever it stands', async (t) => {
      const client = await open(t)
      await witness.sees(ERRORS, 'INVALID_CHANNEL', async () => {
        for (const channel of badChannels) {
          for (const command of [
            { subscribe: { channel } },
            { publish: { channel, data: 1 } },
            { stats: { channel } },
          ]) {
            const { name, message } = await client.refused(command)
            assert.equal(name, 'INVALID_CHANNEL', `${Object.keys(command)[0]} ${JSON.stringify(channel)}`)
            assert.ok(message.length < 200 && !/\p{Cc}/u.test(message), 'the message is short and printable')
          }
          assert.equal((await client.refused({ unsubscribe: { channel } })).name, 'NOT_SUBSCRIBED')
        }
      })
    })

    await t.test('10,000 channels in one subscribe are refused as a whole', async (t) => {
      const client = await open(t)
      const channels = Array.from({ length: 10_000 }, (_, n) => `many-${n}`)
      const error = await witness.sees(ERRORS, 'CHANNEL_LIMIT', () =>
        client.refused({ subscribe: { channels } }),
      )
      assert.equal(error.name, 'CHANNEL_LIMIT')
      assert.match(error.message, /10000 of at most 128/)
      assert.equal((await client.refused({ users: { ids: channels } })).name, 'CHANNEL_LIMIT')
    })

    await t.test('the 129th channel of a session is refused, however the commands come', async (t) => {
      const [one, burst] = [await open(t), await open(t)]
      const channels = Array.from({ length: 128 }, (_, n) => `full-${n}`)
      await one.ok({ subscribe: { channels } })
      assert.equal((await one.refused({ subscribe: { channel: 'full-128' } })).name, 'CHANNEL_LIMIT')
      for (let n = 0; n < 200; n++) burst.send({ id: n + 2, subscribe: { channel: `burst-${format}-${n}` } })
      await until(() => burst.replies.length === 201, { what: '200 replies' })
      assert.equal(burst.replies.filter(({ error }) => error?.name === 'CHANNEL_LIMIT').length, 72)
      await witness.unharmed()
    })

    await t.test('a message far too large ends its connection and is counted', async (t) => {
      const client = await open(t)
      await witness.sees(CLOSED, 'MESSAGE_TOO_LARGE', async () => {
        client.send({ id: 2, publish: { channel: 'web_big', data: 'x'.repeat(5 * MEGABYTE) } })
        assert.equal((await client.closed()).code, 1006)
      })
    })

    await t.test('data above the size of a publication is refused', async (t) => {
      const client = await open(t)
      const data = 'x'.repeat(1_048_576)
      const command = { publish: { channel: 'web_big', data } }
      const error = await witness.sees(ERRORS, 'PUBLICATION_TOO_LARGE', () => client.refused(command))
      assert.equal(error.name, 'PUBLICATION_TOO_LARGE')
    })
  })
}

test('bad JSON', async (t) => {
  const node = await startNode(t, [
    '--max-commands-per-second',
    '0',
    '--max-message-bytes',
    `${2 * MEGABYTE}`,
  ])
  const witness = await startWitness(t, node)

  await t.test('text that is not JSON is told and ends the connection', async (t) => {
    for (const text of [
      '',
      'hello',
      '{"id":2,"ping":{}',
      '{"id":2,"ping":{}}x',
      '{"id":02,"ping":{}}',
      "{'id':2}",
    ]) {
      await endsAsBadMessage(t, node, witness, 'json', (client) => client.socket.send(text))
    }
  })

  await t.test('a binary frame is told and ends the connection', async (t) => {
    const message = Buffer.from('{"id":2,"ping":{}}')
    await endsAsBadMessage(t, node, witness, 'json', (client) => client.socket.send(message))
  })

  await t.test('invalid UTF-8 in a text frame ends the connection and is counted', async (t) => {
    const client = await openClient(node.wsUrl)
    t.after(() => client.close())
    await witness.sees(CLOSED, 'BAD_MESSAGE', async () => {
      client.socket.send(Buffer.from('{"id":2,"stats":{"channel":"\xff\xfe"}}', 'latin1'), { binary: false })
      assert.equal((await client.closed()).code, 1006)
    })
  })

  await t.test('a megabyte of nested arrays is refused, as a message and as data', async (t) => {
    const client = await openClient(node.wsUrl)
    t.after(() => client.close())
    const nested = nest(MEGABYTE / 2)
    await witness.sees(ERRORS, 'INVALID_ARGUMENT', async () => {
      client.socket.send(nested)
      await until(() => repliesTo(client, 0).length === 1, { what: 'a reply' })
    })
    await witness.sees(ERRORS, 'INVALID_DATA', async () => {
      client.socket.send(`{"id":5,"publish":{"channel":"web_deep","data":${nested}}}`)
      await until(() => repliesTo(client, 5)[0]?.error?.name === 'INVALID_DATA', { what: 'a reply' })
    })
    await client.close()
  })

  // MessagePack is encoded with one call per level: JSON of some thousand levels, which JSON.stringify still takes, once
  // ended the whole process as soon as a MessagePack subscriber was to get it.
  await t.test('data too deep for a MessagePack subscriber is refused before it gets there', async (t) => {
    const subscriber = await openClient(node.wsUrl, { format: 'msgpack' })
    const client = await openClient(node.wsUrl)
    t.after(() => Promise.all([subscriber.close(), client.close()]))
    await subscriber.ok({ subscribe: { channel: 'web_deep' } })
    await witness.sees(ERRORS, 'INVALID_DATA', async () => {
      for (const depth of [501, 1000, 2000, 3000, 4000]) {
        const data = JSON.parse(nest(depth))
        assert.equal(
          (await client.refused({ publish: { channel: 'web_deep', data } })).name,
          'INVALID_DATA',
          `${depth}`,
        )
        const answer = await post(`${node.internalUrl}/api/publish`, { channel: 'web_deep', data })
        assert.equal(answer.status, 400)
      }
    })
    await client.ok({ publish: { channel: 'web_deep', data: JSON.parse(nest(500)) } })
    await subscriber.received('web_deep', 1)
  })
})

test('bad MessagePack', async (t) => {
  const node = await startNode(t, ['--max-commands-per-second', '0'])
  const witness = await startWitness(t, node)
  const bombs: Readonly<Record<string, string>> = {
    'an array of 4 billion': 'ddffffffff',
    'a map of 4 billion': 'dfffffffff',
    'a map of 65,535': 'deffff',
    'a string of 4 GB': 'dbffffffff61',
    'bytes of 4 GB': 'c6ffffffff61',
    'an extension of 4 GB': 'c9ffffffff0161',
    'a date': 'd6ff00000000',
    nothing: '',
    'the unused type': 'c1',
    'a cut map': '82a269640a',
    'a message and a byte more': '82a2696402a470696e6780c0',
    'arrays nested 60,000 deep': `${'91'.repeat(60_000)}c0`,
    'arrays of a thousand, each of a thousand': `${'dc03e8'.repeat(20_000)}`,
    'an array that doubles at each level': `${'dd0000ffff'.repeat(10_000)}`,
  }

  await t.test('bytes that lie about what follows are told and end the connection', async (t) => {
    for (const hex of Object.values(bombs)) {
      await endsAsBadMessage(t, node, witness, 'msgpack', (client) =>
        client.socket.send(Buffer.from(hex, 'hex')),
      )
    }
  })

  await t.test('a text frame is told and ends the connection', async (t) => {
    // 80 is an empty map in MessagePack, "\u0000" the integer 0: text that would decode.
    for (const text of ['{"id":2,"ping":{}}', '\u0000']) {
      await endsAsBadMessage(t, node, witness, 'msgpack', (client) => client.socket.send(text))
    }
  })

  await t.test('a channel name of broken UTF-8 is refused', async (t) => {
    const client = await openClient(node.wsUrl, { format: 'msgpack' })
    t.after(() => client.close())
    // {"id": 2, "subscribe": {"channel": <61 ff 62>}}
    const message = Buffer.from('82a2696402a973756273637269626581a76368616e6e656ca361ff62', 'hex')
    await witness.sees(ERRORS, 'INVALID_CHANNEL', async () => {
      client.socket.send(message)
      await until(() => repliesTo(client, 2)[0]?.error?.name === 'INVALID_CHANNEL', { what: 'a reply' })
    })
  })
})

/** Opens a client, does `act` and expects: an error under id 0, a goodbye, a close with the code, counters. */
async function endsAsBadMessage(
  t: TestContext,
  node: TestNode,
  witness: Witness,
  format: 'json' | 'msgpack',
  act: (client: WireClient) => void,
): Promise<void> {
  const client = await openClient(node.wsUrl, { format })
  t.after(() => client.close())
  await witness.sees(ERRORS, 'BAD_MESSAGE', async () => {
    act(client)
    assert.equal((await client.closed()).code, 3520)
  })
  assert.equal(repliesTo(client, 0)[0]?.error?.name, 'BAD_MESSAGE')
  assert.equal(client.bye()?.code, 3520)
}

function repliesTo(client: WireClient, id: number) {
  return client.replies.filter((reply) => reply.id === id)
}

/** JSON arrays, `depth` of them, one in the other. */
function nest(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

async function get(url: string): Promise<{ status: number; body: Fields }> {
  const response = await fetch(url)
  return { status: response.status, body: (await response.json()) as Fields }
}
