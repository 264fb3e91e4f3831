/**
 * A whole database of a CppComet, into a store.
 *
 * Owns the order of the tables, which of them are there, and what each statement reads. What rows become is tables.ts,
 * inboxes.ts and histories.ts. Memory is bounded by the batches of the writer; a failure leaves whole batches behind, and
 * running it again completes them.
 */
import type { Change, Store } from '../../core/store.ts'
import { CommandError, exitCodes } from '../exit.ts'
import { BatchWriter } from './batch-writer.ts'
import { integerOf, RowFault } from './cells.ts'
import type { Cells, Database } from './database.ts'
import { HISTORY_TABLE, historyColumns, importHistories } from './histories.ts'
import { createInboxImport, INBOX_TABLE, inboxColumns, inboxOrder } from './inboxes.ts'
import type { Progress } from './progress.ts'
import { rowTables, TENANT_COLUMN } from './tables.ts'
import { newTally, skip, type TableTally } from './tally.ts'

export interface ImportJob {
  readonly database: Database
  /** A second connection: one names the pipes while the other reads them. */
  readonly second: Database
  readonly store: Pick<Store, 'get' | 'range' | 'entries' | 'write'>
  /** Tenant of a database without `dev_id` */
  readonly tenant: number
  openProgress(rows: number): Promise<Progress>
}

export interface ImportResult {
  readonly tallies: readonly TableTally[]
  /** Whether any table names its tenants. */
  readonly hasTenants: boolean
}

/** A table that can be read. */
interface Source {
  readonly tally: TableTally
  readonly columns: readonly string[]
  readonly hasTenants: boolean
}

/**
 * Imports every table that is there.
 *
 * @throws {CommandError} 66 when none is there, 69 when the database is gone
 * @throws {UnavailableError} when the store can not be written
 */
export async function importDatabase(job: ImportJob): Promise<ImportResult> {
  const known = await job.database.columns()
  const wanted = [
    ...rowTables.map(({ name, columns }) => [name, columns] as const),
    [INBOX_TABLE, inboxColumns] as const,
    [HISTORY_TABLE, historyColumns] as const,
  ]
  const sources = wanted.map(([name, columns]) => sourceOf(known, name, columns))
  const present = sources.filter(({ tally }) => tally.missing === '')
  if (present.length === 0) {
    throw new CommandError(exitCodes.inputMissing, 'The database holds none of the tables of a CppComet')
  }
  const progress = await job.openProgress(await countRows(job.database, present))
  const writer = new BatchWriter((changes) => job.store.write(changes))
  try {
    await importTables(job, new Map(present.map((source) => [source.tally.table, source])), writer, progress)
    await writer.end()
  } finally {
    progress.end()
  }
  return {
    tallies: sources.map(({ tally }) => tally),
    hasTenants: present.some(({ hasTenants }) => hasTenants),
  }
}

function sourceOf(
  known: ReadonlyMap<string, ReadonlySet<string>>,
  name: string,
  columns: readonly string[],
): Source {
  const tally = newTally(name)
  const present = known.get(name)
  const missing = columns.filter((column) => present?.has(column) !== true)
  if (present === undefined) tally.missing = 'there is no such table'
  else if (missing.length > 0) tally.missing = `left out: it has no column ${missing.join(', ')}`
  return { tally, columns, hasTenants: present?.has(TENANT_COLUMN) ?? false }
}

async function countRows(database: Database, sources: readonly Source[]): Promise<number> {
  let rows = 0
  for (const { tally } of sources) {
    for await (const { total } of database.rows(`SELECT COUNT(*) AS total FROM ${tally.table}`)) {
      rows += integerOf(total) ?? 0
    }
  }
  return rows
}

async function importTables(
  { database, second, store, tenant }: ImportJob,
  sources: ReadonlyMap<string, Source>,
  writer: BatchWriter,
  progress: Progress,
): Promise<void> {
  for (const { name, convert } of rowTables) {
    await importRows(database, sources.get(name), [], (row) => convert(row, tenant), writer, progress)
  }
  const toInbox = createInboxImport(store, tenant)
  await importRows(database, sources.get(INBOX_TABLE), inboxOrder, toInbox, writer, progress)
  const histories = sources.get(HISTORY_TABLE)
  if (histories === undefined) return
  await importHistories({
    store,
    writer,
    tally: histories.tally,
    pipes: database,
    rows: second,
    hasTenants: histories.hasTenants,
    settings: sources.get('pipes_settings') ?? null,
    otherwise: tenant,
    progress: (rows) => progress.step(HISTORY_TABLE, rows),
  })
}

async function importRows(
  database: Database,
  source: Source | undefined,
  order: readonly string[],
  convert: (row: Cells) => Change | RowFault,
  writer: BatchWriter,
  progress: Progress,
): Promise<void> {
  if (source === undefined) return
  const { tally } = source
  for await (const row of database.rows(selectOf(source, order))) {
    const change = convert(row)
    tally.read++
    progress.step(tally.table, 1)
    if (change instanceof RowFault) {
      skip(tally, change.reason)
      continue
    }
    tally.imported++
    await writer.add(change)
  }
}

function selectOf({ tally, columns, hasTenants }: Source, order: readonly string[]): string {
  const first = hasTenants ? [TENANT_COLUMN] : []
  const sorted = order.length === 0 ? '' : ` ORDER BY ${[...first, ...order].join(', ')}`
  return `SELECT ${[...first, ...columns].join(', ')} FROM ${tally.table}${sorted}`
}
