/**
 * WHERE: comparisons in every direction, how operators bind, and what is refused.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition, Value } from '../../../../src/cometql/sql/statement.ts'
import {
  compared,
  condition,
  letters,
  nothingGiven,
  number,
  parameter,
  refused,
  script,
  statement,
  text,
  word,
} from '../../../support/read-statements.ts'

const theDatabase: Value = { kind: 'database' }

const idIs = (value: string | number) => compared('id', '=', number(value))
const constant = (isTrue: boolean | null): Condition => ({ kind: 'constant', isTrue })
const not = (part: Condition): Condition => ({ kind: 'not', part })
const all = (...parts: Condition[]): Condition => ({ kind: 'and', parts })
const any = (...parts: Condition[]): Condition => ({ kind: 'or', parts })
const like = (pattern: string, isNot = false): Condition => {
  return { kind: 'like', column: 'name', pattern: text(pattern), isNot }
}
const among = (isNot: boolean, ...values: number[]): Condition => {
  return { kind: 'in', column: 'id', values: values.map(number), isNot }
}
const between = (isNot: boolean): Condition => {
  return { kind: 'between', column: 'id', low: number(1), high: number(5), isNot }
}
const isNull = (isNot: boolean): Condition => ({ kind: 'isNull', column: 'id', isNot })

const cases: readonly (readonly [where: string, expected: Condition])[] = [
  // Comparisons
  ['id = 7', idIs(7)],
  ['id=7', idIs(7)],
  ['id <> 7', compared('id', '<>', number(7))],
  ['id != 7', compared('id', '<>', number(7))],
  ['id < 7', compared('id', '<', number(7))],
  ['id > 7', compared('id', '>', number(7))],
  ['id <= 7', compared('id', '<=', number(7))],
  ['id >= 7', compared('id', '>=', number(7))],
  ['id <=> 7', idIs(7)],
  ['id = -7', idIs(-7)],
  ['id=-7', idIs(-7)],
  ['id > - 1.5', compared('id', '>', number(-1.5))],
  ['id = +7', idIs(7)],
  ["id = '7'", compared('id', '=', text('7'))],
  ['id = "7"', compared('id', '=', text('7', '"'))],
  ["name = 'it\\'s'", compared('name', '=', text("it\\'s"))],
  ["name = 'it''s'", compared('name', '=', text("it''s"))],
  ["name = 'é'", compared('name', '=', text('\xc3\xa9'))],
  ['name = web_one', compared('name', '=', word('web_one'))],
  ['name = true', compared('name', '=', number(1))],
  ['hash = 7f3a', compared('hash', '=', word('7f3a'))],
  ['hash = 123e4', compared('hash', '=', number('123e4'))],
  ["name = BINARY 'a'", compared('name', '=', text('a'))],
  ["name = _utf8mb4'a'", compared('name', '=', text('a'))],
  ["name = X'6162'", compared('name', '=', word('ab'))],
  ['name = 0x6162', compared('name', '=', word('ab'))],
  ['id = ?', compared('id', '=', parameter(0))],
  ['id = NULL', compared('id', '=', nothingGiven)],
  ['name = any', compared('name', '=', word('any'))],
  // Whichever is chosen when it is run
  ['TABLE_SCHEMA = DATABASE()', compared('TABLE_SCHEMA', '=', theDatabase)],
  ['table_schema <> schema( )', compared('table_schema', '<>', theDatabase)],
  [
    '`TABLE_SCHEMA` LIKE Database()',
    { kind: 'like', column: 'TABLE_SCHEMA', pattern: theDatabase, isNot: false },
  ],
  [
    "x IN (DATABASE(), 'information_schema')",
    { kind: 'in', column: 'x', values: [theDatabase, text('information_schema')], isNot: false },
  ],
  [
    'x BETWEEN DATABASE() AND SCHEMA()',
    { kind: 'between', column: 'x', low: theDatabase, high: theDatabase, isNot: false },
  ],
  ['name = database', compared('name', '=', word('database'))],
  ['schema = 1', compared('schema', '=', number(1))],
  // Names of columns
  ['`id` = 7', idIs(7)],
  ['"id" = 7', idIs(7)],
  ["'id' = 7", idIs(7)],
  [`"name" = 'a'`, compared('name', '=', text('a'))],
  ['"id" = ?', compared('id', '=', parameter(0))],
  ['"id" = NULL', compared('id', '=', nothingGiven)],
  ['t.id = 7', idIs(7)],
  ['CometQL_v1.t.id = 7', idIs(7)],
  ['`t`.`id` = 7', idIs(7)],
  ['"t"."id" = 7', idIs(7)],
  ['index = 7', compared('index', '=', number(7))],
  ['имя = 7', compared('имя', '=', number(7))],
  ['`a``b` = 7', compared('a`b', '=', number(7))],
  ['binary = 7', compared('binary', '=', number(7))],
  // The other way round
  ['7 = id', idIs(7)],
  ['7 < id', compared('id', '>', number(7))],
  ['7 > id', compared('id', '<', number(7))],
  ['7 <= id', compared('id', '>=', number(7))],
  ['7 >= id', compared('id', '<=', number(7))],
  ['7 <> id', compared('id', '<>', number(7))],
  ['-7 = t.id', idIs(-7)],
  ['? = `id`', compared('id', '=', parameter(0))],
  ["'web_one' = name", compared('name', '=', text('web_one'))],
  ["'web_one' = `name`", compared('name', '=', text('web_one'))],
  ['"a" < t.name', compared('name', '>', text('a', '"'))],
  ['NULL = id', compared('id', '=', nothingGiven)],
  // Lists, patterns, ranges, NULL
  ['id IN (7)', among(false, 7)],
  ['id IN( 1,2,3)', among(false, 1, 2, 3)],
  ['id not in (1,2)', among(true, 1, 2)],
  ['"id" IN (1)', among(false, 1)],
  ['t.id IN (-1)', among(false, -1)],
  [
    'name IN ("a", b, NULL, ?)',
    {
      kind: 'in',
      column: 'name',
      values: [text('a', '"'), word('b'), nothingGiven, parameter(0)],
      isNot: false,
    },
  ],
  ["name LIKE 'web%'", like('web%')],
  ["name NOT LIKE 'a\\_b'", like('a\\_b', true)],
  ["'name' LIKE 'web%'", like('web%')],
  ["name LIKE BINARY 'web%'", like('web%')],
  ['id BETWEEN 1 AND 5', between(false)],
  ['id NOT BETWEEN 1 AND 5', between(true)],
  ['id IS NULL', isNull(false)],
  ['id IS NOT NULL', isNull(true)],
  ['`id` is not null', isNull(true)],
  // Constants
  ['1', constant(true)],
  ['0', constant(false)],
  ['0.0', constant(false)],
  ['-1', constant(true)],
  ['TRUE', constant(true)],
  ['false', constant(false)],
  ['NULL', constant(null)],
  ['NOT NULL', not(constant(null))],
  ['1 = 1', constant(true)],
  ['1=0', constant(false)],
  ['1 <> 2', constant(true)],
  ['1 != 1', constant(false)],
  ['1 < 2', constant(true)],
  ['2 > 3', constant(false)],
  ['2 <= 2', constant(true)],
  ['2 >= 3', constant(false)],
  ["1 = '1'", constant(true)],
  ["5 = '5 apples'", constant(true)],
  ["0 = 'apples'", constant(true)],
  ['1 = NULL', constant(null)],
  ['NULL <> 1', constant(null)],
  ['NOT (1 = NULL)', not(constant(null))],
  ['1 = TRUE', constant(true)],
  // How operators bind
  ['id = 1 AND id = 2', all(idIs(1), idIs(2))],
  ['id = 1 && id = 2', all(idIs(1), idIs(2))],
  ['id = 1 OR id = 2', any(idIs(1), idIs(2))],
  ['id = 1 || id = 2', any(idIs(1), idIs(2))],
  ['id = 1 and id = 2 and id = 3', all(idIs(1), idIs(2), idIs(3))],
  ['id = 1 or id = 2 or id = 3', any(idIs(1), idIs(2), idIs(3))],
  ['id = 1 OR id = 2 AND id = 3', any(idIs(1), all(idIs(2), idIs(3)))],
  ['id = 1 AND id = 2 OR id = 3', any(all(idIs(1), idIs(2)), idIs(3))],
  ['(id = 1 OR id = 2) AND id = 3', all(any(idIs(1), idIs(2)), idIs(3))],
  ['((id = 1))', idIs(1)],
  ['id = 1 AND (id = 2)', all(idIs(1), idIs(2))],
  ['NOT id = 1', not(idIs(1))],
  ['NOT id = 1 AND id = 2', all(not(idIs(1)), idIs(2))],
  ['NOT (id = 1 AND id = 2)', not(all(idIs(1), idIs(2)))],
  ['NOT NOT id = 1', not(not(idIs(1)))],
  ['!(id = 1)', not(idIs(1))],
  ['NOT id IN (1)', not(among(false, 1))],
  ['id BETWEEN 1 AND 5 AND id = 2', all(between(false), idIs(2))],
  ["id = 1 AND 'id' = 2", all(idIs(1), idIs(2))],
  ['1 = 1 AND id = 7', all(constant(true), idIs(7))],
  ['id = 7 OR 1', any(idIs(7), constant(true))],
]

for (const [where, expected] of cases) {
  test(`condition reads ${where}`, () => {
    assert.deepEqual(condition(where), expected)
  })
}

test('condition is the same for UPDATE and DELETE', () => {
  const expected = all(idIs(1), like('a%'))
  const update = statement("UPDATE t SET a = 1 WHERE id = 1 AND name LIKE 'a%'")
  assert.deepEqual(update.kind === 'update' && update.where, expected)
  const remove = statement("DELETE FROM t WHERE id = 1 AND name LIKE 'a%'")
  assert.deepEqual(remove.kind === 'delete' && remove.where, expected)
})

test('condition numbers question marks as they are written, whichever way round they stand', () => {
  const { statements, parameters } = script(
    'SELECT * FROM t WHERE ? = id AND name IN (?, ?) AND x BETWEEN ? AND ?',
  )
  assert.equal(parameters, 5)
  const [first] = statements
  assert.deepEqual(
    first?.kind === 'select' && first.where,
    all(
      compared('id', '=', parameter(0)),
      { kind: 'in', column: 'name', values: [parameter(1), parameter(2)], isNot: false },
      { kind: 'between', column: 'x', low: parameter(3), high: parameter(4), isNot: false },
    ),
  )
})

test('condition keeps a long value as it was written', () => {
  const raw = 'x\\n"'.repeat(25_000)
  assert.deepEqual(condition(`name = '${raw}'`), compared('name', '=', text(letters(raw))))
})

test('condition has as many parts in a row as are written', () => {
  const many = Array.from({ length: 20_000 }, (_, at) => `id = ${at}`)
  const read = condition(many.join(' OR '))
  assert.ok(read?.kind === 'or')
  assert.equal(read.parts.length, 20_000)
  assert.deepEqual(read.parts.at(-1), idIs(19_999))
})

test('condition nests a hundred deep, and no more', () => {
  const nested = (depth: number) => `${'('.repeat(depth)}id = 1${')'.repeat(depth)}`
  assert.deepEqual(condition(nested(100)), idIs(1))
  refused(`SELECT * FROM t WHERE ${nested(101)}`, 'syntax', 'nested more than 100 deep')
  refused(`SELECT * FROM t WHERE ${'NOT '.repeat(101)}id = 1`, 'syntax', 'nested more than 100 deep')
})

test('condition may have many parentheses side by side', () => {
  const many = Array.from({ length: 1_000 }, (_, at) => `(NOT (id = ${at}))`)
  const read = condition(many.join(' AND '))
  assert.equal(read?.kind === 'and' && read.parts.length, 1_000)
})

const leftOut: readonly (readonly [where: string, words: string])[] = [
  ["name REGEXP '^a'", 'REGEXP is not implemented: use LIKE'],
  ["name NOT REGEXP '^a'", 'REGEXP is not implemented'],
  ["name RLIKE '^a'", 'REGEXP is not implemented'],
  ["name LIKE 'a|%' ESCAPE '|'", 'ESCAPE is not implemented: a backslash'],
  ['id = 1 XOR id = 2', 'XOR is not implemented: say it with AND, OR and NOT'],
  ["LOWER(name) = 'a'", 'LOWER in a condition is not implemented: compare a column with a value'],
  ['length(name) > 5', 'LENGTH in a condition is not implemented'],
  ["BINARY name = 'a'", 'BINARY in a condition is not implemented'],
  ["name = LOWER('A')", 'A function as a value is not implemented: give the value itself'],
  ['id IN (LAST_INSERT_ID())', 'A function as a value is not implemented'],
  ['DATABASE() = name', 'DATABASE in a condition is not implemented'],
  ['id = @x', 'A variable as a value is not implemented'],
  ['@x = id', 'A variable in a condition is not implemented'],
  ['id = (SELECT 1)', 'A query in a query is not implemented: ask for the values first'],
  ['id IN (SELECT 1)', 'A query in a query is not implemented'],
  ['(SELECT 1) = id', 'A query in a query is not implemented'],
  ['EXISTS (SELECT 1)', 'A query in a query is not implemented'],
  ['NOT EXISTS (SELECT 1)', 'A query in a query is not implemented'],
  ['id = ANY (SELECT 1)', 'A query in a query is not implemented'],
  ['id > all (SELECT 1)', 'A query in a query is not implemented'],
  ['a.id = b.id', 'A comparison of columns is not implemented: compare a column with a value'],
  ['`id` = `other`', 'A comparison of columns is not implemented'],
  ['? = ?', 'A parameter is compared with a column only'],
  ['? = 1', 'A parameter is compared with a column only'],
  ['?', 'A parameter is compared with a column only'],
]

for (const [where, words] of leftOut) {
  test(`condition refuses what is left out: ${where}`, () => {
    refused(`SELECT * FROM t WHERE ${where}`, 'notImplemented', words)
  })
}

const mistakes: readonly (readonly [where: string, words: string])[] = [
  ['', 'expected a column at its end'],
  ['id', 'expected a comparison at its end'],
  ['"id"', 'expected a comparison at its end'],
  ['id 7', 'expected a comparison near "7"'],
  ['id =', 'expected a value at its end'],
  ['id = = 7', 'expected a value near "= 7"'],
  ['= 7', 'expected a column near "= 7"'],
  ['id = 7 AND', 'expected a column at its end'],
  ['id = 7 OR OR id = 8', 'expected a condition near "OR id = 8"'],
  ['AND id = 7', 'expected a condition near "AND id = 7"'],
  ['id = AND', 'expected a value near "AND"'],
  ['id = 7 8', 'expected ; or the end near "8"'],
  ['id = 7 + 1', 'expected ; or the end near "+ 1"'],
  ['id = 7 - 2', 'expected ; or the end near "- 2"'],
  ['name = web-one', 'expected ; or the end near "one"'],
  ['id IN ()', 'expected a value near ")"'],
  ['id IN', 'expected ( at its end'],
  ['id IN 7', 'expected ( near "7"'],
  ['id IN (7', 'expected ) at its end'],
  ['id IN (7,)', 'expected a value near ")"'],
  ['id IN (7 8)', 'expected ) near "8)"'],
  ['id NOT 7', 'expected IN, LIKE or BETWEEN near "7"'],
  ['id NOT', 'expected IN, LIKE or BETWEEN at its end'],
  ['id LIKE', 'expected a value at its end'],
  ['id BETWEEN 1', 'expected AND at its end'],
  ['id BETWEEN 1 OR 2', 'expected AND near "OR 2"'],
  ['id IS 7', 'expected NULL near "7"'],
  ['id IS NOT', 'expected NULL at its end'],
  ['(id = 7', 'expected ) at its end'],
  ['id = 7)', 'expected ; or the end near ")"'],
  ['()', 'expected a column near ")"'],
  ['7 IN (id)', 'expected ; or the end near "IN (id)"'],
  ['p. = 7', 'expected a name near "= 7"'],
  ["name = DATABASE('x')", `expected ) near "'x')"`],
  ['name = SCHEMA(', 'expected ) at its end'],
  ['id = 7 /* AND name = 8', 'expected ; or the end near "/* AND name = 8"'],
]

for (const [where, words] of mistakes) {
  test(`condition tells the mistake in: ${where}`, () => {
    refused(`SELECT * FROM t WHERE ${where}`, 'syntax', words)
  })
}
