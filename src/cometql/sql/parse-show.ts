/**
 * SHOW and DESCRIBE.
 *
 * Owns what can be shown and the many ways to ask for it: which database or table is meant, LIKE and WHERE behind. It must not
 * know what there is to show, nor in which database.
 */
import { nameOf } from './letters.ts'
import { where } from './parse-condition.ts'
import { identifier, tableName, value } from './parse-terms.ts'
import { notImplemented, type Tokens } from './parse-tokens.ts'
import type { Show, StatusScope, TableName } from './statement.ts'

/** What is shown of a table. */
type OfTable = 'columns' | 'indexes'

/** What is shown of a database. */
type OfDatabase = 'tables' | 'tableStatus'

/** What is shown without being told of what. */
type Plain = Exclude<Show['what'], OfTable | 'createTable' | OfDatabase | 'status'>

/** `Show` without its pattern. */
type Subject =
  | { readonly kind: 'show'; readonly what: Plain; readonly isFull: boolean }
  | {
      readonly kind: 'show'
      readonly what: OfDatabase
      readonly database: string
      readonly isFull: boolean
    }
  | {
      readonly kind: 'show'
      readonly what: OfTable | 'createTable'
      readonly table: TableName
      readonly isFull: boolean
    }
  | { readonly kind: 'show'; readonly what: 'status'; readonly scope: StatusScope }

const PLAIN: Readonly<Record<string, Plain>> = {
  DATABASES: 'databases',
  SCHEMAS: 'databases',
  PROCESSLIST: 'processList',
  VARIABLES: 'variables',
  WARNINGS: 'warnings',
  ERRORS: 'warnings',
  ENGINES: 'engines',
  PLUGINS: 'plugins',
  CHARSET: 'characterSets',
  COLLATION: 'collations',
}

const OF_TABLE: Readonly<Record<string, OfTable>> = {
  COLUMNS: 'columns',
  FIELDS: 'columns',
  INDEX: 'indexes',
  INDEXES: 'indexes',
  KEYS: 'indexes',
}

const SCOPES: Readonly<Record<string, StatusScope>> = {
  GLOBAL: 'global',
  SESSION: 'session',
  LOCAL: 'session',
  UPTIME: 'uptime',
  AVG: 'avg',
  RAM: 'ram',
  FILESYSTEM: 'filesystem',
}

/** Whose variables are shown; there is but one set of them. */
const VARIABLE_SCOPES: readonly string[] = ['GLOBAL', 'SESSION', 'LOCAL']

/** What else MySQL explains */
const EXPLAINED: readonly string[] = [
  'SELECT',
  'INSERT',
  'REPLACE',
  'UPDATE',
  'DELETE',
  'ANALYZE',
  'EXTENDED',
  'PARTITIONS',
  'FORMAT',
]

const CAN_BE_SHOWN =
  'there are DATABASES, TABLES, TABLE STATUS, COLUMNS, INDEX, CREATE TABLE, PROCESSLIST, STATUS, VARIABLES, WARNINGS, ' +
  'ENGINES, PLUGINS, CHARACTER SET, COLLATION'

/** Reads what follows SHOW. @throws {QueryError} syntax, notImplemented */
export function show(tokens: Tokens): Show {
  const shown = subject(tokens)
  const like = tokens.takeWord('LIKE') ? value(tokens) : null
  const condition = where(tokens)
  skipLimit(tokens)
  return { ...shown, like, ...(condition === null ? {} : { where: condition }) }
}

/** Reads what follows DESCRIBE: a table, and perhaps one of its columns. @throws {QueryError} syntax, notImplemented */
export function describe(tokens: Tokens): Show {
  if (EXPLAINED.includes(tokens.keyword())) {
    throw notImplemented('EXPLAIN of a query', 'EXPLAIN of a table lists its columns')
  }
  const table = tableName(tokens)
  const like = tokens.isStatementEnd() ? null : value(tokens)
  return { kind: 'show', what: 'columns', table, isFull: false, like }
}

function subject(tokens: Tokens): Subject {
  tokens.takeWord('EXTENDED')
  const isFull = tokens.takeWord('FULL')
  const word = tokens.keyword()
  const scope = SCOPES[word]
  if (scope !== undefined) return scoped(tokens, word, scope)
  if (tokens.takeWord('STATUS')) return { kind: 'show', what: 'status', scope: 'session' }
  const plain = PLAIN[word]
  if (plain !== undefined) {
    tokens.next()
    return { kind: 'show', what: plain, isFull }
  }
  if (tokens.takeWord('TABLES')) return ofDatabase(tokens, 'tables', isFull)
  const ofTable = OF_TABLE[word]
  return ofTable === undefined ? otherSubject(tokens) : tableSubject(tokens, ofTable, isFull)
}

function scoped(tokens: Tokens, word: string, scope: StatusScope): Subject {
  tokens.next()
  if (tokens.takeWord('STATUS')) return { kind: 'show', what: 'status', scope }
  const hasVariables = VARIABLE_SCOPES.includes(word)
  if (hasVariables && tokens.takeWord('VARIABLES')) {
    return { kind: 'show', what: 'variables', isFull: false }
  }
  throw tokens.unexpected(hasVariables ? 'STATUS or VARIABLES' : 'STATUS')
}

function tableSubject(tokens: Tokens, what: OfTable, isFull: boolean): Subject {
  tokens.next()
  if (!takeFrom(tokens)) throw tokens.unexpected('FROM')
  const table = tableName(tokens)
  const database = databaseName(tokens)
  const of = database === '' ? table : { ...table, schema: database }
  return { kind: 'show', what, table: of, isFull }
}

function ofDatabase(tokens: Tokens, what: OfDatabase, isFull: boolean): Subject {
  return { kind: 'show', what, database: databaseName(tokens), isFull }
}

/** Those that begin with two words. */
function otherSubject(tokens: Tokens): Subject {
  const first = tokens.is('word') ? nameOf(tokens.inside()).toUpperCase().slice(0, 40) : ''
  if (first === '') throw tokens.unexpected('what is to be shown')
  tokens.next()
  if (first === 'TABLE' && tokens.takeWord('STATUS')) return ofDatabase(tokens, 'tableStatus', false)
  if (first === 'CREATE' && tokens.takeWord('TABLE')) {
    return { kind: 'show', what: 'createTable', table: tableName(tokens), isFull: false }
  }
  if (first === 'CHARACTER' && tokens.takeWord('SET')) {
    return { kind: 'show', what: 'characterSets', isFull: false }
  }
  if (first === 'STORAGE' && tokens.takeWord('ENGINES')) {
    return { kind: 'show', what: 'engines', isFull: false }
  }
  throw notImplemented(`SHOW ${first}`, CAN_BE_SHOWN)
}

/** Of `FROM db`; '' = there is none. */
function databaseName(tokens: Tokens): string {
  return takeFrom(tokens) ? identifier(tokens, 'a database') : ''
}

function takeFrom(tokens: Tokens): boolean {
  return tokens.takeWord('FROM') || tokens.takeWord('IN')
}

/** Short lists are shown whole. */
function skipLimit(tokens: Tokens): void {
  if (tokens.takeWord('LIMIT')) tokens.list(value)
}
