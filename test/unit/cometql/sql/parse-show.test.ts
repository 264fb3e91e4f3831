/**
 * SHOW and DESCRIBE: what can be shown, the ways to ask for it, its pattern and its condition.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition, Show, StatusScope, Value } from '../../../../src/cometql/sql/statement.ts'
import {
  compared,
  condition,
  number,
  parameter,
  refused,
  script,
  statement,
  table,
  text,
  word,
} from '../../../support/read-statements.ts'

type Of = 'columns' | 'indexes' | 'createTable' | 'tables' | 'tableStatus' | 'status'

function plain(what: Exclude<Show['what'], Of>, isFull = false, like: Value | null = null) {
  return { kind: 'show', what, isFull, like }
}

function tables(database = '', isFull = false, like: Value | null = null) {
  return { kind: 'show', what: 'tables', database, isFull, like }
}

function tableStatus(database = '', like: Value | null = null) {
  return { kind: 'show', what: 'tableStatus', database, isFull: false, like }
}

function status(scope: StatusScope, like: Value | null = null) {
  return { kind: 'show', what: 'status', scope, like }
}

function inDatabase(database: string, shown: ReturnType<typeof ofTable>) {
  return { ...shown, table: table('users_auth', database) }
}

function ofTable(what: 'columns' | 'indexes' | 'createTable', isFull = false, like: Value | null = null) {
  return { kind: 'show', what, table: table('users_auth'), isFull, like }
}

const cases: readonly (readonly [query: string, expected: object])[] = [
  ['SHOW DATABASES', plain('databases')],
  ['show schemas', plain('databases')],
  ["SHOW DATABASES LIKE 'Comet%'", plain('databases', false, text('Comet%'))],
  ['SHOW TABLES', tables()],
  ['show tables;', tables()],
  ['SHOW FULL TABLES', tables('', true)],
  ['SHOW TABLES FROM CometQL_v1', tables('CometQL_v1')],
  ['SHOW TABLES IN `CometQL_v1`', tables('CometQL_v1')],
  ['SHOW FULL TABLES IN "db_5"', tables('db_5', true)],
  ["SHOW FULL TABLES FROM `CometQL_v1` LIKE 'users%'", tables('CometQL_v1', true, text('users%'))],
  ['SHOW TABLE STATUS', tableStatus()],
  ['SHOW TABLE STATUS FROM `CometQL_v1`', tableStatus('CometQL_v1')],
  ['SHOW TABLE STATUS LIKE "pipes"', tableStatus('', text('pipes', '"'))],
  ["show table status in db like 'a'", tableStatus('db', text('a'))],
  ['SHOW PROCESSLIST', plain('processList')],
  ['SHOW FULL PROCESSLIST', plain('processList', true)],
  ['SHOW VARIABLES', plain('variables')],
  ['SHOW GLOBAL VARIABLES', plain('variables')],
  ['SHOW SESSION VARIABLES', plain('variables')],
  ['SHOW LOCAL VARIABLES', plain('variables')],
  [
    'SHOW VARIABLES LIKE "lower_case_table_names"',
    plain('variables', false, text('lower_case_table_names', '"')),
  ],
  ['SHOW VARIABLES LIKE ?', plain('variables', false, parameter(0))],
  ['SHOW WARNINGS', plain('warnings')],
  ['SHOW WARNINGS LIMIT 10', plain('warnings')],
  ['SHOW WARNINGS LIMIT 5, 10', plain('warnings')],
  ['SHOW ERRORS', plain('warnings')],
  ['SHOW ENGINES', plain('engines')],
  ['SHOW STORAGE ENGINES', plain('engines')],
  ['SHOW PLUGINS', plain('plugins')],
  ["show plugins like 'mysql%'", plain('plugins', false, text('mysql%'))],
  ['SHOW CHARACTER SET', plain('characterSets')],
  ['SHOW CHARSET', plain('characterSets')],
  ["SHOW CHARACTER SET LIKE 'utf8%'", plain('characterSets', false, text('utf8%'))],
  ['SHOW COLLATION', plain('collations')],
  ["SHOW COLLATION LIKE 'utf8%'", plain('collations', false, text('utf8%'))],
  ['SHOW STATUS', status('session')],
  ['show status', status('session')],
  ['SHOW SESSION STATUS', status('session')],
  ['SHOW LOCAL STATUS', status('session')],
  ['SHOW GLOBAL STATUS', status('global')],
  ['show global status', status('global')],
  ['SHOW UPTIME STATUS', status('uptime')],
  ['SHOW AVG STATUS', status('avg')],
  ['SHOW RAM STATUS', status('ram')],
  ['SHOW FILESYSTEM STATUS', status('filesystem')],
  ["SHOW STATUS LIKE 'Ssl_cipher'", status('session', text('Ssl_cipher'))],
  ['SHOW COLUMNS FROM users_auth', ofTable('columns')],
  ['SHOW COLUMNS IN users_auth', ofTable('columns')],
  ['SHOW FIELDS FROM `users_auth`', ofTable('columns')],
  ['SHOW FULL COLUMNS FROM users_auth', ofTable('columns', true)],
  ['SHOW FULL FIELDS FROM "users_auth"', ofTable('columns', true)],
  ['SHOW EXTENDED FULL COLUMNS FROM users_auth', ofTable('columns', true)],
  ['SHOW COLUMNS FROM users_auth FROM CometQL_v1', inDatabase('CometQL_v1', ofTable('columns'))],
  ['SHOW COLUMNS FROM users_auth FROM db_5', inDatabase('db_5', ofTable('columns'))],
  ['SHOW FULL COLUMNS FROM `users_auth` IN `CometQL_v1`', inDatabase('CometQL_v1', ofTable('columns', true))],
  ['SHOW COLUMNS FROM CometQL_v1.users_auth', inDatabase('CometQL_v1', ofTable('columns'))],
  ['SHOW COLUMNS FROM db_5.users_auth FROM db_6', inDatabase('db_6', ofTable('columns'))],
  ["SHOW COLUMNS FROM users_auth LIKE 'h%'", ofTable('columns', false, text('h%'))],
  ["SHOW COLUMNS FROM users_auth FROM x LIKE 'h%'", inDatabase('x', ofTable('columns', false, text('h%')))],
  ['SHOW INDEX FROM users_auth', ofTable('indexes')],
  ['SHOW INDEXES IN users_auth', ofTable('indexes')],
  ['SHOW KEYS FROM `users_auth` FROM `CometQL_v1`', inDatabase('CometQL_v1', ofTable('indexes'))],
  ['SHOW CREATE TABLE users_auth', ofTable('createTable')],
  ['SHOW CREATE TABLE `CometQL_v1`.`users_auth`', inDatabase('CometQL_v1', ofTable('createTable'))],
  ['DESCRIBE users_auth', ofTable('columns')],
  ['DESC users_auth', ofTable('columns')],
  ['desc CometQL_v1.users_auth', inDatabase('CometQL_v1', ofTable('columns'))],
  ['EXPLAIN users_auth', ofTable('columns')],
  ['DESCRIBE users_auth hash', ofTable('columns', false, word('hash'))],
  ["DESCRIBE `users_auth` 'h%';", ofTable('columns', false, text('h%'))],
]

for (const [query, expected] of cases) {
  test(`shown: ${query}`, () => {
    assert.deepEqual(statement(query), expected)
  })
}

test('SHOW takes any value as its pattern', () => {
  assert.deepEqual(statement('SHOW TABLES LIKE 7'), tables('', false, number(7)))
  assert.deepEqual(statement('SHOW TABLES LIKE users_auth'), tables('', false, word('users_auth')))
})

const nameIs = (name: string) => compared('Variable_name', '=', text(name))

const filtered: readonly (readonly [query: string, shown: object, where: Condition])[] = [
  ["SHOW VARIABLES WHERE Variable_name = 'sql_mode'", plain('variables'), nameIs('sql_mode')],
  ["SHOW GLOBAL STATUS WHERE Variable_name = 'Uptime'", status('global'), nameIs('Uptime')],
  [
    "show variables where `variable_name` like 'sql%'",
    plain('variables'),
    { kind: 'like', column: 'variable_name', pattern: text('sql%'), isNot: false },
  ],
  [
    "SHOW VARIABLES WHERE Variable_name IN ('a', 'b')",
    plain('variables'),
    { kind: 'in', column: 'Variable_name', values: [text('a'), text('b')], isNot: false },
  ],
  [
    "SHOW VARIABLES WHERE Variable_name = 'a' OR Value <> 'b'",
    plain('variables'),
    { kind: 'or', parts: [nameIs('a'), compared('Value', '<>', text('b'))] },
  ],
  [
    "SHOW FULL TABLES FROM `CometQL_v1` WHERE Table_type = 'BASE TABLE'",
    tables('CometQL_v1', true),
    compared('Table_type', '=', text('BASE TABLE')),
  ],
  ["SHOW TABLE STATUS IN db WHERE Engine='Encke'", tableStatus('db'), compared('Engine', '=', text('Encke'))],
  [
    'SHOW FULL COLUMNS FROM users_auth WHERE "Key" = "PRI"',
    ofTable('columns', true),
    compared('Key', '=', text('PRI', '"')),
  ],
  [
    'SHOW KEYS FROM users_auth WHERE Non_unique = 0',
    ofTable('indexes'),
    compared('Non_unique', '=', number(0)),
  ],
  ["SHOW PLUGINS WHERE Status = 'ACTIVE'", plain('plugins'), compared('Status', '=', text('ACTIVE'))],
  ['SHOW WARNINGS WHERE 1 LIMIT 5', plain('warnings'), { kind: 'constant', isTrue: true }],
  // Only one of them is MySQL's; with both, both have to be met.
  [
    "SHOW VARIABLES LIKE 'v%' WHERE Value = 'a'",
    plain('variables', false, text('v%')),
    compared('Value', '=', text('a')),
  ],
]

for (const [query, shown, where] of filtered) {
  test(`shown where a condition holds: ${query}`, () => {
    assert.deepEqual(statement(query), { ...shown, where })
  })
}

test('SHOW has the condition that SELECT would have', () => {
  const where = "(Variable_name LIKE 'c%' OR NOT Value BETWEEN 1 AND 5) AND Value IS NOT NULL && 'Value' > 3"
  const read = statement(`SHOW VARIABLES WHERE ${where}`)
  assert.ok(read.kind === 'show')
  assert.deepEqual(read.where, condition(where))
})

test('SHOW numbers question marks in its pattern and its condition', () => {
  const { parameters, statements } = script('SHOW VARIABLES LIKE ? WHERE Value = ?; SHOW TABLES LIKE ?')
  assert.equal(parameters, 3)
  assert.deepEqual(statements, [
    { ...plain('variables', false, parameter(0)), where: compared('Value', '=', parameter(1)) },
    tables('', false, parameter(2)),
  ])
})

test('SHOW without a condition has none, and a word on the right is no column', () => {
  assert.equal('where' in statement('SHOW VARIABLES'), false)
  const isWord = statement('SHOW VARIABLES WHERE Variable_name = version')
  assert.deepEqual(isWord, { ...plain('variables'), where: compared('Variable_name', '=', word('version')) })
})

const others: readonly (readonly [query: string, words: string])[] = [
  ['SHOW GRANTS', 'SHOW GRANTS is not implemented: there are DATABASES, TABLES, TABLE STATUS, COLUMNS'],
  ['SHOW GRANTS FOR root@localhost', 'SHOW GRANTS is not implemented'],
  ['show triggers', 'SHOW TRIGGERS is not implemented'],
  ['SHOW PROCEDURE STATUS', 'SHOW PROCEDURE is not implemented'],
  ['SHOW MASTER STATUS', 'SHOW MASTER is not implemented'],
  ['SHOW CREATE DATABASE x', 'SHOW CREATE is not implemented'],
  ['SHOW TABLE x', 'SHOW TABLE is not implemented'],
  ['SHOW OPEN TABLES', 'SHOW OPEN is not implemented'],
  ['SHOW COUNT(*) WARNINGS', 'SHOW COUNT is not implemented'],
  [`SHOW ${'x'.repeat(5_000)}`, `SHOW ${'X'.repeat(40)} is not implemented`],
  ["SHOW VARIABLES WHERE Variable_name REGEXP '^a'", 'REGEXP is not implemented: use LIKE'],
  ["SHOW VARIABLES WHERE LOWER(Variable_name) = 'a'", 'LOWER in a condition is not implemented'],
  ['SHOW VARIABLES WHERE Variable_name = `Value`', 'A comparison of columns is not implemented'],
  ['EXPLAIN SELECT 1', 'EXPLAIN of a query is not implemented: EXPLAIN of a table lists its columns'],
  ['EXPLAIN FORMAT=JSON SELECT 1', 'EXPLAIN of a query is not implemented'],
  ['DESCRIBE UPDATE t SET a = 1', 'EXPLAIN of a query is not implemented'],
]

for (const [query, words] of others) {
  test(`not shown: ${query.slice(0, 60)}`, () => {
    refused(query, 'notImplemented', words)
  })
}

const mistakes: readonly (readonly [query: string, words: string])[] = [
  ['SHOW', 'expected what is to be shown at its end'],
  ['SHOW 7', 'expected what is to be shown near "7"'],
  ['SHOW FULL', 'expected what is to be shown at its end'],
  ['SHOW GLOBAL', 'expected STATUS or VARIABLES at its end'],
  ['SHOW GLOBAL TABLES', 'expected STATUS or VARIABLES near "TABLES"'],
  ['SHOW RAM', 'expected STATUS at its end'],
  ['SHOW RAM VARIABLES', 'expected STATUS near "VARIABLES"'],
  ['SHOW COLUMNS', 'expected FROM at its end'],
  ['SHOW COLUMNS FROM', 'expected a table at its end'],
  ['SHOW COLUMNS users_auth', 'expected FROM near "users_auth"'],
  ['SHOW TABLES FROM', 'expected a database at its end'],
  ['SHOW TABLES LIKE', 'expected a value at its end'],
  ['SHOW TABLES users', 'expected ; or the end near "users"'],
  ['SHOW DATABASES FROM CometQL_v1', 'expected ; or the end near "FROM CometQL_v1"'],
  ['SHOW VARIABLES IN CometQL_v1', 'expected ; or the end near "IN CometQL_v1"'],
  ['SHOW VARIABLES WHERE', 'expected a column at its end'],
  ['SHOW VARIABLES WHERE Value', 'expected a comparison at its end'],
  ["SHOW VARIABLES WHERE Value = 'a' LIKE 'b'", `expected ; or the end near "LIKE 'b'"`],
  ['SHOW VARIABLES LIMIT 1 WHERE 1', 'expected ; or the end near "WHERE 1"'],
  ["DESCRIBE users_auth WHERE Field = 'id'", 'expected a value near'],
  ['SHOW CREATE TABLE', 'expected a table at its end'],
  ['DESCRIBE', 'expected a table at its end'],
  ['DESC 7', 'expected a table near "7"'],
  ['DESCRIBE a b c', 'expected ; or the end near "c"'],
]

for (const [query, words] of mistakes) {
  test(`mistake in what is to be shown: ${query}`, () => {
    refused(query, 'syntax', words)
  })
}
