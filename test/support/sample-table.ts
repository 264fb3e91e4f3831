/**
 * A table with rows of the test's own, for what is done with rows wherever they come from.
 *
 * Owns a column of every kind there is, look-up by two keys, and a record of how far its rows were walked and which keys
 * they were asked for by. Batches are small, so that few rows make several.
 */
import type { Batches, Row } from '../../src/cometql/answer.ts'
import type { Keys, Table, TableColumn } from '../../src/cometql/tables/table.ts'

/** id, then a text, a number that is sent as a text, an integer and a real number. */
export type SampleRow = readonly [id: string, name: string, age: string, visits: number, score: number]

const SMALL_BATCH = 3

export const sampleColumns: readonly TableColumn[] = [
  { name: 'id', type: 'text', isNumber: true, sqlType: 'int(11)' },
  { name: 'name', type: 'text', sqlType: 'varchar(64)' },
  { name: 'age', type: 'text', isNumber: true, sqlType: 'int(11)' },
  { name: 'visits', type: 'integer', sqlType: 'bigint(20)' },
  { name: 'score', type: 'number', sqlType: 'double' },
]

export interface SampleTable extends Table {
  readonly name: 't'
  /** What `find` was asked for, call by call */
  readonly asked: readonly Keys[]
  /** Batches that were taken of walks */
  readonly taken: number
  /** Walks and look-ups that were ended, by whoever took their rows or by themselves */
  readonly ended: number
}

export interface SampleOptions {
  /** Columns that rows are found by; default: id and name */
  readonly keys?: readonly string[]
  /** Without it rows have to be asked for by their keys; default: true */
  readonly isWalked?: boolean
}

export function sampleTable(rows: readonly SampleRow[], options: SampleOptions = {}): SampleTable {
  const { keys = ['id', 'name'], isWalked = true } = options
  const asked: Keys[] = []
  let taken = 0
  let ended = 0

  async function* walk(found: readonly Row[]): Batches {
    try {
      for (let at = 0; at < found.length; at += SMALL_BATCH) {
        taken++
        yield found.slice(at, at + SMALL_BATCH)
      }
    } finally {
      ended++
    }
  }

  return {
    name: 't',
    columns: sampleColumns,
    keys,
    find(given) {
      asked.push(given)
      const at = sampleColumns.findIndex(({ name }) => name === given.by)
      return walk(given.keys.flatMap((key) => rows.filter((row) => row[at] === key)))
    },
    ...(isWalked ? { all: () => walk(rows) } : {}),
    asked,
    get taken() {
      return taken
    },
    get ended() {
      return ended
    },
  }
}
