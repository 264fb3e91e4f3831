/**
 * What the generator of MySQL clients is asked to do, and what it reports.
 *
 * Owns the shapes of both and how they are read; an order is a line of JSON, and so is a report. What a line must have and
 * has not is refused. Pure.
 */
import { type Line, numberIn } from './report-lines.ts'
import { type CpuReport, cpuReport, type PublishReport, publishReport } from './reports.ts'

/** Insert into a pipe, as fast as answers allow. */
export interface InsertOrder {
  /** How many of the open ones insert, all at once. */
  readonly connections: number
  /** By a prepared statement that is executed again and again. */
  readonly isPrepared: boolean
  readonly pipe: string
  /** Bytes of JSON. */
  readonly dataBytes: number
  /** Inserts of one connection that wait for their answers; 1 = each waits for the one before. */
  readonly window: number
  readonly warmUpMs: number
  readonly measuredMs: number
  /** Answers that are missing then are given up after so long in which none comes. */
  readonly patienceMs: number
}

/** `acknowledged` fell into the measured window; `sent`, `done` and what became of the others cover the whole run. */
export interface InsertReport extends PublishReport {
  readonly sent: number
  /** Inserts that were answered with OK. */
  readonly done: number
}

/** Run a query again and again, each connection when it has the result of the one before. */
export interface SelectOrder {
  readonly connections: number
  readonly isPrepared: boolean
  readonly text: string
  /** Of each connection, until the measured time is over; the rest is read at once. 0 = as fast as they come */
  readonly bytesPerSecond: number
  readonly warmUpMs: number
  readonly measuredMs: number
  /** Results that are not whole then are given up after so long in which nothing comes. */
  readonly patienceMs: number
}

/** `rows` and `bytes` fell into the measured window, the others cover the whole run. */
export interface SelectReport extends CpuReport {
  readonly rows: number
  readonly bytes: number
  /** Results that came to their end, and the rows that the smallest and the largest of them had. */
  readonly results: number
  readonly fewestRows: number
  readonly mostRows: number
  readonly refused: number
  readonly firstRefusal: string
  /** Results that never came to their end. */
  readonly unanswered: number
  readonly totalBytes: number
}

export type Order =
  | ({ readonly order: 'insert' } & InsertOrder)
  | ({ readonly order: 'select' } & SelectOrder)

/** @throws {Error} when the line is no order; whoever wrote it is trusted with the rest */
export function readOrder(line: string): Order {
  const order: unknown = JSON.parse(line)
  if (isOrder(order)) return order
  throw new Error(`Unknown order: ${line}`)
}

export function insertReport(line: Line): InsertReport {
  return { ...publishReport(line), sent: numberIn(line, 'sent'), done: numberIn(line, 'done') }
}

export function selectReport(line: Line): SelectReport {
  return {
    ...cpuReport(line),
    rows: numberIn(line, 'rows'),
    bytes: numberIn(line, 'bytes'),
    results: numberIn(line, 'results'),
    fewestRows: numberIn(line, 'fewestRows'),
    mostRows: numberIn(line, 'mostRows'),
    refused: numberIn(line, 'refused'),
    firstRefusal: String(line.firstRefusal),
    unanswered: numberIn(line, 'unanswered'),
    totalBytes: numberIn(line, 'totalBytes'),
  }
}

function isOrder(value: unknown): value is Order {
  if (typeof value !== 'object' || value === null) return false
  const kind: unknown = Reflect.get(value, 'order')
  return kind === 'insert' || kind === 'select'
}
