/**
 * Names and values: what statements are made of.
 *
 * Owns which words can be a name, how a column loses its qualifiers, which are noted, and what stands for a value. Values
 * are handed on as they were written. It must not look tables and columns up.
 */
import { QueryError } from '../query-failure.ts'
import { nameOf } from './letters.ts'
import { notImplemented, quotedName, type Tokens, wordSet } from './parse-tokens.ts'
import type { TableName, Value } from './statement.ts'

/** Words that structure statements: bare, they are neither name nor value. Names of columns are not among them. */
const RESERVED = wordSet(
  `AND AS ASC BETWEEN BY CASE CROSS DELETE DESC DISTINCT ELSE EXCEPT EXISTS FOR FORCE FROM GROUP HAVING IN INNER
   INSERT INTERSECT INTO IS JOIN LEFT LIKE LIMIT LOCK NATURAL NOT NULL ON OR ORDER PROCEDURE REGEXP REPLACE RIGHT RLIKE
   SELECT SET STRAIGHT_JOIN THEN UNION UPDATE USE USING VALUES WHEN WHERE WINDOW WITH XOR`,
)

/** Words before a string that say which letters it has; it is bytes of UTF-8 here, whatever they say. */
const INTRODUCERS: ReadonlySet<string> = new Set(
  '_ASCII _BINARY _LATIN1 _UTF8 _UTF8MB3 _UTF8MB4 BINARY N'.split(' '),
)

const HEX_BYTES = /^(?:[0-9a-f]{2})*$/i
/** An odd number of digits lacks the first, which is 0. */
const HEX_NUMBER = /^0x[0-9a-fA-F]+$/

/** Without one a number is exact, however many digits it has. */
const HAS_EXPONENT = /e/i

/** Of a number in an error */
const MAX_SHOWN_DIGITS = 40

const NULL: Value = { kind: 'null' }

/** What can be done instead of a query in a query. */
const ASK_BEFORE = 'ask for the values first, and list them in a second query'

/** Bare, in backticks or in quotes. @param what it is, for the error @throws {QueryError} syntax */
export function identifier(tokens: Tokens, what: string): string {
  const { kind } = tokens
  const isName = kind === 'name' || kind === 'text' || (kind === 'word' && !isReserved(tokens))
  if (!isName) throw tokens.unexpected(what)
  const inside = tokens.inside()
  const name = kind === 'word' ? nameOf(inside) : quotedName(inside, kind === 'name' ? '`' : tokens.quote())
  tokens.next()
  return name
}

/** A word that is no name. */
export function isReserved(tokens: Tokens): boolean {
  return tokens.isOneOf(RESERVED)
}

/** Without what it is qualified by, which is noted. @throws {QueryError} as `lastOf` */
export function columnName(tokens: Tokens): string {
  return lastOf(tokens, identifier(tokens, 'a column'))
}

/**
 * The column that begins with a name that was read: `c`, `t.c` or `db.t.c`.
 *
 * @throws {QueryError} syntax; columns: columns of one statement are said to be of different databases
 */
export function lastOf(tokens: Tokens, first: string): string {
  if (!tokens.takeSymbol('.')) return first
  const second = identifier(tokens, 'a name')
  if (!tokens.takeSymbol('.')) {
    tokens.noteTable(first)
    return second
  }
  tokens.noteDatabase(first)
  tokens.noteTable(second)
  return identifier(tokens, 'a name')
}

/** @throws {QueryError} syntax; notImplemented: it is a query, or several of them are meant */
export function tableName(tokens: Tokens): TableName {
  if (tokens.isSymbol('(')) throw subSelect()
  const first = identifier(tokens, 'a table')
  if (!tokens.takeSymbol('.')) return { schema: '', name: first }
  return { schema: first, name: identifier(tokens, 'a table') }
}

/** The name behind `AS`, or without it; null = none. */
export function aliasOf(tokens: Tokens): string | null {
  if (tokens.takeWord('AS')) return identifier(tokens, 'an alias')
  const isOne = tokens.is('name') || tokens.is('text') || (tokens.is('word') && !isReserved(tokens))
  return isOne ? identifier(tokens, 'an alias') : null
}

/**
 * One value: a string, a number, NULL, a question mark, or a bare word, which means itself.
 *
 * @throws {QueryError} syntax; notImplemented: it would have to be worked out
 */
export function value(tokens: Tokens): Value {
  switch (tokens.kind) {
    case 'text':
      return text(tokens)
    case 'number':
      return number(tokens)
    case 'parameter':
      return { kind: 'parameter', index: tokens.parameter() }
    case 'word':
      return word(tokens)
    case 'variable':
      throw notImplemented('A variable as a value', 'give the value itself')
    default:
      if (tokens.takeSymbol('(') && tokens.isWord('SELECT')) throw subSelect()
      throw tokens.unexpected('a value')
  }
}

/**
 * A word that is bytes (`0x4142`), or says what the string behind it is (`_binary 'x'`, `X'4142'`); null = it is neither.
 *
 * @param before the word, already gone past
 */
export function introduced(tokens: Tokens, before: string): Value | null {
  if (HEX_NUMBER.test(before)) return fromHex(before.slice(2))
  if (!tokens.is('text')) return null
  const word = before.toUpperCase()
  // A single letter in front of a string may as well be a column with the string as its alias.
  if (word.length === 1 && !tokens.isAdjacent) return null
  if (INTRODUCERS.has(word)) return text(tokens)
  if (word !== 'X' || !HEX_BYTES.test(tokens.inside())) return null
  const bytes = fromHex(tokens.inside())
  tokens.next()
  return bytes
}

/** The error that a query stands in a query. */
export function subSelect(): QueryError {
  return notImplemented('A query in a query', ASK_BEFORE)
}

function text(tokens: Tokens): Value {
  const read: Value = { kind: 'text', raw: tokens.inside(), quote: tokens.quote() }
  tokens.next()
  return read
}

/** MySQL's words: a number that no double is near to can not have been meant. */
function number(tokens: Tokens): Value {
  const digits = tokens.inside()
  if (HAS_EXPONENT.test(digits) && !Number.isFinite(Number(digits))) {
    throw new QueryError(
      'invalid',
      `Illegal double '${digits.slice(0, MAX_SHOWN_DIGITS)}' value found during parsing`,
    )
  }
  const read: Value = { kind: 'number', raw: tokens.isNegative ? `-${digits}` : digits }
  tokens.next()
  return read
}

function word(tokens: Tokens): Value {
  if (tokens.takeWord('NULL')) return NULL
  if (isReserved(tokens)) throw tokens.unexpected('a value')
  const raw = tokens.inside()
  tokens.next()
  if (tokens.isSymbol('(')) return calledDatabase(tokens, raw)
  return introduced(tokens, raw) ?? { kind: 'word', raw }
}

/** Tools ask which tables `TABLE_SCHEMA = DATABASE()` has. */
function calledDatabase(tokens: Tokens, name: string): Value {
  if (!['DATABASE', 'SCHEMA'].includes(name.toUpperCase())) {
    throw notImplemented('A function as a value', 'give the value itself')
  }
  tokens.expectSymbol('(')
  tokens.expectSymbol(')')
  return { kind: 'database' }
}

/** A word, as nothing in it is to be unescaped. */
function fromHex(digits: string): Value {
  const whole = digits.length % 2 === 0 ? digits : `0${digits}`
  return { kind: 'word', raw: Buffer.from(whole, 'hex').toString('latin1') }
}
