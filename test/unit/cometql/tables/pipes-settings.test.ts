/**
 * Tests of src/cometql/tables/pipes-settings.ts: how much a pipe keeps, from the INSERT that says so to the DELETE that
 * takes it back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codes } from '../../../../src/codes.ts'
import { localCore, request } from '../../../support/local-core.ts'
import { recordingStore } from '../../../support/recording-store.ts'
import { sqlOn } from '../../../support/run-sql.ts'

type Test = Parameters<typeof localCore>[0]

function setUp(t: Test, options: Parameters<typeof localCore>[1] = {}) {
  const core = localCore(t, options)
  const kept = async (pipe: string) => {
    await core.broker.publish(
      Array.from({ length: 200 }, (_, at) => request(pipe, at)),
      'http',
    )
    const page = await core.broker.history(pipe, { since: null, limit: 1_000, isReverse: false })
    return 'failed' in page ? 0 : page.messages.length
  }
  return { core, kept, ...sqlOn(core) }
}

test('a pipe keeps as many messages as its length says, from then on', async (t) => {
  const { kept, wrote, rows } = setUp(t)
  assert.equal(await kept('p10'), 0)
  assert.deepEqual(await wrote(`insert into pipes_settings ("name", "length") values ('p10', 10);`), [1, 0])
  assert.equal(await kept('p10'), 10)
  assert.deepEqual(await rows("SELECT * FROM pipes_settings WHERE name = 'p10'"), [['p10', '10']])
})

test('without a length it is 99, as many as CppComet reads', async (t) => {
  const { kept, wrote, rows } = setUp(t)
  await wrote("INSERT INTO pipes_settings (name) VALUES ('one')")
  await wrote("INSERT INTO pipes_settings (name, length) VALUES ('two', NULL)")
  assert.equal(await kept('one'), 99)
  assert.deepEqual(await rows("SELECT length FROM pipes_settings WHERE name IN ('one', 'two')"), [
    ['99'],
    ['99'],
  ])
})

test('a length of 0 keeps nothing', async (t) => {
  const { kept, wrote, rows } = setUp(t, { rules: [{ match: '*', historySize: 50 }] })
  await wrote("INSERT INTO pipes_settings (name, length) VALUES ('one', 0)")
  assert.equal(await kept('one'), 0)
  assert.equal(await kept('two'), 50)
  assert.deepEqual(await rows("SELECT * FROM pipes_settings WHERE name = 'one'"), [['one', '0']])
})

test('INSERT replaces, of several pipes at once', async (t) => {
  const { wrote, rows } = setUp(t)
  assert.deepEqual(
    await wrote("INSERT INTO pipes_settings VALUES ('one', 1), ('two', 2), ('three', 3)"),
    [3, 0],
  )
  assert.deepEqual(await wrote("INSERT INTO pipes_settings VALUES ('two', 20)"), [1, 0])
  assert.deepEqual(await rows('SELECT * FROM pipes_settings ORDER BY length'), [
    ['one', '1'],
    ['three', '3'],
    ['two', '20'],
  ])
})

test('DELETE takes the setting back and what was kept along', async (t) => {
  const { core, kept, wrote, rows } = setUp(t)
  await wrote("INSERT INTO pipes_settings VALUES ('one', 10), ('two', 10)")
  await kept('one')
  assert.deepEqual(await wrote("DELETE FROM pipes_settings WHERE name IN ('one', 'none', 'a.b')"), [0, 0])
  assert.deepEqual(await rows('SELECT * FROM pipes_settings'), [['two', '10']])
  assert.equal(await kept('one'), 0)
  await wrote("INSERT INTO pipes_settings VALUES ('one', 10)")
  const page = await core.broker.history('one', { since: null, limit: 1_000, isReverse: false })
  assert.ok(!('failed' in page))
  assert.deepEqual(page.messages, [])
})

for (const isDurable of [false, true]) {
  test(`DELETE clears what the rule of the pipe keeps too, ${isDurable ? 'on disk' : 'in memory'}`, async (t) => {
    const rules = [{ match: '*', historySize: 50, durable: isDurable }]
    const { core, kept, wrote, list } = setUp(t, { rules, ...(isDurable ? { store: recordingStore() } : {}) })
    await wrote("INSERT INTO pipes_settings VALUES ('log', 10)")
    assert.equal(await kept('log'), 10)
    await wrote("DELETE FROM pipes_settings WHERE name = 'log'")
    assert.deepEqual(await list("SELECT message FROM pipes_messages WHERE name = 'log'"), [])
    await core.publish('log', 'x')
    assert.deepEqual(await list("SELECT message FROM pipes_messages WHERE name = 'log'"), ['x'])
    assert.equal(await kept('log'), 50)
  })
}

test('DELETE with more conditions takes only the rows that match', async (t) => {
  const { wrote, list } = setUp(t)
  await wrote("INSERT INTO pipes_settings VALUES ('one', 1), ('two', 20), ('three', 30)")
  await wrote("DELETE FROM pipes_settings WHERE name IN ('one', 'two') AND length > 3")
  assert.deepEqual(await list('SELECT name FROM pipes_settings ORDER BY name'), ['one', 'three'])
})

test('UPDATE changes the lengths of pipes that have one', async (t) => {
  const { kept, wrote, rows, refused } = setUp(t)
  await wrote("INSERT INTO pipes_settings VALUES ('one', 1), ('two', 20)")
  assert.deepEqual(await wrote("UPDATE pipes_settings SET length = 30 WHERE name IN ('one', 'none')"), [1, 0])
  assert.equal(await kept('one'), 30)
  assert.deepEqual(await rows('SELECT * FROM pipes_settings ORDER BY name'), [
    ['one', '30'],
    ['two', '20'],
  ])
  await refused(
    "UPDATE pipes_settings SET length = 'x' WHERE name = 'one'",
    'invalid',
    'field `length` must be',
  )
  await refused(
    "UPDATE pipes_settings SET length = NULL WHERE name = 'one'",
    'invalid',
    'field `length` can not',
  )
})

test('lengths compare as numbers', async (t) => {
  const { wrote, list } = setUp(t)
  await wrote("INSERT INTO pipes_settings VALUES ('one', 9), ('two', 10), ('three', 100)")
  assert.deepEqual(await list('SELECT name FROM pipes_settings WHERE length > 9 ORDER BY length'), [
    'two',
    'three',
  ])
  assert.deepEqual(await list('SELECT name FROM pipes_settings WHERE length BETWEEN 9 AND 10 ORDER BY 1'), [
    'one',
    'two',
  ])
})

test('what is no length is refused, and keeps all rows out', async (t) => {
  const { refused, wrote, rows } = setUp(t)
  for (const length of ['-1', '1.5', "'x'", "''", '1000001', "'1e3'"]) {
    const words = 'field `length` must be a whole number from 0 to 1000000'
    await refused(`INSERT INTO pipes_settings VALUES ('one', 1), ('two', ${length})`, 'invalid', words)
  }
  assert.deepEqual(await rows('SELECT * FROM pipes_settings'), [])
  await wrote("INSERT INTO pipes_settings VALUES ('one', 1000000)")
})

// Nine rows where there was room for three channels were refused, and three of them were set.
test('rows that do not all fit are refused, and none is set', async (t) => {
  const { core, failure, rows } = setUp(t, { maxChannels: 4 })
  await core.publish('one')
  const values = Array.from({ length: 9 }, (_, at) => `('pipe${at}', 5)`)
  const { code } = await failure(`INSERT INTO pipes_settings VALUES ${values.join()}`)
  assert.equal(code, codes.NODE_CHANNEL_LIMIT.mysql[0])
  assert.deepEqual(await rows('SELECT * FROM pipes_settings'), [])
  assert.equal(core.broker.channelCount(), 1, 'what was opened for it is closed')
})

test('very many rows are set in parts, and a refusal tells how many are', async (t) => {
  const { wrote, failure, list } = setUp(t, { maxChannels: 300 })
  const values = (count: number) => Array.from({ length: count }, (_, at) => `('pipe${at}', 5)`).join()
  assert.deepEqual(await wrote(`INSERT INTO pipes_settings VALUES ${values(300)}`), [300, 0])
  const { message } = await failure(`INSERT INTO pipes_settings VALUES ${values(400)}`)
  assert.match(message, /; the first 256 of 400 pipes are set$/)
  assert.deepEqual(await list('SELECT COUNT(*) FROM pipes_settings'), [300])
})

test('rows are kept in one write, and taken back in one', async (t) => {
  const store = recordingStore()
  const { wrote, rows } = setUp(t, { store })
  const values = Array.from({ length: 200 }, (_, at) => `('pipe${at}', 5)`)
  await wrote(`INSERT INTO pipes_settings VALUES ${values.join()}`)
  await wrote(
    "UPDATE pipes_settings SET length = 6 WHERE name LIKE 'pipe1%' AND name IN ('pipe1', 'pipe10', 'pipe2')",
  )
  const names = Array.from({ length: 200 }, (_, at) => `'pipe${at}'`)
  await wrote(`DELETE FROM pipes_settings WHERE name IN (${names.join()})`)
  assert.equal(store.writes.length, 3)
  assert.deepEqual(await rows('SELECT * FROM pipes_settings'), [])
})

// A DELETE opened a channel for every name, and was refused where there was room for no more.
test('DELETE of pipes without settings opens no channel', async (t) => {
  const { core, wrote } = setUp(t, { maxChannels: 1 })
  await core.publish('one')
  await wrote("DELETE FROM pipes_settings WHERE name IN ('two', 'three', 'four')")
  assert.equal(core.broker.channelCount(), 1)
})

test('what is no name is refused in the words of CppComet, and keeps all rows out', async (t) => {
  const { refused, rows } = setUp(t)
  const insert = (name: string) => `INSERT INTO pipes_settings VALUES ('one', 1), ('${name}', 1)`
  await refused(insert('ab'), 'tooShort', 'Channel name is too short')
  await refused(insert('x'.repeat(65)), 'tooLong', 'Channel name is too long')
  await refused(insert('@17'), 'invalid', 'The channel name can contain only the characters')
  await refused('INSERT INTO pipes_settings (length) VALUES (5)', 'invalid', 'field `name` is required')
  assert.deepEqual(await rows('SELECT * FROM pipes_settings'), [])
})

test('settings of channels that can not be pipes are not told', async (t) => {
  const { core, rows } = setUp(t)
  await core.broker.configure('a.b', { historySize: 5 })
  await core.broker.configure('abc', { historySize: 6 })
  assert.deepEqual(await rows('SELECT * FROM pipes_settings'), [['abc', '6']])
})

test('what the node refuses keeps its code', async (t) => {
  const { core, failure } = setUp(t, { maxChannels: 1 })
  const session = core.connected()
  await core.subscribe(session, 'full')
  const { code, name } = await failure("INSERT INTO pipes_settings VALUES ('one', 1)")
  assert.equal(name, 'NODE_CHANNEL_LIMIT')
  assert.equal(code, codes.NODE_CHANNEL_LIMIT.mysql[0])
})

test('what the store refuses is refused, and the pipe keeps what it kept', async (t) => {
  const store = recordingStore()
  const { failure, rows } = setUp(t, { store })
  store.fail()
  assert.equal((await failure("INSERT INTO pipes_settings VALUES ('one', 1)")).name, 'STORE_FAILED')
  assert.deepEqual(await rows("SELECT * FROM pipes_settings WHERE name = 'one'"), [])
})

test('tenants have settings of their own', async (t) => {
  const core = localCore(t)
  const [one, two] = [sqlOn(core), sqlOn(core, { context: { tenant: 2 } })]
  await one.wrote("INSERT INTO pipes_settings VALUES ('log', 1)")
  await two.wrote("INSERT INTO pipes_settings VALUES ('log', 2)")
  assert.deepEqual(await one.rows('SELECT * FROM pipes_settings'), [['log', '1']])
  assert.deepEqual(await two.rows("SELECT * FROM pipes_settings WHERE name = 'log'"), [['log', '2']])
  await two.wrote("DELETE FROM pipes_settings WHERE name = 'log'")
  assert.deepEqual(await one.rows('SELECT * FROM pipes_settings'), [['log', '1']])
  assert.deepEqual(await two.rows('SELECT * FROM pipes_settings'), [])
})
