/**
 * The browser client: one connection to a node that comes back by itself.
 *
 * Owns the state machine closed → connecting → connected → waiting → connecting …, one method per transition. What must
 * outlive a connection (subscriptions, commands, the session's capsule) is handed to every new one; all else dies with it.
 * Runs in pages, workers and, given a WebSocket, in Node. Must stay small: types and pure code from protocol/ and codes
 * only. Longer than most: the transitions are easier to follow in one place.
 */
import { type codes, isFinalCode } from '../codes.ts'
import type {
  ConnectResult,
  Gap,
  HistoryResult,
  PresenceResult,
  PublicationMessage,
  PublishResult,
  StatsResult,
  StreamPosition,
  UserDataResult,
  UsersResult,
} from '../protocol/messages.ts'
import type {
  Client,
  ClientAddress,
  ClientEvents,
  ClientLogin,
  ClientOptions,
  ClientState,
  HistoryOptions,
  PublishOptions,
  Subscription,
  TransportName,
} from './api.ts'
import { type BackoffBounds, backoffMs } from './backoff.ts'
import type { ClientError } from './client-error.ts'
import { ABNORMAL, Connection, hasFailed, SESSION_OVER, type Told } from './connection.ts'
import { Emitter } from './emitter.ts'
import { watchPage } from './page-events.ts'
import { Probe } from './probe.ts'
import { createKeys } from './publish-keys.ts'
import { Requests } from './requests.ts'
import { Session } from './session.ts'
import { type SocketClose, type SocketLike, socketUrl } from './socket.ts'
import { Subscriptions } from './subscriptions.ts'
import { platformTimers, type Timers } from './timers.ts'
import { type GetToken, startRefresh, tokenFailed } from './token-refresh.ts'
import { Transports } from './transports.ts'

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
/** Everybody on a channel is told at once that not all was told: so long they take to ask. */
const PRESENCE_SPREAD_MS = 2_000
const TRANSPORTS: readonly TransportName[] = ['websocket', 'long-poll']

const ABORTED = 0
const TOKEN_EXPIRED: readonly number[] = [
  3542 satisfies (typeof codes)['TOKEN_EXPIRED']['close'],
  142 satisfies (typeof codes)['TOKEN_EXPIRED']['reply'],
]
const CAPSULE_REFUSED: readonly number[] = [
  3046 satisfies (typeof codes)['CAPSULE_INVALID']['close'],
  146 satisfies (typeof codes)['CAPSULE_INVALID']['reply'],
  3047 satisfies (typeof codes)['CAPSULE_EXPIRED']['close'],
  147 satisfies (typeof codes)['CAPSULE_EXPIRED']['reply'],
]

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
  readonly #timers: Timers
  readonly #random: () => number
  readonly #backoff: BackoffBounds
  readonly #connectTimeoutMs: number
  readonly #events = new Emitter<ClientEvents>()
  #transports: Transports
  readonly #requests: Requests
  readonly #subscriptions: Subscriptions
  readonly #session: Session
  readonly #probe: Probe
  readonly #nextKey: () => string
  #now: ClientState = { state: 'closed', code: ABORTED, reason: 'Not connected yet' }
  #connection: Connection | null = null
  /** `#connection` began as a probe and is not accepted yet. */
  #isSwitching = false
  /** Counts attempts, so that what belongs to an earlier one can tell that it is over. */
  #turn = 0
  /** Attempts that failed since the last connection. */
  #failures = 0
  /** A fresh token has been tried since the last connection because the one before had run out. */
  #hasRenewed = false
  #cancelTimer: () => void = () => {}
  #stopRefresh: () => void = () => {}
  #leavePage: () => void = () => {}

  constructor(options: ClientOptions) {
    const { timers = platformTimers } = options
    this.#options = options
    this.#timers = timers
    this.#random = options.random ?? Math.random
    this.#backoff = { minMs: MIN_BACKOFF_MS, maxMs: MAX_BACKOFF_MS, ...options.backoff }
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    this.#nextKey = createKeys(this.#random)
    this.#session = new Session({
      message: (publication) => this.#events.emit('message', publication),
      gap: (gap) => this.#events.emit('gap', gap),
      acknowledge: (position) => this.#connection?.send('ack', JSON.stringify(position), () => {}),
    })
    this.#session.login = options.login
    this.#transports = this.#transportsTo(options)
    this.#probe = new Probe({
      timers,
      timeoutMs: this.#connectTimeoutMs,
      isNeeded: () => this.#transports.isFallback,
      open: () => this.#converse(this.#transports.open(true), (connection) => this.#switchTo(connection)),
    })
    this.#requests = new Requests(timers, {
      timeoutMs: options.timeoutMs ?? REQUEST_TIMEOUT_MS,
      maxQueued: options.maxQueued ?? MAX_QUEUED,
      random: this.#random,
    })
    this.#subscriptions = new Subscriptions({
      failed: (error) => this.#fail(error),
      presence: (channel) => this.presence(channel),
      later: (refusals, run) =>
        timers.after(this.#backoff.minMs + backoffMs(this.#backoff, refusals, this.#random()), run),
      apart: (run) => timers.after(PRESENCE_SPREAD_MS * this.#random(), run),
    })
  }

  get state(): ClientState['state'] {
    return this.#now.state
  }

  connect(): void {
    if (this.state === 'connecting' || this.state === 'connected') return
    if (this.state === 'closed') this.#open()
    this.#attempt()
  }

  disconnect(): void {
    if (this.state !== 'closed') this.#close(ABORTED, 'Closed by disconnect()')
  }

  login(login: ClientLogin, to?: ClientAddress): void {
    if (to !== undefined) {
      this.#transports = this.#transportsTo(to)
      this.#failures = 0
    }
    this.#session.leave(login)
    if (this.state === 'closed') return
    this.#drop(SESSION_OVER)
    this.#attempt()
  }

  subscribe(channel: string, callback: (publication: PublicationMessage) => void): Subscription {
    return this.#subscriptions.add(channel, callback)
  }

  async publish(channel: string, data: unknown, options: PublishOptions = {}): Promise<PublishResult> {
    if (data === undefined) throw new TypeError('Cannot publish undefined: it has no JSON form')
    const key = options.key ?? this.#nextKey()
    const { event, echo } = options
    return this.#requests.ask('publish', { channel, data, event, key, echo }, (place) => {
      if (echo === false) this.#subscriptions.own(channel, place)
    })
  }

  history(channel: string, { since, limit, reverse }: HistoryOptions = {}): Promise<HistoryResult> {
    return this.#requests.ask('history', { channel, since, limit, reverse })
  }

  presence(channel: string): Promise<PresenceResult> {
    return this.#requests.ask('presence', { channel })
  }

  stats(channel: string): Promise<StatsResult> {
    return this.#requests.ask('stats', { channel })
  }

  users(ids: readonly string[]): Promise<UsersResult> {
    return this.#requests.ask('users', { ids })
  }

  userData(user: string): Promise<UserDataResult> {
    return this.#requests.ask('userData', { user })
  }

  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  #transportsTo({ url, transports: names = TRANSPORTS }: ClientAddress): Transports {
    const { WebSocket = globalThis.WebSocket, fetch } = this.#options
    if (WebSocket === undefined && names.includes('websocket')) {
      throw new TypeError('No WebSocket here: give one as option WebSocket')
    }
    return new Transports({
      url: socketUrl(url),
      names,
      WebSocket,
      session: {
        fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)),
        timers: this.#timers,
        capsule: () => this.#session.capsule,
        positions: () => Object.fromEntries(this.#positions()),
      },
    })
  }

  /** closed → about to connect */
  #open(): void {
    this.#requests.open()
    this.#leavePage = watchPage(this.#options.page ?? globalThis, {
      offline: () => this.#wentOffline(),
      online: () => this.#cameOnline(),
      woken: () => this.#connection?.check(),
    })
  }

  /** closed, waiting → connecting */
  #attempt(): void {
    this.#cancelTimer()
    const turn = ++this.#turn
    this.#limitAttempt()
    this.#move({ state: 'connecting', attempt: this.#failures + 1 })
    if (turn !== this.#turn) return // a listener called disconnect()
    if (this.#options.getToken === undefined) this.#begin(this.#options.token)
    else void this.#beginWithToken(this.#options.getToken, turn)
  }

  #limitAttempt(): void {
    const limitMs = this.#connectTimeoutMs
    this.#cancelTimer = this.#timers.after(limitMs, () =>
      this.#lose({ code: ABNORMAL, reason: `No answer within ${limitMs} ms` }),
    )
  }

  async #beginWithToken(getToken: GetToken, turn: number): Promise<void> {
    try {
      const token = await getToken()
      if (turn === this.#turn) this.#begin(token)
    } catch (thrown) {
      if (turn !== this.#turn) return
      const error = tokenFailed(thrown)
      this.#fail(error)
      if (turn === this.#turn) this.#lose({ code: ABNORMAL, reason: error.message })
    }
  }

  /** A platform that forbids an address, such as ws: from an https: page, will go on forbidding it. */
  #begin(token: string | undefined): void {
    this.#session.token = token
    const { name } = this.#transports
    try {
      this.#connection = this.#converse(this.#transports.open(), (connection) => this.#introduce(connection))
    } catch (thrown) {
      if (this.#transports.forbidden()) this.#begin(token)
      else this.#lose({ code: ABNORMAL, reason: `No ${name} to be had: ${thrown}`, retry: false })
    }
  }

  #converse(socket: SocketLike, opened: (connection: Connection) => void): Connection {
    const connection = new Connection(socket, this.#timers, {
      opened: () => opened(connection),
      told: (message) => this.#told(message),
      failed: (error) => this.#fail(error),
      ended: (end) => {
        if (connection === this.#connection) this.#lose(end)
        else this.#probe.later()
      },
    })
    return connection
  }

  /** Says who this is; the session goes on where there was one. */
  #introduce(connection: Connection): void {
    connection.send('connect', this.#session.introduction(), (outcome) => {
      if (!hasFailed(outcome)) this.#accepted(connection, outcome)
      else if (outcome.name !== 'CONNECTION_LOST') this.#refused(outcome)
    })
    // Sent without waiting for the answer: one round trip less after every reconnect.
    this.#subscriptions.attach(connection)
  }

  /** connecting → connected */
  #accepted(connection: Connection, result: ConnectResult): void {
    const { session, user, pingMs, expiresInMs, login } = result
    this.#cancelTimer()
    this.#failures = 0
    this.#hasRenewed = false
    this.#transports.worked(this.#isSwitching)
    this.#isSwitching = false
    this.#probe.later()
    this.#keepTokenFresh(connection, expiresInMs)
    connection.watch(pingMs)
    this.#requests.attach(connection)
    this.#session.begin(result)
    if (connection !== this.#connection) return // a listener called disconnect()
    const { name: transport } = this.#transports
    this.#move({ state: 'connected', session, user, transport, ...(login && { login }) })
  }

  #refused(error: ClientError): void {
    const turn = this.#turn
    this.#fail(error)
    if (turn === this.#turn) this.#lose({ code: error.code, reason: error.message, retry: error.retry })
  }

  /** connecting, connected → waiting, or closed where coming back is no use */
  #lose(end: SocketClose): void {
    const connection = this.#connection
    // A node that was reached over the preferred transport and went again is looked for over the fallback at once.
    const isProbe = this.#isSwitching
    this.#drop()
    if (connection !== null && !connection.hasHeard && !isProbe) this.#transports.failed()
    if (CAPSULE_REFUSED.includes(end.code)) this.#session.capsule = undefined
    if (this.#isFinal(end)) {
      this.#close(end.code, end.reason)
      return
    }
    const backoff = isProbe ? 0 : backoffMs(this.#backoff, this.#failures, this.#random())
    const retryInMs = end.retryAfterMs ?? backoff
    this.#failures++
    this.#cancelTimer = this.#timers.after(retryInMs, () => this.#attempt())
    this.#move({ state: 'waiting', code: end.code, reason: end.reason, retryInMs })
  }

  /** A token that ran out is worth one more attempt with a fresh one. */
  #isFinal({ code, retry }: SocketClose): boolean {
    if (retry !== false && !isFinalCode(code)) return false
    if (!TOKEN_EXPIRED.includes(code) || this.#hasRenewed || this.#options.getToken === undefined) return true
    this.#hasRenewed = true
    return false
  }

  /** connecting, connected, waiting → waiting for the network */
  #wentOffline(): void {
    this.#drop()
    this.#move({ state: 'waiting', code: ABORTED, reason: 'Offline', retryInMs: Number.POSITIVE_INFINITY })
  }

  #cameOnline(): void {
    this.#transports.forget()
    this.#probe.hurry()
    this.#failures = 0
    if (this.state === 'waiting') this.#attempt()
    else if (this.state === 'connected') {
      this.#connection?.check()
      this.#probe.now()
    }
  }

  /** any → closed */
  #close(code: number, reason: string): void {
    this.#drop(SESSION_OVER)
    this.#leavePage()
    this.#failures = 0
    this.#hasRenewed = false
    this.#session.capsule = undefined
    this.#requests.close(reason)
    this.#move({ state: 'closed', code, reason })
  }

  /** Ends the attempt or connection there is, and all that hangs on it. */
  #drop(code?: number): void {
    this.#turn++
    this.#cancelTimer()
    this.#probe.stop()
    this.#isSwitching = false
    this.#release(code)
  }

  /** Ends the connection; what must outlive it waits for the next one. */
  #release(code?: number): void {
    this.#stopRefresh()
    const connection = this.#connection
    this.#connection = null
    this.#requests.detach()
    this.#subscriptions.detach()
    connection?.close(code)
  }

  /** The node moves the session, and the subscriptions go on from where they were. */
  #switchTo(connection: Connection): void {
    this.#probe.release()
    this.#release()
    this.#connection = connection
    this.#isSwitching = true
    this.#limitAttempt()
    this.#introduce(connection)
  }

  #keepTokenFresh(connection: Connection, expiresInMs: number | undefined): void {
    const { getToken } = this.#options
    if (getToken === undefined || expiresInMs === undefined) return
    this.#stopRefresh = startRefresh(this.#timers, connection, {
      restMs: expiresInMs,
      getToken,
      renewed: (token) => {
        this.#session.token = token
      },
      failed: (error) => this.#fail(error),
    })
  }

  #told(message: Told): void {
    if ('offset' in message) this.#deliver(message)
    else if ('gap' in message) this.#skip(message.channel, message.gap)
    else if ('presence' in message) this.#subscriptions.presence(message)
    else if ('error' in message) this.#subscriptions.refusal(message)
    else if ('capsule' in message) this.#session.capsule = message.capsule
    else if ('sum' in message) this.#compare(message.sum)
  }

  #deliver(publication: PublicationMessage): void {
    if (this.#session.owns(publication.channel)) this.#session.publication(publication)
    else this.#subscriptions.publication(publication)
  }

  #skip(channel: string, gap: Gap): void {
    const isOwn = this.#session.owns(channel)
    const isKnown = isOwn ? this.#session.gap(gap) : this.#subscriptions.gap(channel, gap)
    if (!isKnown) this.#lose({ code: ABNORMAL, reason: `Channel "${channel}" has begun anew` })
  }

  /** A node that has sent more than came here has sent it in vain: the next connection asks for it again. */
  #compare(sum: number): void {
    if (!this.#subscriptions.isSettled) return
    let own = 0
    for (const { offset } of this.#positions().values()) own += offset
    if (sum > own) this.#lose({ code: ABNORMAL, reason: 'Messages were lost on the way' })
  }

  /** Where the page has got to in every channel the node sends it. */
  #positions(): Map<string, StreamPosition> {
    const positions = this.#subscriptions.positions()
    this.#session.addPosition(positions)
    return positions
  }

  #move(next: ClientState): void {
    this.#now = next
    this.#events.emit('state', next)
  }

  /** An error nobody listens for shows in the console of the page. */
  #fail(error: ClientError): void {
    if (!this.#events.emit('error', error)) globalThis.reportError?.(error)
  }
}
