/**
 * Whole queries: several statements or none, the tenant's prefix, statements without effect, those that are refused,
 * and what the errors show.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError, queryCodes } from '../../../../src/cometql/query-failure.ts'
import { parse } from '../../../../src/cometql/sql/parse.ts'
import type { Script } from '../../../../src/cometql/sql/statement.ts'
import { letters, refused, script, statement } from '../../../support/read-statements.ts'

function kinds(query: string): readonly string[] {
  return script(query).statements.map((one) => one.kind)
}

/** Read for a client that may send one statement only. */
function single(query: string): Pick<Script, 'tenant' | 'statements' | 'parameters'> {
  const { tenant, statements, parameters } = parse(letters(query), { isMulti: false })
  return { tenant, statements, parameters }
}

test('query of blanks, semicolons and comments has no statements', () => {
  for (const query of [
    '',
    ' \t\r\n',
    ';',
    ';;;',
    ' ; ; ',
    '-- nothing',
    '# nothing',
    '/* nothing */',
    '/* a */;-- b\n;# c',
    '/*!40101 */',
    "'",
    `";'`,
    '- : ~ \\',
    '\0',
  ]) {
    assert.deepEqual(single(query), { tenant: null, statements: [], parameters: 0 }, JSON.stringify(query))
  }
})

test('query may end in semicolons and stray quotes', () => {
  for (const end of [
    ';',
    ';;',
    ' ; ; ',
    ";'",
    ` ;"`,
    ';`',
    "'",
    ' -- done',
    '; /* done */',
    ';\n',
    '\0',
    ";\\'",
  ]) {
    assert.deepEqual(single(`SELECT 1${end}`), single('SELECT 1'), JSON.stringify(end))
  }
})

test('query may begin with semicolons, comments and blanks', () => {
  for (const begin of [';', '\n\n', '/* a tool */ ', '-- a tool\n', '#\n', ' ; ', ';;', '/*! */', '\\']) {
    assert.deepEqual(single(`${begin}SELECT 1`), single('SELECT 1'), JSON.stringify(begin))
  }
})

test('comments may stand between any words', () => {
  const query = "INSERT/* a */INTO -- b\nt#c\n(/* d */a)/**/VALUES(/*e*/'x'/*f*/)/*g*/"
  assert.deepEqual(single(query), single("INSERT INTO t (a) VALUES ('x')"))
})

test('comments that are meant for MySQL are read', () => {
  assert.deepEqual(single('/*!40101 SET NAMES utf8 */;'), single('SET NAMES utf8'))
  assert.deepEqual(single('SELECT /*!40001 SQL_NO_CACHE */ 1'), single('SELECT 1'))
  assert.deepEqual(kinds('/*!40000 ALTER*/'.replace('ALTER', 'SET x = 1')), ['nothing'])
})

test('several statements are read for a client that asked for them', () => {
  assert.deepEqual(kinds('SELECT 1; SET x = 1; DELETE FROM t; SHOW TABLES; USE x'), [
    'select',
    'nothing',
    'delete',
    'show',
    'use',
  ])
  assert.deepEqual(kinds(';;SELECT 1;;;SELECT 2;;'), ['select', 'select'])
})

test('semicolons in strings, names and comments end nothing', () => {
  assert.deepEqual(kinds("INSERT INTO t (a) VALUES (';'); SELECT `;` FROM t /* ; */; SELECT 1 -- ;"), [
    'insert',
    'select',
    'select',
  ])
  assert.deepEqual(kinds("SET x = ';'; SELECT 1"), ['nothing', 'select'])
})

test('several statements from any other client are refused', () => {
  const words = 'expected one statement: a client has to ask for several when it connects (multi-statements)'
  refused('SELECT 1; SELECT 2', 'syntax', words)
  refused('SET x = 1; SET y = 1', 'syntax', words)
  refused('SELECT 1;;x', 'syntax', words)
})

test('a thousand statements may come in one query, and no more', () => {
  assert.equal(script('SELECT 1;'.repeat(1_000)).statements.length, 1_000)
  assert.throws(
    () => script('SELECT 1;'.repeat(1_001)),
    (error) =>
      error instanceof QueryError &&
      error.failure.code === queryCodes.tooLong &&
      error.message === 'Too many statements in one query: at most 1000',
  )
})

test('no statement is given when a later one has a mistake', () => {
  assert.throws(
    () => script('DELETE FROM t WHERE id = 1; DELETE FORM t'),
    (error) => error instanceof QueryError && error.message.includes('expected FROM near "FORM t"'),
  )
  assert.throws(() => script("INSERT INTO t (a) VALUES ('x'); DROP TABLE t"), /DROP is not implemented/)
})

test('question marks are numbered through all statements', () => {
  const { parameters, statements } = script('DELETE FROM t WHERE a = ?; DELETE FROM t WHERE a = ?')
  assert.equal(parameters, 2)
  const values = statements.map(
    (one) => one.kind === 'delete' && one.where?.kind === 'compare' && one.where.value,
  )
  assert.deepEqual(values, [
    { kind: 'parameter', index: 0 },
    { kind: 'parameter', index: 1 },
  ])
})

test('question marks in strings, names and comments are not counted', () => {
  assert.equal(script("SELECT '?', `?`, ? /* ? */ FROM t -- ?").parameters, 1)
  assert.equal(script('SELECT 1').parameters, 0)
})

test('tenant is told apart from the statement behind it', () => {
  const prefix = 'cometqlcluster_v1 set dev_id=15;'
  assert.deepEqual(single(`${prefix} SELECT 1`), { ...single('SELECT 1'), tenant: 15 })
  assert.deepEqual(single(prefix), { tenant: 15, statements: [], parameters: 0 })
  assert.deepEqual(single(`${prefix} DELETE FROM t WHERE id = ?`).parameters, 1)
  assert.equal(single('SELECT 1').tenant, null)
})

test('tenant is any number of one, in any case and with blanks', () => {
  assert.equal(single('CometQLcluster_v1  SET dev_id = 0 ;;').tenant, 0)
  assert.equal(single(';cometqlcluster_v1 set dev_id=007').tenant, 7)
  assert.equal(single('/* a proxy */ cometqlcluster_v1 set dev_id=2147483647;').tenant, 2_147_483_647)
})

test('tenant leaves it to the client whether several statements may follow', () => {
  const query = 'cometqlcluster_v1 set dev_id=15; SELECT 1; SELECT 2'
  refused(query, 'syntax', 'expected one statement')
  assert.deepEqual(kinds(query), ['select', 'select'])
  assert.equal(script(query).tenant, 15)
})

test('tenant that is no number of one is refused', () => {
  const words = 'expected a number of at most 2147483647'
  refused('cometqlcluster_v1 set dev_id=2147483648', 'syntax', words)
  refused('cometqlcluster_v1 set dev_id=99999999999999999999;SELECT 1', 'syntax', words)
  refused('cometqlcluster_v1 set dev_id=-1', 'syntax', words)
  refused('cometqlcluster_v1 set dev_id=1.5', 'syntax', words)
  refused('cometqlcluster_v1 set dev_id=x', 'syntax', words)
  refused('cometqlcluster_v1 set dev_id=', 'syntax', words)
  refused('cometqlcluster_v1 set dev_id=1 SELECT 1', 'syntax', 'expected ; or the end near "SELECT 1"')
  refused('cometqlcluster_v1 set x=1', 'syntax', 'expected DEV_ID near "x=1"')
  refused('cometqlcluster_v1 dev_id=1', 'syntax', 'expected SET near "dev_id=1"')
})

test('tenant stands at the beginning only, and once', () => {
  const twice = 'cometqlcluster_v1 set dev_id=1; cometqlcluster_v1 set dev_id=2'
  assert.throws(() => script(twice), /expected a statement near "cometqlcluster_v1 set dev_id=2"/)
  assert.throws(
    () => script('SELECT 1; cometqlcluster_v1 set dev_id=1'),
    /expected a statement near "cometqlcluster_v1/,
  )
})

const withoutEffect = [
  'SET NAMES utf8',
  "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci'",
  'SET @a b',
  'SET @x := 5, @@session.y = (SELECT 1)',
  "SET @@GLOBAL.sql_mode = CONCAT(@@sql_mode, ',STRICT')",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'SET character_set_results = NULL',
  'SET CHARACTER SET utf8',
  "SET PASSWORD = 'x'",
  'SET',
  'ROLLBACK TO x',
  'rollback to savepoint x',
  'ROLLBACK WORK TO SAVEPOINT x',
  'SAVEPOINT x',
  'RELEASE SAVEPOINT x',
  'LOCK TABLES pipes READ, users_auth WRITE',
  'UNLOCK TABLES',
]

for (const query of withoutEffect) {
  test(`statement has no effect: ${query}`, () => {
    assert.deepEqual(statement(query), { kind: 'nothing' })
    assert.deepEqual(kinds(`${query}; SELECT 1`), ['nothing', 'select'])
  })
}

const transactions: readonly (readonly [query: string, change: 'begin' | 'end'])[] = [
  ['BEGIN', 'begin'],
  ['BEGIN WORK', 'begin'],
  ['begin', 'begin'],
  ['START TRANSACTION', 'begin'],
  ['start transaction read write', 'begin'],
  ['START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT', 'begin'],
  ['COMMIT', 'end'],
  ['commit work', 'end'],
  ['COMMIT AND NO CHAIN', 'end'],
  ['COMMIT /* all of it */', 'end'],
  ['COMMIT NO RELEASE', 'end'],
  ['ROLLBACK', 'end'],
  ['ROLLBACK WORK', 'end'],
  ['ROLLBACK WORK AND NO CHAIN', 'end'],
  // One ends, and the next begins.
  ['COMMIT AND CHAIN', 'begin'],
  ['commit work and chain', 'begin'],
  ['COMMIT AND CHAIN NO RELEASE', 'begin'],
  ['ROLLBACK AND CHAIN', 'begin'],
  ['ROLLBACK WORK AND CHAIN', 'begin'],
]

for (const [query, change] of transactions) {
  test(`transaction is told to ${change} by ${query}`, () => {
    assert.deepEqual(statement(query), { kind: 'transaction', change })
    assert.deepEqual(kinds(`${query}; SELECT 1`), ['transaction', 'select'])
  })
}

test('transaction goes on to a savepoint and back, and ends once', () => {
  const { statements } = script('BEGIN; SAVEPOINT a; DELETE FROM t WHERE id = 1; ROLLBACK TO a; COMMIT')
  assert.deepEqual(
    statements.map((one) => (one.kind === 'transaction' ? one.change : one.kind)),
    ['begin', 'nothing', 'delete', 'nothing', 'end'],
  )
})

test('START of anything else is refused, and so is START alone', () => {
  for (const query of ['START', 'START SLAVE', 'START `TRANSACTION`', 'START TRANSACTIONS']) {
    refused(query, 'notImplemented', 'START of anything but a transaction')
  }
})

test('USE names a database, in quotes or bare', () => {
  for (const query of ['USE CometQL_v1', 'use `CometQL_v1`', "USE 'CometQL_v1'", 'USE "CometQL_v1";']) {
    assert.deepEqual(statement(query), { kind: 'use', database: 'CometQL_v1' })
  }
  assert.deepEqual(statement('USE db_2'), { kind: 'use', database: 'db_2' })
  refused('USE', 'syntax', 'expected a database at its end')
  refused('USE a b', 'syntax', 'expected ; or the end near "b"')
})

const leftOut: readonly (readonly [query: string, words: string])[] = [
  [
    'CREATE TABLE x (id int)',
    'CREATE is not implemented: tables are part of the node, SHOW TABLES lists them',
  ],
  ['create database x', 'CREATE is not implemented'],
  ['ALTER TABLE users_auth ADD x int', 'ALTER is not implemented'],
  ['DROP TABLE users_auth', 'DROP is not implemented'],
  ['RENAME TABLE a TO b', 'RENAME is not implemented'],
  ['TRUNCATE users_auth', 'TRUNCATE is not implemented: use DELETE'],
  [
    "GRANT ALL ON *.* TO 'x'@'%'",
    'GRANT is not implemented: the password of CometQL is an option of the node',
  ],
  ['REVOKE ALL ON *.* FROM x', 'REVOKE is not implemented'],
  ['KILL 7', 'KILL is not implemented: a DELETE FROM users_auth closes the connections of a user'],
  ['FLUSH PRIVILEGES', 'FLUSH is not implemented: the node needs no upkeep by hand'],
  ['ANALYZE TABLE pipes', 'ANALYZE is not implemented'],
  ['OPTIMIZE TABLE pipes', 'OPTIMIZE is not implemented'],
  ['CHECK TABLE pipes', 'CHECK is not implemented'],
  ['REPAIR TABLE pipes', 'REPAIR is not implemented'],
  ['CALL x()', 'CALL is not implemented: work it out in your program'],
  ['DO SLEEP(1)', 'DO is not implemented'],
  ['HANDLER t OPEN', 'HANDLER is not implemented: use SELECT'],
  ['TABLE pipes', 'TABLE is not implemented: use SELECT'],
  ['VALUES ROW(1)', 'VALUES is not implemented: use SELECT'],
  ['WITH x AS (SELECT 1) SELECT * FROM x', 'WITH is not implemented'],
  ["LOAD DATA INFILE 'x' INTO TABLE t", 'LOAD is not implemented: use INSERT, which takes many rows'],
  ["PREPARE x FROM 'SELECT 1'", 'PREPARE is not implemented: prepare the statement with your driver'],
  ['EXECUTE x', 'EXECUTE is not implemented'],
  ['DEALLOCATE PREPARE x', 'DEALLOCATE is not implemented'],
  ["XA START 'x'", 'XA is not implemented: each statement takes effect at once'],
]

for (const [query, words] of leftOut) {
  test(`statement is refused: ${query}`, () => {
    refused(query, 'notImplemented', words)
  })
}

test('statement that there is not is a mistake', () => {
  refused('SELEKT garbage', 'syntax', 'expected a statement near "SELEKT garbage"')
  refused('x', 'syntax', 'expected a statement near "x"')
  refused('7', 'syntax', 'expected a statement near "7"')
  refused("'SELECT' 1", 'syntax', `expected a statement near "'SELECT' 1"`)
  refused('`SELECT` 1', 'syntax', 'expected a statement near "`SELECT` 1"')
  refused('(SELECT 1)', 'syntax', 'expected a statement near "(SELECT 1)"')
  refused('?', 'syntax', 'expected a statement near "?"')
  refused('@x', 'syntax', 'expected a statement near "@x"')
  refused('SELECTED 1', 'syntax', 'expected a statement near "SELECTED 1"')
  refused('__proto__', 'syntax', 'expected a statement near "__proto__"')
  refused('constructor', 'syntax', 'expected a statement near "constructor"')
  refused('SHOW constructor', 'notImplemented', 'SHOW CONSTRUCTOR')
  refused('SELECT 1 constructor toString', 'syntax', 'near "toString"')
})

test('error begins with the words of CppComet, and shows where the mistake is', () => {
  assert.equal(
    refused('SELECT * FROM pipes WHER id = 7', 'syntax'),
    'Syntax error in query: expected ; or the end near "id = 7"',
  )
  assert.equal(refused('SELECT * FROM', 'syntax'), 'Syntax error in query: expected a table at its end')
})

test('error shows at most forty letters of the query, all of them printable', () => {
  const near = (query: string) => /near "([\s\S]*)"$/.exec(refused(query, 'syntax'))?.[1] ?? ''
  assert.equal(near(`SELECT 1 a ${'b'.repeat(100)}`), 'b'.repeat(40))
  assert.equal(near(`x${'é'.repeat(100)}`), `x${'é'.repeat(39)}`)
  assert.equal(near('👍'.repeat(100)), '👍'.repeat(40))
  assert.equal(near('x\n\r\t\0\x1b[31m\x7f\u200b\u2028y'), 'x     [31m   y')
})

test('error shows bytes that are no UTF-8 as such', () => {
  assert.throws(
    () => parse('x\xff\xfe', { isMulti: false }),
    (error) => error instanceof QueryError && error.message.endsWith('near "x\ufffd\ufffd"'),
  )
})

test('parser takes a number with a minus for a value only', () => {
  refused('USE -5', 'syntax', 'expected a database near "-5"')
  assert.deepEqual(single('SELECT -5'), single('SELECT - 5 AS "-5"'))
})

test('parser gives the same for the same query', () => {
  const query = 'INSERT INTO t (a) VALUES (\'x\', "y"); '
  assert.throws(() => script(query), QueryError)
  const good = 'INSERT INTO t (a, b) VALUES (\'x\', "y"); SELECT * FROM t WHERE a = ? OR NOT b IN (1, 2)'
  assert.deepEqual(script(good), script(good))
})

test('parser reads every letter of a byte as part of a string', () => {
  const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
  const inside = all.filter((letter) => letter !== "'" && letter !== '\\').join('')
  const { statements } = parse(`INSERT INTO t (a) VALUES ('${inside}')`, { isMulti: false })
  assert.deepEqual(statements, [
    {
      kind: 'insert',
      table: { schema: '', name: 't' },
      columns: ['a'],
      rows: [[{ kind: 'text', raw: inside, quote: "'" }]],
    },
  ])
})
