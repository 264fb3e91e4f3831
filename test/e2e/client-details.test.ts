/**
 * What a node knows of the clients behind its sessions, from their headers to the rows that an application reads with SQL.
 *
 * Real sockets on one side, mysql2 on the other. What is asked is only which facts reach which row; the tables themselves
 * are tested elsewhere.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { cometPath, dialComet, upgradeRequest } from '../support/comet-line.ts'
import { PASSWORD, startCometNode } from '../support/comet-node.ts'
import type { TestNode } from '../support/node.ts'
import { openPoll } from '../support/poll-client.ts'
import { until } from '../support/until.ts'
import { openClient } from '../support/wire.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
const BROWSER = {
  'user-agent': FIREFOX,
  origin: 'https://example.com',
  'accept-language': 'de-DE,de;q=0.9',
  'x-forwarded-for': '6.6.6.6, 203.0.113.9',
} as const
/** Besides what every request of a page has in these tests. */
const PAGE = 'Accept-Language: fr\r\nX-Forwarded-For: 203.0.113.10\r\n'
const UUID = 'a-page-of-a-browser'

async function logIn(t: TestContext, { cometqlPort: port }: TestNode): Promise<Connection> {
  const connection = await createConnection({ host: '127.0.0.1', port, user: '1', password: PASSWORD })
  t.after(() => connection.end())
  return connection
}

/** A WebSocket of the client protocol and a page of CppComet on one pipe, and who asks for them. */
async function setUp(t: TestContext, ...flags: string[]) {
  const node = await startCometNode(t, ['--anonymous', ...flags])
  const client = await openClient(node.wsUrl, { headers: BROWSER })
  t.after(() => client.close())
  await client.ok({ subscribe: { channels: ['web_room', 'web_other'] } })
  const page = await dialComet(t, node.publicPort, upgradeRequest(cometPath({ uuid: UUID }), PAGE))
  await page.seen(1) // the greeting
  page.say('subscription\nweb_room')
  await page.settled()
  const sql = await logIn(t, node)
  const rows = async (query: string) =>
    (await sql.query<RowDataPacket[]>(query))[0].map((row) => ({ ...row }))
  return { node, rows }
}

/** The rows of both, by transport. */
async function sessionsOf({ rows }: Awaited<ReturnType<typeof setUp>>) {
  const sessions = await rows('SELECT * FROM sessions')
  return Object.fromEntries(sessions.map(({ transport, ...facts }) => [transport, facts]))
}

test('tables tell from where and with which browser a session came', async (t) => {
  const setup = await setUp(t)
  const { websocket, comet } = await sessionsOf(setup)
  const { session, channels, ...facts } = websocket ?? assert.fail()
  assert.deepEqual(facts, {
    user_id: '',
    ip: '127.0.0.1',
    user_agent: FIREFOX,
    origin: 'https://example.com',
    language: 'de-DE,de;q=0.9',
    channels_behind: 0,
  })
  assert.equal(Number(channels), 2)
  assert.deepEqual(
    [comet?.ip, comet?.user_agent, comet?.origin, comet?.language],
    ['127.0.0.1', 'capture/1.0', 'http://127.0.0.1', 'fr'],
  )
  const inPipes = await setup.rows("SELECT * FROM users_in_pipes WHERE name = 'web_room'")
  const common = { name: 'web_room', user_id: '0', ip: '127.0.0.1' }
  assert.deepEqual(
    new Set(inPipes),
    new Set([
      {
        ...common,
        user_uuid: session,
        user_agent: FIREFOX,
        origin: 'https://example.com',
        language: 'de-DE,de;q=0.9',
      },
      { ...common, user_uuid: UUID, user_agent: 'capture/1.0', origin: 'http://127.0.0.1', language: 'fr' },
    ]),
  )
})

test('tables tell the address that a trusted proxy saw', async (t) => {
  const { websocket, comet } = await sessionsOf(await setUp(t, '--client-ip-header', 'X-Forwarded-For'))
  assert.deepEqual([websocket?.ip, comet?.ip], ['203.0.113.9', '203.0.113.10'])
})

test('tables tell nothing of clients where their details are not kept', async (t) => {
  const setup = await setUp(t, '--client-details=false')
  const nothing = { ip: '', user_agent: '', origin: '', language: '' }
  const sessions = await setup.rows('SELECT * FROM sessions')
  const inPipes = await setup.rows("SELECT * FROM users_in_pipes WHERE name = 'web_room'")
  assert.deepEqual([sessions.length, inPipes.length], [2, 2])
  for (const { ip, user_agent, origin, language } of [...sessions, ...inPipes]) {
    assert.deepEqual({ ip, user_agent, origin, language }, nothing)
  }
})

/** The address that connections are counted under was shown as that of the client. */
test('tables tell no address where details are not kept, even if connections are counted by it', async (t) => {
  const { node, rows } = await setUp(t, '--client-details=false', '--max-connections-per-ip', '3')
  const client = await openClient(node.wsUrl)
  await assert.rejects(openClient(node.wsUrl), 'a fourth connection of the address is refused')
  assert.deepEqual(await rows('SELECT DISTINCT ip FROM sessions'), [{ ip: '' }])
  await client.close()
  await until(async () => (await rows('SELECT session FROM sessions')).length === 2)
  const again = await openClient(node.wsUrl)
  await again.close()
})

test('tables know a session of polls, which has no connection to know more of', async (t) => {
  const setup = await setUp(t)
  const client = await openPoll(setup.node)
  t.after(() => client.close())
  await client.ok({ subscribe: { channel: 'web_room' } })
  const poll = (await sessionsOf(setup))['long-poll'] ?? assert.fail()
  assert.deepEqual([poll.ip, poll.user_agent, poll.origin, poll.language], ['', '', '', ''])
})

test('tables forget a session that has left', async (t) => {
  const { node, rows } = await setUp(t)
  const client = await openClient(node.wsUrl, { headers: BROWSER })
  assert.equal((await rows('SELECT session FROM sessions')).length, 3)
  await client.close()
  await until(async () => (await rows('SELECT session FROM sessions')).length === 2, {
    what: 'the session to be forgotten',
  })
})
