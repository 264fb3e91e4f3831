/**
 * Tests of src/cometql/tables/all-tables.ts and of what holds for every table: its name, its keys, its columns.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { QueryError, queryCodes } from '../../../../src/cometql/query-failure.ts'
import { createTables } from '../../../../src/cometql/tables/all-tables.ts'
import { localCore } from '../../../support/local-core.ts'
import { nodeFacts } from '../../../support/query-context.ts'
import { sqlOn } from '../../../support/run-sql.ts'

const tables = createTables(nodeFacts())

function found(name: string, schema = '', database = 'CometQL_v1'): string {
  return tables.find({ schema, name }, database).name
}

/** As the documentation of CppComet has them, in the order of `SELECT *`, the ones an INSERT needs with a mark. */
const documented: Readonly<Record<string, string>> = {
  users_auth: 'id! hash!',
  users_time: 'id time',
  users_messages: 'id! index event! message!',
  pipes_messages: 'id time name! index event! message! user_id',
  users_in_pipes: 'name user_id user_uuid user_agent ip origin language',
  pipes: 'name users',
  pipes_settings: 'name! length',
  users_data: 'id! data!',
  revoked_tokens: 'token!',
  conference: 'name user_id caller_id message profile stream node',
  conference_members: 'name user_id join_time last_talking',
  channels: 'name subscribers epoch offset',
  sessions: 'session user_id transport ip user_agent origin language channels channels_behind',
  users_online: 'user_id sessions',
  metrics: 'name labels value',
}

test('the tables are those that are documented, in order', () => {
  assert.deepEqual(
    tables.in('').map(({ name }) => name),
    Object.keys(documented),
  )
})

for (const table of tables.in('')) {
  describe(table.name, () => {
    test('has its columns in order, those that an INSERT needs among them', () => {
      const columns = table.columns.map(({ name, isRequired }) => `${name}${isRequired === true ? '!' : ''}`)
      const expected = documented[table.name]
      // Of conference the words of the refusal are what counts.
      if (table.name === 'conference')
        assert.deepEqual(columns.map((one) => one.replace('!', '')).join(' '), expected)
      else assert.equal(columns.join(' '), expected)
    })

    test('has keys that are columns, and can be asked for one way or the other', () => {
      const columns = table.columns.map(({ name }) => name)
      for (const key of table.keys) assert.ok(columns.includes(key), key)
      if (table.identity !== undefined) assert.ok(table.keys.includes(table.identity))
      assert.ok(table.find !== undefined || table.all !== undefined)
      if (table.keys.length > 0) assert.ok(table.find !== undefined)
      if (table.update !== undefined) assert.ok(table.identity !== undefined)
    })

    test('finds nothing under names that can not be keys', async (t) => {
      const sql = sqlOn(localCore(t))
      for (const key of table.keys) {
        for (const text of [
          '',
          ' ',
          '-1.5',
          '@7',
          '\u0001',
          '2\u0001abc',
          'x'.repeat(1_000),
          '../..',
          'é',
          ' 0x7',
          '1,5',
        ]) {
          assert.deepEqual(
            await sql.rows(`SELECT ${key} FROM ${table.name} WHERE ${key} = ?`, text),
            looked(text, key, table.name),
          )
        }
      }
    })
  })
}

/** The view of channels takes any name that a channel can have. */
function looked(text: string, key: string, table: string): string[][] {
  const isChannel = table === 'channels' && key === 'name' && /^[^\p{Cc}]{1,255}$/u.test(text)
  return isChannel ? [[text]] : []
}

describe('tables of a database', () => {
  test('are the same in all that hold tables of the node', () => {
    for (const database of ['CometQL_v1', 'cometql_v1', 'db_0', 'DB_15']) {
      assert.deepEqual(tables.in(database), tables.in(''), database)
    }
  })

  test('are its own in information_schema, in any case, and can be found there', () => {
    const names = tables.in('INFORMATION_SCHEMA').map(({ name }) => name)
    assert.ok(names.includes('tables') && !names.includes('users_auth'), String(names))
    for (const name of names) assert.equal(found(name, '', 'information_schema'), name)
  })

  test('are not there where there is no such database', () => {
    for (const database of ['nosuch', 'db_x', 'constructor']) {
      assert.throws(
        () => tables.in(database),
        (error) => error instanceof QueryError && error.failure.code === queryCodes.notFound,
        database,
      )
    }
  })

  test('are told to be in the one that is chosen, those of information_schema in their own', async (t) => {
    const core = localCore(t)
    const query = (where: string) =>
      `SELECT table_schema, table_name FROM information_schema.tables WHERE ${where}`
    const ours = tables.in('').map(({ name }) => name)
    const own = tables.in('information_schema').map(({ name }) => name)
    for (const [database, home] of [
      ['', 'CometQL_v1'],
      ['CometQL_v1', 'CometQL_v1'],
      ['db_15', 'db_15'],
      ['information_schema', 'CometQL_v1'],
    ] as const) {
      const sql = sqlOn(core, { context: { database } })
      const inHome = ours.map((name) => [home, name])
      const inSchema = own.map((name) => ['information_schema', name])
      assert.deepEqual(await sql.rows(query('1')), [...inHome, ...inSchema], database)
      assert.deepEqual(await sql.rows(query(`table_schema = '${home}'`)), inHome, database)
    }
  })
})

describe('names of tables', () => {
  test('are compared letter by letter', () => {
    assert.equal(found('users_auth'), 'users_auth')
    for (const name of [
      'USERS_AUTH',
      'Users_auth',
      'users_auth ',
      '',
      'constructor',
      'tables',
      'dialogs',
      'profiler',
    ]) {
      assert.throws(
        () => found(name),
        (error) => {
          assert.ok(error instanceof QueryError)
          assert.equal(error.failure.code, queryCodes.notFound, name)
          assert.ok(error.message.startsWith("Table doesn't exist: `"), error.message)
          assert.match(error.message, /there are users_auth, users_time, /)
          return true
        },
      )
    }
  })

  test('those of information_schema are taken in any case, when it is named or chosen', () => {
    assert.equal(found('tables', 'information_schema').toLowerCase(), 'tables')
    assert.equal(found('TABLES', 'information_schema').toLowerCase(), 'tables')
    assert.equal(found('Tables', '', 'information_schema').toLowerCase(), 'tables')
    assert.equal(found('tables', '', 'INFORMATION_SCHEMA').toLowerCase(), 'tables')
    assert.throws(() => found('users_auth', 'information_schema'), /there are .*tables/)
  })

  test('work without a chosen database', () => {
    assert.equal(found('pipes', '', ''), 'pipes')
  })

  test('work behind the name of a database, in any case and whatever was chosen', () => {
    for (const schema of ['CometQL_v1', 'cometql_v1', 'db_0', 'DB_15']) {
      for (const database of ['', 'CometQL_v1', 'db_7', 'information_schema']) {
        assert.equal(found('pipes', schema, database), 'pipes', `${schema} ${database}`)
      }
    }
    assert.throws(() => found('tables', 'CometQL_v1', 'information_schema'), /there are users_auth/)
  })

  test('are not found behind the name of a database that there is not', () => {
    for (const schema of ['nosuch', 'db_', 'db_x', 'db_2147483648', ' CometQL_v1', 'constructor']) {
      assert.throws(
        () => found('users_auth', schema),
        (error) =>
          error instanceof QueryError &&
          error.failure.code === queryCodes.notFound &&
          error.message === 'Select database failure: there is CometQL_v1, and db_N for tenant N',
        schema,
      )
    }
  })

  test('one that is not there is told by its beginning', () => {
    assert.throws(() => found('x'.repeat(10_000)), /: `x{64}`;/)
  })
})

test('columns that are said to be of another database than the chosen one are refused', () => {
  const find = (within: string, database: string) =>
    tables.find({ schema: '', name: 'users_auth', within }, database).name
  for (const [within, database] of [
    ['db_5', 'db_5'],
    ['DB_05', 'db_5'],
    ['CometQL_v1', ''],
    ['cometql_v1', 'CometQL_v1'],
  ] as const) {
    assert.equal(find(within, database), 'users_auth', `${within} ${database}`)
  }
  for (const [within, database] of [
    ['db_5', 'db_6'],
    ['db_1', ''],
    ['CometQL_v1', 'db_15'],
    ['nothing', ''],
    ['CometQL_v1', 'information_schema'],
  ] as const) {
    const words = new RegExp(`^Not a specific column: columns of .${within}. are not those of the table`)
    assert.throws(
      () => find(within, database),
      (error) =>
        error instanceof QueryError && error.failure.code === queryCodes.columns && words.test(error.message),
      `${within} ${database}`,
    )
  }
})
