/**
 * What can be listed of tables, whoever lists it: SHOW or information_schema.
 *
 * Owns the database that tables are told to be in, the engine, the indexes that keys of a table look like, the comments of
 * tables, and the character sets that are told of. Tables are judged by what they say of themselves. Pure.
 */
import { DATABASE, INFORMATION_SCHEMA } from '../databases.ts'
import type { Table } from './table.ts'

/** Where rows live, as tools ask. */
export const ENGINE = 'Encke'
export const ENGINE_COMMENT = 'Channels and users of the push node'

/** Of names and texts in tables; CppComet says the same. */
export const CHARACTER_SET = 'utf8'
export const COLLATION = 'utf8_general_ci'

/** One per key column. */
export interface Index {
  /** `PRIMARY` for the key that has one row at most */
  readonly name: string
  readonly column: string
  readonly isUnique: boolean
}

export interface CharacterSet {
  readonly name: string
  readonly description: string
  readonly collation: string
  /** Bytes of its longest character */
  readonly maxBytes: number
}

export interface Collation {
  readonly name: string
  readonly characterSet: string
  /** As packets of the protocol number it */
  readonly id: number
}

export const characterSets: readonly CharacterSet[] = [
  { name: 'utf8', description: 'UTF-8 Unicode', collation: 'utf8_general_ci', maxBytes: 3 },
  { name: 'utf8mb4', description: 'UTF-8 Unicode', collation: 'utf8mb4_general_ci', maxBytes: 4 },
  { name: 'binary', description: 'Binary pseudo charset', collation: 'binary', maxBytes: 1 },
]

export const collations: readonly Collation[] = [
  { name: 'utf8_general_ci', characterSet: 'utf8', id: 33 },
  { name: 'utf8_bin', characterSet: 'utf8', id: 83 },
  { name: 'utf8_unicode_ci', characterSet: 'utf8', id: 192 },
  { name: 'utf8mb4_general_ci', characterSet: 'utf8mb4', id: 45 },
  { name: 'utf8mb4_bin', characterSet: 'utf8mb4', id: 46 },
  { name: 'utf8mb4_unicode_ci', characterSet: 'utf8mb4', id: 224 },
  { name: 'binary', characterSet: 'binary', id: 63 },
]

/** Tables that only look at what the node knows. */
const VIEWS: ReadonlySet<string> = new Set(['channels', 'sessions', 'users_online', 'metrics'])

/** Tables in which one key may have many rows. */
const MANY_ROWS: ReadonlySet<string> = new Set([
  'users_messages',
  'pipes_messages',
  'users_in_pipes',
  'conference',
  'conference_members',
])

const comments: Readonly<Record<string, string>> = {
  users_auth: 'Keys that users log in with',
  users_time: 'When users were last online',
  users_data: 'A text of the application about each user',
  users_messages: 'Messages to users; what waits for those who are away',
  pipes_messages: 'Messages into pipes, and what pipes keep of them',
  pipes: 'How many are subscribed to a pipe',
  users_in_pipes: 'Who is subscribed to a pipe',
  pipes_settings: 'How many messages a pipe keeps',
  revoked_tokens: 'Tokens that are refused',
  conference: 'Video calls, which are not part of Encke',
  conference_members: 'Who is in a video call, which are not part of Encke',
  channels: 'Channels in memory',
  sessions: 'Who is connected, and how',
  users_online: 'Users with a session',
  metrics: 'What the node measures',
}

/** Whether it is one of information_schema. */
function isInformation(table: Table): boolean {
  return table.isAnyCase === true
}

/**
 * The database that tables of the node are told to be in: all but information_schema hold them, so it is the chosen one.
 *
 * @param database the chosen one; '' = none
 * @returns CppComet's own where none is chosen that holds them
 */
export function homeOf(database: string): string {
  return database === '' || database.toLowerCase() === INFORMATION_SCHEMA ? DATABASE : database
}

/** The database it is in. @param home where tables of the node are */
export function schemaOf(table: Table, home: string): string {
  return isInformation(table) ? INFORMATION_SCHEMA : home
}

/** `BASE TABLE`, `VIEW` or `SYSTEM VIEW`. */
export function typeOf(table: Table): string {
  if (isInformation(table)) return 'SYSTEM VIEW'
  return VIEWS.has(table.name) ? 'VIEW' : 'BASE TABLE'
}

export function commentOf(table: Table): string {
  return comments[table.name] ?? ''
}

/** In the order of the keys: the first is the primary one where a key has one row at most. Views have none. */
export function indexesOf(table: Table): readonly Index[] {
  if (typeOf(table) !== 'BASE TABLE') return []
  return table.keys.map((column, at) => {
    const isUnique = at === 0 && !MANY_ROWS.has(table.name)
    return { name: isUnique ? 'PRIMARY' : column, column, isUnique }
  })
}

/** As `SHOW COLUMNS` marks it: `PRI`, `MUL` or ''. */
export function keyMark(table: Table, column: string): string {
  const index = indexesOf(table).find((one) => one.column === column)
  if (index === undefined) return ''
  return index.isUnique ? 'PRI' : 'MUL'
}

/** What may be done with a column, as tools ask. */
export function privilegesOf(table: Table): string {
  return table.insert === undefined ? 'select' : 'select,insert,update'
}

/** `Yes` for the collation that a character set has unless another is named, else ''. */
export function defaultMark({ name }: Collation): string {
  return characterSets.some(({ collation }) => collation === name) ? 'Yes' : ''
}
