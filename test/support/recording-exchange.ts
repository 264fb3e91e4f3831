/**
 * An HTTP exchange without a socket, for tests of the transports.
 *
 * Owns an `Exchange` that remembers how it was answered and what was written to it; a test says whether its peer reads.
 * Knows no protocol. Bound: everything written is kept.
 */
import type { Exchange, ExchangeMethod } from '../../src/uws/exchange.ts'

export interface RecordedAnswer {
  readonly status: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface RecordingExchange extends Exchange {
  /** Null until it was answered as a whole. */
  readonly answered: RecordedAnswer | null
  /** What was written to the stream, a text for each write. */
  readonly written: readonly string[]
  readonly isEnded: boolean
  readonly isAborted: boolean
  /** Its peer goes away. */
  leave(): void
  /** Whether its peer reads; while it does not, `write` returns false. */
  isReading: boolean
}

export interface RequestOptions {
  readonly method?: ExchangeMethod
  readonly path?: string
  readonly query?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** How much its peer takes before it no longer reads as fast; default: any */
  readonly takesBytes?: number
}

export function recordingExchange(options: RequestOptions = {}): RecordingExchange {
  const {
    method = 'POST',
    path = '/',
    query = '',
    body = '',
    headers = {},
    takesBytes = Number.POSITIVE_INFINITY,
  } = options
  let writtenBytes = 0
  const written: string[] = []
  let answered: RecordedAnswer | null = null
  let isEnded = false
  let isAborted = false
  let gone: () => void = () => {}
  const header = (name: string) => headers[name] ?? ''
  return {
    method,
    path,
    query,
    body: Buffer.from(body),
    header,
    lastHeader: header,
    address: () => '127.0.0.1',
    isReading: true,
    written,
    get answered() {
      return answered
    },
    get isEnded() {
      return isEnded
    },
    get isAborted() {
      return isAborted
    },
    get isOpen() {
      return answered === null && !isEnded && !isAborted
    },
    onGone(run) {
      gone = run
    },
    leave() {
      if (!this.isOpen) return
      isAborted = true
      gone()
    },
    onRoom() {},
    answer(status, headers, body) {
      answered ??= { status, headers, body: body.toString() }
    },
    startStream() {},
    write(bytes) {
      written.push(bytes.toString())
      writtenBytes += bytes.length
      return this.isReading && writtenBytes <= takesBytes
    },
    endStream() {
      isEnded = true
    },
    abort() {
      isAborted = true
    },
  }
}
