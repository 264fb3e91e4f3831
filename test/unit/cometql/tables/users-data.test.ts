/**
 * Tests of src/cometql/tables/users-data.ts: a text per user, JSON kept as it stands, all or none of several.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localCore } from '../../../support/local-core.ts'
import { recordingStore } from '../../../support/recording-store.ts'
import { sqlOn } from '../../../support/run-sql.ts'

type Test = Parameters<typeof localCore>[0]

function setUp(t: Test) {
  const core = localCore(t)
  return { core, ...sqlOn(core) }
}

test('what is set for a user is what pages get', async (t) => {
  const { core, wrote, rows } = setUp(t)
  assert.deepEqual(await wrote("INSERT INTO users_data (id, data) VALUES (7, 'Ada')"), [1, 7])
  assert.equal(core.users.data(1, '7'), 'Ada')
  assert.deepEqual(await rows('SELECT * FROM users_data WHERE id = 7'), [['7', 'Ada']])
})

const literals: readonly (readonly [written: string, kept: string])[] = [
  [`'{"a":"x\\ny"}'`, '{"a":"x\\ny"}'],
  [`'{\\"a\\":\\"x\\"}'`, '{"a":"x"}'],
  [`'it\\'s'`, "it's"],
  [`'it''s'`, "it's"],
  [`"say ""hello"""`, 'say "hello"'],
  [`'{ "a" : 1 }'`, '{ "a" : 1 }'],
  [`'C:\\\\temp'`, 'C:\\temp'],
  [`'é😀'`, 'é😀'],
  ['5', '5'],
]
for (const [written, kept] of literals) {
  test(`the literal ${written} is kept as ${JSON.stringify(kept)}`, async (t) => {
    const { core, wrote } = setUp(t)
    await wrote(`INSERT INTO users_data (id, data) VALUES (7, ${written})`)
    assert.equal(core.users.data(1, '7'), kept)
  })
}

test('INSERT replaces, DELETE removes, both of several', async (t) => {
  const { wrote, rows } = setUp(t)
  assert.deepEqual(await wrote("INSERT INTO users_data VALUES (7, 'a'), (8, 'b'), (9, 'c')"), [3, 7])
  assert.deepEqual(await wrote("INSERT INTO users_data VALUES (8, 'B')"), [1, 8])
  assert.deepEqual(await wrote('DELETE FROM users_data WHERE id IN (7, 99)'), [0, 0])
  assert.deepEqual(await rows('SELECT * FROM users_data'), [
    ['8', 'B'],
    ['9', 'c'],
  ])
  await wrote("DELETE FROM users_data WHERE id IN (8, 9) AND data LIKE 'c%'")
  assert.deepEqual(await rows('SELECT * FROM users_data'), [['8', 'B']])
})

test('UPDATE changes what is there, and tells how many', async (t) => {
  const { wrote, rows } = setUp(t)
  await wrote("INSERT INTO users_data VALUES (7, 'a'), (8, 'b')")
  assert.deepEqual(await wrote("UPDATE users_data SET data = 'x' WHERE id IN (7, 8, 9)"), [2, 0])
  assert.deepEqual(await wrote("UPDATE users_data SET data = 'y' WHERE id = 9"), [0, 0])
  assert.deepEqual(await rows('SELECT * FROM users_data'), [
    ['7', 'x'],
    ['8', 'x'],
  ])
})

test('an empty text is none, whichever way rows are found', async (t) => {
  // The walk told an empty row that the look-up did not.
  const { wrote, rows } = setUp(t)
  await wrote("INSERT INTO users_data VALUES (7, ''), (8, 'b')")
  assert.deepEqual(await rows('SELECT * FROM users_data WHERE id IN (7, 8)'), [['8', 'b']])
  assert.deepEqual(await rows('SELECT * FROM users_data'), [['8', 'b']])
  assert.deepEqual(await wrote("UPDATE users_data SET data = 'x' WHERE id = 7"), [0, 0])
})

test('a text may have 65,536 bytes', async (t) => {
  const { core, wrote, refused } = setUp(t)
  await wrote(`INSERT INTO users_data VALUES (7, '${'é'.repeat(32_768)}')`)
  assert.equal(Buffer.byteLength(core.users.data(1, '7')), 65_536)
  const query = `INSERT INTO users_data VALUES (6, 'a'), (7, '${'é'.repeat(32_768)}x')`
  await refused(query, 'tooLong', 'Data is too long: 65537 of at most 65536 bytes')
  assert.equal(core.users.data(1, '6'), '')
})

test('fields are required and ids are ids', async (t) => {
  const { refused } = setUp(t)
  await refused('INSERT INTO users_data (id) VALUES (7)', 'invalid', 'field `data` is required')
  await refused("INSERT INTO users_data (data) VALUES ('a')", 'invalid', 'field `id` is required')
  await refused("INSERT INTO users_data VALUES (0, 'a')", 'invalid', 'The id field must be non-negative')
})

test('several rows are written all or none', async (t) => {
  const store = recordingStore()
  const sql = sqlOn(localCore(t, { store }))
  store.fail()
  await sql.failure("INSERT INTO users_data VALUES (1, 'x'), (4, 'y')")
  assert.deepEqual(await sql.rows('SELECT * FROM users_data WHERE id IN (1, 4)'), [])
  await sql.wrote("INSERT INTO users_data VALUES (1, 'x'), (4, 'y')")
  assert.deepEqual(
    store.writes.map((changes) => changes.length),
    [2, 2],
  )
})

test('tenants have texts of their own', async (t) => {
  const core = localCore(t)
  const [one, two] = [sqlOn(core), sqlOn(core, { context: { tenant: 2 } })]
  await one.wrote("INSERT INTO users_data VALUES (7, 'one')")
  assert.deepEqual(await two.rows('SELECT * FROM users_data'), [])
  assert.deepEqual(await two.wrote("UPDATE users_data SET data = 'two' WHERE id = 7"), [0, 0])
  await two.wrote('DELETE FROM users_data WHERE id = 7')
  assert.deepEqual(await one.rows('SELECT data FROM users_data'), [['one']])
})

test('users whose ids are none to CppComet are not told', async (t) => {
  const { core, rows } = setUp(t)
  for (const user of ['alice', '007', '1234567890123456', '7']) await core.users.setData(1, user, user)
  assert.deepEqual(await rows('SELECT * FROM users_data'), [['7', '7']])
})
