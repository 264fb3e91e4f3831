/**
 * Tests of src/cometql/tables/users-time.ts: 0 for who is here, the second of leaving for who was, -1 for anybody else.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { come } from '../../../support/core-users.ts'
import { localCore } from '../../../support/local-core.ts'
import { sqlOn } from '../../../support/run-sql.ts'

/** What the fake clock says when a test begins. */
const START_SECOND = 1_700_000_000

type Test = Parameters<typeof localCore>[0]

function setUp(t: Test) {
  const core = localCore(t)
  return { core, ...sqlOn(core) }
}

test('a user is here, was here, or is not known', async (t) => {
  const { core, rows } = setUp(t)
  await come(core, '7')
  const session = await come(core, '8')
  core.clock.turn(61_900)
  core.lose(session)
  await core.settle()
  core.clock.turn(10_000)
  assert.deepEqual(await rows('SELECT id, time FROM users_time WHERE id IN( 7,8,9);'), [
    ['7', '0'],
    ['8', String(START_SECOND + 61)],
    ['9', '-1'],
  ])
  assert.deepEqual(await rows('SELECT time FROM users_time WHERE id = 7'), [['0']])
})

test('a user is here until the last session has left', async (t) => {
  const { core, rows } = setUp(t)
  const [one, other] = [await come(core, '7'), await come(core, '7')]
  core.lose(one)
  await core.settle()
  assert.deepEqual(await rows('SELECT time FROM users_time WHERE id = 7'), [['0']])
  core.lose(other)
  await core.settle()
  assert.deepEqual(await rows('SELECT time FROM users_time WHERE id = 7'), [[String(START_SECOND)]])
  await come(core, '7')
  assert.deepEqual(await rows('SELECT time FROM users_time WHERE id = 7'), [['0']])
})

test('each id has one row in the order of the question, in its one spelling; nobody is user 0', async (t) => {
  const { rows } = setUp(t)
  assert.deepEqual(
    await rows("SELECT * FROM users_time WHERE id IN (9, 0, '07', 7, -7, 'x', '', 1.5, NULL, '00')"),
    [
      ['9', '-1'],
      ['0', '-1'],
      ['7', '-1'],
    ],
  )
})

test('conditions on the time hold, as numbers', async (t) => {
  const { core, list } = setUp(t)
  await come(core, '7')
  const session = await come(core, '8')
  core.lose(session)
  await core.settle()
  const from = 'FROM users_time WHERE id IN (7, 8, 9)'
  assert.deepEqual(await list(`SELECT id ${from} AND time = 0`), ['7'])
  assert.deepEqual(await list(`SELECT id ${from} AND time < 0`), ['9'])
  assert.deepEqual(await list(`SELECT id ${from} AND time > 999`), ['8'])
  assert.deepEqual(await list(`SELECT id ${from} ORDER BY time DESC`), ['8', '7', '9'])
  assert.deepEqual(await list(`SELECT COUNT(*) ${from} AND time = '0'`), [1])
})

test('a user has to be named', async (t) => {
  const { refused } = setUp(t)
  const words = 'Selection without transferring the requested values of the primary key is not supported'
  await refused('SELECT * FROM users_time', 'conditions', words)
  await refused('SELECT * FROM users_time WHERE time = 0', 'conditions', words)
})

test('it is read only', async (t) => {
  const { refused } = setUp(t)
  for (const query of [
    'INSERT INTO users_time (id, time) VALUES (7, 0)',
    'DELETE FROM users_time WHERE id = 7',
    'UPDATE users_time SET time = 0 WHERE id = 7',
  ]) {
    await refused(query, 'readOnly', 'Table `users_time` is read only')
  }
})

test('tenants have users of their own', async (t) => {
  const { core, rows } = setUp(t)
  await come(core, '7', null, 2)
  assert.deepEqual(await rows('SELECT time FROM users_time WHERE id = 7'), [['-1']])
  const two = sqlOn(core, { context: { tenant: 2 } })
  assert.deepEqual(await two.rows('SELECT time FROM users_time WHERE id = 7'), [['0']])
})
