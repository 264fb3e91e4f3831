/**
 * Tests of tenants in the HTTP API: what the broker is asked for, and that nothing of another tenant is told.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ownChannel, scoped } from '../../../src/core/tenants.ts'
import { type CallAnswer, callUrl, type LocalApi, startLocalApi } from '../../support/local-api.ts'

const KEY = 's3cret'

/** Asks as `curl -u TENANT:KEY` does. */
function asTenant({ url }: LocalApi, tenant: number, key = KEY) {
  const authorization = `Basic ${Buffer.from(`${tenant}:${key}`).toString('base64')}`
  const headers = { authorization, 'content-type': 'application/json' }
  return {
    get: (path: string) => callUrl(url + path, { headers }),
    post: (path: string, body: object) =>
      callUrl(url + path, { method: 'POST', headers, body: JSON.stringify(body) }),
  }
}

const nameOf = ({ json }: CallAnswer) => (json as { error: { name: string } }).error.name

describe('a tenant', () => {
  /** Every name twice: as that of tenant 5, and as that of tenant 1. */
  const subscribers = { [scoped(5, 'news')]: 2, [ownChannel(5, '17')]: 1, news: 9, '@17': 9, '@18': 9 }
  const start = (t: Parameters<typeof startLocalApi>[0]) => startLocalApi(t, { key: KEY, subscribers })

  test('a tenant publishes to its own channels and users', async (t) => {
    const api = await start(t)
    const five = asTenant(api, 5)
    assert.deepEqual((await five.post('/api/publish', { channel: 'news', data: 1 })).json, {
      epoch: 'k3',
      offset: 1,
    })
    await five.post('/api/publish', { user: 17, data: 2 })
    await five.post('/api/publish', { channel: '@17', data: 3 })
    const { json } = await five.post('/api/broadcast', { channels: ['news', '', 'sport', 'news'], data: 4 })
    const { results } = json as { results: { channel: string; offset?: number; error?: { name: string } }[] }
    assert.deepEqual(
      results.map(({ channel, offset, error }) => [channel, offset ?? error?.name]),
      [
        ['news', 2],
        ['', 'INVALID_CHANNEL'],
        ['sport', 1],
        ['news', 3],
      ],
    )
    assert.deepEqual(
      api.edge.delivered.map((publication) => [publication.scoped, publication.channel, publication.offset]),
      [
        [scoped(5, 'news'), 'news', 1],
        [ownChannel(5, '17'), '@17', 1],
        [ownChannel(5, '17'), '@17', 2],
        [scoped(5, 'news'), 'news', 2],
        [scoped(5, 'news'), 'news', 3],
      ],
    )
  })

  test('a tenant asks about its own channels and users, and reads bare names', async (t) => {
    const five = asTenant(await start(t), 5)
    await five.post('/api/publish', { channel: 'news', data: 1 })
    assert.deepEqual((await five.get('/api/channels/news')).json, {
      channel: 'news',
      subscribers: 2,
      epoch: 'k3',
      offset: 1,
    })
    assert.deepEqual((await five.get('/api/channels/news/presence')).json, { channel: 'news', count: 2 })
    assert.deepEqual((await five.get('/api/users/17')).json, { user: '17', online: true })
    assert.deepEqual((await five.get('/api/users/18')).json, { user: '18', online: false })
  })

  test('a tenant disconnects its own users, and a session by its id', async (t) => {
    const api = await start(t)
    const five = asTenant(api, 5)
    await five.post('/api/disconnect', { user: 17 })
    await five.post('/api/disconnect', { session: 's1' })
    assert.deepEqual(
      api.edge.goodbyes.map(({ target }) => target),
      [
        { tenant: 5, user: '17' },
        { tenant: 5, session: 's1' },
      ],
    )
  })

  test('a tenant has histories, keys of publications and settings of its own', async (t) => {
    const api = await startLocalApi(t, { key: KEY, rules: [{ match: '*', historySize: 5 }] })
    const [one, five] = [asTenant(api, 1), asTenant(api, 5)]
    for (const tenant of [one, five]) {
      assert.deepEqual((await tenant.post('/api/publish', { channel: 'a', data: 1, key: 'k' })).json, {
        epoch: 'k3',
        offset: 1,
      })
    }
    await five.post('/api/channels/settings', { channel: 'a', historySize: 1 })
    for (const tenant of [one, five]) await tenant.post('/api/publish', { channel: 'a', data: 2 })
    const kept = async (tenant: typeof one) =>
      ((await tenant.get('/api/channels/a/history')).json as { publications: unknown[] }).publications.length
    assert.deepEqual([await kept(one), await kept(five)], [2, 1])
    assert.deepEqual((await one.get('/api/channels/a/settings')).json, { channel: 'a', historySize: null })
    await one.post('/api/channels/history/clear', { channel: 'a' })
    assert.deepEqual([await kept(one), await kept(five)], [0, 1])
  })

  test('a tenant with the wrong key is refused', async (t) => {
    const answer = await asTenant(await start(t), 5, 'wrong').get('/api/channels/news')
    assert.deepEqual([answer.status, nameOf(answer)], [401, 'KEY_INVALID'])
  })
})

test('a request that names no tenant is of the tenant of the node', async (t) => {
  const api = await startLocalApi(t, { key: KEY, tenant: 5, subscribers: { [scoped(5, 'news')]: 2 } })
  const headers = { authorization: `Bearer ${KEY}` }
  const { json } = await callUrl(`${api.url}/api/channels/news`, { headers })
  assert.equal((json as { subscribers: number }).subscribers, 2)
})

test('requests of several tenants at once do not get in one another’s way', async (t) => {
  const api = await startLocalApi(t, { key: KEY })
  const tenants = Array.from({ length: 40 }, (_, n) => n % 4)
  await Promise.all(tenants.map((n) => asTenant(api, n).post('/api/publish', { channel: 'a', data: n })))
  for (const n of [0, 1, 2, 3]) {
    const { json } = await asTenant(api, n).get('/api/channels/a')
    assert.equal((json as { offset: number }).offset, 10)
  }
})

describe('a name with the mark of tenants in it', () => {
  const marked = '5\u0001news'
  const asks: readonly [what: string, ask: (api: LocalApi) => Promise<CallAnswer>][] = [
    ['publish', ({ post }) => post('/api/publish', { channel: marked, data: 1 })],
    ['publish to a user', ({ post }) => post('/api/publish', { user: marked, data: 1 })],
    ['state', ({ call }) => call('/api/channels/5%01news')],
    ['history', ({ call }) => call('/api/channels/5%01news/history')],
    ['presence', ({ call }) => call('/api/channels/5%01news/presence')],
    ['user', ({ call }) => call('/api/users/5%0117')],
  ]
  for (const [what, ask] of asks) {
    test(`a name with the mark of tenants in it is no way out of tenant 1: ${what}`, async (t) => {
      const api = await startLocalApi(t, { subscribers: { [scoped(5, 'news')]: 1 } })
      const answer = await ask(api)
      assert.equal(answer.status, 400, answer.text)
      assert.deepEqual(api.edge.delivered, [])
    })
  }

  test('a name with the mark of tenants in it is refused in its row of a broadcast', async (t) => {
    const { post, edge } = await startLocalApi(t, { subscribers: { [scoped(5, 'news')]: 1, ok: 1 } })
    const { json } = await post('/api/broadcast', { channels: [marked, 'ok'], data: 1 })
    const { results } = json as { results: { error?: { name: string } }[] }
    assert.deepEqual(
      results.map(({ error }) => error?.name),
      ['INVALID_CHANNEL', undefined],
    )
    assert.deepEqual(
      edge.delivered.map(({ channel }) => channel),
      ['ok'],
    )
  })
})
