/**
 * From a decoded message of a client to the reply it gets, whichever transport it came by.
 *
 * Owns that way: shape, order and rate, then the command itself, and the reply to each of these going wrong. What can't be
 * done now is answered with its own code; a fault of our own is logged and answered as INTERNAL. Nothing is thrown.
 */
import { type CodeName, errorFace } from '../codes.ts'
import { hasFailed } from '../core/broker.ts'
import type { Commands } from '../core/commands.ts'
import type { Eventually } from '../core/eventually.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import { errorText, UnavailableError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Command, CommandResult, Reply } from '../protocol/messages.ts'
import { type ParsedCommand, parseCommand } from '../protocol/parse-command.ts'

/** Commands whose replies may be large. */
const BULKY: ReadonlySet<Command['kind']> = new Set(['history', 'presence', 'users'])

export interface CommandRunner {
  /**
   * @param message as it was decoded
   * @param hasRoom false = replies wait to be taken: commands with large ones are refused as BUSY
   */
  run(session: Session, message: unknown, hasRoom: boolean): Eventually<Reply>
  /** The reply to what could not be done. */
  failed(id: number, code: CodeName, text: string): Reply
}

export interface CommandRunnerDeps {
  readonly commands: Commands
  readonly observer: Observer
  readonly log: Logger
}

export function createCommandRunner({ commands, observer, log }: CommandRunnerDeps): CommandRunner {
  function failed(id: number, code: CodeName, text: string): Reply {
    observer.commandFailed(code)
    return { id, error: errorFace(code, text) }
  }

  function replyOf(id: number, outcome: CommandResult | { failed: CodeName; message: string }): Reply {
    return hasFailed(outcome) ? failed(id, outcome.failed, outcome.message) : { id, ok: outcome }
  }

  function execute(session: Session, { id, command }: ParsedCommand): Eventually<Reply> {
    const fault = (error: unknown) => {
      if (error instanceof UnavailableError) return failed(id, error.code, error.message)
      log.error('Command failed', { command: command.kind, error: errorText(error) })
      return failed(id, 'INTERNAL', 'The node met a fault of its own')
    }
    try {
      const outcome = commands.run(session, command)
      if (!(outcome instanceof Promise)) return replyOf(id, outcome)
      return outcome.then((result) => replyOf(id, result)).catch(fault)
    } catch (error) {
      return fault(error)
    }
  }

  return {
    failed,
    run(session, message, hasRoom) {
      const parsed = parseCommand(message)
      const refusal = commands.admit(session, parsed.id)
      if (refusal !== null) return failed(parsed.id, refusal.failed, refusal.message)
      if ('failed' in parsed) return failed(parsed.id, parsed.failed, parsed.message)
      if (!hasRoom && BULKY.has(parsed.command.kind)) {
        return failed(parsed.id, 'BUSY', 'Replies wait to be read: take them first, then ask again')
      }
      return execute(session, parsed)
    },
  }
}
