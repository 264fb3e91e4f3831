/**
 * The HTTP API of a real node: what is published over HTTP reaches a WebSocket, and what is asked is true.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { callUrl } from '../support/local-api.ts'
import { startNode } from '../support/node.ts'
import { signToken } from '../support/tokens.ts'
import { until } from '../support/until.ts'
import { openClient } from '../support/wire.ts'

const SECRET = 'a secret for the tests of the API'
/** A node that drains takes 50 ms for the goodbye to each of so many clients: seconds, in which it can be asked. */
const CROWD = 80

/** POST with a JSON body; a string goes as it is. */
function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return callUrl(url, {
    method: 'POST',
    body: text,
    headers: { 'content-type': 'application/json', ...headers },
  })
}

interface Stats {
  readonly version: string
  readonly uptimeSeconds: number
  readonly counts: Readonly<Record<string, number>>
  readonly totals: Readonly<Record<string, number>>
}

const tokenOf = (sub: string) => signToken({ alg: 'HS256', secret: SECRET }, { sub })

describe('HTTP API', () => {
  test('HTTP API publishes to the subscribers of a channel, in order, byte for byte', async (t) => {
    const node = await startNode(t)
    const client = await openClient(node.wsUrl)
    t.after(() => client.close())
    const frames: string[] = []
    client.socket.on('message', (data) => frames.push(String(data)))
    await client.ok({ subscribe: { channel: 'news' } })

    const bodies = ['{"id":12345678901234567890,"n":1.0}', '"☄"', 'null']
    for (const [n, data] of bodies.entries()) {
      const { status, json } = await post(
        `${node.internalUrl}/api/publish`,
        `{"channel":"news","data":${data}}`,
      )
      assert.deepEqual([status, (json as { offset: number }).offset], [200, n + 1])
    }
    const publications = await client.received('news', bodies.length)
    assert.deepEqual(
      publications.map(({ offset }) => offset),
      [1, 2, 3],
    )
    const sent = frames.filter((frame) => frame.includes('"offset":') && frame.includes('"data":'))
    assert.deepEqual(
      bodies.map((data, n) => sent[n]?.includes(`"data":${data}`)),
      [true, true, true],
    )
  })

  test('HTTP API reaches the sessions of a user and tells that the user is there', async (t) => {
    const node = await startNode(t, ['--token-secret', SECRET])
    const [one, two, other] = await Promise.all(
      ['17', '17', '18'].map((sub) => openClient(node.wsUrl, { token: tokenOf(sub) })),
    )
    assert.ok(one !== undefined && two !== undefined && other !== undefined)
    t.after(() => Promise.all([one.close(), two.close(), other.close()]))

    assert.equal(
      (await post(`${node.internalUrl}/api/publish`, { user: 17, data: 'hi', event: 'mail' })).status,
      200,
    )
    for (const client of [one, two]) {
      const [publication] = await client.received('@17', 1)
      assert.deepEqual([publication?.data, publication?.event], ['hi', 'mail'])
    }
    assert.deepEqual(other.publications, [])
    assert.deepEqual((await callUrl(`${node.internalUrl}/api/users/17`)).json, { user: '17', online: true })
    assert.deepEqual((await callUrl(`${node.internalUrl}/api/users/99`)).json, { user: '99', online: false })
  })

  test('HTTP API broadcasts to each channel and counts subscribers', async (t) => {
    const node = await startNode(t)
    const client = await openClient(node.wsUrl)
    t.after(() => client.close())
    await client.ok({ subscribe: { channels: ['a', 'b'] } })
    const { json } = await post(`${node.internalUrl}/api/broadcast`, { channels: ['a', 'b', 'c'], data: 1 })
    const { results } = json as { results: { channel: string; offset: number }[] }
    assert.deepEqual(
      results.map(({ channel, offset }) => [channel, offset]),
      [
        ['a', 1],
        ['b', 1],
        ['c', 1],
      ],
    )
    await Promise.all([client.received('a', 1), client.received('b', 1)])
    const state = (await callUrl(`${node.internalUrl}/api/channels/a`)).json as {
      subscribers: number
      offset: number
    }
    assert.deepEqual([state.subscribers, state.offset], [1, 1])
  })

  test('HTTP API ends the sessions of a user with the code and reason it was given', async (t) => {
    const node = await startNode(t, ['--token-secret', SECRET])
    const gone = await openClient(node.wsUrl, { token: tokenOf('17') })
    const stays = await openClient(node.wsUrl, { token: tokenOf('18') })
    t.after(() => Promise.all([gone.close(), stays.close()]))
    const { json } = await post(`${node.internalUrl}/api/disconnect`, {
      user: '17',
      code: 4501,
      reason: 'account closed',
    })
    assert.deepEqual(json, { disconnected: 1 })
    assert.equal((await gone.closed()).code, 4501)
    assert.deepEqual([gone.bye()?.code, gone.bye()?.reason], [4501, 'account closed'])
    await stays.ok({ ping: {} })
    await until(
      async () => !((await callUrl(`${node.internalUrl}/api/users/17`)).json as { online: boolean }).online,
      {
        what: 'user 17 to be offline',
      },
    )
  })

  test('HTTP API ends one session of several of a user', async (t) => {
    const node = await startNode(t, ['--token-secret', SECRET])
    const keeps = await openClient(node.wsUrl, { token: tokenOf('17') })
    const goes = await openClient(node.wsUrl, { token: tokenOf('17') })
    t.after(() => Promise.all([keeps.close(), goes.close()]))
    const session = String(goes.replies[0]?.ok?.session)
    const { json } = await post(`${node.internalUrl}/api/disconnect`, { session })
    assert.deepEqual(json, { disconnected: 1 })
    assert.equal((await goes.closed()).code, 3500)
    await keeps.ok({ ping: {} })
  })

  test('HTTP API gives the history of a channel, and who is on it', async (t) => {
    const rules = [{ match: 'kept', historySize: 10, presence: 'list' }]
    const node = await startNode(t, ['--token-secret', SECRET, '--channels', JSON.stringify(rules)])
    const client = await openClient(node.wsUrl, { token: tokenOf('17') })
    t.after(() => client.close())
    await client.ok({ subscribe: { channel: 'kept' } })
    const url = `${node.internalUrl}/api/channels/kept`
    for (const data of ['1.0', '{"n":12345678901234567890}']) {
      await post(`${node.internalUrl}/api/publish`, `{"channel":"kept","data":${data}}`)
    }
    const { status, text, json } = await callUrl(`${url}/history?order=desc`)
    assert.equal(status, 200)
    assert.ok(
      text.includes(
        '[{"channel":"kept","offset":2,"data":{"n":12345678901234567890}},{"channel":"kept","offset":1,"data":1.0}]',
      ),
      text,
    )
    const { epoch } = json as { epoch: string }
    const after = await callUrl(`${url}/history?epoch=${epoch}&offset=2`)
    assert.deepEqual(after.json, { epoch, offset: 2, publications: [] })
    assert.deepEqual((await callUrl(`${url}/presence`)).json, {
      channel: 'kept',
      count: 1,
      clients: [{ session: client.replies[0]?.ok?.session, user: '17' }],
    })
  })

  test('HTTP API tells when a user who has left was last seen', async (t) => {
    const node = await startNode(t, ['--token-secret', SECRET])
    const client = await openClient(node.wsUrl, { token: tokenOf('17') })
    const before = Date.now()
    await client.close()
    const state = async () =>
      (await callUrl(`${node.internalUrl}/api/users/17`)).json as { online: boolean; lastSeen?: number }
    await until(async () => !(await state()).online, { what: 'user 17 to be offline' })
    const { lastSeen = 0 } = await state()
    assert.ok(lastSeen >= before - 1_000 && lastSeen <= Date.now() + 1_000, `${lastSeen} is not now`)
  })

  test('HTTP API keeps books that balance', async (t) => {
    const node = await startNode(t)
    const clients = [await openClient(node.wsUrl), await openClient(node.wsUrl)]
    t.after(() => Promise.all(clients.map((client) => client.close())))
    for (const client of clients) await client.ok({ subscribe: { channel: 'news' } })
    for (let n = 0; n < 5; n++) await post(`${node.internalUrl}/api/publish`, { channel: 'news', data: n })
    await Promise.all(clients.map((client) => client.received('news', 5)))
    const { due, delivered, balance } = (await callUrl(`${node.internalUrl}/api/books`)).json as Record<
      string,
      number
    >
    assert.deepEqual([due, delivered, balance], [10, 10, 0])
  })

  test('HTTP API asks for the key of the node', async (t) => {
    const node = await startNode(t, ['--key', 'the key of this node'])
    const url = `${node.internalUrl}/api/publish`
    const body = { channel: 'news', data: 1 }
    assert.equal((await post(url, body)).status, 401)
    assert.equal((await post(url, body, { authorization: 'Bearer the key of this node' })).status, 200)
    assert.equal((await callUrl(`${node.internalUrl}/metrics`)).status, 401)
    assert.equal((await callUrl(`${node.internalUrl}/healthz`)).status, 200)
  })

  test('HTTP API tells the figures of the node', async (t) => {
    const node = await startNode(t)
    const client = await openClient(node.wsUrl)
    t.after(() => client.close())
    await client.ok({ subscribe: { channel: 'news' } })
    await post(`${node.internalUrl}/api/publish`, { channel: 'news', data: 1 })
    await client.received('news', 1)
    // Deliveries are counted a turn of the node later than they arrive.
    const { counts, totals, uptimeSeconds, version } = await until(
      async () => {
        const stats = (await callUrl(`${node.internalUrl}/api/stats`)).json as Stats
        return stats.totals.deliveries !== 0 && stats
      },
      { what: 'the delivery to be counted' },
    )
    assert.match(version, /^\d+\.\d+\.\d+/)
    assert.ok(uptimeSeconds > 0 && uptimeSeconds < 120)
    assert.deepEqual(
      [counts.connections, counts.sessions, totals.publications, totals.deliveries],
      [1, 1, 1, 1],
    )
  })

  test('HTTP API says that the node is not ready while it drains, and serves until the end', async (t) => {
    const node = await startNode(t, ['--drain-ms', `${2 * 50 * CROWD}`])
    assert.equal((await callUrl(`${node.internalUrl}/readyz`)).status, 200)
    const clients = await Promise.all(Array.from({ length: CROWD }, () => openClient(node.wsUrl)))
    t.after(() => Promise.all(clients.map((client) => client.close())))
    const stopped = node.stop()
    await until(async () => (await callUrl(`${node.internalUrl}/readyz`)).status === 503, {
      what: 'the node to say it is not ready',
    })
    assert.equal((await callUrl(`${node.internalUrl}/healthz`)).status, 200)
    assert.equal(await stopped, 0)
  })
})
