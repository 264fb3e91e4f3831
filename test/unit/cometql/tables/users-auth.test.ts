/**
 * Tests of src/cometql/tables/users-auth.ts: keys of users through SQL, and what taking one back does to a session.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codes } from '../../../../src/codes.ts'
import { come } from '../../../support/core-users.ts'
import { localCore } from '../../../support/local-core.ts'
import { recordingStore } from '../../../support/recording-store.ts'
import { sqlOn } from '../../../support/run-sql.ts'

type Test = Parameters<typeof localCore>[0]

function setUp(t: Test) {
  const core = localCore(t)
  return { core, ...sqlOn(core) }
}

test('a user who has a key logs in with it', async (t) => {
  const { core, wrote, rows } = setUp(t)
  assert.deepEqual(await wrote("INSERT INTO users_auth (id, hash)VALUES('7', 'abc' );"), [1, 7])
  assert.deepEqual(core.users.login({ tenant: 1, user: '7', key: 'abc' }), { user: '7', key: 'abc' })
  assert.deepEqual(await rows('SELECT hash FROM users_auth WHERE id = 7'), [['abc']])
  assert.deepEqual(await rows('SELECT * FROM users_auth WHERE id = 7'), [['7', 'abc']])
})

test('INSERT replaces, and leaves open sessions be', async (t) => {
  const { core, wrote, rows } = setUp(t)
  await wrote("INSERT INTO users_auth (id, hash) VALUES (7, 'old')")
  await come(core, '7')
  assert.deepEqual(await wrote("INSERT INTO users_auth (id, hash) VALUES (7, 'new')"), [1, 7])
  assert.deepEqual(await rows('SELECT * FROM users_auth'), [['7', 'new']])
  assert.deepEqual(core.fanOut.endings, [])
})

test('DELETE takes the key back and ends the sessions of the user, and of nobody else', async (t) => {
  const { core, wrote, rows } = setUp(t)
  await wrote("INSERT INTO users_auth (id, hash) VALUES (7, 'a'), (8, 'b'), (9, 'c')")
  const sessions = [await come(core, '7'), await come(core, '7'), await come(core, '8')]
  assert.deepEqual(await wrote("DELETE FROM users_auth WHERE id IN (7, '07', 99)"), [0, 0])
  assert.deepEqual(
    core.fanOut.endings.map(({ session, code }) => [session, code]),
    [
      [sessions[0], codes.LOGIN_REVOKED.close],
      [sessions[1], codes.LOGIN_REVOKED.close],
    ],
  )
  assert.deepEqual(await rows('SELECT id FROM users_auth'), [['8'], ['9']])
})

test('DELETE of a user without a key ends their sessions as well', async (t) => {
  const { core, wrote } = setUp(t)
  await come(core, '7')
  await wrote('DELETE FROM users_auth WHERE id = 7')
  assert.equal(core.fanOut.endings.length, 1)
})

test('DELETE with more conditions takes only the rows that match', async (t) => {
  const { wrote, list } = setUp(t)
  await wrote("INSERT INTO users_auth (id, hash) VALUES (7, 'a'), (8, 'b'), (9, 'a')")
  await wrote("DELETE FROM users_auth WHERE id IN (7, 8) AND hash = 'a'")
  assert.deepEqual(await list('SELECT id FROM users_auth'), ['8', '9'])
})

test('several rows are several users; the last of the same counts, and the first is the insert id', async (t) => {
  const { wrote, rows } = setUp(t)
  assert.deepEqual(await wrote("INSERT INTO users_auth VALUES (12, 'a'), (7, 'b'), ('012', 'c')"), [3, 12])
  assert.deepEqual(await rows('SELECT * FROM users_auth ORDER BY id'), [
    ['7', 'b'],
    ['12', 'c'],
  ])
})

test('several rows are written all or none', async (t) => {
  const store = recordingStore()
  const sql = sqlOn(localCore(t, { store }))
  await sql.wrote("INSERT INTO users_auth VALUES (1, 'a'), (2, 'b'), (3, 'c')")
  assert.deepEqual(
    store.writes.map((changes) => changes.length),
    [3],
  )
  store.fail()
  await sql.failure("INSERT INTO users_auth VALUES (1, 'x'), (4, 'y')")
  assert.deepEqual(await sql.rows('SELECT * FROM users_auth'), [
    ['1', 'a'],
    ['2', 'b'],
    ['3', 'c'],
  ])
})

test('a row that is refused keeps the others out', async (t) => {
  const { refused, rows } = setUp(t)
  await refused(
    "INSERT INTO users_auth VALUES (1, 'a'), (0, 'b')",
    'invalid',
    'The id field must be non-negative',
  )
  await refused("INSERT INTO users_auth VALUES (1, 'a'), (2, 'b-c')", 'invalid')
  assert.deepEqual(await rows('SELECT * FROM users_auth'), [])
})

test('ids below 1, and texts that are no ids, are refused', async (t) => {
  const { refused } = setUp(t)
  for (const id of ['0', '-1', "'x'", "''", '1.5', '1000000000000000', "'7 '"]) {
    const query = `INSERT INTO users_auth (id, hash) VALUES (${id}, 'a')`
    await refused(query, 'invalid', 'The id field must be non-negative')
  }
})

test('a hash is 1 to 32 letters of those that CppComet takes', async (t) => {
  const { wrote, refused } = setUp(t)
  await wrote(`INSERT INTO users_auth (id, hash) VALUES (7, 'azAZ09=+/_${'x'.repeat(22)}')`)
  const tooLong = `INSERT INTO users_auth (id, hash) VALUES (7, '${'x'.repeat(33)}')`
  await refused(tooLong, 'tooLong', 'Hash string is too long')
  for (const hash of ['', 'a-b', 'a b', 'é', "it\\'s", 'a.b', 'a\\n']) {
    const query = `INSERT INTO users_auth (id, hash) VALUES (7, '${hash}')`
    await refused(query, 'invalid', 'Contains an invalid characters in the string hash')
  }
})

test('both fields are required', async (t) => {
  const { refused } = setUp(t)
  await refused('INSERT INTO users_auth (id) VALUES (7)', 'invalid', 'field `hash` is required')
  await refused("INSERT INTO users_auth (hash) VALUES ('a')", 'invalid', 'field `id` is required')
  await refused("INSERT INTO users_auth (id, hash) VALUES (NULL, 'a')", 'invalid', 'field `id` is required')
})

test('UPDATE changes the keys of users who have one, and tells how many', async (t) => {
  const { wrote, rows, refused } = setUp(t)
  await wrote("INSERT INTO users_auth VALUES (7, 'a'), (8, 'b')")
  assert.deepEqual(await wrote("UPDATE users_auth SET hash = 'x' WHERE id IN (7, '007', 99)"), [1, 0])
  assert.deepEqual(await rows('SELECT * FROM users_auth'), [
    ['7', 'x'],
    ['8', 'b'],
  ])
  assert.deepEqual(await wrote("UPDATE users_auth SET hash = 'y' WHERE id IN (7, 8) AND hash = 'b'"), [1, 0])
  assert.deepEqual(await rows('SELECT * FROM users_auth'), [
    ['7', 'x'],
    ['8', 'y'],
  ])
  await refused("UPDATE users_auth SET hash = 'a-b' WHERE id = 7", 'invalid')
  assert.deepEqual(await rows('SELECT hash FROM users_auth WHERE id = 7'), [['x']])
})

test('rows that were asked for come in the order of the question, those that are not there are left out', async (t) => {
  const { wrote, list } = setUp(t)
  await wrote("INSERT INTO users_auth VALUES (7, 'a'), (8, 'b'), (10, 'c')")
  assert.deepEqual(await list("SELECT id FROM users_auth WHERE id IN (10, 7, 99, 0, -8, 'x', '08', 8)"), [
    '10',
    '7',
    '8',
  ])
})

test('all rows are walked without a key, and ids compare as numbers', async (t) => {
  const { wrote, list } = setUp(t)
  await wrote("INSERT INTO users_auth VALUES (7, 'a'), (8, 'b'), (10, 'c'), (100, 'b')")
  assert.deepEqual(await list('SELECT id FROM users_auth WHERE id > 8 ORDER BY id DESC'), ['100', '10'])
  assert.deepEqual(await list("SELECT id FROM users_auth WHERE hash = 'b' ORDER BY id"), ['8', '100'])
  assert.deepEqual(await list('SELECT COUNT(*) FROM users_auth WHERE id BETWEEN 8 AND 10'), [2])
})

test('tenants have keys of their own', async (t) => {
  const core = localCore(t)
  const [one, two] = [sqlOn(core), sqlOn(core, { context: { tenant: 2 } })]
  await one.wrote("INSERT INTO users_auth VALUES (7, 'one')")
  await two.wrote("INSERT INTO users_auth VALUES (7, 'two')")
  await come(core, '7')
  await two.wrote('DELETE FROM users_auth WHERE id = 7')
  assert.deepEqual(await one.rows('SELECT * FROM users_auth'), [['7', 'one']])
  assert.deepEqual(await two.rows('SELECT * FROM users_auth'), [])
  assert.deepEqual(core.fanOut.endings, [])
})

test('a walk of many rows is whole', async (t) => {
  const { core, list } = setUp(t)
  const keys = new Map(Array.from({ length: 1_000 }, (_, at) => [String(at + 1), `h${at + 1}`]))
  await core.users.setKeys(1, keys)
  assert.deepEqual((await list('SELECT id FROM users_auth')).toSorted(), [...keys.keys()].toSorted())
  assert.deepEqual(await list('SELECT id FROM users_auth ORDER BY id LIMIT 997, 9'), ['998', '999', '1000'])
})

test('users whose ids are none to CppComet are not told: nobody could ask for them, or take them out', async (t) => {
  const { core, wrote, list, refused } = setUp(t)
  for (const user of ['alice', '007', '0', '-7', '7.5', '1234567890123456', '7', '999999999999999']) {
    await core.users.setKey(1, user, 'key')
  }
  assert.deepEqual((await list('SELECT id FROM users_auth')).toSorted(), ['7', '999999999999999'])
  assert.deepEqual(await list("SELECT COUNT(*) FROM users_auth WHERE hash = 'key'"), [2])
  assert.deepEqual(await list("SELECT id FROM users_auth WHERE id IN ('alice', 1234567890123456, '007')"), [
    '7',
  ])
  assert.deepEqual(await wrote("DELETE FROM users_auth WHERE id IN ('alice', '1234567890123456')"), [0, 0])
  assert.deepEqual(
    await wrote("UPDATE users_auth SET hash = 'b' WHERE id IN ('alice', '1234567890123456')"),
    [0, 0],
  )
  assert.equal(core.users.key(1, '1234567890123456'), 'key')
  await refused("INSERT INTO users_auth (id, hash) VALUES ('alice', 'b')", 'invalid')
})
