/**
 * Two tenants of one node who use the same names for everything, over every port.
 *
 * Owns the proof that they never see each other: what one publishes, asks, sets or ends is not there for the other. Clients
 * are WebSockets with signed tokens; applications use HTTP, the publish port and the command line. Tenant 1 is the one
 * whose names are themselves inside the node, so it always is one of the two.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createPublisher, type Publisher } from '../../src/publish-port/publisher.ts'
import { runEncke, startNode, type TestNode } from '../support/node.ts'
import { atEnd } from '../support/teardown.ts'
import { type Signer, secondsFromNow, signToken } from '../support/tokens.ts'
import { openClient, type WireClient } from '../support/wire.ts'

const SECRET = 'a secret of more than sixteen bytes'
const KEY = 's3cret-key'
const signer: Signer = { alg: 'HS256', secret: SECRET }
const RULES = [
  { match: '@*', historySize: 50 },
  { match: '*', publish: 'user', presence: 'list', historySize: 50 },
]

/** A tenant with everything through which it can reach the node. */
interface Tenant {
  readonly number: number
  /** User 17, on the channel `room` */
  readonly client: WireClient
  readonly publisher: Publisher
  get(path: string): Promise<unknown>
  post(path: string, body: object): Promise<unknown>
}

const flags = ['--token-secret', SECRET, '--key', KEY, '--channels', JSON.stringify(RULES)]

const tokenOf = (user: string, tenant: number) =>
  signToken(signer, { sub: user, tenant, exp: secondsFromNow(60) })

async function openTenant(t: TestContext, node: TestNode, number: number): Promise<Tenant> {
  const client = await openClient(node.wsUrl, { token: tokenOf('17', number) })
  atEnd(t, () => client.close())
  await client.ok({ subscribe: { channel: 'room' } })
  const publisher = createPublisher({ port: node.publishPort, key: KEY, tenant: number })
  atEnd(t, () => publisher.close())
  const headers = {
    authorization: `Basic ${Buffer.from(`${number}:${KEY}`).toString('base64')}`,
    'content-type': 'application/json',
  }
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(node.internalUrl + path, { headers, ...init })
    assert.equal(response.status, 200, `${path}: ${response.status}`)
    return response.json()
  }
  return {
    number,
    client,
    publisher,
    get: (path) => ask(path),
    post: (path, body) => ask(path, { method: 'POST', body: JSON.stringify(body) }),
  }
}

async function openBoth(t: TestContext): Promise<readonly [TestNode, Tenant, Tenant]> {
  const node = await startNode(t, flags)
  return [node, await openTenant(t, node, 1), await openTenant(t, node, 2)]
}

const dataOn = ({ client }: Tenant, channel: string) =>
  client.publications.filter((one) => one.channel === channel).map(({ data }) => data)

test('publications of a tenant reach its own subscribers and users, whichever way they come', async (t) => {
  const [, one, two] = await openBoth(t)
  for (const { number, client, publisher, post } of [one, two]) {
    const say = (what: string) => `${number} ${what}`
    await post('/api/publish', { channel: 'room', data: say('http') })
    await post('/api/broadcast', { channels: ['room', 'hall'], data: say('broadcast') })
    await publisher.publish('room', say('port'))
    await client.ok({ publish: { channel: 'room', data: say('client') } })
    await post('/api/publish', { user: '17', data: say('http to user') })
    await publisher.publishToUser('17', say('port to user'))
  }
  for (const tenant of [one, two]) {
    await tenant.client.received('room', 4)
    await tenant.client.received('@17', 2)
    const own = (...what: readonly string[]) => what.map((one) => `${tenant.number} ${one}`)
    assert.deepEqual(dataOn(tenant, 'room'), own('http', 'broadcast', 'port', 'client'))
    assert.deepEqual(dataOn(tenant, '@17'), own('http to user', 'port to user'))
    assert.deepEqual(
      tenant.client.publications.filter(({ channel }) => !['room', '@17'].includes(channel)),
      [],
    )
  }
})

test('a key of a publication that one tenant used is new to the other', async (t) => {
  const [, one, two] = await openBoth(t)
  for (const tenant of [one, two]) {
    for (const data of ['first', 'again']) {
      const { offset } = await tenant.publisher.publish('room', data, { key: 'k' })
      assert.equal(offset, 1)
    }
  }
})

test('questions of a tenant are answered from what is its own', async (t) => {
  const [, one, two] = await openBoth(t)
  await one.publisher.publish('room', 'of one')
  const clients = { one: await one.publisher.presence('room'), two: await two.publisher.presence('room') }
  assert.deepEqual([clients.one.count, clients.two.count], [1, 1])
  assert.notEqual(clients.one.clients?.[0]?.session, clients.two.clients?.[0]?.session)
  assert.deepEqual(await two.client.ok({ presence: { channel: 'room' } }), {
    channel: 'room',
    count: 1,
    clients: clients.two.clients,
  })
  assert.deepEqual(
    (await one.publisher.history('room')).publications.map(({ data }) => data),
    ['of one'],
  )
  assert.deepEqual((await two.publisher.history('room')).publications, [])
  const history = (await two.client.ok({ history: { channel: 'room' } })) as { publications: object[] }
  assert.deepEqual(history.publications, [])
  const state = (await two.get('/api/channels/room')) as {
    channel: string
    subscribers: number
    offset: number
  }
  assert.deepEqual([state.channel, state.subscribers, state.offset], ['room', 1, 0])
})

test('a user of a tenant is online for that tenant only, and disconnected by it only', async (t) => {
  const [node, one, two] = await openBoth(t)
  const other = await openClient(node.wsUrl, { token: tokenOf('18', 2) })
  atEnd(t, () => other.close())
  assert.deepEqual(await one.get('/api/users/18'), { user: '18', online: false })
  assert.deepEqual(await two.get('/api/users/18'), { user: '18', online: true })
  assert.deepEqual(await one.post('/api/disconnect', { user: '18' }), { disconnected: 0 })
  assert.deepEqual(await two.post('/api/disconnect', { user: '17' }), { disconnected: 1 })
  await two.client.closed()
  await one.publisher.publish('room', 'still here')
  assert.equal((await one.client.received('room', 1)).length, 1)
  assert.equal(other.ended(), null)
})

// The id alone decided: whoever had heard of it could end the session of another tenant.
test('a session of a tenant is ended by its id by that tenant only', async (t) => {
  const [, one, two] = await openBoth(t)
  const { clients } = (await one.client.ok({ presence: { channel: 'room' } })) as {
    clients: readonly { session: string }[]
  }
  const session = clients[0]?.session
  assert.deepEqual(await two.post('/api/disconnect', { session }), { disconnected: 0 })
  assert.equal(one.client.ended(), null)
  assert.deepEqual(await one.post('/api/disconnect', { session }), { disconnected: 1 })
  await one.client.closed()
})

test('what is kept for a user of a tenant is for that user alone', async (t) => {
  const [node, one, two] = await openBoth(t)
  for (const { number, post, publisher } of [one, two]) {
    assert.equal((await publisher.publishToUser('19', `mail of ${number}`)).offset, 0, 'it waits')
    await post('/api/users/data', { user: '19', data: `data of ${number}` })
  }
  for (const { number, get } of [one, two]) {
    const { messages } = (await get('/api/users/19/inbox')) as { messages: { data: string }[] }
    assert.deepEqual(
      messages.map(({ data }) => data),
      [`mail of ${number}`],
    )
    assert.deepEqual(await get('/api/users/19/data'), { user: '19', data: `data of ${number}` })
  }
  const back = await openClient(node.wsUrl, { token: tokenOf('19', 2) })
  atEnd(t, () => back.close())
  assert.deepEqual(
    (await back.received('@19', 1)).map(({ data }) => data),
    ['mail of 2'],
  )
  const { messages } = (await one.get('/api/users/19/inbox')) as { messages: object[] }
  assert.equal(messages.length, 1)
})

test('settings of a channel are those of its tenant', async (t) => {
  const [, one, two] = await openBoth(t)
  await two.publisher.settings('room', { historySize: 1 })
  for (const { publisher } of [one, two]) {
    for (const data of [1, 2]) await publisher.publish('room', data)
  }
  assert.deepEqual(await one.get('/api/channels/room/settings'), { channel: 'room', historySize: null })
  assert.deepEqual(await two.get('/api/channels/room/settings'), { channel: 'room', historySize: 1 })
  const kept = async ({ publisher }: Tenant) => (await publisher.history('room')).publications.length
  assert.deepEqual([await kept(one), await kept(two)], [2, 1])
  await two.publisher.settings('room', null)
  assert.deepEqual(await two.get('/api/channels/room/settings'), { channel: 'room', historySize: null })
  await two.post('/api/channels/history/clear', { channel: 'room' })
  assert.deepEqual([await kept(one), await kept(two)], [2, 0])
})

test('a name with a tenant in it leads nowhere, on any port', async (t) => {
  const [, one, two] = await openBoth(t)
  const crafted = '2\u0001room'
  await assert.rejects(one.publisher.publish(crafted, 'from one'), { code: 'INVALID_CHANNEL' })
  await assert.rejects(one.publisher.history(crafted), { code: 'INVALID_CHANNEL' })
  await assert.rejects(one.publisher.settings(crafted, { historySize: 1 }), { code: 'INVALID_CHANNEL' })
  const { name } = await one.client.refused({ subscribe: { channel: crafted } })
  assert.equal(name, 'INVALID_CHANNEL')
  assert.equal((await one.client.refused({ publish: { channel: crafted, data: 1 } })).name, 'INVALID_CHANNEL')
  const { results } = (await one.post('/api/broadcast', { channels: [crafted], data: 1 })) as {
    results: { error: { name: string } }[]
  }
  assert.equal(results[0]?.error.name, 'INVALID_CHANNEL')
  await two.publisher.publish('room', 'the end')
  await two.client.received('room', 1)
  assert.deepEqual(dataOn(two, 'room'), ['the end'])
})

test('who names no tenant is of the tenant of the node', async (t) => {
  const node = await startNode(t, [...flags, '--tenant', '7'])
  const seven = await openTenant(t, node, 7)
  const token = signToken(signer, { sub: '17', exp: secondsFromNow(60) })
  const client = await openClient(node.wsUrl, { token })
  atEnd(t, () => client.close())
  await client.ok({ subscribe: { channel: 'room' } })
  const publisher = createPublisher({ port: node.publishPort, key: KEY })
  atEnd(t, () => publisher.close())
  await publisher.publish('room', 'port')
  const response = await fetch(`${node.internalUrl}/api/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ channel: 'room', data: 'http' }),
  })
  assert.equal(response.status, 200)
  for (const one of [client, seven.client]) {
    assert.deepEqual(
      (await one.received('room', 2)).map(({ data }) => data),
      ['port', 'http'],
    )
  }
})

test('commands speak for the tenant that --tenant names', async (t) => {
  const [node, one, two] = await openBoth(t)
  const env = { ENCKE_KEY: KEY, ENCKE_TOKEN_SECRET: SECRET }
  const url = ['--url', node.internalUrl, '--tenant', '2']
  const run = async (...args: readonly string[]) => {
    const command = runEncke(args, env)
    const code = await command.ended
    return [code, command.stdout().trim(), command.stderr().trim()] as const
  }
  const [code, said] = await run('publish', 'room', 'hi', '--port', `${node.publishPort}`, '--tenant', '2')
  assert.equal(code, 0)
  assert.match(said, /^Published to "room" at offset 1 of epoch/)
  await two.client.received('room', 1)
  assert.deepEqual(dataOn(one, 'room'), [])
  const history = await run('history', 'room', ...url)
  assert.deepEqual(history.slice(0, 2), [0, '1  "hi"'])
  const { clients = [] } = await two.publisher.presence('room')
  const presence = await run('presence', 'room', ...url)
  assert.deepEqual(presence, [0, `${clients[0]?.session}  user=17`, '1 session'])

  const [, token] = await run('token', '--user', '20', '--tenant', '2')
  const client = await openClient(node.wsUrl, { token })
  atEnd(t, () => client.close())
  assert.deepEqual(await one.get('/api/users/20'), { user: '20', online: false })
  assert.deepEqual(await two.get('/api/users/20'), { user: '20', online: true })

  const away = await run('publish', '@21', 'hi', '--port', `${node.publishPort}`, '--tenant', '2')
  assert.deepEqual(away, [0, 'Kept for "@21", who is away', ''])
  const wrong = await run('history', 'room', '--url', node.internalUrl, '--tenant', '-1')
  assert.deepEqual([wrong[0], wrong[1]], [64, ''])
  assert.match(wrong[2], /^Flag --tenant is at least 0: got -1/)
})
