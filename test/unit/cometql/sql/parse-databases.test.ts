/**
 * Tests of how the parser takes databases and tables in front of columns: they have to be those of the statement, as no
 * others have them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError, queryCodes } from '../../../../src/cometql/query-failure.ts'
import { refused, script } from '../../../support/read-statements.ts'

test('columns may name the database of the table, in any spelling', () => {
  for (const query of [
    'SELECT db_5.t.a, db_5.t.* FROM db_5.t WHERE db_5.t.a = 1 ORDER BY db_5.t.b',
    'SELECT COUNT(db_5.t.a) FROM DB_05.t',
    'SELECT `CometQL_v1`.t.a FROM t',
    'SELECT t.a FROM t WHERE 1 = cometql_v1.t.b OR CometQL_v1.t.a = 1',
    'SELECT information_schema.tables.a FROM INFORMATION_SCHEMA.tables',
    'UPDATE db_5.t SET db_5.t.a = 1 WHERE db_5.t.b IN (1)',
    'DELETE FROM db_5.t WHERE `db_5`.t.b = 1',
    'INSERT INTO db_5.t (db_5.t.a) VALUES (1)',
  ]) {
    assert.equal(script(query).statements.length, 1, query)
  }
  // What was said in one statement is not asked of the next.
  assert.equal(script('SELECT db_5.t.a FROM db_5.t; SELECT db_6.t.a FROM db_6.t').statements.length, 2)
})

test('columns of another database than that of the table are refused', () => {
  const words = /^Not a specific column: columns of `db_5` are not those of the table/
  for (const query of [
    'SELECT db_5.t.a FROM db_6.t',
    'SELECT a FROM CometQL_v1.t WHERE db_5.t.a = 1',
    "SELECT a FROM db_6.t WHERE 'db_5'.t.a = 1",
    'SELECT a FROM db_6.t ORDER BY db_5.t.a',
    'SELECT COUNT(db_5.t.a) FROM db_6.t',
    'SELECT a FROM db_6.t WHERE db_6.t.a = 1 AND db_5.t.a = 1',
    'SELECT a FROM t WHERE db_6.t.a = 1 AND db_5.t.a = 1',
    'DELETE FROM db_6.t WHERE db_5.t.id = 7',
    'UPDATE db_6.t SET db_5.t.a = 1 WHERE id = 7',
    'INSERT INTO db_6.t (a, db_5.t.b) VALUES (1, 2)',
    'SELECT db_5.t.a FROM db_5.t; SELECT db_5.t.a FROM db_6.t',
  ]) {
    assert.throws(
      () => script(query),
      (error) =>
        error instanceof QueryError && error.failure.code === queryCodes.columns && words.test(error.message),
      query,
    )
  }
})

test('columns of a database, of a table in front of which is none, are of the one that is chosen then', () => {
  for (const query of [
    'SELECT db_5.t.a FROM t',
    'SELECT db_5.t.* FROM t',
    'SELECT a FROM t WHERE 1 = db_5.t.a ORDER BY db_5.t.a',
    'DELETE FROM t WHERE db_5.t.id = 7',
    'UPDATE t SET db_5.t.a = 1 WHERE id = 7',
    'INSERT INTO t (a, db_5.t.b) VALUES (1, 2)',
  ]) {
    const [read] = script(`SELECT 1; ${query}`).statements.slice(1)
    const table =
      read?.kind === 'select' ? read.from : read !== undefined && 'table' in read ? read.table : null
    assert.deepEqual(table, { schema: '', name: 't', within: 'db_5' }, query)
  }
  assert.deepEqual(script('SELECT t.a FROM t').statements[0], script('SELECT `t`.a FROM t').statements[0])
})

test('columns may name the table or its alias, however it is written', () => {
  for (const query of [
    'SELECT t.a, t.*, `t`.b FROM t WHERE t.a = 1 AND "t".b IN (2) ORDER BY t.a',
    'SELECT u.a, u.*, t.b, COUNT(u.a) FROM t AS u WHERE 1 = u.a ORDER BY u.a, t.b',
    'SELECT u.a FROM db_5.t u WHERE db_5.u.a = 1',
    'UPDATE t u SET u.a = 1, t.b = 2 WHERE u.id = 7',
    'DELETE FROM t WHERE t.id = 7 AND NOT (t.a LIKE 1 OR t.b BETWEEN 1 AND 2) ORDER BY t.id',
    'INSERT INTO t (t.a, t.b) VALUES (1, 2)',
    'INSERT INTO t SET t.a = 1',
    'REPLACE INTO db_5.t (db_5.t.a) VALUES (1)',
  ]) {
    assert.equal(script(query).statements.length, 1, query)
  }
  // What was said in one statement is not asked of the next.
  assert.equal(script('SELECT u.a FROM t u; SELECT a FROM v WHERE v.a = 1; SHOW TABLES').statements.length, 3)
})

// They were passed over, so that `DELETE FROM users_auth WHERE other.id = 7` took user 7 away.
test('columns of another table than that of the statement are refused', () => {
  const words =
    /^Not a specific column: `(x|T|users_auth)` is neither the table of the statement nor its alias$/
  for (const query of [
    'SELECT x.a FROM t',
    'SELECT x.* FROM t',
    'SELECT T.a FROM t',
    'SELECT COUNT(x.a) FROM t',
    'SELECT a FROM t AS u WHERE u.a = 1 AND x.b = 2',
    'SELECT a FROM t WHERE 1 = x.a',
    "SELECT a FROM t WHERE 'x'.a = 1",
    'SELECT a FROM t WHERE a = 1 OR NOT (x.a IN (1))',
    'SELECT a FROM t ORDER BY x.a',
    'SELECT db_5.x.a FROM db_5.t',
    'SELECT 1 WHERE x.a = 1',
    'DELETE FROM t WHERE x.id = 7',
    'UPDATE t SET a = 1 WHERE x.id = 7',
    'UPDATE t SET x.a = 1 WHERE id = 7',
    'INSERT INTO t (a, x.b) VALUES (1, 2)',
    'INSERT INTO t SET x.a = 1',
    'SHOW COLUMNS FROM t WHERE x.Field = 1',
    'SELECT t.a FROM t u; SELECT users_auth.a FROM t',
  ]) {
    assert.throws(
      () => script(query),
      (error) =>
        error instanceof QueryError && error.failure.code === queryCodes.columns && words.test(error.message),
      query,
    )
  }
})

test('name of another table is told by its beginning', () => {
  refused(`SELECT ${'x'.repeat(5_000)}.a FROM t`, 'columns', `\`${'x'.repeat(40)}\` is`)
})

test('columns have three names at most', () => {
  refused('SELECT a.b.c.d FROM t', 'syntax')
  refused('SELECT a FROM t WHERE a.b.c.d = 1', 'syntax')
  refused('INSERT INTO t (a.b.c.d) VALUES (1)', 'syntax')
})
