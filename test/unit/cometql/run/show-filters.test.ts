/**
 * Tests of src/cometql/run/show.ts: what LIKE and WHERE leave of a listing.
 *
 * LIKE is about the first column, WHERE about any of them, by the names they are headed with. Statements come as texts, so
 * that the words of a condition are those that tools send.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { likeMatcher } from '../../../../src/cometql/run/like.ts'
import { localCore } from '../../../support/local-core.ts'
import { sqlOn } from '../../../support/run-sql.ts'

const VIEWS = ['channels', 'sessions', 'users_online', 'metrics']

describe('LIKE', () => {
  test('takes % and _ and any case', async (t) => {
    const sql = sqlOn(localCore(t))
    assert.deepEqual(await sql.rows("SHOW VARIABLES LIKE 'LOWER_CASE_%'"), [
      ['lower_case_file_system', 'OFF'],
      ['lower_case_table_names', '0'],
    ])
    assert.deepEqual(await sql.rows("SHOW VARIABLES LIKE 'lower-case%'"), [])
    assert.deepEqual(await sql.rows("SHOW GLOBAL STATUS LIKE 'UPTIME'"), [
      ['uptime', 90_001],
      ['Uptime', 90_001],
    ])
  })

  test('finds what the matcher of patterns finds', async (t) => {
    const sql = sqlOn(localCore(t))
    const all = await sql.rows('SHOW VARIABLES')
    for (const pattern of ['%timeout%', 'c%', 'collation\\_%', '%', '']) {
      const fits = likeMatcher(pattern, true)
      const expected = all.filter(([name]) => fits(String(name)))
      assert.deepEqual(await sql.rows(`SHOW VARIABLES LIKE '${pattern}'`), expected, pattern)
    }
  })

  test('looks at the first column of what is listed', async (t) => {
    const sql = sqlOn(localCore(t))
    const fields = await sql.list("SHOW COLUMNS FROM users_in_pipes LIKE 'user\\_%'")
    assert.deepEqual(fields, ['user_id', 'user_uuid', 'user_agent'])
    assert.deepEqual(await sql.list('DESCRIBE users_auth hash'), ['hash'])
    assert.deepEqual(await sql.rows("SHOW VARIABLES LIKE 'OFF'"), [])
  })

  test('takes a parameter; NULL is like nothing', async (t) => {
    const sql = sqlOn(localCore(t))
    const found = ['pipes_messages', 'pipes', 'pipes_settings']
    assert.deepEqual(await sql.list('SHOW TABLES LIKE ?', 'pipes%'), found)
    assert.deepEqual(await sql.list('SHOW TABLES LIKE ?', null), [])
    assert.deepEqual(await sql.list('SHOW TABLES LIKE NULL'), [])
  })

  test('of a pattern that is too long is refused', async (t) => {
    await sqlOn(localCore(t)).refused(`SHOW TABLES LIKE '%${'_'.repeat(300)}%'`, 'tooLong')
  })
})

/** Each by its first column. */
const cases: readonly (readonly [query: string, expected: readonly string[]])[] = [
  ["SHOW VARIABLES WHERE Variable_name = 'autocommit'", ['autocommit']],
  ["SHOW VARIABLES WHERE variable_name = 'autocommit'", ['autocommit']],
  ["SHOW GLOBAL VARIABLES WHERE `VARIABLE_NAME` = 'autocommit'", ['autocommit']],
  [
    "SHOW VARIABLES WHERE Variable_name IN ('lower_case_table_names', 'autocommit', 'nothing')",
    ['autocommit', 'lower_case_table_names'],
  ],
  ["SHOW VARIABLES WHERE Variable_name LIKE 'lower%' AND Value = 'OFF'", ['lower_case_file_system']],
  ["SHOW VARIABLES LIKE 'lower%' WHERE value <> 'OFF'", ['lower_case_table_names']],
  ["SHOW VARIABLES WHERE Variable_name = 'AutoCommit' AND Value = 'on'", ['autocommit']],
  ["SHOW VARIABLES WHERE Value = 'on' AND NOT Variable_name <> 'AUTOCOMMIT'", ['autocommit']],
  ["SHOW VARIABLES WHERE Variable_name = 'autocommit' OR Variable_name = 'nothing'", ['autocommit']],
  ['SHOW VARIABLES WHERE Value IS NULL', []],
  ['SHOW TABLES WHERE 0', []],
  [
    "SHOW TABLES WHERE Tables LIKE 'users\\_%' AND tables > 'users_i'",
    ['users_time', 'users_messages', 'users_in_pipes', 'users_online'],
  ],
  ["SHOW FULL TABLES FROM CometQL_v1 WHERE Table_type = 'VIEW'", VIEWS],
  ["SHOW FULL TABLES WHERE table_type != 'BASE TABLE'", VIEWS],
  ["SHOW TABLE STATUS WHERE Comment = 'VIEW' AND Engine = ''", VIEWS],
  ["SHOW TABLE STATUS WHERE Name = 'pipes'", ['pipes']],
  ["SHOW COLUMNS FROM pipes_messages WHERE `Key` <> ''", ['id', 'name']],
  ["SHOW FULL COLUMNS FROM users_auth WHERE field = 'hash'", ['hash']],
  ["SHOW KEYS FROM users_auth WHERE Key_name = 'PRIMARY'", ['users_auth']],
  ['SHOW INDEX FROM pipes_messages WHERE Non_unique = 0', []],
  ["SHOW DATABASES WHERE `Database` = 'CometQL_v1'", ['CometQL_v1']],
  ['SHOW DATABASES WHERE `Database` = DATABASE()', ['CometQL_v1']],
  ["SHOW ENGINES WHERE support = 'DEFAULT'", ['Encke']],
  ["SHOW CHARACTER SET WHERE Charset = 'utf8mb4'", ['utf8mb4']],
  ["SHOW COLLATION WHERE Charset = 'utf8' AND `Default` = 'Yes'", ['utf8_general_ci']],
  ["SHOW PROCESSLIST WHERE ServiceName = 'ws'", ['ws']],
  ["SHOW PLUGINS WHERE Status = 'ACTIVE'", []],
  ["SHOW WARNINGS WHERE Level = 'Error'", []],
  ["SHOW STATUS WHERE Variable_name = 'Ssl_cipher'", ['Ssl_cipher']],
]

describe('WHERE', () => {
  for (const [query, expected] of cases) {
    test(`leaves ${expected.join(', ') || 'nothing'}: ${query}`, async (t) => {
      assert.deepEqual(await sqlOn(localCore(t)).list(query), expected)
    })
  }

  test('compares numbers of a status with numbers, however they are written', async (t) => {
    const sql = sqlOn(localCore(t))
    const found = [
      ['uptime', 90_001],
      ['Uptime', 90_001],
    ]
    for (const value of ['90001', "'90001'", "'090001'", '90001.0']) {
      const query = `SHOW GLOBAL STATUS WHERE Variable_name = 'uptime' AND Value = ${value}`
      assert.deepEqual(await sql.rows(query), found, value)
    }
    assert.deepEqual(
      await sql.rows("SHOW GLOBAL STATUS WHERE Variable_name = 'uptime' AND Value > 90001"),
      [],
    )
    assert.deepEqual(
      await sql.rows("SHOW GLOBAL STATUS WHERE Variable_name = 'uptime' AND Value > 9999"),
      found,
    )
  })

  test('takes parameters; nothing is equal to NULL', async (t) => {
    const sql = sqlOn(localCore(t))
    const query = 'SHOW VARIABLES WHERE Variable_name = ? AND Value = ?'
    assert.deepEqual(await sql.rows(query, 'autocommit', 'ON'), [['autocommit', 'ON']])
    assert.deepEqual(await sql.rows(query, 'autocommit', 'OFF'), [])
    assert.deepEqual(await sql.rows(query, 'autocommit', null), [])
  })

  test('keeps the columns of the listing', async (t) => {
    const sql = sqlOn(localCore(t))
    assert.deepEqual(await sql.columns('SHOW VARIABLES WHERE 0'), ['Variable_name', 'Value'])
  })

  test('of a column that the listing has not is refused', async (t) => {
    const sql = sqlOn(localCore(t))
    const refused = [
      "SHOW VARIABLES WHERE name = 'a'",
      "SHOW TABLES WHERE Table_type = 'VIEW'",
      "SHOW COLUMNS FROM users_auth WHERE Collation = ''",
      "SHOW WARNINGS WHERE Value = '1'",
    ]
    for (const query of refused) await sql.refused(query, 'columns')
  })
})
