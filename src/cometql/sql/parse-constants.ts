/**
 * What a query asks for beside columns: literals, variables, functions.
 *
 * Owns how they are written and which words are functions though no parentheses follow. What they come to is worked out
 * when the query is run. Bound: calls nest as conditions do. It must not know which functions there are.
 */
import type { QueryError } from '../query-failure.ts'
import { nameOf } from './letters.ts'
import { identifier, introduced, isReserved, subSelect, value } from './parse-terms.ts'
import { notImplemented, type Tokens, wordSet } from './parse-tokens.ts'
import type { Constant } from './statement.ts'

/** Functions that need no parentheses */
const BARE_CALLS = wordSet(
  `CURRENT_USER CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP UTC_DATE UTC_TIME
   UTC_TIMESTAMP`,
)

/** Say whose variable is meant; there is but one of each. */
const SCOPES: ReadonlySet<string> = new Set(['SESSION', 'GLOBAL', 'LOCAL', 'PERSIST'])

/** What begins an expression that is more than a call. */
const EXPRESSIONS = wordSet('CASE EXISTS INTERVAL NOT')

/** Something that does not depend on a row. @throws {QueryError} syntax, notImplemented */
export function constant(tokens: Tokens): Constant {
  if (tokens.is('word')) return constantWord(tokens) ?? call(tokens)
  if (tokens.is('variable')) return variable(tokens)
  if (tokens.is('name')) throw overColumn()
  return tokens.isSymbol('(') ? tokens.nested(inParentheses) : { kind: 'value', value: value(tokens) }
}

/** A word that is a constant by itself; null = it is something else, and was not gone past. */
export function constantWord(tokens: Tokens): Constant | null {
  if (tokens.isWord('NULL')) return { kind: 'value', value: value(tokens) }
  if (tokens.takeWord('TRUE')) return { kind: 'value', value: { kind: 'number', raw: '1' } }
  if (tokens.takeWord('FALSE')) return { kind: 'value', value: { kind: 'number', raw: '0' } }
  if (tokens.isOneOf(EXPRESSIONS)) {
    throw notImplemented(`${tokens.keyword()} as a column`, 'work it out in your program')
  }
  if (!tokens.isOneOf(BARE_CALLS)) return null
  const name = tokens.keyword()
  tokens.next()
  return { kind: 'call', name, args: tokens.isSymbol('(') ? args(tokens) : [] }
}

/** `(…)` behind the name of a function. */
export function args(tokens: Tokens): Constant[] {
  return tokens.nested(listInParentheses)
}

function listInParentheses(tokens: Tokens): Constant[] {
  tokens.expectSymbol('(')
  if (tokens.takeSymbol(')')) return []
  const list = tokens.list(constant)
  tokens.expectSymbol(')')
  return list
}

function inParentheses(tokens: Tokens): Constant {
  tokens.expectSymbol('(')
  if (tokens.isWord('SELECT')) throw subSelect()
  const read = constant(tokens)
  tokens.expectSymbol(')')
  return read
}

/** A call among the arguments of another one. */
function call(tokens: Tokens): Constant {
  if (tokens.isWord('SELECT')) throw subSelect()
  const isName = !isReserved(tokens)
  const name = isName ? identifier(tokens, 'a function') : wordPast(tokens)
  if (tokens.isSymbol('(')) return { kind: 'call', name: name.toUpperCase(), args: args(tokens) }
  const literal = introduced(tokens, name)
  if (literal !== null) return { kind: 'value', value: literal }
  throw overColumn()
}

function overColumn(): QueryError {
  return notImplemented(
    'A function over a column',
    'ask for the column, and use the function in your program',
  )
}

/** `LEFT`, `REPLACE` and the like are words of statements and names of functions. */
function wordPast(tokens: Tokens): string {
  const word = tokens.inside()
  tokens.next()
  if (!tokens.isSymbol('(')) throw tokens.unexpected('a value')
  return word
}

function variable(tokens: Tokens): Constant {
  const isOwn = !tokens.isSystemVariable
  const written = nameOf(tokens.inside())
  tokens.next()
  if (tokens.isSymbol(':=')) throw notImplemented('A variable to be set', 'keep the value in your program')
  const dot = written.indexOf('.')
  const isScoped = !isOwn && SCOPES.has(written.slice(0, Math.max(dot, 0)).toUpperCase())
  return { kind: 'variable', name: isScoped ? written.slice(dot + 1) : written, isOwn }
}
