/**
 * `SHOW …`: listings, as CppComet and MySQL head them.
 *
 * Owns which columns each has and which rows; LIKE is matched against the first column of whatever is listed. Every
 * column is a text, as CppComet sends them. Tables are those of the database that is named, else of the one that is chosen.
 * Bound: as many rows as there are tables, columns or variables. What a table says of itself is told by catalog.ts; numbers
 * of the node by show-status.ts.
 */
import type { Answer, Row } from '../answer.ts'
import { DATABASE } from '../databases.ts'
import type { Show } from '../sql/statement.ts'
import type { Values } from '../sql/values.ts'
import type { Tables } from '../tables/all-tables.ts'
import {
  CHARACTER_SET,
  COLLATION,
  characterSets,
  collations,
  commentOf,
  defaultMark,
  ENGINE,
  ENGINE_COMMENT,
  homeOf,
  indexesOf,
  keyMark,
  privilegesOf,
  typeOf,
} from '../tables/catalog.ts'
import type { Table } from '../tables/table.ts'
import { rowTest } from './conditions.ts'
import type { RunContext } from './context.ts'
import { likeMatcher } from './like.ts'
import { statusRows } from './show-status.ts'
import { systemVariables, type VariableValue } from './variables.ts'

export interface ShowDeps {
  readonly tables: Tables
  readonly values: Values
}

/** What is shown, before LIKE. */
interface Listing {
  readonly columns: string
  readonly rows: readonly Row[]
}

/**
 * @throws {QueryError} notFound: a table or a database there is not; as `likeMatcher`
 */
export async function show(statement: Show, context: RunContext, deps: ShowDeps): Promise<Answer> {
  const { columns, rows } = await listing(statement, context, deps)
  const names = columns.split(',')
  const isLike = likeOf(statement, deps.values)
  const isMeant = rowTest(statement.where ?? null, asTable(names), deps.values)
  return {
    kind: 'rows',
    columns: names.map((name) => ({ name, type: 'text' })),
    batches: [rows.filter((row) => isLike(String(row[0] ?? '')) && isMeant(row))],
  }
}

/** What a condition can be about. */
function asTable(names: readonly string[]): Table {
  const columns = names.map((name) => ({ name, type: 'text', sqlType: 'text' }) as const)
  return { name: 'SHOW', columns, keys: [], isAnyCase: true }
}

function likeOf({ like }: Show, values: Values): (text: string) => boolean {
  if (like === null) return () => true
  const pattern = values.text(like)
  return pattern === null ? () => false : likeMatcher(pattern, true)
}

async function listing(statement: Show, context: RunContext, { tables }: ShowDeps): Promise<Listing> {
  switch (statement.what) {
    case 'databases':
      return databases(context)
    case 'tables':
      return tableNames(tables.in(statement.database || context.database), statement.isFull)
    case 'tableStatus':
      return tableStatus(tables.in(statement.database || context.database))
    case 'columns':
      return columnsOf(tables.find(statement.table, context.database), statement.isFull)
    case 'indexes':
      return indexes(tables.find(statement.table, context.database))
    case 'createTable':
      return createTable(tables.find(statement.table, context.database))
    case 'processList':
      return processList(context)
    case 'status':
      return { columns: 'Variable_name,Value', rows: await statusRows(statement.scope, context) }
    case 'variables':
      return variables(context)
    case 'warnings':
      return { columns: 'Level,Code,Message', rows: [] }
    case 'plugins':
      return { columns: 'Name,Status,Type,Library,License', rows: [] }
    case 'engines':
      return engines()
    case 'characterSets':
      return charsets()
    case 'collations':
      return collationList()
  }
}

/** CppComet's own, and the one that tables are told to be in. */
function databases({ database }: RunContext): Listing {
  return { columns: 'Database', rows: [...new Set([DATABASE, homeOf(database)])].map((name) => [name]) }
}

function tableNames(all: readonly Table[], isFull: boolean): Listing {
  if (!isFull) return { columns: 'Tables', rows: all.map(({ name }) => [name]) }
  return { columns: 'Tables,Table_type', rows: all.map((table) => [table.name, typeOf(table)]) }
}

function tableStatus(all: readonly Table[]): Listing {
  return {
    columns:
      'Name,Engine,Version,Row_format,Rows,Avg_row_length,Data_length,Max_data_length,Index_length,Data_free,' +
      'Auto_increment,Create_time,Update_time,Check_time,Collation,Checksum,Create_options,Comment',
    rows: all.map(statusOfTable),
  }
}

/** Numbers are 0, as CppComet has them: rows are not counted for this. Of a view MySQL says little more than that. */
function statusOfTable(table: Table): Row {
  const type = typeOf(table)
  const made = [table.name, type === 'BASE TABLE' ? ENGINE : '', '1', 'Compact']
  const numbers = ['0', '0', '0', '0', '0', '0', '0']
  return [...made, ...numbers, '0', '', '', COLLATION, '', '', type === 'VIEW' ? type : commentOf(table)]
}

function columnsOf(table: Table, isFull: boolean): Listing {
  const columns = table.columns.map(({ name, sqlType, type, isNumber }) => {
    const isText = type === 'text' && isNumber !== true
    const key = keyMark(table, name)
    if (!isFull) return [name, sqlType, 'NO', key, '', '']
    return [name, sqlType, isText ? COLLATION : '', 'NO', key, '', '', privilegesOf(table), '']
  })
  return isFull
    ? { columns: 'Field,Type,Collation,Null,Key,Default,Extra,Privileges,Comment', rows: columns }
    : { columns: 'Field,Type,Null,Key,Default,Extra', rows: columns }
}

function indexes(table: Table): Listing {
  return {
    columns:
      'Table,Non_unique,Key_name,Seq_in_index,Column_name,Collation,Cardinality,Sub_part,Packed,Null,Index_type,' +
      'Comment,Index_comment',
    rows: indexesOf(table).map(({ name, column, isUnique }) => {
      const place = [table.name, isUnique ? '0' : '1', name, '1', column]
      return [...place, 'A', '0', '', '', '', 'HASH', '', '']
    }),
  }
}

function createTable(table: Table): Listing {
  const lines = [
    ...table.columns.map(({ name, sqlType }) => `  \`${name}\` ${sqlType} NOT NULL`),
    ...indexesOf(table).map(({ name, column, isUnique }) =>
      isUnique ? `  PRIMARY KEY (\`${column}\`)` : `  KEY \`${name}\` (\`${column}\`)`,
    ),
  ]
  const end = `) ENGINE=${ENGINE} DEFAULT CHARSET=${CHARACTER_SET} COMMENT='${commentOf(table)}'`
  const text = `CREATE TABLE \`${table.name}\` (\n${lines.join(',\n')}\n${end}`
  return { columns: 'Table,Create Table', rows: [[table.name, text]] }
}

/** CppComet lists its threads: here are who takes connections, and how many each has. */
async function processList({ facts }: RunContext): Promise<Listing> {
  const { counts } = await facts.stats()
  return {
    columns: 'ServiceName,id,status,count',
    rows: [
      ['cometql', '0', '0', facts.connections()],
      ['ws', '0', '0', counts.connections],
    ],
  }
}

function variables({ facts, isAutocommit }: RunContext): Listing {
  const rows = [...systemVariables(facts, isAutocommit)].map(([name, value]) => [name, shownValue(value)])
  return { columns: 'Variable_name,Value', rows }
}

function shownValue(value: VariableValue): string {
  if (typeof value === 'boolean') return value ? 'ON' : 'OFF'
  return String(value)
}

function engines(): Listing {
  return {
    columns: 'Engine,Support,Comment,Transactions,XA,Savepoints',
    rows: [[ENGINE, 'DEFAULT', ENGINE_COMMENT, 'NO', 'NO', 'NO']],
  }
}

function charsets(): Listing {
  return {
    columns: 'Charset,Description,Default collation,Maxlen',
    rows: characterSets.map(({ name, description, collation, maxBytes }) => [
      name,
      description,
      collation,
      maxBytes,
    ]),
  }
}

function collationList(): Listing {
  return {
    columns: 'Collation,Charset,Id,Default,Compiled,Sortlen',
    rows: collations.map((one) => [one.name, one.characterSet, one.id, defaultMark(one), 'Yes', 1]),
  }
}
