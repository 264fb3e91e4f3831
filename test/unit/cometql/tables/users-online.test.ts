/**
 * Tests of src/cometql/tables/users-online.ts: users who are here, with how many sessions.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { come } from '../../../support/core-users.ts'
import { localCore } from '../../../support/local-core.ts'
import { sqlOn } from '../../../support/run-sql.ts'

test('each user who is here has a row, those who left and the anonymous have none', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  for (const user of ['8', '7', '7', 'ada']) await come(core, user)
  const gone = await come(core, '9')
  core.lose(gone)
  await core.subscribe(core.connected(), 'web_chat')
  await core.settle()
  assert.deepEqual(await rows('SELECT * FROM users_online ORDER BY user_id'), [
    ['7', 2],
    ['8', 1],
    ['ada', 1],
  ])
  assert.deepEqual(await rows("SELECT sessions FROM users_online WHERE user_id = '7'"), [[2]])
  assert.deepEqual(await rows('SELECT user_id FROM users_online WHERE sessions > 1'), [['7']])
  assert.deepEqual(await rows('SELECT COUNT(*) FROM users_online'), [[3]])
})

test('it is read only', async (t) => {
  const { refused } = sqlOn(localCore(t))
  await refused(
    "INSERT INTO users_online (user_id) VALUES ('7')",
    'readOnly',
    'Table `users_online` is read only',
  )
  await refused("DELETE FROM users_online WHERE user_id = '7'", 'readOnly')
})

test('tenants see their own users only', async (t) => {
  const core = localCore(t)
  await come(core, '7')
  await come(core, '8', null, 2)
  assert.deepEqual(await sqlOn(core).rows('SELECT * FROM users_online'), [['7', 1]])
  assert.deepEqual(await sqlOn(core, { context: { tenant: 2 } }).rows('SELECT * FROM users_online'), [
    ['8', 1],
  ])
})
