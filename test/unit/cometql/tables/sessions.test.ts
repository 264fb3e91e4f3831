/**
 * Tests of src/cometql/tables/sessions.ts: every session of the tenant, what it holds and whether it is behind.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { come } from '../../../support/core-users.ts'
import { localCore } from '../../../support/local-core.ts'
import { sqlOn } from '../../../support/run-sql.ts'

test('a row tells id, user, transport, where it came from, and its channels', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  const session = core.hub.open(core.fanOut, '192.0.2.1')
  session.connection = {}
  session.agent = { userAgent: 'Mozilla/5.0', origin: 'https://example.org', language: 'de' }
  session.identify({ tenant: 1, user: '7', grants: [], untilSecond: 0 })
  core.hub.markConnected(session)
  for (const channel of ['@7', 'news', 'web_chat']) await core.subscribe(session, channel)
  const id = core.hub.sessions.idOf(session)
  assert.deepEqual(await rows('SELECT * FROM sessions'), [
    [id, '7', 'websocket', '192.0.2.1', 'Mozilla/5.0', 'https://example.org', 'de', 3, 0],
  ])
})

test('an anonymous session, of which nothing is known, has empty texts', async (t) => {
  const core = localCore(t)
  const session = core.connected()
  const id = core.hub.sessions.idOf(session)
  assert.deepEqual(await sqlOn(core).rows('SELECT * FROM sessions'), [
    [id, '', 'websocket', '', '', '', '', 0, 0],
  ])
})

test('a session that is behind in a channel says so', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  const session = core.connected()
  await core.subscribe(session, 'news')
  core.fanOut.stall(session, 1)
  for (let at = 0; at < 5; at++) await core.publish('news')
  await core.settle()
  assert.deepEqual(await rows('SELECT channels_behind FROM sessions'), [[1]])
  assert.deepEqual(await rows('SELECT COUNT(*) FROM sessions WHERE channels_behind > 0'), [[1]])
  core.fanOut.resume(session)
  await core.settle()
  assert.deepEqual(await rows('SELECT channels_behind FROM sessions'), [[0]])
})

test('a session that has not connected yet, or has gone, is not told', async (t) => {
  const core = localCore(t)
  core.hub.open(core.fanOut, '')
  core.lose(core.connected())
  assert.deepEqual(await sqlOn(core).rows('SELECT * FROM sessions'), [])
})

test('rows can be counted, ordered and looked for', async (t) => {
  const core = localCore(t)
  const { list } = sqlOn(core)
  for (const user of ['7', '8', '7']) await come(core, user)
  core.connected()
  assert.deepEqual(await list('SELECT user_id FROM sessions ORDER BY user_id'), ['', '7', '7', '8'])
  assert.deepEqual(await list("SELECT COUNT(*) FROM sessions WHERE user_id = '7'"), [2])
  assert.deepEqual(await list("SELECT COUNT(*) FROM sessions WHERE user_id <> ''"), [3])
  assert.equal((await list('SELECT session FROM sessions LIMIT 2')).length, 2)
})

test('it is read only', async (t) => {
  const { refused } = sqlOn(localCore(t))
  await refused("DELETE FROM sessions WHERE session = 'x'", 'readOnly', 'Table `sessions` is read only')
})

test('tenants see their own sessions only', async (t) => {
  const core = localCore(t)
  await come(core, '7')
  await come(core, '8', null, 2)
  assert.deepEqual(await sqlOn(core).list('SELECT user_id FROM sessions'), ['7'])
  assert.deepEqual(await sqlOn(core, { context: { tenant: 2 } }).list('SELECT user_id FROM sessions'), ['8'])
})
