/**
 * Tests of src/cometql/tables/revoked-tokens.ts: a token is refused from its INSERT to its DELETE, and its user logged out.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { come } from '../../../support/core-users.ts'
import { localCore } from '../../../support/local-core.ts'
import { sqlOn } from '../../../support/run-sql.ts'

type Test = Parameters<typeof localCore>[0]

function setUp(t: Test) {
  const core = localCore(t)
  return { core, ...sqlOn(core) }
}

/** As an application signs one, with the password that a local core has. */
function tokenOf(user: number, tenant = 1): string {
  const exp = Math.floor(Date.now() / 1_000) + 3_600
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ user_id: user, exp })}`
  return `${text}.${createHmac('sha256', `P${tenant}`).update(text).digest('base64url')}`
}

test('a token that is revoked is no good, its user is logged out, and may come again when it is restored', async (t) => {
  const { core, wrote, rows } = setUp(t)
  const token = tokenOf(7)
  const login = () => core.users.login({ tenant: 1, user: '7', key: token })
  assert.notEqual(login(), null)
  const session = await come(core, '7')
  assert.deepEqual(await wrote('INSERT INTO revoked_tokens (token) VALUES (?)', token), [1, 1])
  assert.equal(login(), null)
  assert.deepEqual(
    core.fanOut.endings.map((ending) => ending.session),
    [session],
  )
  assert.deepEqual(await rows('SELECT * FROM revoked_tokens'), [[token]])
  assert.deepEqual(await wrote(`DELETE FROM revoked_tokens WHERE token = '${token}'`), [0, 0])
  assert.notEqual(login(), null)
  assert.deepEqual(await rows('SELECT * FROM revoked_tokens'), [])
})

test('all are told without WHERE, one by its name, others by any condition', async (t) => {
  const { wrote, list } = setUp(t)
  assert.deepEqual(await wrote("INSERT INTO revoked_tokens (token) VALUES ('b'), ('a.x'), ('a.y')"), [3, 1])
  assert.deepEqual(await list('SELECT token FROM revoked_tokens'), ['a.x', 'a.y', 'b'])
  assert.deepEqual(await list("SELECT token FROM revoked_tokens WHERE token IN ('b', 'c', 'A.X')"), ['b'])
  assert.deepEqual(await list("SELECT token FROM revoked_tokens WHERE token LIKE 'a.%'"), ['a.x', 'a.y'])
  assert.deepEqual(await list('SELECT COUNT(*) FROM revoked_tokens'), [3])
})

test('DELETE needs the tokens', async (t) => {
  const { wrote, refused, list } = setUp(t)
  await wrote("INSERT INTO revoked_tokens (token) VALUES ('a'), ('b')")
  const words = 'Deleting without transferring the requested values of the primary key is not supported'
  await refused('DELETE FROM revoked_tokens', 'conditions', words)
  await refused("DELETE FROM revoked_tokens WHERE token LIKE '%'", 'conditions', words)
  await wrote("DELETE FROM revoked_tokens WHERE token IN ('a', 'x') OR token = 'y'")
  assert.deepEqual(await list('SELECT token FROM revoked_tokens'), ['b'])
})

test('a token has 1 to 600 bytes, and one that has not keeps all rows out', async (t) => {
  const { wrote, refused, list } = setUp(t)
  const long = 'x'.repeat(600)
  await wrote(`INSERT INTO revoked_tokens VALUES ('${long}')`)
  await refused(`INSERT INTO revoked_tokens VALUES ('a'), ('${long}y')`, 'tooLong', 'Token is too long: 601')
  await refused("INSERT INTO revoked_tokens VALUES ('a'), ('')", 'invalid', 'field `token` is empty')
  await refused('INSERT INTO revoked_tokens VALUES (NULL)', 'invalid', 'field `token` is required')
  assert.deepEqual(await list('SELECT token FROM revoked_tokens'), [long])
})

test('it has nothing to change', async (t) => {
  const { refused } = setUp(t)
  const words = 'UPDATE of `revoked_tokens` is not implemented: use INSERT and DELETE'
  await refused("UPDATE revoked_tokens SET token = 'b' WHERE token = 'a'", 'notImplemented', words)
})

test('tenants have tokens of their own', async (t) => {
  const core = localCore(t)
  const [one, two] = [sqlOn(core), sqlOn(core, { context: { tenant: 2 } })]
  await one.wrote("INSERT INTO revoked_tokens VALUES ('a')")
  assert.deepEqual(await two.rows('SELECT * FROM revoked_tokens'), [])
  await two.wrote("DELETE FROM revoked_tokens WHERE token = 'a'")
  assert.deepEqual(await one.rows('SELECT * FROM revoked_tokens'), [['a']])
})
