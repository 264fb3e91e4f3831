/**
 * SELECT against a naive evaluation of the same query: random rows, conditions, orders and limits.
 *
 * The model reads a condition as SQL says it, with three truth values, and never looks at keys or batches; the query runs
 * as a client's would, from its text on. Each query runs over a table that is walked, and over ones that find rows by
 * their keys: the rows must be the same. A failure prints the shortest query that still fails; TEST_SEED repeats a run.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Row } from '../../../src/cometql/answer.ts'
import type { Comparison } from '../../../src/cometql/sql/statement.ts'
import { type LocalCore, localCore } from '../../support/local-core.ts'
import { sqlOn } from '../../support/run-sql.ts'
import { type SampleRow, sampleColumns, sampleTable } from '../../support/sample-table.ts'
import { seed } from '../../support/seed.ts'

const RUNS = Number(process.env.MODEL_RUNS ?? 1_500)

const SORT_BYTES = 1_000_000

/** A value in a condition: what is written, what it is as a text, and as a number; null = NULL. */
type Literal = { readonly sql: string; readonly text: string } | { readonly sql: 'NULL'; readonly text: null }

/** A condition as the model knows it. */
type Where =
  | { readonly kind: 'compare'; readonly at: number; readonly operator: Comparison; readonly value: Literal }
  | { readonly kind: 'in'; readonly at: number; readonly values: readonly Literal[]; readonly isNot: boolean }
  | {
      readonly kind: 'between'
      readonly at: number
      readonly low: Literal
      readonly high: Literal
      readonly isNot: boolean
    }
  | { readonly kind: 'like'; readonly at: number; readonly pattern: string; readonly isNot: boolean }
  | { readonly kind: 'isNull'; readonly at: number; readonly isNot: boolean }
  | { readonly kind: 'constant'; readonly isTrue: boolean | null }
  | { readonly kind: 'not'; readonly part: Where }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Where[] }

/** True, false, or neither. */
type Truth = boolean | null

interface Query {
  readonly where: Where | null
  readonly order: readonly { readonly at: number; readonly isDescending: boolean }[]
  readonly limit: { readonly offset: number; readonly count: number } | null
  readonly isDistinct: boolean
  /** Columns of the result, by their place in the table */
  readonly columns: readonly number[]
}

// ── What is tried ────────────────────────────────────────────────────────────────────────────────────────────────────

const places = fc.integer({ min: 0, max: sampleColumns.length - 1 })

/** Few of each kind, so that conditions meet rows. */
const numbers = fc.constantFrom('0', '1', '2', '3', '7', '10', '-1', '2.5')
const words = fc.constantFrom('', 'a', 'ab', 'A', '7', '10', 'b%', 'é😀')

const sampleRow: fc.Arbitrary<SampleRow> = fc.tuple(
  fc.constantFrom('1', '2', '3', '7', '10'),
  words,
  fc.constantFrom('0', '1', '7', '10', '-1'),
  fc.constantFrom(0, 1, 7, 10, -1),
  fc.constantFrom(0, 2.5, -1, 7),
)

const literal: fc.Arbitrary<Literal> = fc.oneof(
  { weight: 6, arbitrary: numbers.map((text) => ({ sql: text, text })) },
  { weight: 4, arbitrary: numbers.map((text) => ({ sql: `'${text}'`, text })) },
  { weight: 4, arbitrary: words.map((text) => ({ sql: `'${text}'`, text })) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('07', '7.0', ' 7', '1e1', '0x7', 'x')
      .map((text) => ({ sql: `'${text}'`, text })),
  },
  { weight: 1, arbitrary: fc.constant<Literal>({ sql: 'NULL', text: null }) },
)

const pattern = fc.constantFrom('', '%', 'a%', '%a', '_', '_b', '%7%', 'b\\%', '1_')

/** The id more often: it is a key. */
const compared = fc.oneof(fc.constant(0), places)

const { where: someWhere } = fc.letrec<{ where: Where; leaf: Where; node: Where }>((tie) => ({
  where: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('node')),
  leaf: fc.oneof(
    fc.record({
      kind: fc.constant('compare' as const),
      at: compared,
      operator: fc.constantFrom<Comparison>('=', '=', '=', '<>', '<', '>', '<=', '>='),
      value: literal,
    }),
    fc.record({
      kind: fc.constant('in' as const),
      at: compared,
      values: fc.array(literal, { minLength: 1, maxLength: 4 }),
      isNot: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('between' as const),
      at: places,
      low: literal,
      high: literal,
      isNot: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('like' as const), at: places, pattern, isNot: fc.boolean() }),
    fc.record({ kind: fc.constant('isNull' as const), at: places, isNot: fc.boolean() }),
    fc.record({ kind: fc.constant('constant' as const), isTrue: fc.constantFrom(true, false, null) }),
  ),
  node: fc.oneof(
    fc.record({ kind: fc.constant('not' as const), part: tie('where') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      parts: fc.array(tie('where'), { minLength: 2, maxLength: 3 }),
    }),
  ),
}))

const someQuery: fc.Arbitrary<Query> = fc.record({
  where: fc.option(someWhere, { freq: 8 }),
  order: fc.array(fc.record({ at: places, isDescending: fc.boolean() }), { maxLength: 3 }),
  limit: fc.option(fc.record({ offset: fc.nat(6), count: fc.nat(6) })),
  isDistinct: fc.boolean(),
  columns: fc.array(places, { minLength: 1, maxLength: 3 }),
})

/** No id comes twice: as key of one row it finds that. */
const someRows = fc.uniqueArray(sampleRow, { selector: ([id]) => id, maxLength: 5 })
/** Ids may come twice. */
const manyRows = fc.array(sampleRow, { maxLength: 12 })

// ── As SQL ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function sqlOf({ where, order, limit, isDistinct, columns }: Query): string {
  const clauses = [`SELECT ${isDistinct ? 'DISTINCT ' : ''}${columns.map(nameOf).join(', ')} FROM t`]
  if (where !== null) clauses.push(`WHERE ${conditionSql(where)}`)
  if (order.length > 0) clauses.push(`ORDER BY ${order.map(orderSql).join(', ')}`)
  if (limit !== null) clauses.push(`LIMIT ${limit.offset}, ${limit.count}`)
  return clauses.join(' ')
}

function nameOf(at: number): string {
  return sampleColumns[at]?.name ?? ''
}

function orderSql({ at, isDescending }: Query['order'][number]): string {
  return `${nameOf(at)}${isDescending ? ' DESC' : ''}`
}

function conditionSql(where: Where): string {
  const not = 'isNot' in where && where.isNot ? 'NOT ' : ''
  switch (where.kind) {
    case 'compare':
      return `${nameOf(where.at)} ${where.operator} ${where.value.sql}`
    case 'in':
      return `${nameOf(where.at)} ${not}IN (${where.values.map(({ sql }) => sql).join(', ')})`
    case 'between':
      return `${nameOf(where.at)} ${not}BETWEEN ${where.low.sql} AND ${where.high.sql}`
    case 'like':
      return `${nameOf(where.at)} ${not}LIKE '${where.pattern.replace('\\', '\\\\')}'`
    case 'isNull':
      return `${nameOf(where.at)} IS ${not}NULL`
    case 'constant':
      return where.isTrue === null ? '1 = NULL' : where.isTrue ? '1 = 1' : '1 = 0'
    case 'not':
      return `NOT (${conditionSql(where.part)})`
    case 'and':
    case 'or':
      return where.parts
        .map((part) => `(${conditionSql(part)})`)
        .join(where.kind === 'and' ? ' AND ' : ' OR ')
  }
}

// ── The model ────────────────────────────────────────────────────────────────────────────────────────────────────────

function expectedRows(
  rows: readonly SampleRow[],
  { where, order, limit, isDistinct, columns }: Query,
): Row[] {
  const passing = rows.filter((row) => where === null || truthOf(where, row) === true)
  const ordered = passing.toSorted((one, other) => compareBy(order, one, other))
  const projected = ordered.map((row) => columns.map((at) => row[at] ?? ''))
  const seen = new Set<string>()
  const told = isDistinct
    ? projected.filter((row) => !seen.has(String(row)) && seen.add(String(row)))
    : projected
  return limit === null ? told : told.slice(limit.offset, limit.offset + limit.count)
}

function truthOf(where: Where, row: SampleRow): Truth {
  switch (where.kind) {
    case 'compare':
      return comparedTruth(where.at, row, where.operator, where.value)
    case 'in':
      return flipped(any(where.values.map((value) => comparedTruth(where.at, row, '=', value))), where.isNot)
    case 'between': {
      const { at, low, high } = where
      const isWithin = all([comparedTruth(at, row, '>=', low), comparedTruth(at, row, '<=', high)])
      return flipped(isWithin, where.isNot)
    }
    case 'like':
      return flipped(isLike([...where.pattern], [...String(row[where.at])]), where.isNot)
    case 'isNull':
      return where.isNot
    case 'constant':
      return where.isTrue
    case 'not':
      return flipped(truthOf(where.part, row), true)
    case 'and':
      return all(where.parts.map((part) => truthOf(part, row)))
    case 'or':
      return any(where.parts.map((part) => truthOf(part, row)))
  }
}

/**
 * A text that is no number is unequal to all, and neither above nor below any. In a column of texts a number without quotes
 * is above and below numbers.
 */
function comparedTruth(at: number, row: SampleRow, operator: Comparison, { sql, text }: Literal): Truth {
  if (text === null) return null
  const isOrder = operator !== '=' && operator !== '<>'
  const isAsNumber = at === 1 && isOrder && sql === text
  if (isAsNumber && !/^\d+$/.test(String(row[at]))) return null
  const isText = at === 1 && !isAsNumber
  const own = isText ? String(row[at]) : Number(row[at])
  const isNumber = /^ *-?[0-9.]+(e[0-9]+)?$/.test(text)
  if (!isText && !isNumber) return operator === '=' ? false : operator === '<>' ? true : null
  const other = isText ? text : Number(text)
  switch (operator) {
    case '=':
      return own === other
    case '<>':
      return own !== other
    case '<':
      return own < other
    case '>':
      return own > other
    case '<=':
      return own <= other
    case '>=':
      return own >= other
  }
}

function flipped(truth: Truth, isNot: boolean): Truth {
  return truth === null ? null : truth !== isNot
}

function all(truths: readonly Truth[]): Truth {
  return truths.includes(false) ? false : truths.includes(null) ? null : true
}

function any(truths: readonly Truth[]): Truth {
  return truths.includes(true) ? true : truths.includes(null) ? null : false
}

function isLike([first, ...pattern]: readonly string[], text: readonly string[]): boolean {
  if (first === undefined) return text.length === 0
  if (first === '%')
    return isLike(pattern, text) || (text.length > 0 && isLike(['%', ...pattern], text.slice(1)))
  if (text.length === 0) return false
  if (first === '_') return isLike(pattern, text.slice(1))
  if (first !== '\\') return first === text[0] && isLike(pattern, text.slice(1))
  return pattern[0] === text[0] && isLike(pattern.slice(1), text.slice(1))
}

function compareBy(order: Query['order'], one: SampleRow, other: SampleRow): number {
  for (const { at, isDescending } of order) {
    const [a, b] = at === 1 ? [one[at], other[at]] : [Number(one[at]), Number(other[at])]
    if (a !== b) return (a ?? '') < (b ?? '') === isDescending ? 1 : -1
  }
  return 0
}

// ── Both, side by side ───────────────────────────────────────────────────────────────────────────────────────────────

describe('SELECT, whatever is asked', () => {
  test('a walk gives the rows that the model does, in its order', async (t) => {
    const core = localCore(t)
    await check(
      fc.asyncProperty(manyRows, someQuery, async (rows, query) => {
        assert.deepEqual(await found(core, rows, query, []), expectedRows(rows, query))
      }),
    )
  })

  test('a look-up by keys gives the same rows as the walk', async (t) => {
    const core = localCore(t)
    const keys = fc.constantFrom(['id'], ['name'], ['id', 'name'], ['age', 'id'])
    await check(
      fc.asyncProperty(manyRows, someQuery, keys, async (rows, query, by) => {
        // By keys rows come in the order of the keys: only what is ordered, and all of it, can be compared row by row.
        const all = { ...query, limit: null }
        assert.deepEqual(inAnyOrder(await found(core, rows, all, by)), inAnyOrder(expectedRows(rows, all)))
      }),
    )
  })

  test('an order of all columns makes a look-up by keys the same row by row, limits included', async (t) => {
    const core = localCore(t)
    const order = fc
      .tuple(places, fc.boolean())
      .map(([from, isDescending]) =>
        sampleColumns.map((_, at) => ({ at: (from + at) % sampleColumns.length, isDescending })),
      )
    await check(
      fc.asyncProperty(someRows, someQuery, order, async (rows, query, byAll) => {
        const ordered = { ...query, order: byAll }
        assert.deepEqual(await found(core, rows, ordered, ['id']), expectedRows(rows, ordered))
      }),
    )
  })

  test('COUNT is how many rows there are', async (t) => {
    const core = localCore(t)
    await check(
      fc.asyncProperty(manyRows, someQuery, async (rows, { where }) => {
        const clause = where === null ? '' : ` WHERE ${conditionSql(where)}`
        const counted = { where, order: [], limit: null, isDistinct: false, columns: [0] }
        const table = sampleTable(rows, { keys: ['id'] })
        const sql = sqlOn(core, { tables: [table], sortBytes: SORT_BYTES })
        const expected = [[expectedRows(rows, counted).length]]
        assert.deepEqual(await sql.rows(`SELECT COUNT(*) FROM t${clause}`), expected)
      }),
    )
  })
})

/** @param keys columns that rows are found by; [] = the table is walked */
async function found(
  core: LocalCore,
  rows: readonly SampleRow[],
  query: Query,
  keys: readonly string[],
): Promise<Row[]> {
  const sql = sqlOn(core, { tables: [sampleTable(rows, { keys })], sortBytes: SORT_BYTES })
  return sql.rows(sqlOf(query))
}

function inAnyOrder(rows: readonly Row[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort()
}

async function check<T>(property: fc.IAsyncProperty<T>): Promise<void> {
  const details = await fc.check(property, { numRuns: RUNS, seed })
  if (!details.failed) return
  const queries = JSON.stringify(details.counterexample)
  throw new Error(`TEST_SEED=${details.seed}: ${queries}`, { cause: details.errorInstance })
}
