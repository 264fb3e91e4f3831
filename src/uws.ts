/**
 * The only file where uWebSockets.js appears.
 *
 * Owns loading and probing the native library, and a small front on it that keeps its traps away from everyone else:
 * request fields are read before any handler returns, no exception reaches native code, a WebSocket route exists
 * before the first publish, upgrades are synchronous, every listener has a deep accept queue, and an HTTP answer of
 * any size arrives whole. Backpressure is a returned status. A waiting exchange costs one object and one closure. Must
 * not know sessions, channels or the protocol. Longer than others because the library may appear in no other file:
 * loading comes first, then the app, WebSockets, plain HTTP and exchanges.
 */

import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket, WebSocket } from 'uWebSockets.js'
import { ConfigError, errorText, ListenError } from './errors.ts'
import { claimPort } from './uws/claim-port.ts'
import type { Exchange, ExchangeMethod, ExchangeRoute } from './uws/exchange.ts'
import { describeLoadFailure, platformText, SWAP_REMEDY } from './uws/load-failure.ts'

/** Each listen call adds an accept queue of 512 connections (fixed in the library). */
const ACCEPT_QUEUES = 4

// So much fits the library's 16 KB cork buffer, behind a head below 8 KB. What does not fit makes it flush first, and
// when that flush meets a full socket, bytes can get lost: a longer answer is given in pieces.
const PIECE_BYTES = 8_192

/** So much of a body beyond its bound is read and thrown away; then the connection is closed without an answer. */
const SWALLOWED_BYTES = 16_777_216

const noBytes = Buffer.alloc(0)

export type SendStatus = 'sent' | 'buffered' | 'dropped'

/** What the loaded binary can do beyond the least that Encke needs. */
export interface UwsCapabilities {
  readonly filter: boolean
  readonly descriptors: boolean
}

interface Held<Data> {
  readonly held: Data
}

/** A WebSocket of the library; calls throw after its close handler ran. */
export type Socket<Data> = WebSocket<Held<Data>>

/** The fields of an upgrade request; valid only until the `upgrade` handler returns. */
export interface UpgradeRequest {
  /** Value of a header, '' when absent; the name in lower case. */
  header(name: string): string
  /** Value of the last of several headers of one name, '' when absent: the one a proxy in front of us added. */
  lastHeader(name: string): string
  /** Address of the peer as text. */
  address(): string
  /** Path and query as they were sent. */
  url(): string
}

export type UpgradeAnswer<Data> =
  | { readonly accept: Data; readonly protocol: string }
  | { readonly refuse: HttpAnswer }

export interface HttpAnswer {
  /** Such as `404 Not Found` */
  readonly status: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string
}

export interface WebSocketRoute<Data> {
  readonly path: string
  readonly maxPayloadBytes: number
  readonly maxBackpressureBytes: number
  readonly idleTimeoutMs: number
  upgrade(request: UpgradeRequest): UpgradeAnswer<Data>
  open(data: Data, socket: Socket<Data>): void
  /** `bytes` is valid only until this returns. */
  message(data: Data, bytes: Buffer, isBinary: boolean): void
  /**
   * A message was lost for this socket. Of published ones it is the first of the turn, all after it are lost too. Valid
   * only until this returns.
   */
  dropped(data: Data, message: Buffer): void
  /** Some of what was buffered has left. */
  drain(data: Data): void
  /** The socket is gone; `reason` is the library's own text for code 1006. */
  close(data: Data, code: number, reason: string): void
}

/** The public listener: routes first, then listen, then publish. */
export interface PublicApp {
  webSocket<Data>(route: WebSocketRoute<Data>): void
  /** GET and HEAD of one path. */
  get(path: string, answer: (path: string) => HttpAnswer): void
  /** Requests to one path whose answer may take its time. */
  exchange(route: ExchangeRoute): void
  /** Any other request. */
  fallback(answer: (path: string) => HttpAnswer): void
  /** Publishes to a native topic; true when the topic has a subscriber, false with none. */
  publish(topic: string, bytes: Buffer, isBinary: boolean): boolean
  /** Sockets on a native topic; a look-up, not a count. */
  subscribers(topic: string): number
  /** Opens the port (0 = a free one) and resolves to its number. @throws {ListenError} */
  listen(host: string, port: number): Promise<number>
  /** Stops accepting; open connections stay. */
  stopListening(): void
  /** Closes every connection at once. */
  close(): void
}

export interface Uws {
  readonly version: string
  readonly capabilities: UwsCapabilities
  createApp(onFault: (error: unknown) => void): PublicApp
}

type UwsModule = typeof import('uWebSockets.js')

/**
 * Loads the native library and looks at what it can do.
 *
 * @throws {ConfigError} one line that names the cause (Node version, libc found and needed, platform) and the remedy
 */
export async function loadUws(): Promise<Uws> {
  const module = await importModule()
  const capabilities = probeCapabilities(module.App())
  return {
    version: versionOf(capabilities),
    capabilities,
    createApp: (onFault) => createApp(module, onFault),
  }
}

/** Result of `send` as a word. @see uws-facts: 1 sent, 0 queued in user space, 2 dropped */
export function sendStatus(code: number): SendStatus {
  return code === 1 ? 'sent' : code === 0 ? 'buffered' : 'dropped'
}

async function importModule(): Promise<UwsModule> {
  let loaded: UwsModule & { default?: UwsModule }
  try {
    loaded = await import('uWebSockets.js')
  } catch (error) {
    throw new ConfigError([describeLoadFailure(errorText(error))], { cause: error })
  }
  const module = typeof loaded.default?.App === 'function' ? loaded.default : loaded
  if (typeof module.App !== 'function' || !String(module.App).includes('native code')) {
    throw new ConfigError([
      `Cannot use uWebSockets.js: what loaded is not the native library (${platformText()}); ${SWAP_REMEDY}`,
    ])
  }
  return module
}

function probeCapabilities(app: TemplatedApp): UwsCapabilities {
  const has = (target: object, name: string) => typeof Reflect.get(target, name) === 'function'
  if (!has(app, 'publish') || !has(app, 'numSubscribers')) {
    throw new ConfigError([`Cannot use uWebSockets.js: this build has no publish; ${SWAP_REMEDY}`])
  }
  return {
    filter: has(app, 'filter'),
    descriptors: has(app, 'addChildAppDescriptor'),
  }
}

/** The library carries no version; its abilities tell the range. */
function versionOf(capabilities: UwsCapabilities): string {
  if (capabilities.descriptors) return '>=20.49'
  return capabilities.filter ? '>=20.40' : '>=20.35'
}

function createApp(module: UwsModule, onFault: (error: unknown) => void): PublicApp {
  const app = module.App()
  const listeners: us_listen_socket[] = []
  let hasSocketRoute = false

  return {
    webSocket(route) {
      hasSocketRoute = true
      addSocketRoute(app, route, onFault)
    },
    get(path, answer) {
      app.get(path, (response, request) => respond(response, request, answer, onFault))
      app.head(path, (response, request) => respond(response, request, answer, onFault))
    },
    exchange: (route) => addExchangeRoute(app, route, onFault),
    fallback(answer) {
      app.any('/*', (response, request) => respond(response, request, answer, onFault))
    },
    publish(topic, bytes, isBinary) {
      // The library segfaults when it publishes without a WebSocket route.
      return hasSocketRoute && app.publish(topic, bytes, isBinary)
    },
    subscribers: (topic) => (hasSocketRoute ? app.numSubscribers(topic) : 0),
    async listen(host, port) {
      const free = await claimPort(host, port)
      for (let i = 0; i < ACCEPT_QUEUES; i++) listeners.push(await listenOnce(app, host, free))
      return free
    },
    stopListening() {
      for (const listener of listeners.splice(0)) module.us_listen_socket_close(listener)
    },
    close() {
      listeners.length = 0
      app.close()
    },
  }
}

function addSocketRoute<Data>(
  app: TemplatedApp,
  route: WebSocketRoute<Data>,
  onFault: (error: unknown) => void,
): void {
  const view = new UpgradeView()
  app.ws<Held<Data>>(route.path, {
    compression: 0,
    maxPayloadLength: route.maxPayloadBytes,
    maxBackpressure: route.maxBackpressureBytes,
    closeOnBackpressureLimit: false,
    idleTimeout: Math.ceil(route.idleTimeoutMs / 4000) * 4,
    sendPingsAutomatically: true,
    upgrade(response, request, context) {
      view.point(request, response)
      let answer: UpgradeAnswer<Data> | null = null
      try {
        answer = route.upgrade(view)
      } catch (error) {
        onFault(error)
      }
      if (answer === null || 'refuse' in answer) {
        response.onAborted(() => {}) // answered below, before this returns
        write(response, answer === null ? faultAnswer : answer.refuse, true)
        return
      }
      response.upgrade(
        { held: answer.accept },
        request.getHeader('sec-websocket-key'),
        answer.protocol,
        '', // no extension: a compressor would cost memory or time for every receiver
        context,
      )
    },
    open(socket) {
      guarded(() => route.open(socket.getUserData().held, socket), onFault)
    },
    message(socket, message, isBinary) {
      try {
        route.message(socket.getUserData().held, Buffer.from(message), isBinary)
      } catch (error) {
        onFault(error)
      }
    },
    dropped(socket, message) {
      guarded(() => route.dropped(socket.getUserData().held, Buffer.from(message)), onFault)
    },
    drain(socket) {
      guarded(() => route.drain(socket.getUserData().held), onFault)
    },
    close(socket, code, message) {
      const reason = message.byteLength === 0 ? '' : Buffer.from(message).toString()
      guarded(() => route.close(socket.getUserData().held, code, reason), onFault)
    },
  })
}

/** One for all upgrades of a route, because each is over before the next begins. */
class UpgradeView implements UpgradeRequest {
  #request: HttpRequest | null = null
  #response: HttpResponse | null = null

  point(request: HttpRequest, response: HttpResponse): void {
    this.#request = request
    this.#response = response
  }

  header(name: string): string {
    return this.#request?.getHeader(name) ?? ''
  }

  lastHeader(name: string): string {
    return this.#request === null ? '' : lastOf(this.#request, name)
  }

  address(): string {
    return this.#response === null ? '' : addressOf(this.#response)
  }

  url(): string {
    const request = this.#request
    if (request === null) return ''
    const query = request.getQuery()
    return query ? `${request.getUrl()}?${query}` : request.getUrl()
  }
}

function lastOf(request: HttpRequest, name: string): string {
  let last = ''
  request.forEach((key, value) => {
    if (key === name) last = value
  })
  return last
}

function addressOf(response: HttpResponse): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString('latin1')
}

/** An exception that reaches the library's HTTP code aborts the process: it ends here and is reported. */
function guarded<T>(run: () => T, onFault: (error: unknown) => void): T | null {
  try {
    return run()
  } catch (error) {
    onFault(error)
    return null
  }
}

function respond(
  response: HttpResponse,
  request: HttpRequest,
  answer: (path: string) => HttpAnswer,
  onFault: (error: unknown) => void,
): void {
  response.onAborted(() => {}) // answered below, before this returns
  const hasBody = request.getMethod() !== 'head'
  write(response, guarded(() => answer(request.getUrl()), onFault) ?? faultAnswer, hasBody)
}

const faultAnswer: HttpAnswer = { status: '500 Internal Server Error', headers: {}, body: '' }

function write(response: HttpResponse, answer: HttpAnswer, hasBody: boolean): void {
  response.cork(() => {
    writeHead(response, answer)
    // RFC 9110 §8.6: an answer with status 204 has no length.
    if (answer.status.startsWith('204')) response.endWithoutBody()
    else if (hasBody) response.end(answer.body)
    else response.endWithoutBody(Buffer.byteLength(answer.body))
  })
}

type AnswerHead = Pick<HttpAnswer, 'status' | 'headers'>

function writeHead(response: HttpResponse, head: AnswerHead): void {
  response.writeStatus(head.status)
  for (const name in head.headers) response.writeHeader(name, head.headers[name] ?? '')
}

/** What all exchanges of a route and method have in common. */
interface ExchangeKind {
  readonly route: ExchangeRoute
  readonly method: ExchangeMethod
  readonly headerNames: readonly string[]
  readonly onFault: (error: unknown) => void
}

const routeNames = { GET: 'get', POST: 'post', OPTIONS: 'options' } as const

function addExchangeRoute(app: TemplatedApp, route: ExchangeRoute, onFault: (error: unknown) => void): void {
  const headerNames = route.headers
  for (const method of route.methods) {
    const kind: ExchangeKind = { route, method, headerNames, onFault }
    app[routeNames[method]](route.path, (response, request) => {
      const exchange = new HttpExchange(kind, response, request)
      response.onAborted(() => exchange.lost())
      if (method === 'POST') collectBody(response, exchange, route.maxBodyBytes)
      else exchange.arrived(noBytes, false)
    })
  }
}

/** Chunks are the library's memory, so they are copied: one alone into its own size, more into room that doubles. */
function collectBody(response: HttpResponse, exchange: HttpExchange, maxBytes: number): void {
  let body: Buffer = noBytes
  let length = 0
  response.onData((chunk, isLast) => {
    const start = length
    length += chunk.byteLength
    if (isLast && start === 0 && length <= maxBytes) {
      exchange.arrived(Buffer.from(new Uint8Array(chunk)), false) // nearly all of them
      return
    }
    if (length > maxBytes) body = noBytes
    else if (length > body.length) body = Buffer.concat([body], start === 0 ? length : 2 * length)
    if (length <= maxBytes) body.set(new Uint8Array(chunk), start)
    if (isLast) exchange.arrived(body.subarray(0, length), length > maxBytes)
    else if (length > maxBytes + SWALLOWED_BYTES) exchange.abort()
  })
}

const noTexts: readonly string[] = []

function valuesOf(request: HttpRequest, names: readonly string[]): string[] {
  return names.map((name) => request.getHeader(name))
}

/** The last values: it walks all headers, so only where there is one. */
function lastsOf(request: HttpRequest, names: readonly string[], firsts: readonly string[]): string[] {
  return names.map((name, at) => ((firsts[at] ?? '') === '' ? '' : lastOf(request, name)))
}

/**
 * An exchange as one small object: `open` → `answering` (a large answer, given as the socket takes it) → `closed`, or
 * `open` → `streaming` → `ending` → `closed`; any state → `closed` when the connection ends.
 */
class HttpExchange implements Exchange {
  readonly method: ExchangeMethod
  readonly path: string
  readonly query: string
  body: Buffer = noBytes
  readonly #kind: ExchangeKind
  readonly #origin: string
  readonly #firsts: readonly string[]
  readonly #lasts: readonly string[]
  readonly #address: string
  #state: 'open' | 'answering' | 'streaming' | 'ending' | 'closed' = 'open'
  /** Null once the library's object may not be touched any more. */
  #response: HttpResponse | null
  #gone: (() => void) | null = null
  #room: (() => void) | null = null
  /** What the library did not take yet; of a large answer, all. */
  #rest: Buffer = noBytes
  #isFull = false
  #isHeld = false

  constructor(kind: ExchangeKind, response: HttpResponse, request: HttpRequest) {
    this.method = kind.method
    this.path = kind.route.path.endsWith('*') ? request.getUrl() : kind.route.path
    this.query = kind.method === 'GET' ? request.getQuery() : ''
    this.#kind = kind
    this.#origin = request.getHeader('origin')
    this.#firsts = kind.headerNames.length === 0 ? noTexts : valuesOf(request, kind.headerNames)
    this.#lasts = kind.headerNames.length === 0 ? noTexts : lastsOf(request, kind.headerNames, this.#firsts)
    this.#address = kind.route.keepsAddress ? addressOf(response) : ''
    this.#response = response
  }

  header(name: string): string {
    return name === 'origin' ? this.#origin : (this.#firsts[this.#kind.headerNames.indexOf(name)] ?? '')
  }

  lastHeader(name: string): string {
    return name === 'origin' ? this.#origin : (this.#lasts[this.#kind.headerNames.indexOf(name)] ?? '')
  }

  address(): string {
    return this.#address
  }

  get isOpen(): boolean {
    return this.#state === 'open' || this.#state === 'streaming'
  }

  onGone(run: () => void): void {
    if (this.#response !== null) this.#gone = run
  }

  onRoom(run: () => void): void {
    if (this.#response !== null) this.#room = run
  }

  /** All of the request is there, or was. */
  arrived(body: Buffer, isTooLarge: boolean): void {
    const { route, onFault } = this.#kind
    this.body = body
    try {
      if (isTooLarge) route.tooLarge(this)
      else route.request(this)
    } catch (error) {
      onFault(error)
      if (this.#state === 'streaming') this.abort()
      else this.answer(faultAnswer.status, faultAnswer.headers, faultAnswer.body)
    }
    this.body = noBytes
  }

  /** The library says that the connection is gone. */
  lost(): void {
    const gone = this.#gone
    this.#close()
    if (gone !== null) guarded(gone, this.#kind.onFault)
  }

  answer(status: string, headers: Readonly<Record<string, string>>, body: Buffer | string): void {
    if (this.#state !== 'open') return
    if (Buffer.byteLength(body) <= PIECE_BYTES) {
      const response = this.#close()
      if (response !== null) write(response, { status, headers, body }, true)
    } else {
      this.#state = 'answering'
      this.#rest = typeof body === 'string' ? Buffer.from(body) : body
      this.#response?.onWritable(() => this.#answerOn(null))
      this.#answerOn({ status, headers })
    }
  }

  /** Gives the library as much of a large answer as the socket takes. */
  #answerOn(head: AnswerHead | null): boolean {
    const response = this.#response
    response?.cork(() => {
      if (head !== null) writeHead(response, head)
      const [, isDone] = response.tryEnd(this.#rest.subarray(response.getWriteOffset()), this.#rest.length)
      if (isDone) this.#close()
    })
    return true
  }

  startStream(status: string, headers: Readonly<Record<string, string>>): void {
    const response = this.#response
    if (this.#state !== 'open' || response === null) return
    this.#state = 'streaming'
    response.cork(() => writeHead(response, { status, headers }))
    // With a listener the library neither flushes by itself nor starts its timeout for idle connections after it.
    response.onWritable(() => this.#streamOn())
    // While it parses the request the library itself corks the socket, and pieces would add up there.
    this.#isHeld = true
    setImmediate(() => {
      this.#isHeld = false
      this.#streamOn()
    })
  }

  write(bytes: Buffer): boolean {
    if (this.#state !== 'streaming') return false
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    this.#writePieces()
    if (this.#isHeld) this.#isFull = this.#rest.length > PIECE_BYTES
    return !this.#isFull
  }

  endStream(): void {
    if (this.#state !== 'streaming') return
    this.#state = 'ending'
    this.#room = null
    this.#writePieces()
  }

  abort(): void {
    this.#close()?.close()
  }

  /** The socket takes bytes again, or for the first time. */
  #streamOn(): boolean {
    const wasFull = this.#isFull
    this.#isFull = false
    if (this.#rest.length === 0) this.#response?.cork(() => {}) // sends what the library holds
    this.#writePieces()
    // Not from here: the library loses memory when a response is closed inside this callback.
    if (wasFull && !this.#isFull) setImmediate(() => guarded(() => this.#room?.(), this.#kind.onFault))
    return true
  }

  /**
   * Gives the library pieces, one per cork, until it says that the socket is full. It says so one piece late, because a
   * cork is sent when it ends; so it holds two pieces at most, and the rest stays here.
   */
  #writePieces(): void {
    const response = this.#response
    if (response === null || this.#isHeld) return
    while (this.#rest.length > 0 && !this.#isFull) {
      const piece = this.#rest.subarray(0, PIECE_BYTES)
      this.#rest = this.#rest.length > PIECE_BYTES ? this.#rest.subarray(PIECE_BYTES) : noBytes
      response.cork(() => {
        this.#isFull = !response.write(piece)
      })
    }
    if (this.#state === 'ending' && this.#rest.length === 0) response.cork(() => this.#close()?.end())
  }

  /** Lets go of everything; returns what may be touched but once more. */
  #close(): HttpResponse | null {
    const response = this.#response
    this.#state = 'closed'
    this.#response = null
    this.#gone = null
    this.#room = null
    this.#rest = noBytes
    return response
  }
}

function listenOnce(app: TemplatedApp, host: string, port: number): Promise<us_listen_socket> {
  return new Promise((resolve, reject) => {
    app.listen(host, port, (listener) => {
      if (listener === false) reject(new ListenError(`Cannot listen on ${host}:${port}`))
      else resolve(listener)
    })
  })
}
