/**
 * How a command ends.
 *
 * Owns the exit codes (those of sysexits.h that apply) and the one place where something thrown becomes a code and
 * lines for people. Codes never change their meaning: scripts rely on them.
 */
import { AccessError, ConfigError, EnckeError, errorText, ListenError, UnavailableError } from '../errors.ts'

export const exitCodes = {
  done: 0,
  usage: 64,
  inputMissing: 66,
  unavailable: 69,
  internal: 70,
  cannotCreate: 73,
  config: 78,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** The meanings, as `--help` and docs/command-line.md give them. */
export const exitMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  done: 'done',
  usage: 'usage: a flag or an argument is wrong',
  inputMissing: 'input missing: what was named can not be read',
  unavailable: 'service unavailable: no node or database answers, or a listener can not be opened',
  internal: 'internal error, or a publication was refused',
  cannotCreate: "can't create a file",
  config: 'configuration, environment or key is wrong',
}

/** Ends a command with a code and a message for people. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** The command line is wrong: exit code 64. */
export function usageError(message: string): CommandError {
  return new CommandError(exitCodes.usage, message)
}

/** What anything thrown by a command means: its code, and the lines to write on stderr. */
export function endingOf(thrown: unknown): {
  readonly exitCode: ExitCode
  readonly lines: readonly string[]
} {
  if (thrown instanceof CommandError) return { exitCode: thrown.exitCode, lines: [thrown.message] }
  if (thrown instanceof ConfigError) return { exitCode: exitCodes.config, lines: thrown.mistakes }
  if (thrown instanceof AccessError) return { exitCode: exitCodes.config, lines: [thrown.message] }
  if (thrown instanceof ListenError || thrown instanceof UnavailableError) {
    return { exitCode: exitCodes.unavailable, lines: [thrown.message] }
  }
  if (thrown instanceof EnckeError) return { exitCode: exitCodes.internal, lines: [thrown.message] }
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : errorText(thrown)
  return { exitCode: exitCodes.internal, lines: [`Internal error: ${text}`] }
}
