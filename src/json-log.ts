/**
 * The logger of a node: JSON lines on stderr.
 *
 * Owns the pino behind the `Logger` interface, apart from it because loading pino takes longer than most commands run.
 */
import { pino } from 'pino'
import type { Logger, LogLevel } from './log.ts'

/** A logger that writes JSON lines to stderr, synchronously, so that the last line before an exit is not lost. */
export function createLogger(level: LogLevel): Logger {
  return wrap(pino({ level, base: null }, pino.destination({ dest: 2, sync: true })))
}

function wrap(target: pino.Logger): Logger {
  return {
    trace: (message, fields) => target.trace(fields ?? {}, message),
    debug: (message, fields) => target.debug(fields ?? {}, message),
    info: (message, fields) => target.info(fields ?? {}, message),
    warn: (message, fields) => target.warn(fields ?? {}, message),
    error: (message, fields) => target.error(fields ?? {}, message),
    child: (fields) => wrap(target.child(fields)),
  }
}
