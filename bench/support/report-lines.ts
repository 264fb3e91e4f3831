/**
 * JSON lines from a child, one at a time, as they are asked for.
 *
 * Owns the reading side of the conversation with generators and ceilings: a line is an object with `event`. An
 * `error` line and the end of the child reject the wait. Bound: lines nobody asked for yet, of which the children
 * write a few per second. Must not know which events there are.
 */
import { createInterface } from 'node:readline'
import { errorText } from '../../src/errors.ts'
import { type Child, within } from './children.ts'

export type Line = Readonly<Record<string, unknown>>

export interface ReportLines {
  /** The next line whose event is `event`; lines with other events go to `onOther` and are passed over. */
  next(event: string, deadlineMs: number, onOther?: (line: Line) => void): Promise<Line>
}

export function readReportLines(child: Child, name: string): ReportLines {
  const output = child.process.stdout
  if (output === null) throw new TypeError('A child that reports needs a pipe for its output')
  const lines = createInterface({ input: output })[Symbol.asyncIterator]()

  async function find(event: string, onOther: (line: Line) => void): Promise<Line> {
    for (;;) {
      const item = await lines.next()
      if (item.done === true) throw new Error(`${name} ended before it reported: ${child.complaint().trim()}`)
      const line = parseLine(item.value, name)
      if (line.event === event) return line
      if (line.event === 'error') throw new Error(`${name}: ${String(line.message)}`)
      onOther(line)
    }
  }

  return {
    next: (event, deadlineMs, onOther = () => {}) =>
      within(deadlineMs, `"${event}" from ${name}`, find(event, onOther)),
  }
}

/** A number of a line. @throws {Error} when it is missing */
export function numberIn(line: Line, name: string): number {
  const value = line[name]
  if (typeof value !== 'number') throw new Error(`Report without a number "${name}"`)
  return value
}

/** Pairs of numbers of a line. @throws {Error} when it is anything else */
export function pairsIn(line: Line, name: string): readonly (readonly [number, number])[] {
  const value = line[name]
  if (!Array.isArray(value)) throw new Error(`Report without a list "${name}"`)
  return value.map((pair: unknown) => {
    const [left, right]: unknown[] = Array.isArray(pair) ? pair : []
    if (typeof left !== 'number' || typeof right !== 'number') throw new Error(`Report with an odd "${name}"`)
    return [left, right] as const
  })
}

/** Lists of numbers of a line. @throws {Error} when it is anything else */
export function rowsIn(line: Line, name: string): readonly (readonly number[])[] {
  const value = line[name]
  if (!Array.isArray(value)) throw new Error(`Report without a list "${name}"`)
  return value.map((row: unknown) => {
    const numbers: unknown[] = Array.isArray(row) ? row : []
    return numbers.map(Number)
  })
}

/** Counts by text of a line; a line without them has none. */
export function countsIn(line: Line, name: string): Readonly<Record<string, number>> {
  const value = line[name]
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).map(([text, count]) => [text, Number(count)]))
}

function parseLine(text: string, name: string): Line {
  try {
    const line: unknown = JSON.parse(text)
    if (typeof line === 'object' && line !== null) return { ...line }
  } catch (thrown) {
    throw new Error(`${name} wrote a line that is not JSON: ${errorText(thrown)}`)
  }
  throw new Error(`${name} wrote a line that is no object`)
}
