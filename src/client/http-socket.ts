/**
 * The half of a `WebSocket` that HTTP transports share.
 *
 * Owns the queue of commands, so that all of one turn leave in one request; the requests under way, each with a limit to its
 * silence; and what an HTTP error means for the connection. long-poll.ts and sse.ts say when to send what. Must not
 * remember positions or the capsule: the client keeps them, and they are asked for at every request.
 */
import type { ErrorFace } from '../codes.ts'
import type { ByeMessage, StreamPosition } from '../protocol/messages.ts'
import type { SocketClose, SocketLike, SocketMessage } from './socket.ts'
import type { Timers } from './timers.ts'

const ABNORMAL = 1006
/** How long a request that carries commands may take. */
export const COMMAND_LIMIT_MS = 10_000
const NOT_FOUND = 404
/** Characters of commands in one request. Nodes take 64 KiB unless set otherwise, of which positions need some. */
const MAX_BATCH_LENGTH = 16_384

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** What the client knows of its session, and how to reach the node. */
export interface HttpSession {
  readonly fetch: Fetch
  readonly timers: Timers
  /** Undefined until the node gave one */
  capsule(): string | undefined
  /** Of every channel the session is subscribed to, its own among them */
  positions(): Readonly<Record<string, StreamPosition>>
}

/** Reads an answer to its end; to call `alive` grants it the whole limit anew. */
type Read = (answer: Response, alive: () => void) => Promise<void>

export class HttpSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readonly isSelfWatching = true
  isClosed = false
  readonly #session: HttpSession
  readonly #flush: () => void
  readonly #requests = new Set<AbortController>()
  readonly #commands: string[] = []
  #isFlushDue = false

  /** @param flush called at the end of every turn in which commands were sent */
  constructor(session: HttpSession, flush: () => void) {
    this.#session = session
    this.#flush = flush
    queueMicrotask(() => {
      if (!this.isClosed) this.onopen?.(undefined as never)
    })
  }

  send(text: string): void {
    this.#commands.push(text)
    this.flushSoon()
  }

  close(): void {
    this.isClosed = true
    for (const request of this.#requests) request.abort()
  }

  flushSoon(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    queueMicrotask(() => {
      this.#isFlushDue = false
      if (!this.isClosed) this.#flush()
    })
  }

  /** Commands that wait to be sent, as many as fit into one request; from now on they do not. */
  takeCommands(): unknown[] {
    let length = 0
    const end = this.#commands.findIndex((text, index) => {
      length += text.length
      return index > 0 && length > MAX_BATCH_LENGTH
    })
    const taken = this.#commands.splice(0, end < 0 ? this.#commands.length : end)
    return taken.map((text) => JSON.parse(text) as unknown)
  }

  /** Hands messages of the node on, until one of them ends it. */
  deliver(messages: readonly unknown[]): void {
    for (const data of messages) {
      if (this.isClosed) return
      const message: SocketMessage = { data }
      this.onmessage?.(message as never)
      if (isBye(data)) this.end(data.bye)
    }
  }

  /** Ends it from the side of the node. */
  end(end: SocketClose): void {
    if (this.isClosed) return
    this.close()
    this.onclose?.(end as never)
  }

  /**
   * Sends a request. Text needs no leave of the node's (CORS preflight) on pages of other origins.
   *
   * @param limitMs silence after which it has failed
   * @returns null once the answer was read, else how the connection ends
   */
  async post(url: string, body: object, limitMs: number, read: Read): Promise<SocketClose | null> {
    const request = new AbortController()
    this.#requests.add(request)
    let cancel: () => void = () => {}
    const alive = () => {
      cancel()
      cancel = this.#session.timers.after(limitMs, () => request.abort())
    }
    alive()
    try {
      const answer = await this.#session.fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: JSON.stringify(body),
        cache: 'no-store',
        credentials: 'omit',
        signal: request.signal,
      })
      if (!answer.ok) return await endOf(answer)
      await read(answer, alive)
      return null
    } catch (thrown) {
      return { code: ABNORMAL, reason: String(thrown) }
    } finally {
      cancel()
      this.#requests.delete(request)
    }
  }
}

/**
 * The messages of an answer.
 *
 * @throws {TypeError} when it is something else, such as the login page of a hotel
 */
export async function messagesOf(answer: Response): Promise<unknown[]> {
  const messages: unknown = await answer.json()
  if (!Array.isArray(messages)) throw new TypeError('The answer is not a list of messages')
  return messages
}

/** A node says why; whatever else answers is only in the way, and so is a node that does not know the path. */
async function endOf(answer: Response): Promise<SocketClose> {
  const body = (await answer.json().catch(() => null)) as { error?: ErrorFace } | null
  const seconds = Number(answer.headers.get('retry-after'))
  const retryAfterMs = seconds > 0 ? seconds * 1_000 : undefined
  const error = body?.error
  if (error === undefined || answer.status === NOT_FOUND) {
    return { code: ABNORMAL, reason: `HTTP status ${answer.status}`, retryAfterMs }
  }
  return { code: error.code, reason: error.message, retry: error.retry, retryAfterMs }
}

export function isBye(message: unknown): message is ByeMessage {
  return typeof message === 'object' && message !== null && 'bye' in message
}
