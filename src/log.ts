/**
 * The logger as everyone sees it.
 *
 * Owns the `Logger` interface and the rate limit for repeated warnings. Message text is constant, data goes into
 * fields; never payloads, never tokens. json-log.ts implements it.
 */
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

/** Says nothing; for tests and tools. */
export const silentLogger: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
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
