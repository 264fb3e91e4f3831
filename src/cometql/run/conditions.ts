/**
 * What a WHERE means: which rows it lets through, and by which keys they are found.
 *
 * Owns the reading of a condition. It is read once: NOT is taken to the comparisons within it, columns are looked up, values
 * are made comparable, all that one column may or may not be is put together. From that come the test of a row, and the keys
 * where every row that passes must have one of them, so that a table can look them up instead of walking. NULL is neither
 * equal nor unequal to anything, and a text that is no number is neither above nor below one: a comparison with it is not
 * true, nor is its opposite. Bound: `MAX_TESTS` for a row, however many values they name. Pure.
 */
import type { Row } from '../answer.ts'
import { QueryError } from '../query-failure.ts'
import type { Comparison, Condition, Value } from '../sql/statement.ts'
import type { Values } from '../sql/values.ts'
import type { Keys, Table } from '../tables/table.ts'
import { columnAt, type FoundColumn } from './columns.ts'
import { type Comparable, isText, numberOf, type Reading, readingOf } from './comparable.ts'
import { checkKnown } from './known-columns.ts'
import { folded, likeMatcher } from './like.ts'

/** What is asked of a row at most; the values of one column count as one. */
const MAX_TESTS = 128

/** A pattern is looked for in all of a text, and counts as so many. */
const PATTERN_TESTS = 8

const always = () => true

/** What is true where the comparison is not. */
const OPPOSITES: Readonly<Record<Comparison, Comparison>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '>': '<=',
  '<=': '>',
  '>=': '<',
}

type Order = Exclude<Comparison, '=' | '<>'>

const ORDERS: Readonly<Record<Order, (one: Comparable, other: Comparable) => boolean>> = {
  '<': (one, other) => one < other,
  '>': (one, other) => one > other,
  '<=': (one, other) => one <= other,
  '>=': (one, other) => one >= other,
}

export type RowTest = (row: Row) => boolean

/** A WHERE, read. */
export interface Filter {
  /** Of a row that was found by `keys`, where it has any */
  readonly test: RowTest
  /** What rows that pass must have; null when it does not say so */
  readonly keys: Keys | null
  /** Whether every row with one of the keys passes */
  readonly isKeysOnly: boolean
}

/** A condition without NOT, of a table that is known. */
type Test =
  | {
      readonly kind: 'among'
      /** Place of the column in a row */
      readonly at: number
      readonly read: Reading
      /** One may come twice. */
      readonly values: readonly Comparable[]
      readonly isNot: boolean
    }
  | { readonly kind: 'order' | 'pattern'; readonly test: RowTest }
  | { readonly kind: 'constant'; readonly isTrue: boolean }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Test[] }

/** What a condition is read with. */
interface Scope {
  readonly table: Table
  readonly values: Values
}

/**
 * Reads a condition.
 *
 * Keys are of the column that tells rows apart, where that is named, else of the first key column that is.
 *
 * @param condition null = all rows
 * @throws {QueryError} columns: there is no such column; tooLong: it asks more than 128 things of a row; notImplemented:
 * it is about a column that rows found by those keys do not tell
 */
export function filterOf(condition: Condition | null, table: Table, values: Values): Filter {
  const test = testOf(condition, { table, values })
  const { identity, keys } = table
  for (const by of identity === undefined ? keys : [identity, ...keys]) {
    const { at } = columnAt(table, by)
    const found = keysIn(test, at)
    if (found === null) continue
    checkKnown(condition, table, by)
    const isKeysOnly = test.kind === 'among' && test.at === at
    return { test: isKeysOnly ? always : compiled(test), keys: { by, keys: [...new Set(found)] }, isKeysOnly }
  }
  return { test: compiled(test), keys: null, isKeysOnly: false }
}

/** The test alone. @throws {QueryError} as `filterOf` */
export function rowTest(condition: Condition | null, table: Table, values: Values): RowTest {
  return compiled(testOf(condition, { table, values }))
}

/** A condition that a statement needs and lacks. */
export function keysMissing(table: Table, what: 'Selection' | 'Deleting' | 'Updating'): QueryError {
  const [key = ''] = table.keys
  const hint = `say which rows: WHERE \`${key}\` = … or \`${key}\` IN (…)`
  const words = `${what} without transferring the requested values of the primary key is not supported`
  return new QueryError('conditions', `${words}; ${hint}`)
}

function testOf(condition: Condition | null, scope: Scope): Test {
  if (condition === null) return { kind: 'constant', isTrue: true }
  const test = reading(condition, false, scope)
  const count = countOf(test)
  if (count <= MAX_TESTS) return test
  const bounds = `${count} of at most ${MAX_TESTS} comparisons for a row`
  throw new QueryError('tooLong', `Condition is too long: ${bounds}; IN (…) counts as one`)
}

/** @param isNot whether a NOT around it is still to be applied */
function reading(condition: Condition, isNot: boolean, scope: Scope): Test {
  switch (condition.kind) {
    case 'compare':
      return comparison(condition, isNot ? OPPOSITES[condition.operator] : condition.operator, scope)
    case 'in':
      return among(condition.column, condition.values, condition.isNot !== isNot, scope)
    case 'like':
      return like(condition, condition.isNot !== isNot, scope)
    case 'between':
      return reading(bounds(condition), condition.isNot !== isNot, scope)
    case 'isNull':
      columnAt(scope.table, condition.column)
      return { kind: 'constant', isTrue: condition.isNot !== isNot }
    case 'constant': {
      const { isTrue } = condition
      return { kind: 'constant', isTrue: isTrue !== null && isTrue !== isNot }
    }
    case 'not':
      return reading(condition.part, !isNot, scope)
    case 'and':
    case 'or': {
      const parts = condition.parts.map((part) => reading(part, isNot, scope))
      return joined((condition.kind === 'and') === isNot ? 'or' : 'and', parts)
    }
  }
}

function comparison(
  { column, value }: Extract<Condition, { kind: 'compare' }>,
  operator: Comparison,
  scope: Scope,
): Test {
  if (operator === '=' || operator === '<>') return among(column, [value], operator === '<>', scope)
  const found = columnAt(scope.table, column)
  const text = scope.values.text(value)
  if (text === null) return { kind: 'constant', isTrue: false }
  const isNumber = value.kind === 'number' || scope.table.isAnyCase === true
  return { kind: 'order', test: orderTest(found, operator, text, scope, isNumber) }
}

/** @param isNumber whether the text may stand for a number: in a column of texts it is compared so with those that are one */
function orderTest(
  { at, column }: FoundColumn,
  operator: Order,
  text: string,
  { table }: Scope,
  isNumber: boolean,
): RowTest {
  const isAnyCase = table.isAnyCase === true
  const holds = ORDERS[operator]
  const read = readingOf(column, isAnyCase)
  const wanted = read(text)
  const test: RowTest = (row) => holds(read(row[at] ?? ''), wanted)
  const number = numberOf(text)
  if (!isNumber || !isText(column) || Number.isNaN(number)) return test
  return (row) => {
    const own = numberOf(row[at] ?? '')
    return Number.isNaN(own) ? isAnyCase && test(row) : holds(own, number)
  }
}

function among(name: string, given: readonly Value[], isNot: boolean, scope: Scope): Test {
  const { table, values } = scope
  const { at, column } = columnAt(table, name)
  const isAnyCase = table.isAnyCase === true
  const read = isAnyCase && isText(column) ? numberOrFolded : readingOf(column, isAnyCase)
  const known: Comparable[] = []
  let hasNull = false
  for (const value of given) {
    const text = values.text(value)
    const one = text === null ? Number.NaN : read(text)
    if (text === null) hasNull = true
    else if (!Number.isNaN(one)) known.push(one)
  }
  // x NOT IN (…, NULL) is never true.
  return isNot && hasNull
    ? { kind: 'constant', isTrue: false }
    : { kind: 'among', at, read, values: known, isNot }
}

/** Listings tell numbers as texts: `Value = 5` and `Value = '5.0'` find them all the same. */
function numberOrFolded(value: string | number): Comparable {
  const number = numberOf(value)
  return Number.isNaN(number) ? folded(String(value)) : number
}

function like({ column, pattern }: Extract<Condition, { kind: 'like' }>, isNot: boolean, scope: Scope): Test {
  const { table, values } = scope
  const { at } = columnAt(table, column)
  const text = values.text(pattern)
  if (text === null) return { kind: 'constant', isTrue: false }
  const matches = likeMatcher(text, table.isAnyCase === true)
  return { kind: 'pattern', test: (row) => matches(String(row[at])) !== isNot }
}

function bounds({ column, low, high }: Extract<Condition, { kind: 'between' }>): Condition {
  return {
    kind: 'and',
    parts: [
      { kind: 'compare', column, operator: '>=', value: low },
      { kind: 'compare', column, operator: '<=', value: high },
    ],
  }
}

/** Constants decide or go, and `id = 1 OR id = 2` becomes one look at a set. */
function joined(kind: 'and' | 'or', parts: readonly Test[]): Test {
  const flat = parts.flatMap((part) => (part.kind === kind ? part.parts : [part]))
  const decides = kind === 'or'
  if (flat.some((part) => part.kind === 'constant' && part.isTrue === decides)) {
    return { kind: 'constant', isTrue: decides }
  }
  const merged = united(
    kind,
    flat.filter((part) => part.kind !== 'constant'),
  )
  const [first] = merged
  if (first === undefined) return { kind: 'constant', isTrue: !decides }
  return merged.length === 1 ? first : { kind, parts: merged }
}

/** One of some OR one of others is one of all; none of some AND none of others is none of all. */
function united(kind: 'and' | 'or', parts: readonly Test[]): Test[] {
  const isNot = kind === 'and'
  const lists = new Map<number, Comparable[]>()
  const left: Test[] = []
  for (const part of parts) {
    const isOne = part.kind === 'among' && part.isNot === isNot
    const known = isOne ? lists.get(part.at) : undefined
    if (!isOne) left.push(part)
    else if (known !== undefined) for (const value of part.values) known.push(value)
    else {
      const values = [...part.values]
      lists.set(part.at, values)
      left.push({ ...part, values })
    }
  }
  return left
}

function countOf(test: Test): number {
  if (test.kind === 'constant') return 0
  if (test.kind === 'pattern') return PATTERN_TESTS
  if (test.kind !== 'and' && test.kind !== 'or') return 1
  return test.parts.reduce((sum, part) => sum + countOf(part), 0)
}

/** The keys in the one spelling that tables know: 7 for `'07'`. */
function keysIn(test: Test, at: number): string[] | null {
  switch (test.kind) {
    case 'among':
      return test.at === at && !test.isNot ? Array.from(new Set(test.values), String) : null
    case 'and': {
      const found = test.parts.map((part) => keysIn(part, at)).filter((keys) => keys !== null)
      return found.length === 0 ? null : found.reduce(common)
    }
    case 'or': {
      const found = test.parts.map((part) => keysIn(part, at))
      return found.includes(null) ? null : found.flatMap((keys) => keys ?? [])
    }
    case 'constant':
      return test.isTrue ? null : []
    case 'order':
    case 'pattern':
      return null
  }
}

function common(one: string[], other: string[]): string[] {
  const known = new Set(other)
  return one.filter((key) => known.has(key))
}

function compiled(test: Test): RowTest {
  switch (test.kind) {
    case 'among':
      return amongTest(test)
    case 'order':
    case 'pattern':
      return test.test
    case 'constant':
      return () => test.isTrue
    case 'and':
    case 'or': {
      const tests = test.parts.map(compiled)
      return test.kind === 'and'
        ? (row) => tests.every((one) => one(row))
        : (row) => tests.some((one) => one(row))
    }
  }
}

function amongTest({ at, read, values, isNot }: Extract<Test, { kind: 'among' }>): RowTest {
  const [only] = values
  // A set would have to hash each text it is asked for.
  if (values.length === 1) return (row) => (read(row[at] ?? '') === only) !== isNot
  const known = new Set(values)
  return (row) => known.has(read(row[at] ?? '')) !== isNot
}
