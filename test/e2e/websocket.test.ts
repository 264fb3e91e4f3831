/**
 * What a client may rely on over a WebSocket, in both wire formats, against a real node.
 *
 * Owns the contract of docs/client-protocol.md from the client's side: connect, channels, order, users, goodbyes. One node
 * per group of tests; every test uses channels and users of its own, so they share nothing they look at.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startNode, type TestNode } from '../support/node.ts'
import { type Signer, secondsFromNow, signToken } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import {
  formats,
  openClient,
  openPublisher,
  openSocket,
  ops,
  post,
  type WireClient,
  type WireClientOptions,
} from '../support/wire.ts'

const SECRET = 'a secret of more than sixteen bytes'
const PUBLICATIONS = 10_000
const hs256: Signer = { alg: 'HS256', secret: SECRET }

const tokenOf = (user: unknown) => signToken(hs256, { sub: user, exp: secondsFromNow(60) })

for (const format of formats) {
  test(`a ${format} client without tokens`, async (t) => {
    const node = await startNode(t, ['--max-commands-per-second', '0'])
    const open = opener(node, { format })

    await t.test(
      'connects as nobody, learns its session and ping interval, and is answered its pings',
      async (t) => {
        const client = await openSocket(node.wsUrl, { format })
        t.after(() => client.close())
        const ok = await client.ok({ connect: {} })
        assert.equal(ok.user, '')
        assert.match(String(ok.session), /^[\w-]{3,}$/)
        const other = await openSocket(node.wsUrl, { format })
        t.after(() => other.close())
        assert.notEqual((await other.ok({ connect: {} })).session, ok.session)
        assert.equal(ok.pingMs, 25_000)
        assert.deepEqual(await client.ok({ ping: {} }), { sum: 0 })
      },
    )

    await t.test('gets what is published after it subscribed, with event and every JSON value', async (t) => {
      const client = await open(t)
      const values = [null, true, 0, -1.5, 'text', '', [], {}, { deep: [{ ü: '🙂\u2028' }] }, 1e300, 2 ** 53]
      await publish(node, 'values', 'before')
      const { epoch, offset } = await client.ok({ subscribe: { channel: 'values' } })
      assert.equal(offset, 1)
      for (const value of values) await publish(node, 'values', value, 'happened')
      const publications = await client.received('values', values.length)
      assert.deepEqual(
        publications.map(({ data }) => data),
        values,
      )
      assert.deepEqual(
        publications.map((one) => one.offset),
        values.map((_, n) => n + 2),
      )
      assert.ok(publications.every(({ event, user }) => event === 'happened' && user === undefined))
      assert.ok(typeof epoch === 'string' && epoch.length > 0)
    })

    await t.test('leaves out the event when there is none', async (t) => {
      const client = await open(t)
      await client.ok({ subscribe: { channel: 'plain' } })
      await publish(node, 'plain', 1)
      assert.deepEqual(await client.received('plain', 1), [{ channel: 'plain', offset: 1, data: 1 }])
    })

    await t.test('subscribes to many channels at once and learns about each', async (t) => {
      const client = await open(t)
      await publish(node, 'many-b', 1)
      const { channels } = await client.ok({ subscribe: { channels: ['many-a', 'many-b', 'private_c', ''] } })
      const rows = channels as {
        channel: string
        offset?: number
        epoch?: string
        error?: { name: string }
      }[]
      assert.deepEqual(
        rows.map(({ channel, offset, error }) => [channel, offset ?? error?.name]),
        [
          ['many-a', 0],
          ['many-b', 1],
          ['private_c', 'ACCESS_DENIED'],
          ['', 'INVALID_CHANNEL'],
        ],
      )
      await publish(node, 'many-a', 'a')
      await publish(node, 'many-b', 'b')
      assert.equal((await client.received('many-a', 1))[0]?.data, 'a')
      assert.equal((await client.received('many-b', 1))[0]?.data, 'b')
    })

    await t.test('gets nothing of a channel it left', async (t) => {
      const client = await open(t)
      await client.ok({ subscribe: { channels: ['left', 'kept'] } })
      await publish(node, 'left', 1)
      await client.received('left', 1)
      assert.deepEqual(await client.ok({ unsubscribe: { channel: 'left' } }), {})
      await publish(node, 'left', 2)
      await publish(node, 'kept', 'after')
      await client.received('kept', 1)
      assert.equal(client.publications.filter(({ channel }) => channel === 'left').length, 1)
      assert.equal((await client.ok({ subscribe: { channel: 'left' } })).offset, 2)
    })

    await t.test('is refused a second subscription, and leaving what it does not have', async (t) => {
      const client = await open(t)
      await client.ok({ subscribe: { channel: 'twice' } })
      assert.equal((await client.refused({ subscribe: { channel: 'twice' } })).name, 'ALREADY_SUBSCRIBED')
      assert.equal((await client.refused({ unsubscribe: { channel: 'never' } })).name, 'NOT_SUBSCRIBED')
      assert.equal((await client.refused({ connect: {} })).name, 'ALREADY_CONNECTED')
    })

    await t.test('publishes where the rule lets anyone, and nowhere else', async (t) => {
      const [client, other] = [await open(t), await open(t)]
      await other.ok({ subscribe: { channel: `web_${format}` } })
      const ok = await client.ok({ publish: { channel: `web_${format}`, data: { n: 1 }, event: 'said' } })
      assert.equal(ok.offset, 1)
      const [publication] = await other.received(`web_${format}`, 1)
      assert.deepEqual(publication, { channel: `web_${format}`, offset: 1, event: 'said', data: { n: 1 } })
      for (const channel of ['news', 'webauth_chat', '@17']) {
        assert.equal((await client.refused({ publish: { channel, data: 1 } })).name, 'ACCESS_DENIED', channel)
      }
    })

    await t.test(
      'is told how many subscribers a channel has, unless its rule keeps that quiet',
      async (t) => {
        const clients = [await open(t), await open(t), await open(t)]
        for (const client of clients)
          await client.ok({ subscribe: { channels: ['counted', 'webauth_counted'] } })
        const [client] = clients
        assert.ok(client)
        assert.deepEqual(await client.ok({ stats: { channel: 'counted' } }), {
          channel: 'counted',
          subscribers: 3,
        })
        assert.equal((await client.refused({ stats: { channel: 'webauth_counted' } })).name, 'ACCESS_DENIED')
        assert.deepEqual(await client.ok({ stats: { channel: 'empty' } }), {
          channel: 'empty',
          subscribers: 0,
        })
      },
    )

    await t.test('may send commands without waiting for answers', async (t) => {
      const client = await openSocket(node.wsUrl, { format })
      t.after(() => client.close())
      client.send({ id: 1, connect: {} })
      client.send({ id: 2, subscribe: { channel: `web_burst_${format}` } })
      client.send({ id: 30, publish: { channel: `web_burst_${format}`, data: 'x' } })
      client.send({ id: 31, ping: {} })
      await until(() => client.replies.length === 4, { what: 'four replies' })
      assert.deepEqual(
        client.replies.map(({ id, ok }) => [id, ok !== undefined]),
        [
          [1, true],
          [2, true],
          [30, true],
          [31, true],
        ],
      )
      await client.received(`web_burst_${format}`, 1)
    })

    await t.test(`gets ${PUBLICATIONS} publications in order and without gaps, beside others`, async (t) => {
      const others = await Promise.all([...formats, format].map((one) => opener(node, { format: one })(t)))
      const late = await open(t)
      for (const client of others) await client.ok({ subscribe: { channel: 'stream' } })
      const line = await openPublisher({ port: node.publishPort }, { acks: 'cumulative' })
      t.after(() => line.close())
      let lateFrom = 0
      for (let n = 1; n <= PUBLICATIONS; n++) {
        line.send(ops.publish, n + 1, 'stream', Buffer.from(`{"n":${n}}`))
        if (n !== PUBLICATIONS / 2) continue
        await until(() => others[0] && others[0].publications.length > 0, { what: 'the stream to flow' })
        lateFrom = Number((await late.ok({ subscribe: { channel: 'stream' } })).offset)
      }
      for (const client of others) {
        const publications = await client.received('stream', PUBLICATIONS)
        assert.equal(firstWrong(publications, 1), null)
      }
      const rest = await late.received('stream', PUBLICATIONS - lateFrom)
      assert.equal(firstWrong(rest, lateFrom + 1), null)
    })
  })

  test(`a ${format} client with tokens`, async (t) => {
    const node = await startNode(t, ['--token-secret', SECRET, '--max-commands-per-second', '0'])
    const open = opener(node, { format })

    await t.test('must show one', async (t) => {
      const client = await openSocket(node.wsUrl, { format })
      t.after(() => client.close())
      const error = await client.refused({ connect: {} })
      assert.deepEqual([error.name, error.code, error.retry], ['TOKEN_MISSING', 140, false])
      assert.equal((await client.ok({ connect: { token: tokenOf('17') } })).user, '17')
    })

    await t.test('is the user its token names, as text or as a number', async (t) => {
      for (const [sub, user] of [
        ['17', '17'],
        [17, '17'],
        ['läufer', 'läufer'],
      ] as const) {
        const client = await openSocket(node.wsUrl, { format })
        t.after(() => client.close())
        assert.equal((await client.ok({ connect: { token: tokenOf(sub) } })).user, user)
      }
    })

    await t.test('gets messages to its user in every session, and nobody else does', async (t) => {
      const own = [await open(t, tokenOf('21')), await open(t, tokenOf('21')), await open(t, tokenOf('21'))]
      const other = await open(t, tokenOf('22'))
      const answer = await post(`${node.internalUrl}/api/publish`, {
        user: '21',
        data: 'for 21',
        event: 'mail',
      })
      assert.equal(answer.status, 200)
      await post(`${node.internalUrl}/api/publish`, { user: '22', data: 'for 22' })
      for (const client of own) {
        const [publication] = await client.received('@21', 1)
        assert.deepEqual([publication?.data, publication?.event], ['for 21', 'mail'])
      }
      assert.equal((await other.received('@22', 1))[0]?.data, 'for 22')
      assert.equal(other.publications.length, 1)
    })

    await t.test('cannot listen to the messages of another user, nor leave its own', async (t) => {
      const client = await open(t, tokenOf('23'))
      assert.equal((await client.refused({ subscribe: { channel: '@24' } })).name, 'ACCESS_DENIED')
      assert.equal((await client.refused({ unsubscribe: { channel: '@23' } })).name, 'NOT_SUBSCRIBED')
    })

    await t.test('learns which users are there', async (t) => {
      const client = await open(t, tokenOf('31'))
      const other = await open(t, tokenOf('32'))
      const ask = () => client.ok({ users: { ids: ['30', '32', '31'] } })
      assert.deepEqual(await ask(), { online: ['32', '31'], lastSeen: {} })
      await other.close()
      const before = Date.now()
      const gone = await until(
        async () => {
          const found = await ask()
          return (found.online as string[]).length === 1 && found
        },
        { what: 'user 32 to be gone' },
      )
      assert.deepEqual(Object.keys(gone.lastSeen as object), ['32'], 'user 30 was never here')
      const { 32: seen = 0 } = gone.lastSeen as Record<string, number>
      assert.ok(Math.abs(seen - before) < 10_000, `${seen} is about now`)
    })

    await t.test('publishes under its name where users may', async (t) => {
      const [client, other] = [await open(t, tokenOf('41')), await open(t, tokenOf('42'))]
      await other.ok({ subscribe: { channel: 'webauth_room' } })
      const { offset } = await client.ok({ publish: { channel: 'webauth_room', data: 'hello' } })
      const [publication] = await other.received('webauth_room', 1)
      assert.deepEqual(publication, { channel: 'webauth_room', offset, user: '41', data: 'hello' })
    })

    await t.test(
      'is disconnected by user over the publish port, all sessions of the user at once',
      async (t) => {
        const clients = [await open(t, tokenOf('51')), await open(t, tokenOf('51'))]
        const other = await open(t, tokenOf('52'))
        const line = await openPublisher({ port: node.publishPort })
        t.after(() => line.close())
        line.send(ops.disconnect, 2, { user: '51' }, 4501, 'account closed')
        assert.deepEqual(await line.answer(1), [67, 2, { disconnected: 2 }])
        for (const client of clients) {
          assert.deepEqual(await client.closed(), { code: 4501, reason: 'account closed' })
          assert.deepEqual(client.bye(), { code: 4501, reason: 'account closed' })
        }
        assert.deepEqual(await other.ok({ ping: {} }), { sum: 0 })
      },
    )

    await t.test('is disconnected by session over HTTP, and only that session', async (t) => {
      const client = await openSocket(node.wsUrl, { format })
      t.after(() => client.close())
      const { session } = await client.ok({ connect: { token: tokenOf('61') } })
      const other = await open(t, tokenOf('61'))
      const answer = await post(`${node.internalUrl}/api/disconnect`, { session })
      assert.deepEqual(answer, { status: 200, body: { disconnected: 1 } })
      assert.equal((await client.closed()).code, 3500)
      assert.equal(client.bye()?.code, 3500)
      assert.deepEqual(await other.ok({ ping: {} }), { sum: 0 })
    })
  })

  test(`a ${format} client of a node that goes`, async (t) => {
    const node = await startNode(t, ['--drain-ms', '1000'])
    const clients = await Promise.all(Array.from({ length: 20 }, () => openClient(node.wsUrl, { format })))
    t.after(() => Promise.all(clients.map((client) => client.close())))
    const [first] = clients
    assert.ok(first)
    await first.ok({ subscribe: { channel: 'last' } })
    await publish(node, 'last', 'words')
    const stopped = node.stop()
    for (const client of clients) {
      assert.deepEqual(await client.closed(), { code: 3001, reason: 'draining' })
      const { retryAfterMs = -1, ...bye } = client.bye() ?? {}
      assert.deepEqual(bye, { code: 3001, reason: 'draining' })
      assert.ok(
        Number.isInteger(retryAfterMs) && retryAfterMs >= 1 && retryAfterMs <= 1000,
        `${retryAfterMs}`,
      )
    }
    assert.ok(
      new Set(clients.map((client) => client.bye()?.retryAfterMs)).size > 5,
      'they are spread over time',
    )
    assert.equal(first.publications[0]?.data, 'words')
    assert.equal(await stopped, 0)
  })
}

test('the wire format is the first offered subprotocol that the node knows', async (t) => {
  const node = await startNode(t)
  const cases = [
    [['encke.json'], 'json', 'encke.json'],
    [['encke.msgpack'], 'msgpack', 'encke.msgpack'],
    [['encke.json', 'encke.msgpack'], 'json', 'encke.json'],
    [['other', 'encke.msgpack', 'encke.json'], 'msgpack', 'encke.msgpack'],
    [[], 'json', ''],
  ] as const
  for (const [subprotocols, format, chosen] of cases) {
    const client = await openSocket(node.wsUrl, { format, subprotocols })
    t.after(() => client.close())
    assert.equal(client.socket.protocol, chosen)
    assert.equal((await client.ok({ connect: {} })).user, '')
  }
})

function opener(node: TestNode, options: WireClientOptions = {}) {
  return async (t: TestContext, token = ''): Promise<WireClient> => {
    const client = await openClient(node.wsUrl, { ...options, token })
    t.after(() => client.close())
    return client
  }
}

async function publish(node: TestNode, channel: string, data: unknown, event = ''): Promise<void> {
  const answer = await post(`${node.internalUrl}/api/publish`, { channel, data, ...(event ? { event } : {}) })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
}

/** The first publication that is not the one that follows the one before; null when there is none. */
function firstWrong(publications: readonly { offset: number; data: unknown }[], from: number): unknown {
  const wrong = publications.findIndex(({ offset, data }, n) => {
    return offset !== from + n || (data as { n: number }).n !== from + n
  })
  return wrong === -1 ? null : { at: wrong, from, publication: publications[wrong] }
}
