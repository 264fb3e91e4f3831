/**
 * SET.
 *
 * Owns the one variable that a SET changes here, `autocommit`, wherever it stands among others and however it is
 * spelled: drivers ask the connection whether it is in a transaction. All else is gone past, whatever it says, as there is
 * no other state of a connection to set. Of several assignments the last one counts. O(length).
 */
import { QueryError } from '../query-failure.ts'
import { notImplemented, type Tokens, wordSet } from './parse-tokens.ts'
import type { Statement } from './statement.ts'

/** Say whose variables are meant, up to the next of these. */
const SCOPES = wordSet('SESSION LOCAL GLOBAL PERSIST PERSIST_ONLY')

/** Those of the connection; any other is the node's. */
const OWN_SCOPES: ReadonlySet<string> = new Set(['SESSION', 'LOCAL'])

const NAME = 'AUTOCOMMIT'
const SYSTEM_NAMES: ReadonlySet<string> = new Set([NAME, `SESSION.${NAME}`, `LOCAL.${NAME}`])

const VALUES: ReadonlyMap<string, boolean> = new Map([
  ['0', false],
  ['OFF', false],
  ['FALSE', false],
  ['1', true],
  ['ON', true],
  ['TRUE', true],
  ['DEFAULT', true],
])

/** Reads what follows SET. @throws {QueryError} invalid: a value of autocommit; notImplemented: SET STATEMENT */
export function set(tokens: Tokens): Statement {
  if (tokens.isWord('STATEMENT')) throw notImplemented('SET STATEMENT', 'send the statement by itself')
  let isOwn = true
  let isOn: boolean | null = null
  do {
    if (tokens.isOneOf(SCOPES)) {
      isOwn = OWN_SCOPES.has(tokens.keyword())
      tokens.next()
    }
    isOn = assigned(tokens, isOwn) ?? isOn
  } while (tokens.takeSymbol(','))
  if (isOn === null) return { kind: 'nothing' }
  return { kind: 'transaction', change: isOn ? 'autocommitOn' : 'autocommitOff' }
}

/** What an assignment makes of autocommit; null = it is of something else, or CppComet's `SET a b`. */
function assigned(tokens: Tokens, isOwn: boolean): boolean | null {
  const isMeant = isAutocommit(tokens, isOwn)
  if (isMeant) tokens.next()
  const isOn = isMeant && (tokens.takeSymbol('=') || tokens.takeSymbol(':=')) ? switched(tokens) : null
  skipAssignment(tokens)
  return isOn
}

function isAutocommit(tokens: Tokens, isOwn: boolean): boolean {
  if (tokens.is('variable')) return tokens.isSystemVariable && SYSTEM_NAMES.has(saidOf(tokens))
  return isOwn && (tokens.is('word') || tokens.is('name')) && saidOf(tokens) === NAME
}

/** On or off, with nothing behind it that would have to be worked out. */
function switched(tokens: Tokens): boolean {
  const isOn = tokens.is('parameter') || tokens.isNegative ? undefined : VALUES.get(saidOf(tokens))
  if (isOn !== undefined) tokens.next()
  if (isOn !== undefined && (tokens.isStatementEnd() || tokens.isSymbol(','))) return isOn
  throw new QueryError('invalid', 'autocommit is 0 or 1, OFF or ON: give the value itself')
}

function saidOf(tokens: Tokens): string {
  return tokens.inside().toUpperCase()
}

/** To the comma behind it, or the end. */
function skipAssignment(tokens: Tokens): void {
  let depth = 0
  while (!tokens.isStatementEnd() && (depth > 0 || !tokens.isSymbol(','))) {
    if (tokens.isSymbol('(')) depth++
    else if (tokens.isSymbol(')')) depth--
    tokens.next()
  }
}
