/**
 * From the text of a query to what it says.
 *
 * Owns which statements there are, what stands between them, and the words for those that are refused. Everything is
 * read before anything is given, so that a mistake in the last statement keeps the first one from being run. One pass,
 * O(length). Pure: tables are not looked up here.
 */
import { MAX_TENANT } from '../../core/tenants.ts'
import { QueryError } from '../query-failure.ts'
import { select } from './parse-select.ts'
import { set } from './parse-set.ts'
import { describe, show } from './parse-show.ts'
import { identifier } from './parse-terms.ts'
import { notImplemented, Tokens } from './parse-tokens.ts'
import { insert, remove, update } from './parse-write.ts'
import type { Script, Statement, TableName } from './statement.ts'

/** As long as they run, nothing else of the connection does. */
const MAX_STATEMENTS = 1_000

/** Memory of a word, a value or a sign once it is read. */
const TOKEN_BYTES = 32

export interface ParseOptions {
  /** Several statements may stand in one text. */
  readonly isMulti: boolean
}

type ReadStatement = (tokens: Tokens) => Statement

/** By the word they begin with, which is gone past before. */
const STATEMENTS: ReadonlyMap<string, ReadStatement> = new Map<string, ReadStatement>([
  ['SELECT', select],
  ['INSERT', insert],
  ['REPLACE', insert],
  ['UPDATE', update],
  ['DELETE', remove],
  ['SHOW', show],
  ['DESCRIBE', describe],
  ['DESC', describe],
  ['EXPLAIN', describe],
  ['USE', (tokens) => ({ kind: 'use', database: identifier(tokens, 'a database') })],
  ['START', start],
  ['SET', set],
  ['BEGIN', begin],
  ['COMMIT', commit],
  ['ROLLBACK', rollback],
  ['SAVEPOINT', nothing],
  ['RELEASE', nothing],
  ['LOCK', nothing],
  ['UNLOCK', nothing],
])

const FIXED_TABLES = 'tables are part of the node, SHOW TABLES lists them'
const ACCESS = 'the password of CometQL is an option of the node'
const NO_UPKEEP = 'the node needs no upkeep by hand'
const NO_PROGRAMS = 'work it out in your program'
const BY_DRIVER = 'prepare the statement with your driver'

/** Statements that are refused, and what to do instead. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['CREATE', FIXED_TABLES],
  ['ALTER', FIXED_TABLES],
  ['DROP', FIXED_TABLES],
  ['RENAME', FIXED_TABLES],
  ['TRUNCATE', 'use DELETE, which says with WHERE which rows are meant'],
  ['GRANT', ACCESS],
  ['REVOKE', ACCESS],
  ['KILL', 'a DELETE FROM users_auth closes the connections of a user'],
  ['FLUSH', NO_UPKEEP],
  ['ANALYZE', NO_UPKEEP],
  ['OPTIMIZE', NO_UPKEEP],
  ['CHECK', NO_UPKEEP],
  ['CHECKSUM', NO_UPKEEP],
  ['REPAIR', NO_UPKEEP],
  ['RESET', NO_UPKEEP],
  ['PURGE', NO_UPKEEP],
  ['CALL', NO_PROGRAMS],
  ['DO', NO_PROGRAMS],
  ['HANDLER', 'use SELECT'],
  ['TABLE', 'use SELECT'],
  ['VALUES', 'use SELECT'],
  ['WITH', 'use SELECT without it'],
  ['LOAD', 'use INSERT, which takes many rows'],
  ['PREPARE', BY_DRIVER],
  ['EXECUTE', BY_DRIVER],
  ['DEALLOCATE', BY_DRIVER],
  ['XA', 'each statement takes effect at once'],
])

/**
 * Reads a query: one statement, several, or none where it is blank.
 *
 * O(length).
 *
 * @param text one letter (U+0000 to U+00FF) for each byte of UTF-8, as `buffer.toString('latin1')` gives it
 * @throws {QueryError} syntax; notImplemented: it is understood, and not possible; conditions, columns
 */
export function parse(text: string, options: ParseOptions): Script {
  const tokens = new Tokens(text)
  const tenant = tenantPrefix(tokens)
  const statements: Statement[] = []
  for (;;) {
    skipSemicolons(tokens)
    if (tokens.is('end')) return script(tenant, statements, tokens)
    if (statements.length === 1 && !options.isMulti) throw tooMany()
    if (statements.length === MAX_STATEMENTS) throw tooManyTogether()
    statements.push(statement(tokens))
    if (!tokens.isStatementEnd()) throw tokens.unexpected('; or the end')
  }
}

function script(tenant: number | null, statements: readonly Statement[], tokens: Tokens): Script {
  const memoryBytes = tokens.count * TOKEN_BYTES
  return { tenant, statements, parameters: tokens.parameters, memoryBytes }
}

/** `cometqlcluster_v1 set dev_id=N;` before everything else, which belongs to what follows; null = it is not there. */
function tenantPrefix(tokens: Tokens): number | null {
  skipSemicolons(tokens)
  if (!tokens.takeWord('COMETQLCLUSTER_V1')) return null
  tokens.expectWord('SET')
  tokens.expectWord('DEV_ID')
  tokens.expectSymbol('=')
  const number = tokens.is('number') && !tokens.isNegative ? Number(tokens.inside()) : -1
  const isOne = Number.isInteger(number) && number >= 0 && number <= MAX_TENANT
  if (!isOne) throw tokens.unexpected(`a number of at most ${MAX_TENANT}`)
  tokens.next()
  if (!tokens.isStatementEnd()) throw tokens.unexpected('; or the end')
  return number
}

function statement(tokens: Tokens): Statement {
  const word = tokens.keyword()
  const read = STATEMENTS.get(word)
  if (read !== undefined) {
    tokens.next()
    const said = read(tokens)
    const table = tableOf(said)
    const database = tokens.checkQualifiers(table?.schema ?? '')
    return table === null || database === '' ? said : within(said, { ...table, within: database })
  }
  const instead = REFUSED.get(word)
  throw instead === undefined ? tokens.unexpected('a statement') : notImplemented(word, instead)
}

function tableOf(said: Statement): TableName | null {
  if ('table' in said) return said.table
  return said.kind === 'select' ? said.from : null
}

function within(said: Statement, table: TableName): Statement {
  if (said.kind === 'select') return { ...said, from: table }
  return 'table' in said ? { ...said, table } : said
}

function start(tokens: Tokens): Statement {
  if (tokens.isWord('TRANSACTION')) return begin(tokens)
  throw notImplemented('START of anything but a transaction', 'leave it out')
}

function begin(tokens: Tokens): Statement {
  tokens.skipStatement()
  return { kind: 'transaction', change: 'begin' }
}

function commit(tokens: Tokens): Statement {
  tokens.takeWord('WORK')
  return end(tokens)
}

/** To a savepoint: the transaction goes on. */
function rollback(tokens: Tokens): Statement {
  tokens.takeWord('WORK')
  return tokens.isWord('TO') ? nothing(tokens) : end(tokens)
}

/** With `AND CHAIN` the next one begins at once. */
function end(tokens: Tokens): Statement {
  const isChained = tokens.takeWord('AND') && tokens.isWord('CHAIN')
  tokens.skipStatement()
  return { kind: 'transaction', change: isChained ? 'begin' : 'end' }
}

/** What changes nothing here, as each statement takes effect at once. */
function nothing(tokens: Tokens): Statement {
  tokens.skipStatement()
  return { kind: 'nothing' }
}

function tooManyTogether(): QueryError {
  return new QueryError('tooLong', `Too many statements in one query: at most ${MAX_STATEMENTS}`)
}

function skipSemicolons(tokens: Tokens): void {
  while (tokens.takeSymbol(';')) {
    // Each one is taken by asking for it.
  }
}

function tooMany(): QueryError {
  return new QueryError(
    'syntax',
    'Syntax error in query: expected one statement: a client has to ask for several when it connects (multi-statements)',
  )
}
