/**
 * The errors Encke throws, by what the caller can do about them.
 *
 * Owns five classes over one base that carries a `code` of the registry. Programmer mistakes stay built-in
 * `TypeError` and `RangeError`. Nothing is thrown per message on a hot path: there, results carry a code.
 */
import { type CodeName, type ErrorFace, errorFace } from './codes.ts'

/** Base of all errors below: a registry code, a message for people, and the cause where there is one. */
export class EnckeError extends Error {
  readonly code: CodeName

  constructor(code: CodeName, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }

  /** The face shown in replies and HTTP bodies. */
  face(): ErrorFace {
    return errorFace(this.code, this.message)
  }
}

/** The peer sent something that is not the protocol: answer and close. */
export class ProtocolError extends EnckeError {}

/** The peer may not do this: refuse. */
export class AccessError extends EnckeError {}

/** A bound was reached: slow down or ask for less. */
export class LimitError extends EnckeError {}

/** Not possible now: try again later. */
export class UnavailableError extends EnckeError {}

/** The configuration or the environment is wrong: fix it and start again (exit code 78). */
export class ConfigError extends Error {
  /** One line per mistake found. */
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[], options?: ErrorOptions) {
    super(mistakes.join('\n'), options)
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

/** A listener could not be opened (exit code 69). */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}

/** The text of anything that was thrown. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
