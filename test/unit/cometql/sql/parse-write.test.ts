/**
 * INSERT, REPLACE, UPDATE and DELETE: their many forms, and counts that do not fit.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Insert, Statement, Value } from '../../../../src/cometql/sql/statement.ts'
import {
  compared,
  letters,
  nothingGiven,
  number,
  parameter,
  refused,
  script,
  statement,
  table,
  text,
  word,
} from '../../../support/read-statements.ts'

function inserted(name: string, columns: readonly string[] | null, ...rows: readonly Value[][]): Insert {
  return { kind: 'insert', table: table(name), columns, rows }
}

const sevenAbc = inserted('users_auth', ['id', 'hash'], [text('7'), text('abc')])

test('INSERT has columns and values', () => {
  assert.deepEqual(statement("INSERT INTO users_auth (id, hash) VALUES ('7', 'abc')"), sevenAbc)
})

test('INSERT needs no blanks around parentheses', () => {
  assert.deepEqual(statement("INSERT INTO users_auth(id,hash)VALUES('7','abc')"), sevenAbc)
  assert.deepEqual(statement("INSERT INTO users_auth (id, hash )VALUES ('7', 'abc' );"), sevenAbc)
})

test('INSERT takes keywords in any case, on any number of lines', () => {
  assert.deepEqual(statement("insert into users_auth\n\t(id, hash)\nvalues\r\n('7', 'abc')\n;\n"), sevenAbc)
  assert.deepEqual(statement("InSeRt InTo users_auth (id, hash) VaLuEs ('7', 'abc')"), sevenAbc)
})

test('INSERT takes names bare, in quotes of each kind and in backticks', () => {
  for (const quote of ["'", '"', '`']) {
    const name = (bare: string) => quote + bare + quote
    const query = `INSERT INTO ${name('users_auth')} (${name('id')}, ${name('hash')}) VALUES ('7', 'abc')`
    assert.deepEqual(statement(query), sevenAbc)
  }
})

test('INSERT drops what columns are qualified by, and keeps the database of the table', () => {
  const query = "INSERT INTO db_5.users_auth (users_auth.id, `users_auth`.hash) VALUES ('7', 'abc')"
  assert.deepEqual(statement(query), { ...sevenAbc, table: table('users_auth', 'db_5') })
})

test('INSERT passes over hints, and needs no INTO', () => {
  for (const hint of ['LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE', 'DELAYED IGNORE']) {
    assert.deepEqual(statement(`INSERT ${hint} INTO users_auth (id, hash) VALUES ('7', 'abc')`), sevenAbc)
  }
  assert.deepEqual(statement("INSERT users_auth (id, hash) VALUES ('7', 'abc')"), sevenAbc)
  assert.deepEqual(statement("INSERT users_auth (id, hash) VALUE ('7', 'abc')"), sevenAbc)
})

test('INSERT without columns means all of them', () => {
  assert.deepEqual(
    statement('INSERT INTO pipes_messages VALUES (1,2,"web_test",4)'),
    inserted('pipes_messages', null, [number(1), number(2), text('web_test', '"'), number(4)]),
  )
  assert.deepEqual(statement("INSERT users_auth VALUES ('7')"), inserted('users_auth', null, [text('7')]))
})

test('INSERT without columns leaves it to others how many values there are', () => {
  const read = statement('INSERT INTO t VALUES (1), (1, 2, 3)')
  assert.deepEqual(read, inserted('t', null, [number(1)], [number(1), number(2), number(3)]))
})

test('INSERT takes many rows', () => {
  assert.deepEqual(
    statement("INSERT INTO t (a, b) VALUES (1, 'x'),(2, 'y') , (3, 'z')"),
    inserted('t', ['a', 'b'], [number(1), text('x')], [number(2), text('y')], [number(3), text('z')]),
  )
})

test('INSERT takes SET', () => {
  assert.deepEqual(statement("INSERT INTO users_auth SET id = '7', hash='abc'"), sevenAbc)
  assert.deepEqual(statement("INSERT users_auth SET `id` := '7', \"hash\" = 'abc';"), sevenAbc)
})

test('REPLACE is an INSERT', () => {
  assert.deepEqual(statement("REPLACE INTO users_auth (id, hash) VALUES ('7', 'abc')"), sevenAbc)
  assert.deepEqual(statement("REPLACE users_auth SET id = '7', hash = 'abc'"), sevenAbc)
  assert.deepEqual(statement("replace delayed into users_auth (id, hash) values ('7', 'abc')"), sevenAbc)
})

const values: readonly (readonly [written: string, expected: Value])[] = [
  ["''", text('')],
  ['""', text('', '"')],
  ["'a'", text('a')],
  ['"a"', text('a', '"')],
  ["'it\\'s'", text("it\\'s")],
  ["'it''s'", text("it''s")],
  ['"say ""hi"""', text('say ""hi""', '"')],
  [`'{"a":1}'`, text('{"a":1}')],
  [`'{\\"a\\":\\"x\\"}'`, text('{\\"a\\":\\"x\\"}')],
  [`'{"a":"x\\ny"}'`, text('{"a":"x\\ny"}')],
  ["'a\nb'", text('a\nb')],
  ["'a\\\\'", text('a\\\\')],
  ["');'", text(');')],
  ["'-- a /* b */ # c; ?'", text('-- a /* b */ # c; ?')],
  ["'👍'", text(letters('👍'))],
  ['7', number(7)],
  ['-7', number(-7)],
  ['+7', number(7)],
  ['- 7', number(-7)],
  ['007', number('007')],
  ['1.5', number('1.5')],
  ['.5', number('.5')],
  ['1e3', number('1e3')],
  ['-1.5E-3', number('-1.5E-3')],
  ['12345678901234567890', number('12345678901234567890')],
  ['NULL', nothingGiven],
  ['null', nothingGiven],
  ['DEFAULT', nothingGiven],
  ['web_one', word('web_one')],
  ['true', word('true')],
  ['7f', word('7f')],
  ['имя', word(letters('имя'))],
  ["_binary 'a\\'b'", text("a\\'b")],
  ["_binary'a'", text('a')],
  ["_utf8mb4'a'", text('a')],
  ["N'a'", text('a')],
  ["X'7b7d'", word('{}')],
  ["x'F09F918D'", word(letters('👍'))],
  ["X''", word('')],
  ['0x7b7D', word('{}')],
  ['0x7', word('\x07')],
  ['0xg', word('0xg')],
  ['0x', word('0x')],
  ['?', parameter(0)],
]

for (const [written, expected] of values) {
  test(`INSERT takes the value ${JSON.stringify(written)}`, () => {
    assert.deepEqual(statement(`INSERT INTO t (a) VALUES (${written})`), inserted('t', ['a'], [expected]))
    assert.deepEqual(statement(`INSERT INTO t SET a=${written}`), inserted('t', ['a'], [expected]))
    assert.deepEqual(statement(`UPDATE t SET a=${written}`), {
      kind: 'update',
      table: table('t'),
      sets: [{ column: 'a', value: expected }],
      where: null,
    })
  })
}

test('INSERT numbers question marks across rows', () => {
  const { statements, parameters } = script('INSERT INTO t (a, b) VALUES (?, ?), (?, 7)')
  assert.equal(parameters, 3)
  assert.deepEqual(statements, [
    inserted('t', ['a', 'b'], [parameter(0), parameter(1)], [parameter(2), number(7)]),
  ])
})

test('INSERT refuses a column that is named twice', () => {
  const words = /^Each column in the insert used only once$/
  refused('INSERT INTO t (a, b, a) VALUES (1, 2, 3)', 'conditions', words)
  refused('INSERT INTO t (a, `a`) VALUES (1, 2)', 'conditions', words)
  refused('INSERT INTO t (a, t.a) VALUES (1, 2)', 'conditions', words)
  refused('INSERT INTO t SET a = 1, a = 2', 'conditions', words)
  const many = Array.from({ length: 5_000 }, (_, at) => `c${at}`)
  refused(`INSERT INTO t (${many.join()}, c17) VALUES (1)`, 'conditions', words)
})

test('INSERT tells columns apart by their case', () => {
  assert.deepEqual(
    statement('INSERT INTO t (a, A) VALUES (1, 2)'),
    inserted('t', ['a', 'A'], [number(1), number(2)]),
  )
})

test('INSERT refuses rows with more or fewer values than columns', () => {
  refused(
    'INSERT INTO t (a, b) VALUES (1)',
    'columns',
    'Error in columns list: row 1 has 1 values for 2 columns',
  )
  refused(
    'INSERT INTO t (a) VALUES (1), (2), (3, 4), (5)',
    'columns',
    'Error in columns list: row 3 has 2 values for 1 columns',
  )
})

test('UPDATE sets columns of rows', () => {
  assert.deepEqual(statement("UPDATE users_auth SET hash = 'x', id=7 WHERE id = 7"), {
    kind: 'update',
    table: table('users_auth'),
    sets: [
      { column: 'hash', value: text('x') },
      { column: 'id', value: number(7) },
    ],
    where: compared('id', '=', number(7)),
  })
})

test('UPDATE takes aliases, qualified names and hints', () => {
  const expected: Statement = {
    kind: 'update',
    table: table('t'),
    sets: [{ column: 'a', value: number(1) }],
    where: compared('id', '=', number(7)),
  }
  assert.deepEqual(statement('UPDATE LOW_PRIORITY IGNORE t SET a = 1 WHERE id = 7'), expected)
  assert.deepEqual(statement('UPDATE t x SET x.a = 1 WHERE x.id = 7'), expected)
  assert.deepEqual(statement('UPDATE CometQL_v1.t AS x SET `x`.`a` = 1 WHERE id = 7'), {
    ...expected,
    table: table('t', 'CometQL_v1'),
  })
  assert.deepEqual(statement('update `t` set "a" := 1 where "id" = 7;'), expected)
})

test('DELETE removes rows', () => {
  const expected: Statement = { kind: 'delete', table: table('t'), where: compared('id', '=', number(7)) }
  assert.deepEqual(statement('DELETE FROM t WHERE id = 7'), expected)
  assert.deepEqual(statement('DELETE QUICK IGNORE FROM t x WHERE x.id = 7;'), expected)
  assert.deepEqual(statement('DELETE FROM CometQL_v1.t WHERE CometQL_v1.t.id = 7;'), {
    ...expected,
    table: table('t', 'CometQL_v1'),
  })
  assert.deepEqual(statement('DELETE FROM t'), { ...expected, where: null })
})

test('UPDATE and DELETE pass over an order, which means nothing without a limit', () => {
  assert.deepEqual(
    statement('DELETE FROM t WHERE id = 7 ORDER BY id DESC'),
    statement('DELETE FROM t WHERE id = 7'),
  )
  assert.deepEqual(statement('UPDATE t SET a = 1 ORDER BY id, a'), statement('UPDATE t SET a = 1'))
})

const leftOut: readonly (readonly [query: string, words: string])[] = [
  [
    'DELETE FROM t WHERE id = 7 LIMIT 1',
    'LIMIT in DELETE is not implemented: say with WHERE which rows are meant',
  ],
  ['DELETE FROM t ORDER BY id LIMIT 1', 'LIMIT in DELETE is not implemented'],
  ['UPDATE t SET a = 1 LIMIT 1', 'LIMIT in UPDATE is not implemented'],
  [
    'INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2',
    'leave it out, INSERT replaces what is there',
  ],
  ['INSERT INTO t SET a = 1 ON DUPLICATE KEY UPDATE a = 2', 'ON DUPLICATE KEY UPDATE is not implemented'],
  ['INSERT INTO t (a) VALUES (1) RETURNING a', 'RETURNING is not implemented: ask for the row with SELECT'],
  ['INSERT INTO t SELECT * FROM u', 'A query in a query is not implemented'],
  ['INSERT INTO t (a) SELECT a FROM u', 'A query in a query is not implemented'],
  ['INSERT INTO t (a) VALUES ((SELECT 1))', 'A query in a query is not implemented'],
  ['INSERT INTO t (a) VALUES (NOW())', 'A function as a value is not implemented: give the value itself'],
  ['INSERT INTO t (a) VALUES (@x)', 'A variable as a value is not implemented'],
  ['UPDATE t SET a = concat(a, 1)', 'A function as a value is not implemented'],
  ['UPDATE t, u SET a = 1', 'More than one table in a query is not implemented'],
  ['UPDATE t JOIN u SET a = 1', 'JOIN is not implemented'],
  ['DELETE FROM t, u', 'More than one table in a query is not implemented'],
  ['DELETE FROM t INNER JOIN u', 'JOIN is not implemented'],
]

for (const [query, words] of leftOut) {
  test(`write that is left out is refused: ${query}`, () => {
    refused(query, 'notImplemented', words)
  })
}

const mistakes: readonly (readonly [query: string, words: string])[] = [
  ['INSERT', 'expected a table at its end'],
  ['INSERT INTO', 'expected a table at its end'],
  ['INSERT INTO t', 'expected VALUES at its end'],
  ['INSERT INTO t (a)', 'expected VALUES at its end'],
  ['INSERT INTO t () VALUES ()', 'expected a column near ") VALUES ()"'],
  ['INSERT INTO t (a, ) VALUES (1)', 'expected a column near ") VALUES (1)"'],
  ['INSERT INTO t (a VALUES (1)', 'expected ) near "VALUES (1)"'],
  ['INSERT INTO t (7) VALUES (1)', 'expected a column near "7) VALUES (1)"'],
  ['INSERT INTO t (a) VALUES', 'expected ( at its end'],
  ['INSERT INTO t (a) VALUES 1', 'expected ( near "1"'],
  ['INSERT INTO t (a) VALUES ()', 'expected a value near ")"'],
  ['INSERT INTO t (a) VALUES (1', 'expected ) at its end'],
  ['INSERT INTO t (a) VALUES (1,)', 'expected a value near ")"'],
  ['INSERT INTO t (a) VALUES (1 2)', 'expected ) near "2)"'],
  ['INSERT INTO t (a) VALUES (1),', 'expected ( at its end'],
  ['INSERT INTO t (a) VALUES (1) (2)', 'expected ; or the end near "(2)"'],
  ["INSERT INTO t (a) VALUES ('it's')", `expected ) near "s'`],
  ['INSERT INTO t (a) VALUES (1 + 1)', 'expected ) near "+ 1)"'],
  ['INSERT INTO t (a) VALUES (a.b)', 'expected ) near ".b)"'],
  ["INSERT INTO t (a) VALUES (X'7')", `expected ) near "'7')"`],
  ['INSERT INTO t SET', 'expected a column at its end'],
  ['INSERT INTO t SET a', 'expected = at its end'],
  ['INSERT INTO t SET a = ', 'expected a value at its end'],
  ['INSERT INTO VALUES (1)', 'expected a table near "VALUES (1)"'],
  ['UPDATE', 'expected a table at its end'],
  ['UPDATE t', 'expected SET at its end'],
  ['UPDATE SET a = 1', 'expected a table near "SET a = 1"'],
  ['UPDATE t SET WHERE id = 1', 'expected a column near "WHERE id = 1"'],
  ['UPDATE t SET a = 1,', 'expected a column at its end'],
  ['UPDATE t SET length = length + 1', 'expected ; or the end near "+ 1"'],
  ['UPDATE t SET a = 1 id = 7', 'expected ; or the end near "id = 7"'],
  ['DELETE', 'expected FROM at its end'],
  ['DELETE t WHERE id = 7', 'expected FROM near "t WHERE id = 7"'],
  ['DELETE FROM WHERE id = 7', 'expected a table near "WHERE id = 7"'],
  ['DELETE FROM t id = 7', 'expected ; or the end near "= 7"'],
  ['DELETE FROM t WHERE', 'expected a column at its end'],
  ['DELETE FROM t /* WHERE id = 7', 'expected ; or the end near "/* WHERE id = 7"'],
]

for (const [query, words] of mistakes) {
  test(`write with a mistake is told: ${query}`, () => {
    refused(query, 'syntax', words)
  })
}
