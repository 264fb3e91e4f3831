/**
 * The logger, behind an interface so that core never knows which one it is.
 *
 * Owns the `Logger` interface, its pino implementation (JSON lines on stderr), and the rate limit for repeated
 * warnings. Message text is constant, data goes into fields; never payloads, never tokens.
 */
import { pino } from 'pino'

export type LogFields = Readonly<Record<string, unknown>>

export interface Logger {
  trace(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** A logger that writes JSON lines to stderr, synchronously, so that the last line before an exit is not lost. */
export function createLogger(level: LogLevel): Logger {
  return wrap(pino({ level, base: null }, pino.destination({ dest: 2, sync: true })))
}

/** Says nothing; for tests and tools. */
export const silentLogger: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
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

/**
 * Lets one warning of a kind through per `everyMs` and counts the rest into the next one (`repeated`).
 *
 * Bound: one entry per kind; kinds are constants of the code, never input.
 */
export function limitRepeats(log: Logger, everyMs: number, nowMs: () => number) {
  const seen = new Map<string, { until: number; held: number }>()
  return (kind: string, fields: LogFields): void => {
    const now = nowMs()
    const entry = seen.get(kind)
    if (entry !== undefined && now < entry.until) {
      entry.held++
      return
    }
    log.warn(kind, entry?.held ? { ...fields, repeated: entry.held } : fields)
    seen.set(kind, { until: now + everyMs, held: 0 })
  }
}
