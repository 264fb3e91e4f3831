/**
 * The databases there are, by name.
 *
 * Owns the names that applications choose, or write in front of a table: CppComet's own, `db_N` for tenant N, and
 * information_schema, in any case. All but the last hold the same tables; what changes is whose rows are seen, and a name
 * says that by itself, wherever the connection was before. Pure.
 */
import { MAX_TENANT } from '../core/tenants.ts'
import { QueryError, type QueryFailure, queryFailure } from './query-failure.ts'

/** The database that CppComet's applications choose. */
export const DATABASE = 'CometQL_v1'
export const INFORMATION_SCHEMA = 'information_schema'

/** Of what is shown of a name in an error */
const MAX_SHOWN_LETTERS = 40

/** A database that somebody chose. */
export interface ChosenDatabase {
  /** '' = none, which is the same as CppComet's */
  readonly name: string
  /** Whose it is; null = of the user who logged in */
  readonly tenant: number | null
}

/** Null when there is none of that name. */
export function chooseDatabase(name: string): ChosenDatabase | null {
  if (name === '') return { name: '', tenant: null }
  const lower = name.toLowerCase()
  if (lower === DATABASE.toLowerCase()) return { name: DATABASE, tenant: null }
  if (lower === INFORMATION_SCHEMA) return { name: INFORMATION_SCHEMA, tenant: null }
  const digits = /^db_(\d{1,10})$/.exec(lower)?.[1]
  if (digits === undefined || Number(digits) > MAX_TENANT) return null
  return { name, tenant: Number(digits) }
}

/** The database of a tenant. @param tenant 0 to `MAX_TENANT` */
export function databaseOf(tenant: number): ChosenDatabase {
  return { name: `db_${tenant}`, tenant }
}

/** Whether two names in front of tables and columns mean the same; '' = CppComet's own. */
export function isSameDatabase(one: string, other: string): boolean {
  const [first, second] = [chooseDatabase(one || DATABASE), chooseDatabase(other || DATABASE)]
  if (first === null || second === null) return one === other
  return first.tenant === second.tenant && (first.tenant !== null || first.name === second.name)
}

/** CppComet's words, and what there is. */
export const unknownDatabase: QueryFailure = queryFailure(
  'notFound',
  `Select database failure: there is ${DATABASE}, and db_N for tenant N`,
)

/** The error that columns are said to be of another database than their table. */
export function otherDatabase(name: string): QueryError {
  const where = `columns of \`${name.slice(0, MAX_SHOWN_LETTERS)}\``
  return new QueryError(
    'columns',
    `Not a specific column: ${where} are not those of the table: name the database in front of both, or of neither`,
  )
}
