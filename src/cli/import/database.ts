/**
 * A connection to the database of a CppComet.
 *
 * Owns the client library: it is loaded here alone, reads only, and all that is read comes out of one snapshot. Rows are
 * streamed, so memory is bounded by some of them; cells are bytes, so that broken text is seen and not repaired. What
 * goes wrong becomes an ending of the command. Must not know what the tables mean.
 */
import type { Readable } from 'node:stream'
import type { Connection, QueryOptions } from 'mysql2'
import { ConfigError, errorText } from '../../errors.ts'
import { CommandError, exitCodes } from '../exit.ts'
import type { DatabaseAddress } from './database-url.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** Rows on their way from the socket to whoever asked for them. */
const ROWS_AHEAD = 200
/** Seconds the database waits for a reader that writes what it read. */
const WRITE_TIMEOUT_S = 600

/** Errors that another user, password or database would mend. */
const ACCESS_ERRORS: ReadonlySet<string> = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_BAD_DB_ERROR',
])

/** A row by the names of its columns, as they were asked for; null = NULL. */
export type Cells = Readonly<Record<string, Buffer | null>>

export interface Database {
  /** Names of the columns of each table that is there. */
  columns(): Promise<ReadonlyMap<string, ReadonlySet<string>>>
  /**
   * Rows in the order of the statement; one statement at a time.
   *
   * @throws {CommandError} 69 when the database is gone
   */
  rows(sql: string, values?: readonly (string | number)[]): AsyncIterable<Cells>
  /** Tells the database and waits for it; never fails. */
  close(): Promise<void>
}

/**
 * Connects and begins a snapshot.
 *
 * @throws {ConfigError} when user, password or name of the database are wrong
 * @throws {CommandError} 69 when no database answers
 */
export async function openDatabase(address: DatabaseAddress): Promise<Database> {
  const { createConnection } = (await import('mysql2')).default
  const connection = createConnection({
    ...address,
    charset: 'utf8mb4',
    connectTimeout: CONNECT_TIMEOUT_MS,
    disableEval: true, // names of columns come from the database
  })
  const ended = (error: unknown): Error => endingOf(error, address)
  const database = databaseOf(connection, ended)
  try {
    await run(connection, `SET SESSION net_write_timeout = ${WRITE_TIMEOUT_S}`)
    await run(connection, 'START TRANSACTION WITH CONSISTENT SNAPSHOT')
  } catch (error) {
    connection.destroy()
    throw ended(error)
  }
  return database
}

function databaseOf(connection: Connection, ended: (error: unknown) => Error): Database {
  let isGone = false
  let fault: Error | null = null
  let reading: Readable | null = null
  // The library tells a lost connection here alone, not the stream of rows that will never end.
  connection.on('error', (error) => {
    fault = error
    reading?.destroy(error)
  })

  async function* rows(sql: string, values: readonly (string | number)[] = []): AsyncGenerator<Cells> {
    const options: QueryOptions = { sql, values: [...values], typeCast: (field) => field.buffer() }
    let isOver = false
    try {
      if (fault !== null) throw fault
      reading = connection.query(options).stream({ highWaterMark: ROWS_AHEAD })
      yield* reading
      isOver = true
    } catch (error) {
      throw ended(error)
    } finally {
      reading = null
      if (!isOver) destroy() // the rest of the rows would stand before the next answer
    }
  }

  function destroy(): void {
    isGone = true
    connection.destroy()
  }

  return {
    rows,
    async columns() {
      const tables = new Map<string, Set<string>>()
      const sql =
        'SELECT table_name AS tableName, column_name AS columnName FROM information_schema.columns WHERE table_schema = DATABASE()'
      for await (const { tableName, columnName } of rows(sql)) {
        const table = String(tableName)
        tables.set(table, (tables.get(table) ?? new Set()).add(String(columnName)))
      }
      return tables
    },
    close: () =>
      new Promise((resolve) => {
        if (isGone || fault !== null) resolve()
        else connection.end(() => resolve())
      }),
  }
}

function run(connection: Connection, sql: string): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.query(sql, (error) => (error === null ? resolve() : reject(error)))
  })
}

function endingOf(error: unknown, { host, port, database }: DatabaseAddress): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const what = errorText(error) || code
  if (ACCESS_ERRORS.has(code)) return new ConfigError([`The database refuses: ${what}`])
  const where = `${host}:${port}, database "${database}"`
  return new CommandError(exitCodes.unavailable, `Cannot read from ${where}: ${what}`)
}
