/**
 * The browser client: one connection to a node that comes back by itself.
 *
 * Owns the state machine closed → connecting → connected → waiting → connecting …, one method per transition. What must
 * outlive a connection (subscriptions, waiting commands) is handed to every new one; all else dies with it. Runs in
 * pages, workers and, given a WebSocket, in Node. Must stay small: types and pure code from protocol/ and codes only.
 */
import type { codes } from '../codes.ts'
import {
  type ConnectResult,
  type PublicationMessage,
  type PublishResult,
  type StatsResult,
  type UsersResult,
  userChannel,
} from '../protocol/messages.ts'
import type { Client, ClientEvents, ClientOptions, ClientState, Subscription } from './api.ts'
import { type BackoffBounds, backoffMs, isFinalCode } from './backoff.ts'
import { type ClientError, localError } from './client-error.ts'
import { Connection, type ConnectionEnd, hasFailed } from './connection.ts'
import { Emitter } from './emitter.ts'
import { Requests } from './requests.ts'
import { type SocketConstructor, type SocketLike, socketUrl } from './socket.ts'
import { Subscriptions } from './subscriptions.ts'
import { platformTimers, type Timers } from './timers.ts'

export type * from './api.ts'
export type { ClientError, LocalErrorName } from './client-error.ts'
export type { SocketConstructor, SocketLike } from './socket.ts'
export type { Timers } from './timers.ts'

const MIN_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 20_000
const CONNECT_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 10_000
/** Below the hundred commands per second that nodes allow, with room for the subscriptions of a reconnect. */
const MAX_QUEUED = 64

/** No code: the attempt ended here or without one (RFC 6455 §7.1.5). */
const ABNORMAL = 1006
const ABORTED = 0
const TOKEN_EXPIRED = 3542 satisfies (typeof codes)['TOKEN_EXPIRED']['close']
const TOKEN_EXPIRED_REPLY = 142 satisfies (typeof codes)['TOKEN_EXPIRED']['reply']

/** `retry: false` = do not come back. */
type AttemptEnd = ConnectionEnd & { readonly retry?: boolean }

/**
 * Creates a client; connect() starts it.
 *
 * @throws {TypeError} when `url` is no address, or there is no WebSocket to use
 */
export function createClient(options: ClientOptions = {}): Client {
  return new ReconnectingClient(options)
}

class ReconnectingClient implements Client {
  readonly #options: ClientOptions
  readonly #url: string
  readonly #WebSocket: SocketConstructor
  readonly #timers: Timers
  readonly #random: () => number
  readonly #backoff: BackoffBounds
  readonly #events = new Emitter<ClientEvents>()
  readonly #requests: Requests
  readonly #subscriptions: Subscriptions
  #now: ClientState = { state: 'closed', code: ABORTED, reason: 'Not connected yet' }
  #connection: Connection | null = null
  /** Counts attempts, so that what belongs to an earlier one can tell that it is over. */
  #turn = 0
  /** Attempts that failed since the last connection. */
  #failures = 0
  /** A fresh token has been tried since the last connection because the one before had run out. */
  #hasRenewed = false
  #cancelTimer: () => void = () => {}

  constructor(options: ClientOptions) {
    const WebSocket = options.WebSocket ?? globalThis.WebSocket
    if (WebSocket === undefined) throw new TypeError('No WebSocket here: give one as option WebSocket')
    this.#options = options
    this.#url = socketUrl(options.url)
    this.#WebSocket = WebSocket
    this.#timers = options.timers ?? platformTimers
    this.#random = options.random ?? Math.random
    this.#backoff = { minMs: MIN_BACKOFF_MS, maxMs: MAX_BACKOFF_MS, ...options.backoff }
    this.#requests = new Requests(this.#timers, {
      timeoutMs: options.timeoutMs ?? REQUEST_TIMEOUT_MS,
      maxQueued: options.maxQueued ?? MAX_QUEUED,
    })
    this.#subscriptions = new Subscriptions({
      failed: (error) => this.#fail(error),
      later: (refusals, run) =>
        this.#timers.after(this.#backoff.minMs + backoffMs(this.#backoff, refusals, this.#random()), run),
    })
  }

  get state(): ClientState['state'] {
    return this.#now.state
  }

  connect(): void {
    if (this.state === 'connecting' || this.state === 'connected') return
    this.#requests.open()
    this.#attempt()
  }

  disconnect(): void {
    if (this.state !== 'closed') this.#close(ABORTED, 'Closed by disconnect()')
  }

  subscribe(channel: string, callback: (publication: PublicationMessage) => void): Subscription {
    return this.#subscriptions.add(channel, callback)
  }

  async publish(channel: string, data: unknown, options: { event?: string } = {}): Promise<PublishResult> {
    if (data === undefined) throw new TypeError('Cannot publish undefined: it has no JSON form')
    return this.#requests.ask('publish', { channel, data, event: options.event })
  }

  stats(channel: string): Promise<StatsResult> {
    return this.#requests.ask('stats', { channel })
  }

  users(ids: readonly string[]): Promise<UsersResult> {
    return this.#requests.ask('users', { ids })
  }

  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** closed, waiting → connecting */
  #attempt(): void {
    this.#cancelTimer()
    const turn = ++this.#turn
    const limitMs = this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    this.#cancelTimer = this.#timers.after(limitMs, () =>
      this.#lose({ code: ABNORMAL, reason: `No answer within ${limitMs} ms` }),
    )
    this.#move({ state: 'connecting', attempt: this.#failures + 1 })
    if (turn !== this.#turn) return // a listener called disconnect()
    if (this.#options.getToken === undefined) this.#open(this.#options.token)
    else void this.#openWithToken(this.#options.getToken, turn)
  }

  async #openWithToken(getToken: () => string | Promise<string>, turn: number): Promise<void> {
    try {
      const token = await getToken()
      if (turn === this.#turn) this.#open(token)
    } catch (thrown) {
      if (turn !== this.#turn) return
      const reason = `getToken failed: ${thrown instanceof Error ? thrown.message : thrown}`
      this.#fail(localError('TOKEN_FAILED', reason))
      if (turn === this.#turn) this.#lose({ code: ABNORMAL, reason })
    }
  }

  #open(token: string | undefined): void {
    const socket = this.#createSocket()
    if (socket === null) return
    const connection = new Connection(socket, this.#timers, {
      opened: () => {
        connection.send('connect', JSON.stringify({ token }), (outcome) => {
          if (!hasFailed(outcome)) this.#accepted(connection, outcome)
          else if (outcome.name !== 'CONNECTION_LOST') this.#refused(outcome)
        })
        // Sent without waiting for the answer: one round trip less after every reconnect.
        this.#subscriptions.attach(connection)
      },
      publication: (publication) => this.#deliver(publication),
      failed: (error) => this.#fail(error),
      ended: (end) => this.#lose(end),
    })
    this.#connection = connection
  }

  /** A platform that forbids the address, such as ws: from an https: page, will go on forbidding it. */
  #createSocket(): SocketLike | null {
    try {
      return new this.#WebSocket(this.#url)
    } catch (thrown) {
      this.#lose({ code: ABNORMAL, reason: `No WebSocket to be had: ${thrown}`, retry: false })
      return null
    }
  }

  /** connecting → connected */
  #accepted(connection: Connection, { session, user, pingMs }: ConnectResult): void {
    this.#cancelTimer()
    this.#failures = 0
    this.#hasRenewed = false
    connection.watch(pingMs)
    this.#requests.attach(connection)
    this.#move({ state: 'connected', session, user })
  }

  #refused(error: ClientError): void {
    const turn = this.#turn
    this.#fail(error)
    if (turn === this.#turn) this.#lose({ code: error.code, reason: error.message, retry: error.retry })
  }

  /** connecting, connected → waiting, or closed where coming back is no use */
  #lose(end: AttemptEnd): void {
    this.#drop()
    if (this.#isFinal(end)) {
      this.#close(end.code, end.reason)
      return
    }
    const retryInMs = end.retryAfterMs ?? backoffMs(this.#backoff, this.#failures, this.#random())
    this.#failures++
    this.#cancelTimer = this.#timers.after(retryInMs, () => this.#attempt())
    this.#move({ state: 'waiting', code: end.code, reason: end.reason, retryInMs })
  }

  /** A token that ran out is worth one more attempt with a fresh one. */
  #isFinal(end: AttemptEnd): boolean {
    if (end.retry !== false && !isFinalCode(end.code)) return false
    const isExpired = end.code === TOKEN_EXPIRED || end.code === TOKEN_EXPIRED_REPLY
    if (!isExpired || this.#hasRenewed || this.#options.getToken === undefined) return true
    this.#hasRenewed = true
    return false
  }

  /** any → closed */
  #close(code: number, reason: string): void {
    this.#drop()
    this.#failures = 0
    this.#hasRenewed = false
    this.#requests.close(reason)
    this.#move({ state: 'closed', code, reason })
  }

  /** Ends the attempt or connection there is, and all that hangs on it. */
  #drop(): void {
    this.#turn++
    this.#cancelTimer()
    const connection = this.#connection
    this.#connection = null
    this.#requests.detach()
    this.#subscriptions.detach()
    connection?.close()
  }

  #move(next: ClientState): void {
    this.#now = next
    this.#events.emit('state', next)
  }

  #deliver(publication: PublicationMessage): void {
    const own = this.#now.state === 'connected' && this.#now.user !== '' ? userChannel(this.#now.user) : null
    if (publication.channel === own) this.#events.emit('message', publication)
    else this.#subscriptions.deliver(publication)
  }

  /** An error nobody listens for shows in the console of the page. */
  #fail(error: ClientError): void {
    if (!this.#events.emit('error', error)) globalThis.reportError?.(error)
  }
}
