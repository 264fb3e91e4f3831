/**
 * Tests of src/cometql/tables/users-in-pipes.ts: a row for each session on a pipe, and what is known of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientAgent, Session } from '../../../../src/core/session.ts'
import { come } from '../../../support/core-users.ts'
import { type LocalCore, localCore } from '../../../support/local-core.ts'
import { sqlOn } from '../../../support/run-sql.ts'

const AGENT: ClientAgent = {
  userAgent: 'Mozilla/5.0',
  origin: 'https://example.org',
  language: 'de-DE,de;q=0.9',
}

/** A session that came from an address, with a browser's name for itself. */
function openFrom(core: LocalCore, address: string, uuid = ''): Session {
  const session = core.hub.open(core.fanOut, address)
  session.connection = {}
  session.agent = AGENT
  if (uuid !== '') core.hub.sessions.adopt(session, `${uuid}~${core.hub.sessions.idOf(session)}`)
  core.hub.markConnected(session)
  return session
}

test('a row tells pipe, user, browser and where the session came from', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  const session = openFrom(core, '192.0.2.1', 'uuid1')
  session.identify({ tenant: 1, user: '7', grants: [], untilSecond: 0 })
  await core.subscribe(session, 'web_chat')
  assert.deepEqual(await rows("SELECT * FROM users_in_pipes WHERE name = 'web_chat'"), [
    ['web_chat', '7', 'uuid1', 'Mozilla/5.0', '192.0.2.1', 'https://example.org', 'de-DE,de;q=0.9'],
  ])
})

test('an anonymous session is user 0, one without a name of its browser has its id instead', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  const session = core.connected()
  await core.subscribe(session, 'web_chat')
  const id = core.hub.sessions.idOf(session)
  assert.deepEqual(
    await rows("SELECT user_id, user_uuid, user_agent, ip FROM users_in_pipes WHERE name = 'web_chat'"),
    [['0', id, '', '']],
  )
})

test('a user with two sessions has two rows, and on two pipes four', async (t) => {
  const core = localCore(t)
  const { rows, list } = sqlOn(core)
  for (const user of ['7', '7', '8']) {
    const session = await come(core, user)
    await core.subscribe(session, 'one')
    await core.subscribe(session, 'two')
  }
  assert.deepEqual(await list("SELECT user_id FROM users_in_pipes WHERE name = 'one'"), ['7', '7', '8'])
  assert.deepEqual(
    await rows(
      "SELECT name, user_id FROM users_in_pipes WHERE name IN ('two', 'none', 'one') AND user_id = 7",
    ),
    [
      ['two', '7'],
      ['two', '7'],
      ['one', '7'],
      ['one', '7'],
    ],
  )
  assert.deepEqual(await list("SELECT DISTINCT user_id FROM users_in_pipes WHERE name = 'one'"), ['7', '8'])
  assert.deepEqual(await list("SELECT COUNT(*) FROM users_in_pipes WHERE name = 'one'"), [3])
})

test('without a name all pipes with somebody on them are told, other channels left out', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  const session = await come(core, '7')
  for (const channel of ['one', 'not.a.pipe', 'two']) await core.subscribe(session, channel)
  await core.publish('nobody_there')
  assert.deepEqual(await rows('SELECT name, user_id FROM users_in_pipes ORDER BY name'), [
    ['one', '7'],
    ['two', '7'],
  ])
  assert.deepEqual(await rows("SELECT name FROM users_in_pipes WHERE user_id = '8'"), [])
})

// Each pipe was a walk over all sessions: a thousand pipes and a hundred thousand sessions took twelve seconds.
test('without a name one walk over the sessions tells of all pipes', async (t) => {
  const core = localCore(t)
  for (const user of ['7', '8']) {
    const session = await come(core, user)
    for (const channel of ['one', 'two', 'three']) await core.subscribe(session, channel)
  }
  let walks = 0
  const sessions: LocalCore['broker']['sessions'] = (...asked) => {
    walks++
    return core.broker.sessions(...asked)
  }
  const { rows } = sqlOn(core, { context: { broker: { ...core.broker, sessions } } })
  assert.deepEqual(await rows('SELECT name, user_id FROM users_in_pipes'), [
    ['one', '7'],
    ['two', '7'],
    ['three', '7'],
    ['one', '8'],
    ['two', '8'],
    ['three', '8'],
  ])
  assert.equal(walks, 1)
})

test("names that can not be pipes, a user's own channel among them, have no rows", async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  await come(core, '7')
  for (const name of ['@7', 'a.b', '', '1\u0001@7']) {
    assert.deepEqual(await rows('SELECT * FROM users_in_pipes WHERE name = ?', name), [], name)
  }
})

test('a session that has left is not told', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  const session = core.connected()
  await core.subscribe(session, 'web_chat')
  core.hub.unsubscribe(session, 'web_chat')
  assert.deepEqual(await rows("SELECT * FROM users_in_pipes WHERE name = 'web_chat'"), [])
})

test('many sessions are all told, and the walk ends with the LIMIT', async (t) => {
  const core = localCore(t)
  const { list } = sqlOn(core)
  for (let at = 0; at < 700; at++) await core.subscribe(core.connected(), 'web_chat')
  assert.equal((await list("SELECT user_uuid FROM users_in_pipes WHERE name = 'web_chat'")).length, 700)
  assert.equal((await list('SELECT user_uuid FROM users_in_pipes LIMIT 650, 100')).length, 50)
})

test('it is read only', async (t) => {
  const { refused } = sqlOn(localCore(t))
  await refused(
    "INSERT INTO users_in_pipes (name) VALUES ('abc')",
    'readOnly',
    'Table `users_in_pipes` is read only',
  )
  await refused("DELETE FROM users_in_pipes WHERE name = 'abc'", 'readOnly')
})

test('tenants see their own sessions only', async (t) => {
  const core = localCore(t)
  const one = await come(core, '7')
  const two = await come(core, '8', null, 2)
  await core.subscribe(one, 'log')
  await core.subscribe(two, '2\u0001log')
  const query = "SELECT name, user_id FROM users_in_pipes WHERE name = 'log'"
  assert.deepEqual(await sqlOn(core).rows(query), [['log', '7']])
  assert.deepEqual(await sqlOn(core, { context: { tenant: 2 } }).rows(query), [['log', '8']])
  assert.deepEqual(
    await sqlOn(core, { context: { tenant: 2 } }).rows('SELECT name, user_id FROM users_in_pipes'),
    [['log', '8']],
  )
  assert.deepEqual(await sqlOn(core, { context: { tenant: 3 } }).rows('SELECT * FROM users_in_pipes'), [])
})
