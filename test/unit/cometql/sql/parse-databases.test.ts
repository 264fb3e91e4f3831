/**
 * Tests of how the parser takes databases in front of columns: they have to be the one of the table, as no other has them.
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
    'SELECT db_5.t.a FROM t',
    'SELECT db_5.t.* FROM t',
    'SELECT COUNT(db_5.t.a) FROM t',
    'SELECT db_5.t.a FROM db_6.t',
    'SELECT a FROM CometQL_v1.t WHERE db_5.t.a = 1',
    'SELECT a FROM t WHERE 1 = db_5.t.a',
    "SELECT a FROM t WHERE 'db_5'.t.a = 1",
    'SELECT a FROM t ORDER BY db_5.t.a',
    'SELECT a FROM db_6.t WHERE db_6.t.a = 1 AND db_5.t.a = 1',
    'DELETE FROM t WHERE db_5.t.id = 7',
    'UPDATE t SET db_5.t.a = 1 WHERE id = 7',
    'INSERT INTO t (a, db_5.t.b) VALUES (1, 2)',
    'SELECT db_5.t.a FROM db_5.t; SELECT db_5.t.a FROM t',
  ]) {
    assert.throws(
      () => script(query),
      (error) =>
        error instanceof QueryError && error.failure.code === queryCodes.columns && words.test(error.message),
      query,
    )
  }
})

test('columns have three names at most', () => {
  refused('SELECT a.b.c.d FROM t', 'syntax')
  refused('SELECT a FROM t WHERE a.b.c.d = 1', 'syntax')
  refused('INSERT INTO t (a.b.c.d) VALUES (1)', 'syntax')
})
