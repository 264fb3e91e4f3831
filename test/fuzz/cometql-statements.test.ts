/**
 * Queries that are nearly right, spliced from parts, or made to take long: whatever comes, the parser gives statements
 * or refuses with a `QueryError`, in time that grows with the length.
 *
 * Shows that nothing else is thrown and nothing runs away. It can't show that what is read is right: the unit tests do.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueryError } from '../../src/cometql/query-failure.ts'
import { parse } from '../../src/cometql/sql/parse.ts'
import type { Condition, Script, Statement, Value } from '../../src/cometql/sql/statement.ts'
import { Values } from '../../src/cometql/sql/values.ts'
import { eachCase } from '../support/cases.ts'
import { mutate } from '../support/mutate.ts'
import type { Random } from '../support/seed.ts'

const queries: readonly [string, ...string[]] = [
  "INSERT INTO users_auth (id, hash)VALUES('7', 'abc' );",
  `INSERT INTO pipes_messages (name, event, message) VALUES ("web_x", '', '{\\"a\\":\\"it''s\\"}'), (a, ?, NULL);'`,
  "REPLACE INTO t SET a = -5, `b` = 1.5e3, \"c\" = X'4142', d = _binary'x'",
  "SELECT DISTINCT p.name AS 'n', COUNT(*), @@session.x, 'привет 👍' FROM CometQL_v1.pipes p WHERE (a = 1 OR NOT b IN (1, 2)) AND 7 < c ORDER BY 1 DESC, name LIMIT 5, 10 FOR UPDATE",
  "SELECT VERSION(), IFNULL(NULL, CONCAT('a', @b)), CURRENT_USER, (1), true FROM DUAL",
  "select * from information_schema.tables where name like 'a\\_%' and x between 1 and ? or y is not null && !(z <=> 3)",
  'UPDATE users_auth SET hash = "x", id = 7 WHERE "id" = 7 ORDER BY id',
  'DELETE FROM pipes_messages WHERE name = "web_log" /* all of it */ -- gone',
  "SHOW FULL COLUMNS FROM `users_auth` FROM `db` LIKE 'h%'",
  "SHOW GLOBAL VARIABLES WHERE Variable_name = 'x'",
  'cometqlcluster_v1 set dev_id=15; /*!40101 SET NAMES utf8 */; BEGIN; USE x; COMMIT # end',
  'DESCRIBE users_auth; EXPLAIN SELECT 1; KILL 7',
]

/** What splices are made of besides queries: where scanners and parsers trip. */
const parts: readonly [string, ...string[]] = [
  "'",
  '"',
  '`',
  '\\',
  "\\'",
  "''",
  '/*',
  '*/',
  '/*!',
  '--',
  '-- ',
  '#',
  '\n',
  ';',
  ',',
  '(',
  ')',
  '.',
  '*',
  '?',
  '@',
  '@@',
  '=',
  '<=>',
  ':=',
  '!',
  '||',
  '&&',
  '-',
  '+',
  '0x',
  "X'",
  '1e',
  '.5',
  '\0',
  '\xff',
  '\xc3\xa9',
  ' NOT ',
  ' AND ',
  ' OR ',
  ' IN ',
  ' LIKE ',
  ' BETWEEN ',
  ' IS ',
  ' NULL ',
  ' SELECT ',
  ' FROM ',
  ' WHERE ',
  ' VALUES ',
  ' SET ',
  ' LIMIT ',
  ' ORDER BY ',
  ' AS ',
  ' COUNT',
  ' JOIN ',
  ' UNION ',
  ' DEFAULT ',
  ' TRUE ',
]

const CASES = 20_000

/** Of a query here: two thousand times what one takes. */
const MAX_MS_OF_ONE = 250

/** Of a query of a million letters, and of each million of a longer one: some are words that are kept, one by one. */
const MAX_MS_OF_MILLION = 4_000

test('parser refuses mutated queries by QueryError only', async () => {
  let read = 0
  await eachCase(CASES, (random) => {
    const query = mutate(Buffer.from(random.pick(queries)), random).toString('latin1')
    if (readInTime(query, random)) read++
  })
  assert.ok(read > CASES / 100, `only ${read} of the mutations were read: they test nothing`)
})

test('parser refuses spliced queries by QueryError only', async () => {
  let read = 0
  await eachCase(CASES, (random) => {
    if (readInTime(spliced(random), random)) read++
  })
  assert.ok(read > CASES / 100, `only ${read} of the splices were read: they test nothing`)
})

test('parser refuses random parts by QueryError only', async () => {
  await eachCase(CASES, (random) => {
    const words = Array.from({ length: random.below(24) }, () => random.pick(parts))
    const begin = random.pick([
      'SELECT ',
      'SELECT * FROM t WHERE ',
      'INSERT INTO t ',
      'DELETE FROM t ',
      'SHOW ',
      '',
    ])
    readInTime(begin + words.join(''), random)
  })
})

/** Letters of a query that is tried before the million: what grows with the square takes seconds here, and hours there. */
const FEWER = 30_000
const MILLION = 1_000_000

/** What is repeated. */
const repeated: readonly string[] = [
  ',',
  "'",
  '"',
  '`',
  '\\',
  "\\'",
  '\\"',
  "''\\",
  '(',
  ')',
  ';',
  '.',
  '-',
  '/',
  '/*',
  '/*!',
  '*/',
  '@',
  '?',
  ' ',
  "a'",
  `'"`,
  "'\\\\",
  '`"\'',
  "'a' ",
  'a ',
  '-- ',
  '--\n',
  '#\n',
  '1e',
  '1.',
  '.5',
  '- ',
  '\xff',
  '<',
  '!',
]

const begins: readonly string[] = [
  '',
  'SELECT ',
  'SELECT * FROM t WHERE a = ',
  'INSERT INTO t VALUES (',
  'SET x = ',
  "SELECT '",
]

for (const part of repeated) {
  test(`parser takes time that grows with the length of ${JSON.stringify(part)}, repeated`, () => {
    for (const begin of begins) {
      for (const letters of [FEWER, MILLION]) readLong(begin + part.repeat(Math.ceil(letters / part.length)))
    }
  })
}

const deep: readonly (readonly [subject: string, query: string])[] = [
  ['parentheses', `SELECT * FROM t WHERE ${'('.repeat(100_000)}a = 1`],
  ['parentheses that close', `SELECT * FROM t WHERE ${'('.repeat(100_000)}a = 1${')'.repeat(100_000)}`],
  ['NOT', `SELECT * FROM t WHERE ${'NOT '.repeat(100_000)}a = 1`],
  ['exclamation marks', `SELECT * FROM t WHERE ${'!'.repeat(100_000)}a = 1`],
  ['NOT and parentheses', `DELETE FROM t WHERE ${'NOT ('.repeat(100_000)}a = 1`],
  ['calls', `SELECT ${'lower('.repeat(100_000)}`],
  ['calls without parentheses', `SELECT ${'current_user('.repeat(100_000)}`],
  ['constants in parentheses', `SELECT ${'('.repeat(100_000)}1`],
  ['counts', `SELECT ${'COUNT('.repeat(100_000)}`],
  ['values in parentheses', `INSERT INTO t VALUES ${'('.repeat(100_000)}`],
]

for (const [subject, query] of deep) {
  test(`parser refuses ${subject}, nested a hundred thousand times`, () => {
    assert.equal(readLong(query), null)
  })
}

test('parser reads chains that do not nest, up to the bound on all that is in a query', () => {
  const chain = (word: string) => `SELECT * FROM t WHERE ${`a = 1 ${word} `.repeat(30_000)}b = 2`
  for (const word of ['AND', 'OR', '&&', '||', 'AND a = 1 OR', 'OR a = 1 AND']) {
    assert.notEqual(readLong(chain(word)), null)
  }
  assert.notEqual(readLong(`SELECT * FROM t WHERE a IN (1${', 1'.repeat(130_000)})`), null)
  assert.notEqual(readLong(`INSERT INTO t VALUES (1)${',(1)'.repeat(60_000)}`), null)
  assert.notEqual(readLong(`INSERT INTO t (${columns(50_000)}) VALUES (${'1,'.repeat(49_999)}1)`), null)
  assert.notEqual(readLong(`SELECT 1${', 1'.repeat(130_000)}`), null)
  assert.notEqual(readLong(`SELECT * FROM a${'.a'.repeat(1)} ORDER BY a${', a'.repeat(130_000)}`), null)
  assert.notEqual(readLong('SELECT 1;'.repeat(1_000)), null)
  assert.equal(readLong('SELECT 1;'.repeat(50_000)), null)
  assert.equal(readLong(`SELECT * FROM t WHERE a IN (1${', 1'.repeat(132_000)})`), null)
})

function columns(count: number): string {
  return Array.from({ length: count }, (_, at) => `c${at}`).join()
}

function spliced(random: Random): string {
  const pieces: string[] = []
  for (let left = 1 + random.below(4); left > 0; left--) {
    const query = Buffer.from(random.pick(queries)).toString('latin1')
    const at = random.below(query.length)
    const piece = random.below(2) === 0 ? query.slice(0, at) : query.slice(at)
    pieces.push(piece, random.below(2) === 0 ? random.pick(parts) : '')
  }
  return pieces.join('')
}

/** Whether it was read. Everything that was is looked over. */
function readInTime(query: string, random: Random): boolean {
  const started = performance.now()
  const script = read(query, random.below(2) === 0)
  const tookMs = performance.now() - started
  assert.ok(tookMs < MAX_MS_OF_ONE, `${JSON.stringify(query)} took ${tookMs} ms`)
  if (script !== null) checkScript(script)
  return script !== null && script.statements.length > 0
}

function readLong(query: string): Script | null {
  const started = performance.now()
  const script = read(query, true)
  const tookMs = performance.now() - started
  const maxMs = MAX_MS_OF_ONE + (MAX_MS_OF_MILLION * query.length) / MILLION
  assert.ok(tookMs < maxMs, `${query.slice(0, 60)}… took ${tookMs} ms`)
  return script
}

/** Null = it was refused. */
function read(query: string, isMulti: boolean): Script | null {
  try {
    return parse(query, { isMulti })
  } catch (error) {
    assert.ok(error instanceof QueryError, `${JSON.stringify(query.slice(0, 500))}: ${String(error)}`)
    assert.ok([2, 3, 11, 13, 14].includes(error.failure.code), `${error.failure.code}`)
    assert.ok(error.message.length < 400, `a message of ${error.message.length} letters`)
    return null
  }
}

/** Question marks have their numbers, each once and in order, and every value can be read. */
function checkScript({ statements, parameters }: Script): void {
  const found = statements.flatMap(valuesOf)
  const values = new Values(Array.from({ length: parameters }, () => null))
  for (const value of found) {
    assert.ok(value.kind !== 'parameter' || value.index < parameters)
    const text = values.text(value)
    assert.equal(text === null, value.kind === 'null' || value.kind === 'parameter')
    values.given(value)?.payload()
  }
  const marks = found.filter((value) => value.kind === 'parameter')
  assert.equal(new Set(marks.map((mark) => mark.index)).size, marks.length, 'a question mark was read twice')
}

function valuesOf(statement: Statement): readonly Value[] {
  switch (statement.kind) {
    case 'select':
      return valuesOfCondition(statement.where)
    case 'insert':
      return statement.rows.flat()
    case 'update':
      return [...statement.sets.map((set) => set.value), ...valuesOfCondition(statement.where)]
    case 'delete':
      return valuesOfCondition(statement.where)
    default:
      return []
  }
}

function valuesOfCondition(condition: Condition | null): readonly Value[] {
  switch (condition?.kind) {
    case 'compare':
      return [condition.value]
    case 'in':
      return condition.values
    case 'like':
      return [condition.pattern]
    case 'between':
      return [condition.low, condition.high]
    case 'and':
    case 'or':
      return condition.parts.flatMap(valuesOfCondition)
    case 'not':
      return valuesOfCondition(condition.part)
    default:
      return []
  }
}
