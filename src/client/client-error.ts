/**
 * The one error of the browser client.
 *
 * Owns `ClientError`: what a node answered, in its own words, or one of a few failures of this side, with code 0.
 */
import type { CodeName, ErrorFace } from '../codes.ts'

/** Failures that no node knows of. */
export type LocalErrorName =
  /** No answer, or no connection, within `timeoutMs` */
  | 'TIMEOUT'
  /** As many commands wait for a connection as may */
  | 'QUEUE_FULL'
  /** The client is closed */
  | 'CLOSED'
  /** The connection broke before the answer came, and time was over before it could be asked again */
  | 'CONNECTION_LOST'
  /** getToken failed */
  | 'TOKEN_FAILED'
  /** What came from the node is not its protocol */
  | 'BAD_ANSWER'

export class ClientError extends Error {
  /** Code of docs/errors.md; 0 when the failure is this side's */
  readonly code: number
  override readonly name: CodeName | LocalErrorName
  /** The same may succeed later */
  readonly retry: boolean

  constructor(face: Pick<ErrorFace, 'code' | 'message' | 'retry'> & { name: CodeName | LocalErrorName }) {
    super(face.message)
    this.name = face.name
    this.code = face.code
    this.retry = face.retry
  }
}

/** A failure of this side. */
export function localError(name: LocalErrorName, message: string): ClientError {
  return new ClientError({ code: 0, name, message, retry: name !== 'CLOSED' })
}
