/**
 * Tests of src/cometql/tables/pipes.ts: how many sessions are on a pipe, nobody included.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { come } from '../../../support/core-users.ts'
import { type LocalCore, localCore } from '../../../support/local-core.ts'
import { sqlOn } from '../../../support/run-sql.ts'

/** Sessions on pipes: so many on each. */
async function fill(core: LocalCore, counts: Readonly<Record<string, number>>): Promise<void> {
  for (const [pipe, count] of Object.entries(counts)) {
    for (let at = 0; at < count; at++) await core.subscribe(core.connected(), pipe)
  }
}

test('each pipe that is asked for has a row, in the order of the question, with or without sessions', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  await fill(core, { web_one: 3, web_two: 1 })
  const query = `select * from pipes where name in( "web_two", "web_none", 'web_one', "web_two", 'a.b', '@7', 'x');`
  assert.deepEqual(await rows(query), [
    ['web_two', '1'],
    ['web_none', '0'],
    ['web_one', '3'],
  ])
  assert.deepEqual(await rows("SELECT users FROM pipes WHERE name = 'web_one'"), [['3']])
})

test('a session that leaves is counted no more', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  const session = core.connected()
  await core.subscribe(session, 'web_one')
  core.lose(session)
  assert.deepEqual(await rows("SELECT users FROM pipes WHERE name = 'web_one'"), [['0']])
})

test('without a name all pipes in memory are told, those of users and other channels left out', async (t) => {
  const core = localCore(t)
  const { rows } = sqlOn(core)
  await fill(core, { web_one: 3, 'not.a.pipe': 1, web_two: 11 })
  await come(core, '7')
  await core.publish('web_log')
  const all = [
    ['web_two', '11'],
    ['web_one', '3'],
    ['web_log', '0'],
  ]
  assert.deepEqual(await rows('SELECT * FROM pipes ORDER BY users DESC'), all)
  assert.deepEqual(await rows("SELECT name FROM pipes WHERE name LIKE 'web\\_%' AND users > 9"), [
    ['web_two'],
  ])
  assert.deepEqual(await rows('SELECT COUNT(*) FROM pipes WHERE users >= 3'), [[2]])
})

test('it is read only', async (t) => {
  const { refused } = sqlOn(localCore(t))
  for (const query of [
    "INSERT INTO pipes (name, users) VALUES ('abc', 1)",
    "DELETE FROM pipes WHERE name = 'abc'",
    "UPDATE pipes SET users = 5 WHERE name = 'abc'",
  ]) {
    await refused(query, 'readOnly', 'Table `pipes` is read only')
  }
})

test('tenants have pipes of their own', async (t) => {
  const core = localCore(t)
  await fill(core, { log: 2, '2\u0001log': 1, '2\u0001other': 1 })
  const [one, two] = [sqlOn(core), sqlOn(core, { context: { tenant: 2 } })]
  assert.deepEqual(await one.rows('SELECT * FROM pipes'), [['log', '2']])
  assert.deepEqual(await two.rows('SELECT * FROM pipes ORDER BY name'), [
    ['log', '1'],
    ['other', '1'],
  ])
  assert.deepEqual(await two.rows("SELECT * FROM pipes WHERE name = 'log'"), [['log', '1']])
  assert.deepEqual(await one.rows("SELECT * FROM pipes WHERE name = 'other'"), [['other', '0']])
})
