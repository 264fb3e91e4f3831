/**
 * A table, as those who run statements see it.
 *
 * Owns the shape: columns, which of them say which rows are meant, and what can be done. A table makes rows and takes
 * writes; conditions, order and limits are no business of its. Everything is of one tenant. Values of a write are looked
 * over before any of it is done, and a `QueryError` is thrown for what is refused; what the store or the broker can not take
 * is found out on the way, and a write of very many rows may be done in part by then. Types only.
 */
import type { Clock } from '../../clock.ts'
import type { Broker } from '../../core/broker.ts'
import type { UserRecords } from '../../core/user-records.ts'
import type { Batches, ColumnType } from '../answer.ts'
import type { GivenRow } from '../sql/values.ts'

export interface TableColumn {
  readonly name: string
  /** How values are sent, and whether they are compared as numbers or as texts */
  readonly type: ColumnType
  /** Compared and ordered as a number though it is sent as a text */
  readonly isNumber?: true
  /** As `SHOW COLUMNS` tells it: `int(11)`, `varchar(64)` */
  readonly sqlType: string
  /** Told only of rows that are found by this key; else it is empty, and a condition on it is refused. */
  readonly onlyBy?: string
  /** An INSERT without it is refused. */
  readonly isRequired?: true
}

/** Which rows: those whose column `by` is one of `keys`, in that order. No key comes twice. */
export interface Keys {
  readonly by: string
  readonly keys: readonly string[]
}

/** What tables work with. */
export interface TableContext {
  readonly tenant: number
  readonly broker: Broker
  readonly users: UserRecords
  readonly clock: Clock
}

/** Rows written, and what the OK packet tells as the insert id. */
export interface Written {
  readonly affected: number
  readonly insertId: number
}

export interface Table {
  readonly name: string
  /** In the order of `SELECT *` */
  readonly columns: readonly TableColumn[]
  /** Columns that say which rows are meant, the first one by preference; [] = rows are always looked at one by one */
  readonly keys: readonly string[]
  /** One of `keys` that is of exactly one row; missing = rows of a key go together */
  readonly identity?: string
  /** Rows of the keys; a key that can not be one (a bad name) has none. */
  readonly find?: (keys: Keys, context: TableContext) => Batches
  /** All rows; missing = the keys have to be named. */
  readonly all?: (context: TableContext) => Batches
  /** Missing = read only. Not awaited before the next INSERT of the connection is begun. */
  readonly insert?: (rows: readonly GivenRow[], context: TableContext) => Promise<Written>
  /** Missing = read only. */
  readonly remove?: (keys: Keys, context: TableContext) => Promise<void>
  /** Sets columns other than the key in rows that are there; resolves to how many were. Missing = INSERT does it. */
  readonly update?: (keys: Keys, sets: GivenRow, context: TableContext) => Promise<number>
  /** Compared without regard to case; so are those of information_schema. */
  readonly isAnyCase?: true
}
