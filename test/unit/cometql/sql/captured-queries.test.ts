/**
 * Every query that was recorded with CppComet 4.09, and what it is read as here.
 *
 * Some were refused there and are possible here; those that tables refuse (unknown ones, missing fields) are read as
 * they stand, as the parser knows no tables.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition, SelectItem, Statement, Value } from '../../../../src/cometql/sql/statement.ts'
import {
  call,
  column,
  compared,
  literal,
  number,
  refused,
  script,
  statement,
  systemVariable,
  table,
  text,
} from '../../../support/read-statements.ts'

const everything: readonly SelectItem[] = [{ kind: 'all' }]

function rows(name: string, where: Condition | null = null, items = everything): Statement {
  return { kind: 'select', isDistinct: false, items, from: table(name), where, orderBy: [], limit: null }
}

function constants(...items: readonly SelectItem[]): Statement {
  return { kind: 'select', isDistinct: false, items, from: null, where: null, orderBy: [], limit: null }
}

function inserted(name: string, columns: readonly string[] | null, ...row: readonly Value[]): Statement {
  return { kind: 'insert', table: table(name), columns, rows: [row] }
}

function removed(name: string, where: Condition): Statement {
  return { kind: 'delete', table: table(name), where }
}

function columnsOf(name: string): Statement {
  return { kind: 'show', what: 'columns', table: table(name), isFull: false, like: null }
}

const quoted = (raw: string) => text(raw, '"')
const nameIs = (raw: string) => compared('name', '=', quoted(raw))
const idIs = (id: number) => compared('id', '=', number(id))

function idIn(...values: readonly Value[]): Condition {
  return { kind: 'in', column: 'id', values, isNot: false }
}

const message = ['name', 'event', 'message']

const cases: readonly (readonly [query: string, expected: Statement])[] = [
  // What is told without a table
  ['SHOW DATABASES', { kind: 'show', what: 'databases', isFull: false, like: null }],
  ['SHOW TABLES', { kind: 'show', what: 'tables', database: '', isFull: false, like: null }],
  ['show tables', { kind: 'show', what: 'tables', database: '', isFull: false, like: null }],
  ['SHOW COLUMNS FROM users_auth', columnsOf('users_auth')],
  ['DESCRIBE users_auth', columnsOf('users_auth')],
  ['SHOW COLUMNS FROM pipes', columnsOf('pipes')],
  ['SHOW TABLE STATUS', { kind: 'show', what: 'tableStatus', database: '', isFull: false, like: null }],
  [
    'SHOW VARIABLES LIKE "lower_case_table_names"',
    { kind: 'show', what: 'variables', isFull: false, like: quoted('lower_case_table_names') },
  ],
  ['SELECT DATABASE()', constants(call('DATABASE', 'DATABASE()'))],
  ['SELECT @@version_comment', constants(systemVariable('version_comment', '@@version_comment'))],
  ['SELECT @@max_allowed_packet', constants(systemVariable('max_allowed_packet', '@@max_allowed_packet'))],
  ['SELECT 1', constants(literal(number(1), '1'))],
  ['SET NAMES utf8', { kind: 'nothing' }],
  ['SET autocommit = 1', { kind: 'transaction', change: 'autocommitOn' }],
  ['SHOW STATUS', { kind: 'show', what: 'status', scope: 'session', like: null }],
  ['SHOW PROCESSLIST', { kind: 'show', what: 'processList', isFull: false, like: null }],
  ['USE CometQL_v1', { kind: 'use', database: 'CometQL_v1' }],
  // users_time
  ['SELECT * FROM users_time', rows('users_time')],
  ['SELECT * FROM users_time WHERE id = 7', rows('users_time', idIs(7))],
  [
    'SELECT * FROM users_time WHERE id IN (7, 8, 99996)',
    rows('users_time', idIn(number(7), number(8), number(99996))),
  ],
  [
    'SELECT id, time FROM users_time WHERE id IN (7)',
    rows('users_time', idIn(number(7)), [column('id'), column('time')]),
  ],
  ['SELECT time FROM users_time WHERE id = 7', rows('users_time', idIs(7), [column('time')])],
  ['SELECT nocol FROM users_time WHERE id = 7', rows('users_time', idIs(7), [column('nocol')])],
  [`SELECT * FROM users_time WHERE id IN ("7", '8')`, rows('users_time', idIn(quoted('7'), text('8')))],
  [
    'INSERT INTO users_time (id, time) VALUES (7, 1)',
    inserted('users_time', ['id', 'time'], number(7), number(1)),
  ],
  ['DELETE FROM users_time WHERE id = 7', removed('users_time', idIs(7))],
  ['SELECT * FROM users_time WHERE id > 5', rows('users_time', compared('id', '>', number(5)))],
  // users_auth, users_data, users_messages
  ['SELECT * FROM users_auth', rows('users_auth')],
  [
    'SELECT * FROM users_auth WHERE id IN (7, 9, 4242)',
    rows('users_auth', idIn(number(7), number(9), number(4242))),
  ],
  [
    'INSERT INTO users_auth (id, hash) VALUES (7, "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh")',
    inserted('users_auth', ['id', 'hash'], number(7), quoted('h'.repeat(33))),
  ],
  ['INSERT INTO users_auth (id) VALUES (7)', inserted('users_auth', ['id'], number(7))],
  ['DELETE FROM users_auth WHERE id = 9', removed('users_auth', idIs(9))],
  ['SELECT * FROM users_data WHERE id = 7', rows('users_data', idIs(7))],
  ['DELETE FROM users_data WHERE id = 7', removed('users_data', idIs(7))],
  [
    'INSERT INTO users_messages (id, event, message) VALUES (8, "e", "one")',
    inserted('users_messages', ['id', 'event', 'message'], number(8), quoted('e'), quoted('one')),
  ],
  [
    'INSERT INTO users_messages (id, event, message) VALUES (8, "e2", "two")',
    inserted('users_messages', ['id', 'event', 'message'], number(8), quoted('e2'), quoted('two')),
  ],
  ['SELECT * FROM users_messages WHERE id = 8', rows('users_messages', idIs(8))],
  ['SELECT * FROM users_messages', rows('users_messages')],
  ['DELETE FROM users_messages WHERE id = 8', removed('users_messages', idIs(8))],
  // pipes, users_in_pipes, pipes_settings, pipes_messages
  ['SELECT * FROM pipes', rows('pipes')],
  ['SELECT * FROM pipes WHERE name = "web_test"', rows('pipes', nameIs('web_test'))],
  [
    'SELECT * FROM pipes WHERE name IN ("web_test", "web_zzz")',
    rows('pipes', {
      kind: 'in',
      column: 'name',
      values: [quoted('web_test'), quoted('web_zzz')],
      isNot: false,
    }),
  ],
  [
    'INSERT INTO pipes (name, users) VALUES ("x", 1)',
    inserted('pipes', ['name', 'users'], quoted('x'), number(1)),
  ],
  ['DELETE FROM pipes WHERE name = "x"', removed('pipes', nameIs('x'))],
  ['SELECT * FROM users_in_pipes WHERE name = "web_test"', rows('users_in_pipes', nameIs('web_test'))],
  ['SELECT * FROM pipes_settings WHERE name = "web_log"', rows('pipes_settings', nameIs('web_log'))],
  ['SELECT * FROM pipes_settings WHERE name = "web_none"', rows('pipes_settings', nameIs('web_none'))],
  [
    'INSERT INTO pipes_settings ("name", "length") VALUES ("web_log", 100)',
    inserted('pipes_settings', ['name', 'length'], quoted('web_log'), number(100)),
  ],
  ['SELECT * FROM pipes_messages WHERE name = "web_log"', rows('pipes_messages', nameIs('web_log'))],
  ['SELECT * FROM pipes_messages WHERE name = "web_none"', rows('pipes_messages', nameIs('web_none'))],
  ['SELECT * FROM pipes_messages', rows('pipes_messages')],
  [
    'INSERT INTO pipes_messages (name, event, message) VALUES ("web_nobody", "e", "no subscribers")',
    inserted('pipes_messages', message, quoted('web_nobody'), quoted('e'), quoted('no subscribers')),
  ],
  [
    'INSERT INTO pipes_messages (name, event) VALUES ("web_test", "e")',
    inserted('pipes_messages', ['name', 'event'], quoted('web_test'), quoted('e')),
  ],
  [
    'INSERT INTO pipes_messages (name, message) VALUES ("web_test", "m")',
    inserted('pipes_messages', ['name', 'message'], quoted('web_test'), quoted('m')),
  ],
  [
    'INSERT INTO pipes_messages (name, event, message) VALUES ("ab", "e", "short name")',
    inserted('pipes_messages', message, quoted('ab'), quoted('e'), quoted('short name')),
  ],
  [
    'INSERT INTO pipes_messages (name, event, message) VALUES ("bad name!", "e", "m")',
    inserted('pipes_messages', message, quoted('bad name!'), quoted('e'), quoted('m')),
  ],
  [
    'INSERT INTO pipes_messages (name, event, message) VALUES ("web_test", "bad event!", "m")',
    inserted('pipes_messages', message, quoted('web_test'), quoted('bad event!'), quoted('m')),
  ],
  [
    'INSERT INTO pipes_messages (nocol, event, message) VALUES ("web_test", "e", "m")',
    inserted('pipes_messages', ['nocol', 'event', 'message'], quoted('web_test'), quoted('e'), quoted('m')),
  ],
  [
    'INSERT INTO pipes_messages VALUES (1,2,"web_test",4,"e","m",0)',
    inserted(
      'pipes_messages',
      null,
      number(1),
      number(2),
      quoted('web_test'),
      number(4),
      quoted('e'),
      quoted('m'),
      number(0),
    ),
  ],
  ['DELETE FROM pipes_messages WHERE name = "web_log"', removed('pipes_messages', nameIs('web_log'))],
  ['DELETE FROM pipes_settings WHERE name = "web_log"', removed('pipes_settings', nameIs('web_log'))],
  // Tables that are not there, and letters in either case
  ['SELECT * FROM conference WHERE name = "x"', rows('conference', nameIs('x'))],
  ['SELECT * FROM nosuchtable WHERE id = 1', rows('nosuchtable', idIs(1))],
  ['INSERT INTO nosuchtable (id) VALUES (1)', inserted('nosuchtable', ['id'], number(1))],
  ['DELETE FROM nosuchtable WHERE id = 1', removed('nosuchtable', idIs(1))],
  ['select * from users_time where id = 7', rows('users_time', idIs(7))],
  ['SeLeCt * FrOm users_time WhErE id = 7', rows('users_time', idIs(7))],
  ['SELECT * FROM Users_Time WHERE id = 7', rows('Users_Time', idIs(7))],
  // Refused by the original
  [
    'UPDATE users_auth SET hash = "x"',
    {
      kind: 'update',
      table: table('users_auth'),
      sets: [{ column: 'hash', value: quoted('x') }],
      where: null,
    },
  ],
]

for (const [query, expected] of cases) {
  test(`recorded query is read: ${query}`, () => {
    assert.deepEqual(statement(query), expected)
  })
}

test('recorded query is read with its order and its limit', () => {
  const plain = rows('users_time', idIs(7))
  assert.deepEqual(statement('SELECT * FROM users_time WHERE id = 7 ORDER BY id'), {
    ...plain,
    orderBy: [{ by: 'id', isDescending: false }],
  })
  assert.deepEqual(statement('SELECT * FROM users_time WHERE id = 7 LIMIT 1'), {
    ...plain,
    limit: { count: number(1), offset: null },
  })
  assert.deepEqual(statement('SELECT @@version_comment LIMIT 1'), {
    ...constants(systemVariable('version_comment', '@@version_comment')),
    limit: { count: number(1), offset: null },
  })
})

test('recorded query that is none is refused by the same code, its message begins with the same words', () => {
  refused('SELEKT garbage', 'syntax', /^Syntax error in query/)
  refused('x', 'syntax', /^Syntax error in query/)
})

test('recorded query of two statements is two for a client that asked for them, and a mistake for others', () => {
  const query = 'SELECT * FROM users_time WHERE id = 7; SELECT * FROM users_time WHERE id = 8'
  refused(query, 'syntax', 'expected one statement')
  assert.deepEqual(script(query).statements, [rows('users_time', idIs(7)), rows('users_time', idIs(8))])
})

test('recorded query without a letter has no statement', () => {
  assert.deepEqual(script('').statements, [])
})
