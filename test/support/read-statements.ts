/**
 * Queries read by the parser of CometQL, and the shapes its tests expect.
 *
 * Owns the way from a text to the letters that the parser takes, one per byte, and short ways to write values and
 * conditions, so that an expectation reads like the query.
 */
import assert from 'node:assert/strict'
import { QueryError, queryCodes } from '../../src/cometql/query-failure.ts'
import { parse } from '../../src/cometql/sql/parse.ts'
import type {
  Comparison,
  Condition,
  Constant,
  Script,
  SelectItem,
  Statement,
  TableName,
  Value,
} from '../../src/cometql/sql/statement.ts'

/** As the bytes of a packet come in. */
export function letters(query: string): string {
  return Buffer.from(query).toString('latin1')
}

export function script(query: string): Script {
  return parse(letters(query), { isMulti: true })
}

/** The one statement of a query, from a client that may send only one. */
export function statement(query: string): Statement {
  const { statements } = parse(letters(query), { isMulti: false })
  const [first] = statements
  assert.equal(statements.length, 1, `${query}: ${statements.length} statements`)
  assert.ok(first !== undefined)
  return first
}

/** The condition of a query on rows. */
export function condition(where: string): Condition | null {
  const read = statement(`SELECT * FROM t WHERE ${where}`)
  assert.equal(read.kind, 'select')
  return read.where
}

/** Checks that a query is refused, by which code, and with which words; gives all the words. */
export function refused(query: string, code: keyof typeof queryCodes, words: string | RegExp = ''): string {
  let caught: unknown
  try {
    parse(letters(query), { isMulti: false })
  } catch (error) {
    caught = error
  }
  assert.ok(caught instanceof QueryError, `${query}: ${String(caught ?? 'is not refused')}`)
  assert.equal(caught.failure.code, queryCodes[code], `${query}: ${caught.message}`)
  assert.equal(caught.failure.state, 'HY000')
  if (typeof words === 'string') assert.ok(caught.message.includes(words), `${query}: ${caught.message}`)
  else assert.match(caught.message, words)
  if (code === 'syntax') assert.ok(caught.message.startsWith('Syntax error in query: '), caught.message)
  return caught.message
}

export function text(raw: string, quote: "'" | '"' = "'"): Value {
  return { kind: 'text', raw, quote }
}

export function number(raw: string | number): Value {
  return { kind: 'number', raw: String(raw) }
}

export function word(raw: string): Value {
  return { kind: 'word', raw }
}

export function parameter(index: number): Value {
  return { kind: 'parameter', index }
}

export const nothingGiven: Value = { kind: 'null' }

export function table(name: string, schema = ''): TableName {
  return { schema, name }
}

export function compared(column: string, operator: Comparison, value: Value): Condition {
  return { kind: 'compare', column, operator, value }
}

export function column(name: string, label = name): SelectItem {
  return { kind: 'column', name, label }
}

export function literal(value: Value, label: string): SelectItem {
  return { kind: 'constant', constant: { kind: 'value', value }, label }
}

export function call(name: string, label: string, ...args: readonly Constant[]): SelectItem {
  return { kind: 'constant', constant: { kind: 'call', name, args }, label }
}

export function systemVariable(name: string, label: string): SelectItem {
  return { kind: 'constant', constant: { kind: 'variable', name, isOwn: false }, label }
}
