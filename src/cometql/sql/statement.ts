/**
 * What a statement says, once it is read.
 *
 * Owns the shapes that the parser makes and everything behind it works with. Values stand as they were written, one
 * letter (U+0000 to U+00FF) per byte, because who uses them decides what escapes mean (values.ts); names are texts.
 * Tables and columns are not looked up here. Types only.
 */

/** A value as it was written. */
export type Value =
  /** What stood between quotes, escapes and doubled quotes as they were */
  | { readonly kind: 'text'; readonly raw: string; readonly quote: "'" | '"' }
  /** Digits, with a sign or a fraction where there was one */
  | { readonly kind: 'number'; readonly raw: string }
  /** A bare word: it means itself */
  | { readonly kind: 'word'; readonly raw: string }
  | { readonly kind: 'null' }
  /** The `index`th question mark of a prepared statement, from 0 */
  | { readonly kind: 'parameter'; readonly index: number }
  /** `DATABASE()`: that of the connection when the statement is run */
  | { readonly kind: 'database' }

export type Comparison = '=' | '<>' | '<' | '>' | '<=' | '>='

/** What rows have to be. `and` and `or` have two parts or more. */
export type Condition =
  | {
      readonly kind: 'compare'
      readonly column: string
      readonly operator: Comparison
      readonly value: Value
    }
  | {
      readonly kind: 'in'
      readonly column: string
      readonly values: readonly Value[]
      readonly isNot: boolean
    }
  | { readonly kind: 'like'; readonly column: string; readonly pattern: Value; readonly isNot: boolean }
  | {
      readonly kind: 'between'
      readonly column: string
      readonly low: Value
      readonly high: Value
      readonly isNot: boolean
    }
  | { readonly kind: 'isNull'; readonly column: string; readonly isNot: boolean }
  /** No column at all, such as `1 = 1`; null = neither true nor false, as `1 = NULL` is, and `NOT (1 = NULL)` */
  | { readonly kind: 'constant'; readonly isTrue: boolean | null }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'not'; readonly part: Condition }

/** Something that does not depend on a row. */
export type Constant =
  | { readonly kind: 'value'; readonly value: Value }
  /** `@@version_comment`, `@@session.autocommit`, `@own`: without the marks and the scope */
  | { readonly kind: 'variable'; readonly name: string; readonly isOwn: boolean }
  /** `VERSION()`; the name in upper case */
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Constant[] }

/** A column of a result. `label` = how it is headed: the alias, else the text as it was written. */
export type SelectItem =
  | { readonly kind: 'all' }
  | { readonly kind: 'column'; readonly name: string; readonly label: string }
  /** `COUNT(*)`, `COUNT(1)`, `COUNT(column)`: no value is ever missing, so they are the same; `column` null = none named */
  | { readonly kind: 'count'; readonly column: string | null; readonly label: string }
  | { readonly kind: 'constant'; readonly constant: Constant; readonly label: string }

export interface TableName {
  /** The database in front of it, as it was written; '' = none */
  readonly schema: string
  readonly name: string
  /** The database that columns are said to be of, where none is in front of the table: the chosen one has to be that */
  readonly within?: string
}

export interface Order {
  /** A column, the label of a result's column, or the number of one, from 1 */
  readonly by: string | number
  readonly isDescending: boolean
}

export interface Limit {
  readonly count: Value
  /** Null = from the first */
  readonly offset: Value | null
}

export interface Select {
  readonly kind: 'select'
  readonly isDistinct: boolean
  readonly items: readonly SelectItem[]
  /** Null = no table: constants only */
  readonly from: TableName | null
  readonly where: Condition | null
  readonly orderBy: readonly Order[]
  readonly limit: Limit | null
}

export interface Insert {
  readonly kind: 'insert'
  readonly table: TableName
  /** Null = all, in the order of the table */
  readonly columns: readonly string[] | null
  /** One or more */
  readonly rows: readonly (readonly Value[])[]
}

export interface Update {
  readonly kind: 'update'
  readonly table: TableName
  readonly sets: readonly { readonly column: string; readonly value: Value }[]
  readonly where: Condition | null
}

export interface Delete {
  readonly kind: 'delete'
  readonly table: TableName
  readonly where: Condition | null
}

/** `STATUS` may be of something: `SHOW GLOBAL STATUS`, `SHOW RAM STATUS`. */
export type StatusScope = 'session' | 'global' | 'uptime' | 'avg' | 'ram' | 'filesystem'

/** `like` is for the first column of what is listed, `where` for any of them. */
export type Show = { readonly kind: 'show'; readonly like: Value | null; readonly where?: Condition } & (
  | {
      readonly what:
        | 'databases'
        | 'processList'
        | 'variables'
        | 'warnings'
        | 'engines'
        | 'plugins'
        | 'characterSets'
        | 'collations'
      /** `SHOW FULL TABLES` and the like */
      readonly isFull: boolean
    }
  | {
      readonly what: 'tables' | 'tableStatus'
      /** As it was written; '' = the one that is chosen */
      readonly database: string
      readonly isFull: boolean
    }
  | {
      readonly what: 'columns' | 'indexes' | 'createTable'
      readonly table: TableName
      readonly isFull: boolean
    }
  | { readonly what: 'status'; readonly scope: StatusScope }
)

/** Of what a client is told about transactions; one that ends and begins again has begun. */
export type TransactionChange = 'begin' | 'end' | 'autocommitOn' | 'autocommitOff'

export type Statement =
  | Select
  | Insert
  | Update
  | Delete
  | Show
  | { readonly kind: 'use'; readonly database: string }
  /** Said by drivers, without effect here: `SET …`, `LOCK TABLES …` */
  | { readonly kind: 'nothing' }
  /** `BEGIN`, `COMMIT`, `SET autocommit = 0`: nothing is done, but drivers ask whether they are in a transaction */
  | { readonly kind: 'transaction'; readonly change: TransactionChange }

/** What was read of a query: statements in order, and how many question marks they hold. */
export interface Script {
  /** What CppComet's prefix `cometqlcluster_v1 set dev_id=N;` says; null = there was none */
  readonly tenant: number | null
  readonly statements: readonly Statement[]
  readonly parameters: number
  /** Memory that it needs besides its text, or a little more */
  readonly memoryBytes: number
}
