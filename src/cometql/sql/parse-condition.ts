/**
 * What stands behind WHERE.
 *
 * Owns the order in which operators bind, and that every comparison ends up as a column on the left and values on the
 * right, whichever way round it was written. Quoted, a name on the left is a column, as CppComet has it. Chains of AND
 * and OR are read in a loop; only parentheses and NOT nest. It must not judge which columns there are.
 */
import { QueryError } from '../query-failure.ts'
import { columnName, identifier, isReserved, lastOf, subSelect, value } from './parse-terms.ts'
import { notImplemented, quotedName, type Tokens, wordSet } from './parse-tokens.ts'
import type { Comparison, Condition, Value } from './statement.ts'

const COMPARISONS = ['=', '<>', '<', '>', '<=', '>='] as const

/** What an operator becomes when its sides change places. */
const REVERSED: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '>': '<',
  '<=': '>=',
  '>=': '<=',
}

/** Words that begin something which has to be worked out for each row. */
const EXPRESSIONS = wordSet('CASE INTERVAL BINARY MATCH ROW')

/** One side of a comparison. A quoted string may be either, which the other side tells. */
type Side =
  | { readonly kind: 'column'; readonly column: string }
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'quoted'; readonly column: string; readonly value: Value }

/** Null = there is no WHERE. @throws {QueryError} syntax, notImplemented */
export function where(tokens: Tokens): Condition | null {
  return tokens.takeWord('WHERE') ? anyOf(tokens) : null
}

function anyOf(tokens: Tokens): Condition {
  const first = allOf(tokens)
  const parts = [first]
  while (tokens.takeWord('OR') || tokens.takeSymbol('||')) parts.push(allOf(tokens))
  if (tokens.isWord('XOR')) throw notImplemented('XOR', 'say it with AND, OR and NOT')
  return parts.length === 1 ? first : { kind: 'or', parts }
}

function allOf(tokens: Tokens): Condition {
  const first = negated(tokens)
  const parts = [first]
  while (tokens.takeWord('AND') || tokens.takeSymbol('&&')) parts.push(negated(tokens))
  return parts.length === 1 ? first : { kind: 'and', parts }
}

function negated(tokens: Tokens): Condition {
  if (tokens.takeWord('NOT') || tokens.takeSymbol('!')) return { kind: 'not', part: tokens.nested(negated) }
  return tokens.isSymbol('(') ? tokens.nested(inParentheses) : comparison(tokens)
}

function inParentheses(tokens: Tokens): Condition {
  tokens.expectSymbol('(')
  if (tokens.isWord('SELECT')) throw subSelect()
  const condition = anyOf(tokens)
  tokens.expectSymbol(')')
  return condition
}

function comparison(tokens: Tokens): Condition {
  const left = leftSide(tokens)
  const operator = comparisonOperator(tokens)
  if (operator !== null) return compared(left, operator, rightSide(tokens, left))
  if (left.kind === 'value') return { kind: 'constant', isTrue: isTrue(left.value) }
  return test(tokens, left.column)
}

/** What can be asked of a column other than to compare it. */
function test(tokens: Tokens, column: string): Condition {
  if (tokens.takeWord('IS')) {
    const isNot = tokens.takeWord('NOT')
    tokens.expectWord('NULL')
    return { kind: 'isNull', column, isNot }
  }
  const isNot = tokens.takeWord('NOT')
  if (tokens.takeWord('IN')) return { kind: 'in', column, values: valueList(tokens), isNot }
  if (tokens.takeWord('LIKE')) return like(tokens, column, isNot)
  if (tokens.takeWord('BETWEEN')) {
    const low = value(tokens)
    tokens.expectWord('AND')
    return { kind: 'between', column, low, high: value(tokens), isNot }
  }
  if (tokens.isWord('REGEXP') || tokens.isWord('RLIKE')) throw notImplemented('REGEXP', 'use LIKE')
  throw tokens.unexpected(isNot ? 'IN, LIKE or BETWEEN' : 'a comparison')
}

function like(tokens: Tokens, column: string, isNot: boolean): Condition {
  const pattern = value(tokens)
  if (tokens.isWord('ESCAPE')) {
    throw notImplemented('ESCAPE', 'a backslash before % or _ makes them stand for themselves')
  }
  return { kind: 'like', column, pattern, isNot }
}

function valueList(tokens: Tokens): Value[] {
  tokens.expectSymbol('(')
  if (tokens.isWord('SELECT')) throw subSelect()
  const values = tokens.list(value)
  tokens.expectSymbol(')')
  return values
}

function comparisonOperator(tokens: Tokens): Comparison | null {
  const operator = COMPARISONS.find((symbol) => tokens.isSymbol(symbol))
  if (operator === undefined) return null
  tokens.next()
  return operator
}

function leftSide(tokens: Tokens): Side {
  switch (tokens.kind) {
    case 'number':
    case 'parameter':
      return { kind: 'value', value: value(tokens) }
    case 'variable':
      throw notImplemented('A variable in a condition', 'give the value itself')
    case 'text':
      return quoted(tokens)
    default:
      return constantWord(tokens) ?? { kind: 'column', column: column(tokens) }
  }
}

/** What is compared with; behind a column there must be a value. */
function rightSide(tokens: Tokens, left: Side): Side {
  const constant = constantWord(tokens)
  if (constant !== null) return constant
  const isWord = tokens.is('word') && !isReserved(tokens)
  const isColumn = tokens.is('name') || (isWord && left.kind !== 'column')
  if (isColumn) {
    if (left.kind === 'column') throw columnsCompared()
    return { kind: 'column', column: column(tokens) }
  }
  if (tokens.isWord('ALL') || tokens.isWord('ANY') || tokens.isWord('SOME')) return wordOrQuery(tokens)
  const read = value(tokens)
  if (tokens.isSymbol('.')) throw columnsCompared()
  return { kind: 'value', value: read }
}

/** `= ANY (SELECT …)`, or the bare word. */
function wordOrQuery(tokens: Tokens): Side {
  const raw = tokens.inside()
  tokens.next()
  if (tokens.isSymbol('(')) throw subSelect()
  return { kind: 'value', value: { kind: 'word', raw } }
}

function column(tokens: Tokens): string {
  if (!tokens.is('word')) return columnName(tokens)
  if (tokens.isWord('EXISTS')) throw subSelect()
  const mayBeExpression = tokens.isOneOf(EXPRESSIONS)
  const first = identifier(tokens, 'a condition')
  const isExpression = mayBeExpression && !tokens.is('symbol')
  if (isExpression || tokens.isSymbol('(')) {
    throw notImplemented(`${first.toUpperCase()} in a condition`, 'compare a column with a value')
  }
  return lastOf(tokens, first)
}

/** NULL, TRUE and FALSE; null = it is none of them. */
function constantWord(tokens: Tokens): Side | null {
  if (tokens.takeWord('NULL')) return { kind: 'value', value: { kind: 'null' } }
  if (tokens.takeWord('TRUE')) return { kind: 'value', value: { kind: 'number', raw: '1' } }
  if (tokens.takeWord('FALSE')) return { kind: 'value', value: { kind: 'number', raw: '0' } }
  return null
}

function quoted(tokens: Tokens): Side {
  const name = quotedName(tokens.inside(), tokens.quote())
  const read = value(tokens)
  if (tokens.isSymbol('.')) return { kind: 'column', column: lastOf(tokens, name) }
  return { kind: 'quoted', column: name, value: read }
}

function compared(left: Side, operator: Comparison, right: Side): Condition {
  if (right.kind === 'column') {
    if (left.kind === 'column') throw columnsCompared()
    return { kind: 'compare', column: right.column, operator: REVERSED[operator], value: left.value }
  }
  if (left.kind === 'value') return { kind: 'constant', isTrue: holds(left.value, operator, right.value) }
  return { kind: 'compare', column: left.column, operator, value: right.value }
}

function columnsCompared(): QueryError {
  return notImplemented('A comparison of columns', 'compare a column with a value')
}

/** Two values compared as numbers; null with NULL, which nothing is true of, nor the opposite. */
function holds(left: Value, operator: Comparison, right: Value): boolean | null {
  if (left.kind === 'null' || right.kind === 'null') return null
  const [one, other] = [numberOf(left), numberOf(right)]
  switch (operator) {
    case '=':
      return one === other
    case '<>':
      return one !== other
    case '<':
      return one < other
    case '>':
      return one > other
    case '<=':
      return one <= other
    case '>=':
      return one >= other
  }
}

function isTrue(read: Value): boolean | null {
  return read.kind === 'null' ? null : numberOf(read) !== 0
}

/** As MySQL makes numbers of texts: the digits it begins with, else 0. */
function numberOf(read: Exclude<Value, { kind: 'null' }>): number {
  if (read.kind === 'parameter' || read.kind === 'database') {
    const what = read.kind === 'parameter' ? 'A parameter' : 'DATABASE()'
    throw new QueryError('notImplemented', `${what} is compared with a column only`)
  }
  return Number.parseFloat(read.raw) || 0
}
