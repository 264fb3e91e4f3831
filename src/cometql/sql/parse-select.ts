/**
 * SELECT.
 *
 * Owns its clauses, how a column of the result is headed, and what of the language is left out: more than one table,
 * groups, and queries in queries are refused with words that say what can be done instead. It must not know tables.
 */
import { INFORMATION_SCHEMA } from '../databases.ts'
import type { QueryError } from '../query-failure.ts'
import { where } from './parse-condition.ts'
import { args, constant, constantWord } from './parse-constants.ts'
import { aliasOf, columnName, identifier, introduced, isReserved, tableName, value } from './parse-terms.ts'
import { notImplemented, quotedName, type Tokens, wordSet } from './parse-tokens.ts'
import type { Constant, Limit, Order, Select, SelectItem, TableName, Value } from './statement.ts'

/** Hints for MySQL's own work; they change nothing here. */
const HINTS = wordSet(
  'ALL HIGH_PRIORITY SQL_BIG_RESULT SQL_BUFFER_RESULT SQL_CACHE SQL_NO_CACHE SQL_SMALL_RESULT STRAIGHT_JOIN',
)

/** Is no hint, as FOUND_ROWS() would have to tell something else behind it. */
const COUNT_ALL = 'SQL_CALC_FOUND_ROWS'

/** How locks are to be had, as far as anybody says; they change nothing either. */
const LOCK_HINTS = wordSet('NOWAIT SKIP LOCKED')

/** Functions over many rows other than COUNT */
const AGGREGATES: ReadonlySet<string> = new Set(
  `ANY_VALUE AVG BIT_AND BIT_OR BIT_XOR GROUP_CONCAT JSON_ARRAYAGG JSON_OBJECTAGG MAX MIN STD STDDEV STDDEV_POP
   STDDEV_SAMP SUM VARIANCE VAR_POP VAR_SAMP`.split(/\s+/),
)

/** Of a column: its database, its table and its own */
const MAX_NAMES = 3

const ONE_TABLE = 'ask each table by itself, and put the rows together in your program'
const ONE_RESULT = 'send each SELECT by itself'

/** Clauses that are left out, by the word they begin with, and what to do instead. */
const LEFT_OUT: Readonly<Record<string, readonly [clause: string, instead: string]>> = {
  GROUP: ['GROUP BY', 'SELECT COUNT(*) with WHERE counts the rows of one group'],
  HAVING: ['HAVING', 'say what rows have to be with WHERE'],
  INTO: ['SELECT INTO', 'take the rows as a result'],
  WINDOW: ['WINDOW', 'work it out in your program'],
  UNION: ['UNION', ONE_RESULT],
  EXCEPT: ['EXCEPT', ONE_RESULT],
  INTERSECT: ['INTERSECT', ONE_RESULT],
  JOIN: ['JOIN', ONE_TABLE],
  INNER: ['JOIN', ONE_TABLE],
  LEFT: ['JOIN', ONE_TABLE],
  RIGHT: ['JOIN', ONE_TABLE],
  CROSS: ['JOIN', ONE_TABLE],
  NATURAL: ['JOIN', ONE_TABLE],
  STRAIGHT_JOIN: ['JOIN', ONE_TABLE],
}

/** An item, and the quoted string it may be a column by. */
interface ReadItem {
  readonly item: SelectItem
  readonly quoted: string | null
}

/** What an item is, without its heading. */
type Part =
  | { readonly kind: 'all' }
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'count'; readonly column: string | null }
  | { readonly kind: 'constant'; readonly constant: Constant }

/** Reads what follows SELECT. @throws {QueryError} syntax, notImplemented */
export function select(tokens: Tokens): Select {
  skipHints(tokens)
  const isDistinct = tokens.takeWord('DISTINCT') || tokens.takeWord('DISTINCTROW')
  if (isDistinct) skipHints(tokens)
  const read = tokens.list(item)
  const from = fromClause(tokens, read)
  const query: Select = {
    kind: 'select',
    isDistinct,
    items: read.map((one) => finished(one, from)),
    from,
    where: where(tokens),
    orderBy: orderBy(tokens),
    limit: limit(tokens),
  }
  skipLocks(tokens)
  refuseMore(tokens)
  return query
}

function skipHints(tokens: Tokens): void {
  tokens.skipWords(HINTS)
  if (tokens.isWord(COUNT_ALL))
    throw notImplemented(COUNT_ALL, 'SELECT COUNT(*) with the same WHERE counts all')
}

/** An ORDER BY where there is one. */
export function orderBy(tokens: Tokens): Order[] {
  if (!tokens.takeWord('ORDER')) return []
  tokens.expectWord('BY')
  return tokens.list(order)
}

/** A table, and the short name it may be given for its columns. @throws {QueryError} notImplemented: there are more */
export function onlyTable(tokens: Tokens): TableName {
  const table = tableName(tokens)
  tokens.nameTable(table.name, aliasOf(tokens))
  if (tokens.isSymbol(',')) throw notImplemented('More than one table in a query', ONE_TABLE)
  return table
}

/** @throws {QueryError} notImplemented: the statement goes on with a clause that is left out */
export function refuseMore(tokens: Tokens): void {
  const leftOut = tokens.is('word') ? LEFT_OUT[tokens.keyword()] : undefined
  if (leftOut !== undefined) throw notImplemented(...leftOut)
}

function item(tokens: Tokens): ReadItem {
  const { start } = tokens
  const quoted = tokens.is('text') ? quotedName(tokens.inside(), tokens.quote()) : null
  const part = partOf(tokens)
  if (part.kind === 'all') return { item: part, quoted: null }
  const heading = part.kind === 'column' ? part.name : (quoted ?? tokens.written(start))
  const alias = aliasOf(tokens)
  const isQuoted = part.kind === 'constant' && alias === null
  return { item: headed(part, alias ?? heading), quoted: isQuoted ? quoted : null }
}

function headed(part: Exclude<Part, { kind: 'all' }>, label: string): SelectItem {
  switch (part.kind) {
    case 'column':
      return { kind: 'column', name: part.name, label }
    case 'count':
      return { kind: 'count', column: part.column, label }
    case 'constant':
      return { kind: 'constant', constant: part.constant, label }
  }
}

function partOf(tokens: Tokens): Part {
  if (tokens.takeSymbol('*')) return { kind: 'all' }
  if (tokens.is('word')) return wordPart(tokens)
  if (tokens.is('name')) return column(tokens, identifier(tokens, 'a column'))
  if (!tokens.is('text')) return { kind: 'constant', constant: constant(tokens) }
  const name = quotedName(tokens.inside(), tokens.quote())
  const literal = value(tokens)
  return tokens.isSymbol('.') ? column(tokens, name) : { kind: 'constant', constant: literalOf(literal) }
}

function wordPart(tokens: Tokens): Part {
  const fixed = constantWord(tokens)
  if (fixed !== null) return { kind: 'constant', constant: fixed }
  const name = isReserved(tokens) ? functionName(tokens) : identifier(tokens, 'a column')
  if (tokens.isSymbol('(')) return called(tokens, name.toUpperCase())
  const literal = introduced(tokens, name)
  return literal === null ? column(tokens, name) : { kind: 'constant', constant: literalOf(literal) }
}

/** `LEFT(…)` and the like: a word of statements that is no column, but may be a function. */
function functionName(tokens: Tokens): string {
  const unexpected = tokens.unexpected('a column')
  const name = tokens.inside()
  tokens.next()
  if (!tokens.isSymbol('(')) throw unexpected
  return name
}

/** A column, whose qualifiers go and are noted: `p.name`, `p.*`, `db_1.pipes.name`. */
function column(tokens: Tokens, first: string): Part {
  const names = [first]
  let isAll = false
  while (!isAll && names.length < MAX_NAMES && tokens.takeSymbol('.')) {
    isAll = tokens.takeSymbol('*')
    names.push(isAll ? '*' : identifier(tokens, 'a column'))
  }
  if (names.length === MAX_NAMES) tokens.noteDatabase(first)
  if (names.length > 1) tokens.noteTable(names.at(-2) ?? first)
  return isAll ? { kind: 'all' } : { kind: 'column', name: names.at(-1) ?? first }
}

function called(tokens: Tokens, name: string): Part {
  if (name === 'COUNT') return count(tokens)
  if (AGGREGATES.has(name)) {
    throw notImplemented(name, 'COUNT is; of anything else take the rows, and work it out in your program')
  }
  return { kind: 'constant', constant: { kind: 'call', name, args: args(tokens) } }
}

function count(tokens: Tokens): Part {
  tokens.expectSymbol('(')
  if (tokens.isWord('DISTINCT')) {
    throw notImplemented('COUNT(DISTINCT …)', 'take the rows of SELECT DISTINCT, and count them')
  }
  tokens.takeWord('ALL')
  const counted = countedColumn(tokens)
  tokens.expectSymbol(')')
  return { kind: 'count', column: counted }
}

/** Null = rows are counted. */
function countedColumn(tokens: Tokens): string | null {
  if (tokens.takeSymbol('*')) return null
  if (tokens.is('word') || tokens.is('name')) {
    const name = columnName(tokens)
    if (tokens.isSymbol('(')) throw notImplemented('COUNT of a function', 'use COUNT(*)')
    return name
  }
  value(tokens)
  return null
}

function literalOf(literal: Value): Constant {
  return { kind: 'value', value: literal }
}

/** A quoted item is a column where there is a table of ours to take it from, as CppComet has it. */
function finished({ item: read, quoted }: ReadItem, from: TableName | null): SelectItem {
  const isOurs = from !== null && from.schema.toLowerCase() !== INFORMATION_SCHEMA
  const isColumn = quoted !== null && isOurs
  return isColumn ? { kind: 'column', name: quoted, label: quoted } : read
}

/** Null = no table, which is enough for constants only. */
function fromClause(tokens: Tokens, items: readonly ReadItem[]): TableName | null {
  const isEnough = items.every((one) => one.item.kind === 'constant')
  if (!tokens.isWord('FROM')) {
    refuseMore(tokens)
    if (!isEnough) throw tokens.unexpected('FROM')
    return null
  }
  tokens.next()
  if (isEnough && tokens.takeWord('DUAL')) return null
  return onlyTable(tokens)
}

function order(tokens: Tokens): Order {
  const by = tokens.is('number') ? columnNumber(tokens) : orderColumn(tokens)
  const isDescending = tokens.takeWord('DESC')
  if (!isDescending) tokens.takeWord('ASC')
  return { by, isDescending }
}

function orderColumn(tokens: Tokens): string {
  if (tokens.isSymbol('(')) throw notImplementedOrder()
  const name = columnName(tokens)
  if (tokens.isSymbol('(')) throw notImplementedOrder()
  return name
}

function notImplementedOrder(): QueryError {
  return notImplemented('An order by what has to be worked out', 'name a column, its alias, or its number')
}

function columnNumber(tokens: Tokens): number {
  const number = Number(tokens.inside())
  const isOne = Number.isSafeInteger(number) && number >= 1 && !tokens.isNegative
  if (!isOne) throw tokens.unexpected('the number of a column, from 1')
  tokens.next()
  return number
}

/** `n`, `from, n` or `n OFFSET from`. */
function limit(tokens: Tokens): Limit | null {
  if (!tokens.takeWord('LIMIT')) return null
  const first = rowCount(tokens)
  if (tokens.takeSymbol(',')) return { count: rowCount(tokens), offset: first }
  return { count: first, offset: tokens.takeWord('OFFSET') ? rowCount(tokens) : null }
}

/** A number, also in quotes, as some drivers fill them in. */
function rowCount(tokens: Tokens): Value {
  const isOne = tokens.is('number') || tokens.is('parameter') || tokens.is('text')
  if (!isOne) throw tokens.unexpected('a number of rows')
  return value(tokens)
}

/** Rows are not locked: nobody else can change them while they are read. */
function skipLocks(tokens: Tokens): void {
  if (tokens.takeWord('FOR')) {
    if (!tokens.takeWord('UPDATE') && !tokens.takeWord('SHARE')) throw tokens.unexpected('UPDATE or SHARE')
    tokens.skipWords(LOCK_HINTS)
  } else if (tokens.takeWord('LOCK')) {
    for (const word of ['IN', 'SHARE', 'MODE']) tokens.expectWord(word)
  }
}
