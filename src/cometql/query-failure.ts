/**
 * Why a query was refused: CppComet's own numbers, and how failures of the node look to a MySQL client.
 *
 * Owns the table of codes that applications written for CppComet know, and the projection of the node's registry
 * (codes.ts) to MySQL's numbers. A refusal is a value; inside the parser, and while a statement is looked over, it is
 * thrown as `QueryError` and caught where statements are run. Pure.
 */
import { type CodeName, codes } from '../codes.ts'
import type { Failure } from '../core/broker.ts'

/** CppComet's numbers, by what they mean. */
export const queryCodes = {
  /** The statement is understood, and not possible here */
  notImplemented: 2,
  syntax: 3,
  readOnly: 10,
  tooLong: 11,
  invalid: 12,
  /** Conditions that do not say which rows are meant, or a column named twice */
  conditions: 13,
  columns: 14,
  notFound: 15,
  authentication: 16,
  tooShort: 17,
  accessDenied: 403,
  internal: 500,
} as const

/** Which row of the registry a refusal is counted under. */
const countedUnder: Readonly<Record<keyof typeof queryCodes, CodeName>> = {
  notImplemented: 'UNKNOWN_COMMAND',
  syntax: 'BAD_MESSAGE',
  readOnly: 'ACCESS_DENIED',
  tooLong: 'MESSAGE_TOO_LARGE',
  invalid: 'INVALID_ARGUMENT',
  conditions: 'INVALID_ARGUMENT',
  columns: 'INVALID_ARGUMENT',
  notFound: 'NOT_FOUND',
  authentication: 'KEY_INVALID',
  tooShort: 'INVALID_ARGUMENT',
  accessDenied: 'ACCESS_DENIED',
  internal: 'INTERNAL',
}

/** What an ERR packet says. */
export interface QueryFailure {
  readonly code: number
  /** SQLSTATE, 5 characters */
  readonly state: string
  readonly message: string
  /** For metrics */
  readonly name: CodeName
}

/** CppComet gives no other. */
const ANY_STATE = 'HY000'

/** A refusal on its way to where it becomes an answer. */
export class QueryError extends Error {
  readonly failure: QueryFailure

  /** @param reason one of CppComet's numbers, or a failure of the node, which says all itself */
  constructor(reason: keyof typeof queryCodes | Failure, message = '') {
    const failure = typeof reason === 'string' ? queryFailure(reason, message) : nodeFailure(reason)
    super(failure.message)
    this.name = 'QueryError'
    this.failure = failure
  }
}

export function queryFailure(code: keyof typeof queryCodes, message: string): QueryFailure {
  return { code: queryCodes[code], state: ANY_STATE, message, name: countedUnder[code] }
}

/** A failure of the node as a MySQL client sees it. */
export function nodeFailure({ failed, message }: Failure): QueryFailure {
  const [code, state] = codes[failed].mysql
  return { code, state, message, name: failed }
}
