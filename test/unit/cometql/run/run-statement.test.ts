/**
 * Tests of src/cometql/run/run-statement.ts: each kind of statement reaches who does it, and whatever goes wrong becomes an
 * answer with the right code.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { codes } from '../../../../src/codes.ts'
import type { Answer } from '../../../../src/cometql/answer.ts'
import { QueryError, queryCodes } from '../../../../src/cometql/query-failure.ts'
import { createRunner, type NodeStatement } from '../../../../src/cometql/run/run-statement.ts'
import { Values } from '../../../../src/cometql/sql/values.ts'
import { createTables } from '../../../../src/cometql/tables/all-tables.ts'
import type { Table } from '../../../../src/cometql/tables/table.ts'
import { UnavailableError } from '../../../../src/errors.ts'
import { type LogFields, silentLogger } from '../../../../src/log.ts'
import { type LocalCore, localCore } from '../../../support/local-core.ts'
import { nodeFacts, queryContext } from '../../../support/query-context.ts'
import { statement } from '../../../support/read-statements.ts'
import { recordingStore } from '../../../support/recording-store.ts'
import { collected, isOfNode, sqlOn } from '../../../support/run-sql.ts'
import { sampleTable } from '../../../support/sample-table.ts'

const LIMITS = { cometqlSortBytes: 65_536 }

/** A runner over a table of the test's own, and what it logged. */
function runnerOn(table: Table) {
  const logged: [message: string, fields: LogFields | undefined][] = []
  const log = {
    ...silentLogger,
    error: (message: string, fields?: LogFields) => void logged.push([message, fields]),
  }
  return { logged, runner: createRunner({ tables: { in: () => [table], find: () => table }, log }, LIMITS) }
}

function read(query: string): NodeStatement {
  const one = statement(query)
  assert.ok(isOfNode(one), query)
  return one
}

async function answer(core: LocalCore, table: Table, query: string): Promise<Answer> {
  return runnerOn(table).runner.run(read(query), queryContext(core), new Values())
}

describe('statements', () => {
  test('each kind is answered', async (t) => {
    const sql = sqlOn(localCore(t))
    assert.deepEqual(await sql.wrote("INSERT INTO users_auth (id, hash) VALUES (7, 'abc')"), [1, 7])
    assert.deepEqual(await sql.rows('SELECT hash FROM users_auth WHERE id = 7'), [['abc']])
    assert.deepEqual(await sql.wrote("UPDATE users_auth SET hash = 'x' WHERE id = 7"), [1, 0])
    assert.deepEqual(await sql.wrote('DELETE FROM users_auth WHERE id = 7'), [0, 0])
    assert.deepEqual(await sql.rows('SELECT 1'), [[1]])
    assert.deepEqual(await sql.rows('SHOW DATABASES'), [['CometQL_v1']])
    for (const query of ['SET NAMES utf8mb4', 'SET @@wait_timeout = 1', 'LOCK TABLES users_auth READ']) {
      assert.deepEqual(await sql.wrote(query), [0, 0], query)
    }
  })

  test('a table that is not there is refused by every kind, with those there are', async (t) => {
    const sql = sqlOn(localCore(t))
    for (const query of [
      'SELECT * FROM nobody',
      'INSERT INTO nobody (id) VALUES (1)',
      'UPDATE nobody SET id = 1',
      'DELETE FROM nobody',
      'SELECT * FROM USERS_AUTH',
    ]) {
      const message = await sql.refused(query, 'notFound', "Table doesn't exist: `")
      assert.match(message, /; there are users_auth, users_time, users_messages, pipes_messages, /)
    }
  })

  test('the chosen database says where a table is looked for', async (t) => {
    const core = localCore(t)
    const query = 'SELECT table_name FROM tables LIMIT 1'
    await sqlOn(core).refused(query, 'notFound')
    const inSchema = sqlOn(core, { context: { database: 'information_schema' } })
    assert.deepEqual(await inSchema.rows(query), [['users_auth']])
  })

  /** The database in front of a table was passed over once, so that another tenant's rows were written. */
  test('a table of db_N is that of tenant N, in every kind of statement', async (t) => {
    const core = localCore(t)
    const [one, five] = [sqlOn(core), sqlOn(core, { context: { tenant: 5, ownTenant: 5 } })]
    await one.wrote("INSERT INTO users_auth (id, hash) VALUES (7, 'one')")
    assert.deepEqual(await one.wrote("INSERT INTO db_5.users_auth (id, hash) VALUES (7, 'five')"), [1, 7])
    assert.deepEqual(await one.list('SELECT hash FROM db_5.users_auth WHERE id = 7'), ['five'])
    assert.deepEqual(await one.list('SELECT db_5.users_auth.hash FROM DB_5.users_auth'), ['five'])
    assert.deepEqual(await five.list('SELECT hash FROM users_auth'), ['five'])
    assert.deepEqual(await five.list('SELECT hash FROM db_1.users_auth'), ['one'])
    await one.wrote("UPDATE db_5.users_auth SET hash = 'changed' WHERE id = 7")
    assert.deepEqual(await five.list('SELECT hash FROM CometQL_v1.users_auth'), ['changed'])
    assert.deepEqual(await one.list('SELECT hash FROM CometQL_v1.users_auth'), ['one'])
    await one.wrote('DELETE FROM db_5.users_auth WHERE id = 7')
    assert.deepEqual(await five.list('SELECT hash FROM users_auth'), [])
    assert.deepEqual(await one.list('SELECT hash FROM users_auth'), ['one'])
    await one.wrote("INSERT INTO db_5.pipes_messages (name, event, message) VALUES ('trust_x', '', 'of 5')")
    const kept = "pipes_messages WHERE name = 'trust_x'"
    assert.deepEqual(await five.list(`SELECT message FROM ${kept}`), ['of 5'])
    assert.deepEqual(await one.list(`SELECT message FROM ${kept}`), [])
    assert.deepEqual(await one.list('SHOW COLUMNS FROM db_5.users_auth'), ['id', 'hash'])
  })

  /** It was that of whatever tenant was chosen, so the same statement wrote elsewhere behind a `USE db_5`. */
  test('a table of CometQL_v1 is that of the user, in every kind of statement', async (t) => {
    const core = localCore(t)
    const [one, five] = [sqlOn(core), sqlOn(core, { context: { tenant: 5, database: 'db_5' } })]
    await one.wrote("INSERT INTO db_5.users_auth (id, hash) VALUES (7, 'five')")
    await five.wrote("INSERT INTO CometQL_v1.users_auth (id, hash) VALUES (7, 'one')")
    assert.deepEqual(await five.list('SELECT hash FROM COMETQL_V1.users_auth'), ['one'])
    assert.deepEqual(await five.list('SELECT hash FROM users_auth'), ['five'])
    await five.wrote("UPDATE CometQL_v1.users_auth SET hash = 'changed' WHERE id = 7")
    assert.deepEqual(await one.list('SELECT hash FROM users_auth'), ['changed'])
    await five.wrote('DELETE FROM CometQL_v1.users_auth WHERE id = 7')
    assert.deepEqual(await one.list('SELECT hash FROM users_auth'), [])
    assert.deepEqual(await five.list('SELECT hash FROM users_auth'), ['five'])
  })

  test('a table of a database that there is not is refused in every kind, and nothing is done', async (t) => {
    const sql = sqlOn(localCore(t))
    await sql.wrote("INSERT INTO users_auth (id, hash) VALUES (7, 'abc')")
    for (const query of [
      'SELECT * FROM nosuch.users_auth',
      "INSERT INTO nosuch.users_auth (id, hash) VALUES (8, 'x')",
      "INSERT INTO nosuch.pipes_messages (name, event, message) VALUES ('abc', '', '')",
      "UPDATE nosuch.users_auth SET hash = 'x' WHERE id = 7",
      'DELETE FROM nosuch.users_auth WHERE id = 7',
      'SHOW COLUMNS FROM nosuch.users_auth',
      'SHOW INDEX FROM users_auth FROM nosuch',
      'SHOW CREATE TABLE nosuch.users_auth',
      'DESCRIBE nosuch.users_auth',
    ]) {
      await sql.refused(query, 'notFound', 'Select database failure: there is CometQL_v1')
    }
    assert.deepEqual(await sql.rows('SELECT * FROM users_auth'), [['7', 'abc']])
  })

  test('a table named with its database is found whatever was chosen', async (t) => {
    const sql = sqlOn(localCore(t), { context: { database: 'information_schema' } })
    assert.deepEqual(await sql.rows('SELECT * FROM CometQL_v1.users_auth'), [])
    await sql.refused('SELECT * FROM users_auth', 'notFound')
  })

  test('messages to pipes and users are publications, other statements are not', () => {
    const { runner } = runnerOn(sampleTable([]))
    const isPublish = (query: string) => runner.isPublish(statement(query))
    assert.equal(isPublish("INSERT INTO pipes_messages (name, event, message) VALUES ('abc', '', '1')"), true)
    assert.equal(isPublish("INSERT INTO users_messages (id, event, message) VALUES (1, '', '1')"), true)
    assert.equal(isPublish('REPLACE INTO CometQL_v1.users_messages VALUES (1, 2, 3, 4)'), true)
    const rows = (count: number) => Array(count).fill("('abc', '', 1)").join()
    assert.equal(isPublish(`INSERT INTO pipes_messages (name, event, message) VALUES ${rows(256)}`), true)
    assert.equal(isPublish(`INSERT INTO pipes_messages (name, event, message) VALUES ${rows(257)}`), false)
    for (const query of [
      "INSERT INTO users_auth (id, hash) VALUES (1, 'a')",
      "INSERT INTO PIPES_MESSAGES (name) VALUES ('abc')",
      "SELECT * FROM pipes_messages WHERE name = 'abc'",
      "DELETE FROM pipes_messages WHERE name = 'abc'",
      'UPDATE users_messages SET event = 1',
      'SHOW TABLES',
      'BEGIN',
    ]) {
      assert.equal(isPublish(query), false, query)
    }
  })

  test('a publish is on its way before the answer is waited for, so several keep their order', async (t) => {
    const core = localCore(t)
    const session = core.connected()
    await core.subscribe(session, 'web_chat')
    const { runner } = {
      runner: createRunner({ tables: createTables(nodeFacts()), log: silentLogger }, LIMITS),
    }
    const answers = ['one', 'two', 'three'].map((word) =>
      runner.run(
        read(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_chat', '', '${word}')`),
        queryContext(core),
        new Values(),
      ),
    )
    assert.equal((await core.broker.channel('web_chat')).position.offset, 3, 'before any was awaited')
    await Promise.all(answers)
    await core.settle()
    assert.deepEqual(
      core.fanOut.got(session).map(({ data }) => data),
      ['one', 'two', 'three'],
    )
  })
})

describe('failures', () => {
  const select = 'SELECT * FROM t'

  test('a refusal is an answer with its code and words', async (t) => {
    const answered = await answer(localCore(t), sampleTable([]), 'SELECT nobody FROM t')
    assert.ok(answered.kind === 'failed')
    assert.equal(answered.failure.code, queryCodes.columns)
    assert.equal(answered.failure.state, 'HY000')
    assert.equal(answered.failure.name, 'INVALID_ARGUMENT')
  })

  test('what the store can not do keeps the code of the node', async (t) => {
    const store = recordingStore()
    const sql = sqlOn(localCore(t, { store }))
    store.fail()
    const failure = await sql.failure("INSERT INTO users_auth (id, hash) VALUES (7, 'abc')")
    const [code, state] = codes.STORE_FAILED.mysql
    assert.deepEqual(failure, { code, state, message: 'The disk is full', name: 'STORE_FAILED' })
    assert.deepEqual(await sql.rows('SELECT * FROM users_auth WHERE id = 7'), [])
    await sql.wrote("INSERT INTO users_auth (id, hash) VALUES (7, 'abc')")
    assert.deepEqual(await sql.rows('SELECT * FROM users_auth WHERE id = 7'), [['7', 'abc']])
  })

  test('what the broker refuses keeps the code of the node', async (t) => {
    const sql = sqlOn(localCore(t, { maxPublicationBytes: 100 }))
    const long = 'x'.repeat(200)
    const failure = await sql.failure(
      `INSERT INTO pipes_messages (name, event, message) VALUES ('abc', '', '${long}')`,
    )
    const [code, state] = codes.PUBLICATION_TOO_LARGE.mysql
    assert.deepEqual([failure.code, failure.state, failure.name], [code, state, 'PUBLICATION_TOO_LARGE'])
  })

  test('a fault of ours is code 500, and the log has it, not the client', async (t) => {
    const { runner, logged } = runnerOn({
      ...sampleTable([]),
      all() {
        throw new TypeError('secret inside')
      },
    })
    const answered = await runner.run(read(select), queryContext(localCore(t)), new Values())
    assert.ok(answered.kind === 'failed')
    assert.equal(answered.failure.code, queryCodes.internal)
    assert.equal(answered.failure.message, 'Internal error: the log of the node has the cause')
    assert.equal(answered.failure.name, 'INTERNAL')
    assert.equal(logged.length, 1)
    assert.match(JSON.stringify(logged), /Statement failed.*secret inside/)
  })

  test('what goes wrong among rows is thrown where they are taken', async (t) => {
    const table: Table = {
      ...sampleTable([]),
      async *all() {
        yield [['1', 'ada', '36', 5, 0.5]]
        throw new UnavailableError('STORE_FAILED', 'The disk can not be read')
      },
    }
    const answered = await answer(localCore(t), table, select)
    assert.equal(answered.kind, 'rows')
    await assert.rejects(collected(answered), /The disk can not be read/)
  })

  test('a thrown thing is told as a refusal', () => {
    const { runner, logged } = runnerOn(sampleTable([]))
    const refusal = new QueryError('tooLong', 'Too long')
    assert.equal(runner.failureOf(refusal), refusal.failure)
    const [code, state] = codes.STORE_FAILED.mysql
    assert.deepEqual(runner.failureOf(new UnavailableError('STORE_FAILED', 'Full')), {
      code,
      state,
      message: 'Full',
      name: 'STORE_FAILED',
    })
    assert.equal(logged.length, 0)
    assert.equal(runner.failureOf('a text').code, queryCodes.internal)
    assert.equal(logged.length, 1)
  })
})
