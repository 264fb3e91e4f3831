/**
 * Values that do not depend on a row: literals, variables, and functions of them.
 *
 * Owns the functions there are. NULL exists in here, so that IFNULL means something, and leaves as an empty text, as
 * nothing is ever missing in an answer. Times are UTC, which is what `time_zone` says. Bound: what the statement holds.
 * Must not look at tables.
 */
import type { ColumnType } from '../answer.ts'
import { DATABASE } from '../databases.ts'
import { QueryError } from '../query-failure.ts'
import type { Constant, Value } from '../sql/statement.ts'
import type { Values } from '../sql/values.ts'
import type { RunContext } from './context.ts'
import { serverVersion, systemVariable, type VariableValue } from './variables.ts'

export interface ConstantValue {
  readonly value: string | number
  readonly type: ColumnType
}

/** Null = NULL. */
type Known = ConstantValue | null

interface Call {
  readonly context: RunContext
  readonly args: readonly Known[]
}

interface SqlFunction {
  readonly fewest: number
  readonly most: number
  readonly run: (call: Call) => Known
}

const ANY_NUMBER = Number.POSITIVE_INFINITY

/** Any double tells so many apart. */
const EXACT_DIGITS = 15

/** Decimals of a second that a time can have. */
const MAX_FRACTION = 6

/** By name in upper case. Those that take none may have a number for the decimals of seconds where they are times. */
const functions: Readonly<Record<string, SqlFunction>> = {
  ...named(
    ['VERSION'],
    none(({ facts }) => text(serverVersion(facts.version))),
  ),
  ...named(
    ['DATABASE', 'SCHEMA'],
    none((context) => text(databaseName(context))),
  ),
  ...named(
    ['USER', 'CURRENT_USER', 'SESSION_USER', 'SYSTEM_USER'],
    none(({ user, address }) => text(`${user}@${address}`)),
  ),
  ...named(
    ['CONNECTION_ID'],
    none(({ connectionId }) => integer(connectionId)),
  ),
  ...named(
    ['LAST_INSERT_ID'],
    none(({ last }) => integer(last.insertId)),
  ),
  ...named(
    ['ROW_COUNT'],
    none(({ last }) => integer(last.affected)),
  ),
  ...named(
    ['FOUND_ROWS'],
    none(({ last }) => integer(last.rows)),
  ),
  ...named(
    ['NOW', 'CURRENT_TIMESTAMP', 'LOCALTIME', 'LOCALTIMESTAMP', 'SYSDATE', 'UTC_TIMESTAMP'],
    timed((iso) => `${iso.slice(0, 10)} ${iso.slice(11, 19)}`),
  ),
  ...named(
    ['CURTIME', 'CURRENT_TIME', 'UTC_TIME'],
    timed((iso) => iso.slice(11, 19)),
  ),
  ...named(
    ['CURDATE', 'CURRENT_DATE', 'UTC_DATE'],
    none(({ clock }) => text(isoOf(clock.wallMs()).slice(0, 10))),
  ),
  ...named(
    ['UNIX_TIMESTAMP'],
    none(({ clock }) => integer(Math.floor(clock.wallMs() / 1000))),
  ),
  ...named(
    ['FROM_UNIXTIME'],
    ofText((seconds) => fromUnixTime(Number(seconds))),
  ),
  ...named(
    ['UPPER', 'UCASE'],
    ofText((value) => text(value.toUpperCase())),
  ),
  ...named(
    ['LOWER', 'LCASE'],
    ofText((value) => text(value.toLowerCase())),
  ),
  ...named(
    ['LENGTH', 'OCTET_LENGTH'],
    ofText((value) => integer(Buffer.byteLength(value))),
  ),
  ...named(
    ['CHAR_LENGTH', 'CHARACTER_LENGTH'],
    ofText((value) => integer(Array.from(value).length)),
  ),
  ...named(['CONCAT'], { fewest: 1, most: ANY_NUMBER, run: ({ args }) => concatenated(args) }),
  ...named(['IFNULL'], { fewest: 2, most: 2, run: ({ args }) => firstKnown(args) }),
  ...named(['COALESCE'], { fewest: 1, most: ANY_NUMBER, run: ({ args }) => firstKnown(args) }),
}

/**
 * What a constant comes to. An unknown system variable is an empty text, and so are those that a client set itself.
 *
 * @throws {QueryError} notImplemented: a function there is not; syntax: one with too few or too many arguments; invalid:
 *   a parameter without a value
 */
export function constantValue(constant: Constant, context: RunContext, values: Values): ConstantValue {
  return known(constant, context, values) ?? text('')
}

/** What DATABASE() is: the chosen one, else CppComet's own. */
export function databaseName({ database }: RunContext): string {
  return database === '' ? DATABASE : database
}

function known(constant: Constant, context: RunContext, values: Values): Known {
  switch (constant.kind) {
    case 'value':
      return literal(constant.value, values)
    case 'variable':
      return constant.isOwn ? null : variable(constant.name, context)
    case 'call': {
      const called = functionOf(constant.name, constant.args.length)
      return called.run({ context, args: constant.args.map((one) => known(one, context, values)) })
    }
  }
}

function literal(value: Value, values: Values): Known {
  const written = values.text(value)
  if (written === null) return null
  return value.kind === 'number' ? numberOf(written) : text(written)
}

/**
 * A number as MySQL shows it. One with an exponent is a double; others keep their digits, and are a text where a double could
 * not hold them all.
 */
function numberOf(written: string): ConstantValue {
  const value = Number(written)
  if (/e/i.test(written)) return { value, type: 'number' }
  if (!written.includes('.')) return Number.isSafeInteger(value) ? integer(value) : text(written)
  const digits = decimal(written)
  const isExact = digits.replace(/\D/g, '').length <= EXACT_DIGITS
  return isExact ? { value: digits, type: 'number' } : text(digits)
}

/** All digits behind the point, and before it none that say nothing: `0.50` for `00.50` and `.50`, and no zero below 0. */
function decimal(written: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)0*(\d*)\.(\d*)$/.exec(written) ?? []
  const digits = `${whole || '0'}.${fraction}`
  return sign === '-' && Number(digits) !== 0 ? `-${digits}` : digits
}

function variable(name: string, { facts, last, isAutocommit }: RunContext): ConstantValue {
  // Of the session, and so not in the table: what some drivers ask instead of LAST_INSERT_ID().
  if (/^(identity|last_insert_id)$/i.test(name)) return integer(last.insertId)
  return typed(systemVariable(name, facts, isAutocommit) ?? '')
}

function typed(value: VariableValue): ConstantValue {
  return typeof value === 'string' ? text(value) : integer(Number(value))
}

function functionOf(name: string, given: number): SqlFunction {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (found === undefined) {
    const all = Object.keys(functions).sort().join(', ')
    throw new QueryError(
      'notImplemented',
      `Function ${name.slice(0, 40)} is not implemented: there are ${all}`,
    )
  }
  if (given < found.fewest || given > found.most) throw wrongCount(name, found, given)
  return found
}

function wrongCount(name: string, { fewest, most }: SqlFunction, given: number): QueryError {
  const takes = most === ANY_NUMBER ? `${fewest} or more` : [...new Set([fewest, most])].join(' or ')
  return new QueryError(
    'syntax',
    `Syntax error in query: ${name} takes ${takes} arguments: ${given} were given`,
  )
}

function text(value: string): ConstantValue {
  return { value, type: 'text' }
}

function integer(value: number): ConstantValue {
  return { value, type: 'integer' }
}

function named(names: readonly string[], one: SqlFunction): Record<string, SqlFunction> {
  return Object.fromEntries(names.map((name) => [name, one]))
}

function none(of: (context: RunContext) => ConstantValue): SqlFunction {
  return { fewest: 0, most: 0, run: ({ context }) => of(context) }
}

/** Of one text; NULL of NULL. */
function ofText(of: (value: string) => Known): SqlFunction {
  return { fewest: 1, most: 1, run: ({ args: [arg] }) => (arg == null ? null : of(String(arg.value))) }
}

/** A time, with as many decimals as are asked for: `NOW(3)`. */
function timed(shown: (iso: string) => string): SqlFunction {
  return {
    fewest: 0,
    most: 1,
    run: ({ context, args: [digits] }) => {
      const iso = isoOf(context.clock.wallMs())
      return text(shown(iso) + fractionOf(iso, Number(digits?.value ?? 0)))
    },
  }
}

function fractionOf(iso: string, digits: number): string {
  if (!(digits >= 1)) return ''
  return `.${iso.slice(20, 23).padEnd(MAX_FRACTION, '0').slice(0, digits)}`
}

/** `2023-11-14T22:13:20.000Z`. */
function isoOf(wallMs: number): string {
  return new Date(wallMs).toISOString()
}

/** NULL for what is no time of the years 1970 to 9999. */
function fromUnixTime(seconds: number): Known {
  const ms = Math.floor(seconds) * 1000
  if (!(ms >= 0 && ms < Date.UTC(10_000, 0))) return null
  return text(isoOf(ms).slice(0, 19).replace('T', ' '))
}

function concatenated(args: readonly Known[]): Known {
  if (args.includes(null)) return null
  return text(args.map((arg) => String(arg?.value)).join(''))
}

function firstKnown(args: readonly Known[]): Known {
  return args.find((arg) => arg !== null) ?? null
}
