/**
 * Histories of a CppComet's pipes, into the histories of channels.
 *
 * Owns which rows are imported (the latest of pipes that keep some), their offsets, and that a second import leaves what
 * the first one made, while a history that the node has written to since is left alone. The epoch tells an imported history:
 * it is made of its rows, so other rows are another epoch. Messages are streamed; bound: the rows of one write.
 */
import { createHash } from 'node:crypto'
import type { Change, Store } from '../../core/store.ts'
import { decodePosition, encodePosition, historyEntry } from '../../core/stored-forms.ts'
import type { BatchWriter } from './batch-writer.ts'
import { channelOf, dataOf, eventOf, integerOf, publisherOf, RowFault, tenantOf, timeOf } from './cells.ts'
import type { Cells, Database } from './database.ts'
import { keptLength, TENANT_COLUMN } from './tables.ts'
import { skip, type TableTally } from './tally.ts'

export const HISTORY_TABLE = 'pipe_messages'
export const historyColumns: readonly string[] = ['id', 'time', 'pipe_name', 'event', 'message', 'user_id']

/** Pipes that keep everything without being told to. */
const KEEPS_ALL = /^trust_/
/** What epochs of imported histories begin with; those of a node hold no dash. */
const EPOCH_MARK = 'cc-'
const EPOCH_LETTERS = 12
/** More rows than any table has: MySQL has no limit of none. */
const ALL_ROWS = '18446744073709551615'

export interface HistoryImport {
  readonly store: Pick<Store, 'get' | 'range'>
  readonly writer: BatchWriter
  readonly tally: TableTally
  /** Names the pipes, while `rows` reads what is in one. */
  readonly pipes: Database
  readonly rows: Database
  readonly hasTenants: boolean
  /** Null when there is no table of settings. */
  readonly settings: { readonly hasTenants: boolean } | null
  /** Tenant of a database without `dev_id` */
  readonly otherwise: number
  /** Told of rows that are done. */
  progress(rows: number): void
}

/** A pipe, and the values that find it in the database. */
interface Pipe {
  readonly tenant: number
  readonly name: string
  readonly total: number
  readonly keys: readonly (string | number)[]
}

/** Imports the histories of all pipes; the tally tells what became of the rows. */
export async function importHistories(job: HistoryImport): Promise<void> {
  const tenant = job.hasTenants ? `${TENANT_COLUMN}, ` : ''
  const sql = `SELECT ${tenant}BINARY pipe_name AS pipe_name, COUNT(*) AS total FROM ${HISTORY_TABLE} GROUP BY ${tenant}BINARY pipe_name`
  for await (const row of job.pipes.rows(sql)) {
    const total = integerOf(row.total) ?? 0
    job.tally.read += total
    const fault = await importGroup(job, row, total)
    if (fault === null) continue
    skip(job.tally, fault.reason, total)
    job.progress(total)
  }
}

/** Null when the rows of the pipe are counted one by one. */
async function importGroup(job: HistoryImport, row: Cells, total: number): Promise<RowFault | null> {
  const tenant = tenantOf(row, job.otherwise)
  if (tenant instanceof RowFault) return tenant
  const name = channelOf(row.pipe_name)
  if (name instanceof RowFault) return name
  const pipe = { tenant, name, total, keys: keysOf(job, tenant, name) }
  const length = await lengthOf(job, pipe)
  if (length === 0) return new RowFault('the pipe keeps no history')
  if (isInUse(job.store, pipe)) return new RowFault('a node has published or cleared there since')
  await importPipe(job, pipe, Math.max(0, total - length))
  return null
}

async function lengthOf({ settings, rows }: HistoryImport, { tenant, name }: Pipe): Promise<number> {
  let length = 0
  if (settings !== null) {
    const sql = `SELECT length FROM pipes_settings WHERE ${whereOf(settings, 'name')}`
    for await (const row of rows.rows(sql, keysOf(settings, tenant, name))) length = keptLength(row)
  }
  return length === 0 && KEEPS_ALL.test(name) ? Number.POSITIVE_INFINITY : length
}

/** Whether the store has a history that is not just what an import left there. */
function isInUse(store: HistoryImport['store'], { tenant, name }: Pipe): boolean {
  const row = store.get('channels', tenant, name)
  if (row === null) return false
  const { epoch, offset } = decodePosition(row)
  const range = store.range('history', tenant, name)
  return !epoch.startsWith(EPOCH_MARK) || range === null || range.first !== 1 || range.last !== offset
}

/** The row that makes a history of the entries comes last: what an interrupted import left is none. */
async function importPipe(job: HistoryImport, pipe: Pipe, beyond: number): Promise<void> {
  const { tenant, name } = pipe
  await job.writer.add(...removalOf(job.store, pipe))
  const digest = createHash('sha256')
  let offset = 0
  for await (const row of job.rows.rows(messagesSql(job.hasTenants, beyond), pipe.keys)) {
    job.progress(1)
    const change = append(pipe, offset + 1, row)
    if (change instanceof RowFault) {
      skip(job.tally, change.reason)
      continue
    }
    offset++
    digest.update(`${row.id} ${row.time}\n`)
    job.tally.imported++
    await job.writer.add(change)
  }
  skip(job.tally, 'older than the length of the pipe', beyond)
  job.progress(beyond)
  if (offset === 0) return
  const epoch = EPOCH_MARK + digest.digest('hex').slice(0, EPOCH_LETTERS)
  await job.writer.add({ put: 'channels', tenant, key: name, value: encodePosition({ epoch, offset }) })
}

function removalOf(store: HistoryImport['store'], { tenant, name }: Pipe): Change[] {
  const range = store.range('history', tenant, name)
  const changes: Change[] = []
  if (store.get('channels', tenant, name) !== null) changes.push({ remove: 'channels', tenant, key: name })
  if (range !== null) {
    changes.push({ cut: 'history', tenant, owner: name, from: range.first, to: range.last })
  }
  return changes
}

/** Most columns compare without case, names do not: the first comparison finds rows by an index, the second is right. */
function whereOf({ hasTenants }: { readonly hasTenants: boolean }, column: string): string {
  return `${hasTenants ? `${TENANT_COLUMN} = ? AND ` : ''}${column} = ? AND BINARY ${column} = ?`
}

/** Values for `whereOf`. */
function keysOf({ hasTenants }: { readonly hasTenants: boolean }, tenant: number, name: string) {
  return hasTenants ? [tenant, name, name] : [name, name]
}

function messagesSql(hasTenants: boolean, beyond: number): string {
  const where = whereOf({ hasTenants }, 'pipe_name')
  return `SELECT id, time, event, message, user_id FROM ${HISTORY_TABLE} WHERE ${where} ORDER BY time, id LIMIT ${beyond}, ${ALL_ROWS}`
}

function append({ tenant, name }: Pipe, offset: number, row: Cells): Change | RowFault {
  const timeMs = timeOf(row)
  if (timeMs instanceof RowFault) return timeMs
  const event = eventOf(row)
  if (event instanceof RowFault) return event
  const data = dataOf(row)
  if (data instanceof RowFault) return data
  const user = publisherOf(row)
  const entry = historyEntry({ channel: name, offset, data, event, user }, timeMs)
  return { append: 'history', tenant, owner: name, entry }
}
