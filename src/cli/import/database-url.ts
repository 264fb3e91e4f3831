/**
 * Where a database is, as `mysql://user:password@host:port/database` says it.
 *
 * Owns the reading of that one form. Messages never repeat it, because it may hold a password.
 */
import { usageError } from '../exit.ts'

const DEFAULT_PORT = 3_306
const FORM = 'mysql://USER:PASSWORD@HOST:PORT/DATABASE'
const PROTOCOLS = ['mysql:', 'mariadb:']

export interface DatabaseAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/**
 * Reads the address of a database; user, password and database may be percent-encoded.
 *
 * @param fallbackPassword used when the address holds none
 * @throws {CommandError} 64 when it has another form
 */
export function parseDatabaseUrl(text: string, fallbackPassword: string): DatabaseAddress {
  if (!URL.canParse(text)) throw wrong('is no address')
  const url = new URL(text)
  if (!PROTOCOLS.includes(url.protocol)) throw wrong('does not begin with mysql://')
  if (url.hostname === '') throw wrong('names no host')
  if (url.search !== '' || url.hash !== '') throw wrong('takes nothing behind the name of the database')
  const database = decoded(url.pathname.slice(1))
  if (database === '' || database.includes('/')) throw wrong('names no database')
  const user = decoded(url.username)
  if (user === '') throw wrong('names no user')
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    user,
    password: decoded(url.password) || fallbackPassword,
    database,
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw wrong('holds a % that begins no %XX')
  }
}

function wrong(what: string): Error {
  return usageError(`Flag --mysql ${what}: write ${FORM}`)
}
