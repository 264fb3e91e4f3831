/**
 * The only file where uWebSockets.js appears.
 *
 * Owns loading and probing the native library, and a small front on it that keeps its traps away from everyone else:
 * request fields are read before any handler returns, no exception reaches native code, a WebSocket route exists
 * before the first publish, upgrades are synchronous, every listener has a deep accept queue. Backpressure is a
 * returned status. Must not know sessions, channels or the protocol.
 */

import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket, WebSocket } from 'uWebSockets.js'
import { createServer } from 'node:net'
import { ConfigError, errorText, ListenError } from './errors.ts'

/** Each listen call adds an accept queue of 512 connections (fixed in the library). */
const ACCEPT_QUEUES = 4

/** How to put the author's own build in the place of the republished one. */
const SWAP_REMEDY =
  'install Node 20 or 22 on Linux (glibc 2.27 or newer), macOS or Windows, or put the official build in its place: ' +
  'npm install --save-exact "uWebSockets.js@github:uNetworking/uWebSockets.js#v20.52.0"'

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
  /** At least one published message was lost for this socket; more may have been in the same turn. */
  dropped(data: Data): void
  /** The socket is gone; `reason` is the library's own text for code 1006. */
  close(data: Data, code: number, reason: string): void
}

/** The public listener: routes first, then listen, then publish. */
export interface PublicApp {
  webSocket<Data>(route: WebSocketRoute<Data>): void
  /** GET and HEAD of one path. */
  get(path: string, answer: (path: string) => HttpAnswer): void
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

/** One line: what is missing, what there is, and what to do. */
export function describeLoadFailure(cause: string, platform: string = platformText()): string {
  const needed = /GLIBC_(\d+\.\d+)' not found/.exec(cause)?.[1]
  if (needed !== undefined) {
    return `Cannot load uWebSockets.js: its binary needs glibc ${needed}, this machine has ${glibcText()} (${platform}); ${SWAP_REMEDY}`
  }
  if (/Cannot find (module|package)/.test(cause)) {
    const what = cause.includes('.node') ? 'has no binary for this machine' : 'is not installed'
    return `Cannot load uWebSockets.js: it ${what} (${platform}); ${SWAP_REMEDY}`
  }
  return `Cannot load uWebSockets.js: ${cause.split('\n').at(-1) ?? cause} (${platform}); ${SWAP_REMEDY}`
}

function platformText(): string {
  return `Node ${process.versions.node}, ABI ${process.versions.modules}, ${process.platform}-${process.arch}, glibc ${glibcText()}`
}

function glibcText(): string {
  const report: unknown = process.report?.getReport()
  const header = (report as { header?: { glibcVersionRuntime?: string } } | undefined)?.header
  return header?.glibcVersionRuntime ?? 'none (musl or another libc)'
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
    dropped(socket) {
      guarded(() => route.dropped(socket.getUserData().held), onFault)
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
    let last = ''
    this.#request?.forEach((key, value) => {
      if (key === name) last = value
    })
    return last
  }

  address(): string {
    const text = this.#response?.getRemoteAddressAsText()
    return text === undefined ? '' : Buffer.from(text).toString('latin1')
  }
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
    response.writeStatus(answer.status)
    for (const [name, value] of Object.entries(answer.headers)) response.writeHeader(name, value)
    if (hasBody) response.end(answer.body)
    else response.endWithoutBody(Buffer.byteLength(answer.body))
  })
}

/**
 * Makes sure nobody else listens on the port, which the library would silently share, and turns 0 into a number.
 */
function claimPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error) => {
      reject(new ListenError(`Cannot listen on ${host}:${port}: ${error.message}`, { cause: error }))
    })
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address()
      const free = typeof address === 'object' && address !== null ? address.port : port
      probe.close(() => resolve(free))
    })
  })
}

function listenOnce(app: TemplatedApp, host: string, port: number): Promise<us_listen_socket> {
  return new Promise((resolve, reject) => {
    app.listen(host, port, (listener) => {
      if (listener === false) reject(new ListenError(`Cannot listen on ${host}:${port}`))
      else resolve(listener)
    })
  })
}
