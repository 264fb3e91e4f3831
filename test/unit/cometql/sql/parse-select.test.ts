/**
 * SELECT: its items and their headings, its clauses, and what of the language is refused. It is longer than others as
 * two tables list every clause that is left out and every mistake.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Limit, Order, Select, SelectItem } from '../../../../src/cometql/sql/statement.ts'
import {
  call,
  column,
  compared,
  literal,
  nothingGiven,
  number,
  parameter,
  refused,
  script,
  statement,
  systemVariable,
  table,
  text,
  word,
} from '../../../support/read-statements.ts'

function select(query: string): Select {
  const read = statement(query)
  assert.equal(read.kind, 'select')
  return read
}

function items(list: string, rest = ' FROM pipes'): readonly SelectItem[] {
  return select(`SELECT ${list}${rest}`).items
}

test('SELECT names its columns, its table and its condition', () => {
  assert.deepEqual(select('SELECT id, time FROM users_time WHERE id = 7'), {
    kind: 'select',
    isDistinct: false,
    items: [column('id'), column('time')],
    from: table('users_time'),
    where: compared('id', '=', number(7)),
    orderBy: [],
    limit: null,
  })
})

test('SELECT has all columns by a star', () => {
  assert.deepEqual(items('*'), [{ kind: 'all' }])
  assert.deepEqual(items('p.*', ' FROM pipes p'), [{ kind: 'all' }])
  assert.deepEqual(items('`CometQL_v1`.`pipes`.*'), [{ kind: 'all' }])
  assert.deepEqual(items('name, *'), [column('name'), { kind: 'all' }])
})

test('SELECT takes names of columns bare, in backticks and in quotes', () => {
  const expected = [column('name'), column('users')]
  assert.deepEqual(items('name, users'), expected)
  assert.deepEqual(items('`name`,`users`'), expected)
  assert.deepEqual(items('"name","users"'), expected)
  assert.deepEqual(items("'name' , 'users'"), expected)
})

test('SELECT drops what names are qualified by, from their headings too', () => {
  assert.deepEqual(items('pipes.name'), [column('name')])
  assert.deepEqual(items('`p`.`name`, "p"."users"', ' FROM pipes p'), [column('name'), column('users')])
  assert.deepEqual(items('CometQL_v1.pipes.name'), [column('name')])
})

test('SELECT heads columns with their alias', () => {
  assert.deepEqual(items('name AS n, users u'), [column('name', 'n'), column('users', 'u')])
  assert.deepEqual(items('name AS "the name", users \'how many\''), [
    column('name', 'the name'),
    column('users', 'how many'),
  ])
  assert.deepEqual(items('name `a``b`, users AS `from`'), [column('name', 'a`b'), column('users', 'from')])
  assert.deepEqual(items("name AS 'it\\'s', users AS 'it''s'"), [
    column('name', "it's"),
    column('users', "it's"),
  ])
})

test('SELECT keeps names and headings that are no ASCII', () => {
  assert.deepEqual(items('имя AS "сколько 👍"'), [column('имя', 'сколько 👍')])
  assert.deepEqual(items("'é'", ''), [literal(text('\xc3\xa9'), 'é')])
})

test('SELECT counts rows', () => {
  const counted = (label: string, name: string | null = null) => [{ kind: 'count', column: name, label }]
  assert.deepEqual(items('COUNT(*)'), counted('COUNT(*)'))
  assert.deepEqual(items('count( * )'), counted('count( * )'))
  assert.deepEqual(items('COUNT (*) AS total'), counted('total'))
  assert.deepEqual(items('COUNT(1)'), counted('COUNT(1)'))
  assert.deepEqual(items("COUNT('x')"), counted("COUNT('x')"))
  assert.deepEqual(items('COUNT(name) n'), counted('n', 'name'))
  assert.deepEqual(items('COUNT(p.`name`)', ' FROM pipes p'), counted('COUNT(p.`name`)', 'name'))
  assert.deepEqual(items('COUNT(ALL name)'), counted('COUNT(ALL name)', 'name'))
})

test('SELECT gives literals without a table', () => {
  assert.deepEqual(items('1', ''), [literal(number(1), '1')])
  assert.deepEqual(items('-5, - 5, +5, 1.5e3', ''), [
    literal(number(-5), '-5'),
    literal(number(-5), '- 5'),
    literal(number(5), '+5'),
    literal(number('1.5e3'), '1.5e3'),
  ])
  assert.deepEqual(items(`'a', "b"`, ''), [literal(text('a'), 'a'), literal(text('b', '"'), 'b')])
  assert.deepEqual(items('NULL, null n', ''), [literal(nothingGiven, 'NULL'), literal(nothingGiven, 'n')])
  assert.deepEqual(items('TRUE, false', ''), [literal(number(1), 'TRUE'), literal(number(0), 'false')])
  assert.deepEqual(items('((1)) AS one', ''), [literal(number(1), 'one')])
  assert.deepEqual(items('?, ? b', ''), [literal(parameter(0), '?'), literal(parameter(1), 'b')])
})

test('SELECT knows literals that tell which letters they have', () => {
  assert.deepEqual(items("_utf8mb4'a', _binary 'b', N'c', x'6465'", ''), [
    literal(text('a'), "_utf8mb4'a'"),
    literal(text('b'), "_binary 'b'"),
    literal(text('c'), "N'c'"),
    literal(word('de'), "x'6465'"),
  ])
  assert.deepEqual(items("n 'c', x '6465'"), [column('n', 'c'), column('x', '6465')])
})

test('SELECT takes a quoted string as a column only where there is a table of ours and no alias', () => {
  assert.deepEqual(items('"name"'), [column('name')])
  assert.deepEqual(items('"name" AS n'), [literal(text('name', '"'), 'n')])
  assert.deepEqual(items("'web' AS metric, users AS value"), [
    literal(text('web'), 'metric'),
    column('users', 'value'),
  ])
  assert.deepEqual(items("'x'", ' FROM information_schema.tables'), [literal(text('x'), 'x')])
  assert.deepEqual(items("'x'", ' FROM DUAL'), [literal(text('x'), 'x')])
})

test('SELECT gives variables, without the words that say whose they are', () => {
  assert.deepEqual(items('@@version_comment', ''), [systemVariable('version_comment', '@@version_comment')])
  assert.deepEqual(items('@@session.autocommit, @@GLOBAL.x y', ''), [
    systemVariable('autocommit', '@@session.autocommit'),
    systemVariable('x', 'y'),
  ])
  assert.deepEqual(items('@@local.a.b, @@mine.c', ''), [
    systemVariable('a.b', '@@local.a.b'),
    systemVariable('mine.c', '@@mine.c'),
  ])
  assert.deepEqual(items('@own', ''), [
    { kind: 'constant', constant: { kind: 'variable', name: 'own', isOwn: true }, label: '@own' },
  ])
})

test('SELECT gives variables under other names, as drivers ask when they connect', () => {
  const query =
    'SELECT @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS cs'
  assert.deepEqual(select(`/* mysql-connector-java-8.0.11 */${query}`).items, [
    systemVariable('auto_increment_increment', 'auto_increment_increment'),
    systemVariable('character_set_client', 'cs'),
  ])
})

test('SELECT calls functions with constants, their names in upper case', () => {
  assert.deepEqual(items('DATABASE()', ''), [call('DATABASE', 'DATABASE()')])
  assert.deepEqual(items('version( ) v, now()', ''), [call('VERSION', 'v'), call('NOW', 'now()')])
  assert.deepEqual(items("IFNULL(NULL, 'a')", ''), [
    call(
      'IFNULL',
      "IFNULL(NULL, 'a')",
      { kind: 'value', value: nothingGiven },
      { kind: 'value', value: text('a') },
    ),
  ])
  assert.deepEqual(items('concat(@@version, (1), user(), TRUE)', ''), [
    call(
      'CONCAT',
      'concat(@@version, (1), user(), TRUE)',
      { kind: 'variable', name: 'version', isOwn: false },
      { kind: 'value', value: number(1) },
      { kind: 'call', name: 'USER', args: [] },
      { kind: 'value', value: number(1) },
    ),
  ])
})

test('SELECT calls functions whose names are words of statements', () => {
  assert.deepEqual(items("LEFT('abc', 1)", ''), [
    call(
      'LEFT',
      "LEFT('abc', 1)",
      { kind: 'value', value: text('abc') },
      { kind: 'value', value: number(1) },
    ),
  ])
  assert.deepEqual(items("upper(replace('a', 'b', _utf8'c'))", ''), [
    call('UPPER', "upper(replace('a', 'b', _utf8'c'))", {
      kind: 'call',
      name: 'REPLACE',
      args: [
        { kind: 'value', value: text('a') },
        { kind: 'value', value: text('b') },
        { kind: 'value', value: text('c') },
      ],
    }),
  ])
})

test('SELECT calls functions that need no parentheses', () => {
  assert.deepEqual(items('CURRENT_USER, current_timestamp(6), UTC_DATE d', ''), [
    call('CURRENT_USER', 'CURRENT_USER'),
    call('CURRENT_TIMESTAMP', 'current_timestamp(6)', { kind: 'value', value: number(6) }),
    call('UTC_DATE', 'd'),
  ])
  assert.deepEqual(items("IFNULL(CURRENT_DATE, '')", ''), [
    call(
      'IFNULL',
      "IFNULL(CURRENT_DATE, '')",
      { kind: 'call', name: 'CURRENT_DATE', args: [] },
      { kind: 'value', value: text('') },
    ),
  ])
})

test('SELECT mixes constants and columns', () => {
  assert.deepEqual(items('NOW() AS time, users, 1'), [
    call('NOW', 'time'),
    column('users'),
    literal(number(1), '1'),
  ])
})

test('SELECT takes words of other statements as names of columns', () => {
  const names = [
    'index',
    'key',
    'value',
    'length',
    'time',
    'data',
    'count',
    'status',
    'offset',
    'show',
    'begin',
  ]
  assert.deepEqual(
    items(names.join(', ')),
    names.map((name) => column(name)),
  )
})

test('SELECT without a table has none, nor has one from DUAL', () => {
  assert.equal(select('SELECT 1').from, null)
  assert.equal(select('SELECT 1 FROM DUAL').from, null)
  assert.equal(select('SELECT 1 FROM dual WHERE 1 = 1').from, null)
  assert.equal(select('SELECT @@x LIMIT 1').from, null)
})

test('SELECT takes the table with or without an alias', () => {
  for (const from of ['pipes', '`pipes`', '"pipes"', "'pipes'", 'pipes p', 'pipes AS p', 'pipes AS `p`']) {
    assert.deepEqual(select(`SELECT * FROM ${from}`).from, table('pipes'), from)
    assert.deepEqual(select(`SELECT * FROM ${from} WHERE users > 0`).from, table('pipes'), from)
  }
})

test('SELECT keeps the database in front of the table, as it was written', () => {
  for (const [from, database, name] of [
    ['CometQL_v1.pipes', 'CometQL_v1', 'pipes'],
    ['`cometql_v1`.`pipes`', 'cometql_v1', 'pipes'],
    ['db_2 . pipes p', 'db_2', 'pipes'],
    ['"no such"."pipes"', 'no such', 'pipes'],
    ['information_schema.tables', 'information_schema', 'tables'],
    ['`INFORMATION_SCHEMA`.`TABLES` t', 'INFORMATION_SCHEMA', 'TABLES'],
  ] as const) {
    assert.deepEqual(select(`SELECT * FROM ${from}`).from, table(name, database), from)
    assert.deepEqual(select(`SELECT * FROM ${from} WHERE x > 0`).from, table(name, database), from)
  }
})

test('SELECT takes a quoted item for a column of a table of ours, whichever database it is said to be in', () => {
  assert.deepEqual(items("'name'", ' FROM db_2.pipes'), [column('name')])
  assert.deepEqual(items("'name'", ' FROM CometQL_v1.pipes'), [column('name')])
  assert.deepEqual(items("'x'", ' FROM INFORMATION_SCHEMA.tables'), [literal(text('x'), 'x')])
})

test('SELECT leaves the letters of a table as they are', () => {
  assert.deepEqual(select('SELECT * FROM Users_Time WHERE id = 7').from, table('Users_Time'))
})

test('SELECT passes over hints, and tells DISTINCT', () => {
  assert.equal(select('SELECT SQL_NO_CACHE * FROM pipes').isDistinct, false)
  assert.equal(select('SELECT ALL HIGH_PRIORITY sql_big_result * FROM pipes').isDistinct, false)
  assert.equal(select('SELECT DISTINCT name FROM pipes').isDistinct, true)
  assert.equal(select('SELECT SQL_NO_CACHE DISTINCTROW SQL_CACHE name FROM pipes').isDistinct, true)
  assert.deepEqual(items('DISTINCT name'), [column('name')])
})

// It was passed over as a hint, and FOUND_ROWS() then told the rows of the LIMIT.
test('SELECT refuses SQL_CALC_FOUND_ROWS wherever hints may stand', () => {
  const words = 'SQL_CALC_FOUND_ROWS is not implemented: SELECT COUNT(*) with the same WHERE counts all'
  for (const query of [
    'SELECT SQL_CALC_FOUND_ROWS id FROM users_auth LIMIT 1',
    'SELECT sql_calc_found_rows * FROM pipes',
    'SELECT SQL_NO_CACHE SQL_CALC_FOUND_ROWS * FROM pipes',
    'SELECT DISTINCT SQL_CALC_FOUND_ROWS name FROM pipes',
    'SELECT DISTINCT SQL_CACHE SQL_CALC_FOUND_ROWS name FROM pipes',
    'SELECT SQL_CALC_FOUND_ROWS 1',
  ]) {
    refused(query, 'notImplemented', words)
  }
  assert.deepEqual(
    items('`SQL_CALC_FOUND_ROWS`'),
    [column('SQL_CALC_FOUND_ROWS')],
    'in backticks it is a name',
  )
})

test('SELECT passes over locks at its end', () => {
  for (const lock of ['FOR UPDATE', 'FOR SHARE NOWAIT', 'FOR UPDATE SKIP LOCKED', 'LOCK IN SHARE MODE']) {
    assert.deepEqual(select(`SELECT * FROM pipes LIMIT 1 ${lock}`).limit, { count: number(1), offset: null })
  }
})

const orders: readonly (readonly [query: string, expected: readonly Order[]])[] = [
  ['ORDER BY name', [{ by: 'name', isDescending: false }]],
  ['ORDER BY name ASC', [{ by: 'name', isDescending: false }]],
  ['order by name desc', [{ by: 'name', isDescending: true }]],
  ['ORDER BY p.name DESC', [{ by: 'name', isDescending: true }]],
  [
    'ORDER BY `name`, "users" DESC',
    [
      { by: 'name', isDescending: false },
      { by: 'users', isDescending: true },
    ],
  ],
  [
    'ORDER BY 2, 1 DESC',
    [
      { by: 2, isDescending: false },
      { by: 1, isDescending: true },
    ],
  ],
]

for (const [query, expected] of orders) {
  test(`SELECT reads ${query}`, () => {
    assert.deepEqual(select(`SELECT * FROM pipes p ${query}`).orderBy, expected)
  })
}

const limits: readonly (readonly [query: string, expected: Limit])[] = [
  ['LIMIT 10', { count: number(10), offset: null }],
  ['LIMIT 5, 10', { count: number(10), offset: number(5) }],
  ['LIMIT 10 OFFSET 5', { count: number(10), offset: number(5) }],
  ['limit 0,0', { count: number(0), offset: number(0) }],
  ["LIMIT '10'", { count: text('10'), offset: null }],
  ['LIMIT ?, ?', { count: parameter(1), offset: parameter(0) }],
  ['LIMIT ? OFFSET ?', { count: parameter(0), offset: parameter(1) }],
]

for (const [query, expected] of limits) {
  test(`SELECT reads ${query}`, () => {
    assert.deepEqual(select(`SELECT * FROM pipes ${query}`).limit, expected)
  })
}

test('SELECT has its clauses in one order', () => {
  const read = select('SELECT name FROM pipes WHERE users > ? ORDER BY users DESC LIMIT ?')
  assert.deepEqual(read.where, compared('users', '>', parameter(0)))
  assert.deepEqual(read.orderBy, [{ by: 'users', isDescending: true }])
  assert.deepEqual(read.limit, { count: parameter(1), offset: null })
  assert.equal(script('SELECT name FROM pipes WHERE users > ? LIMIT ?').parameters, 2)
  refused('SELECT name FROM pipes LIMIT 1 WHERE users > 1', 'syntax', 'near "WHERE users > 1"')
  refused('SELECT name FROM pipes ORDER BY name WHERE users > 1', 'syntax', 'near "WHERE users > 1"')
})

const leftOut: readonly (readonly [query: string, words: string])[] = [
  ['SELECT name FROM pipes GROUP BY name', 'GROUP BY is not implemented: SELECT COUNT(*)'],
  ['SELECT name FROM pipes HAVING name > 1', 'HAVING is not implemented'],
  ['SELECT 1 UNION SELECT 2', 'UNION is not implemented: send each SELECT by itself'],
  ['SELECT name FROM pipes UNION ALL SELECT 2', 'UNION is not implemented'],
  ['SELECT name FROM pipes LIMIT 1 INTERSECT SELECT 2', 'INTERSECT is not implemented'],
  ['SELECT name FROM pipes EXCEPT SELECT 2', 'EXCEPT is not implemented'],
  ["SELECT name INTO OUTFILE '/tmp/x' FROM pipes", 'SELECT INTO is not implemented: take the rows'],
  ['SELECT 1 INTO @x', 'SELECT INTO is not implemented'],
  ['SELECT name FROM pipes INTO @x', 'SELECT INTO is not implemented'],
  [
    'SELECT * FROM pipes, users_auth',
    'More than one table in a query is not implemented: ask each table by itself',
  ],
  ['SELECT * FROM pipes p, users_auth u WHERE p.a = u.b', 'More than one table'],
  ['SELECT * FROM pipes JOIN users_auth', 'JOIN is not implemented: ask each table by itself'],
  ['SELECT * FROM pipes p INNER JOIN users_auth u ON p.a = u.b', 'JOIN is not implemented'],
  ['SELECT * FROM pipes LEFT OUTER JOIN users_auth USING (id)', 'JOIN is not implemented'],
  ['SELECT * FROM pipes NATURAL JOIN users_auth', 'JOIN is not implemented'],
  ['SELECT * FROM pipes CROSS JOIN users_auth', 'JOIN is not implemented'],
  ['SELECT * FROM (SELECT 1) t', 'A query in a query is not implemented: ask for the values first'],
  ['SELECT (SELECT 1)', 'A query in a query is not implemented'],
  ['SELECT IFNULL((SELECT 1), 2)', 'A query in a query is not implemented'],
  ['SELECT concat(SELECT 1)', 'A query in a query is not implemented'],
  ['SELECT EXISTS(SELECT 1)', 'EXISTS as a column is not implemented'],
  ['SELECT CASE WHEN 1 THEN 2 END', 'CASE as a column is not implemented'],
  ['SELECT SUM(users) FROM pipes', 'SUM is not implemented: COUNT is'],
  ['SELECT min(users) FROM pipes', 'MIN is not implemented'],
  ['SELECT MAX(users) FROM pipes', 'MAX is not implemented'],
  ['SELECT AVG(users) FROM pipes', 'AVG is not implemented'],
  ['SELECT GROUP_CONCAT(name) FROM pipes', 'GROUP_CONCAT is not implemented'],
  ['SELECT COUNT(DISTINCT name) FROM pipes', 'COUNT(DISTINCT …) is not implemented'],
  ['SELECT COUNT(LOWER(name)) FROM pipes', 'COUNT of a function is not implemented: use COUNT(*)'],
  ['SELECT UPPER(name) FROM pipes', 'A function over a column is not implemented: ask for the column'],
  ['SELECT UPPER(`name`) FROM pipes', 'A function over a column is not implemented'],
  ['SELECT concat(1, lower(name)) FROM pipes', 'A function over a column is not implemented'],
  ['SELECT @a := 5', 'A variable to be set is not implemented'],
  [
    'SELECT * FROM pipes ORDER BY RAND()',
    'An order by what has to be worked out is not implemented: name a column',
  ],
  ['SELECT * FROM pipes ORDER BY (name)', 'An order by what has to be worked out'],
]

for (const [query, words] of leftOut) {
  test(`SELECT refuses what is left out: ${query}`, () => {
    refused(query, 'notImplemented', words)
  })
}

const mistakes: readonly (readonly [query: string, words: string])[] = [
  ['SELECT', 'expected a value at its end'],
  ['SELECT ,', 'expected a value near ","'],
  ['SELECT FROM pipes', 'expected a column near "FROM pipes"'],
  ['SELECT name,, users FROM pipes', 'expected a value near ", users FROM pipes"'],
  ['SELECT name, FROM pipes', 'expected a column near "FROM pipes"'],
  ['SELECT *', 'expected FROM at its end'],
  ['SELECT name', 'expected FROM at its end'],
  ['SELECT COUNT(*)', 'expected FROM at its end'],
  ['SELECT * WHERE 1', 'expected FROM near "WHERE 1"'],
  ['SELECT * FROM', 'expected a table at its end'],
  ['SELECT * FROM WHERE id = 7', 'expected a table near "WHERE id = 7"'],
  ['SELECT * FROM 7', 'expected a table near "7"'],
  ['SELECT * FROM pipes.', 'expected a table at its end'],
  ['SELECT p. FROM pipes', 'expected a column near "FROM pipes"'],
  ['SELECT name AS FROM pipes', 'expected an alias near "FROM pipes"'],
  ['SELECT * FROM pipes AS WHERE 1', 'expected an alias near "WHERE 1"'],
  ['SELECT * FROM pipes p q', 'expected ; or the end near "q"'],
  ['SELECT * FROM pipes ORDER name', 'expected BY near "name"'],
  ['SELECT * FROM pipes ORDER BY', 'expected a column at its end'],
  ['SELECT * FROM pipes ORDER BY 0', 'expected the number of a column, from 1 near "0"'],
  ['SELECT * FROM pipes ORDER BY -1', 'expected the number of a column, from 1 near "-1"'],
  ['SELECT * FROM pipes ORDER BY 1.5', 'expected the number of a column, from 1 near "1.5"'],
  ['SELECT * FROM pipes ORDER BY ?', 'expected a column near "?"'],
  ['SELECT * FROM pipes LIMIT', 'expected a number of rows at its end'],
  ['SELECT * FROM pipes LIMIT all', 'expected a number of rows near "all"'],
  ['SELECT * FROM pipes LIMIT 1,', 'expected a number of rows at its end'],
  ['SELECT * FROM pipes LIMIT 1, 2, 3', 'expected ; or the end near ", 3"'],
  ['SELECT * FROM pipes FOR ME', 'expected UPDATE or SHARE near "ME"'],
  ['SELECT * FROM pipes LOCK TABLES', 'expected IN near "TABLES"'],
  ['SELECT COUNT(', 'expected a value at its end'],
  ['SELECT COUNT()', 'expected a value near ")"'],
  ['SELECT COUNT(* FROM pipes', 'expected ) near "FROM pipes"'],
  ['SELECT NOW(', 'expected a value at its end'],
  ['SELECT NOW(1', 'expected ) at its end'],
  ['SELECT NOW(,)', 'expected a value near ",)"'],
  ['SELECT LEFT', 'expected a column near "LEFT"'],
  ['SELECT upper(FROM)', 'expected a value near ")"'],
  ['SELECT (1', 'expected ) at its end'],
  ['SELECT 1 + 1', 'expected ; or the end near "+ 1"'],
  ['SELECT 1 /* 2', 'expected ; or the end near "/* 2"'],
]

for (const [query, words] of mistakes) {
  test(`SELECT tells the mistake in: ${query}`, () => {
    refused(query, 'syntax', words)
  })
}

test('SELECT nests a hundred calls, and no more', () => {
  const nested = (depth: number) => `SELECT ${'lower('.repeat(depth)}'A'${')'.repeat(depth)}`
  assert.equal(select(nested(100)).items.length, 1)
  refused(nested(101), 'syntax', 'nested more than 100 deep')
  refused(`SELECT ${'('.repeat(101)}1`, 'syntax', 'nested more than 100 deep')
})

test('SELECT may call many functions side by side', () => {
  const calls = Array.from({ length: 500 }, () => 'lower((1))')
  assert.equal(select(`SELECT ${calls.join()}`).items.length, 500)
})
