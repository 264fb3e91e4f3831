/**
 * The sockets of CometQL.
 *
 * Owns listening, the bound on connections, the time a stranger has to log in and anyone may be silent, the change to TLS,
 * and backpressure in both directions: a client that does not take its answers is not read, and a large result waits for
 * it. What is said on a connection is the conversation's.
 */
import { createServer, type Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Broker } from '../core/broker.ts'
import type { Observer } from '../core/observer.ts'
import type { UserRecords } from '../core/user-records.ts'
import type { Logger } from '../log.ts'
import { createReadGate, listen } from '../sockets/tcp-listener.ts'
import { type Conversation, createConversation, type Line } from './conversation.ts'
import { createLoginThrottle } from './login-throttle.ts'
import type { MetricLine, NodeFacts, NodeStats } from './run/context.ts'
import { createRunner } from './run/run-statement.ts'
import { serverVersion } from './run/variables.ts'
import { createTables } from './tables/all-tables.ts'
import { type PluginName, plugins } from './wire/handshake.ts'

/** Answers that wait for a client to read them; above it nothing more is read from it, and results wait. */
const MAX_UNREAD_BYTES = 262_144

/** After the last packet: time for a client to read it and close, before the connection is cut. */
const END_GRACE_MS = 1_000

/** Who has closed its side and was told nothing for so long is taken to have left: a walk may go on for minutes. */
const LEFT_MS = 2_000

/** When the node goes: time for what is under way, before connections are cut. */
const STOP_GRACE_MS = 2_000

/** Connections above the limit that are told so; those above these are closed without a word. */
const REFUSED_WITH_A_WORD = 100

/** A client that waits for a result must take what is ready of it in this time: some 10 kB/s will do. */
const UNREAD_MS = 60_000

export interface CometqlDeps {
  readonly broker: Broker
  readonly users: UserRecords
  readonly clock: Clock
  readonly observer: Observer
  readonly log: Logger
  readonly stats: () => Promise<NodeStats>
  readonly metrics: () => readonly MetricLine[]
  readonly version: string
}

export interface CometqlLimits {
  readonly internalHost: string
  readonly cometqlPort: number
  /** '' = none is asked for */
  readonly password: string
  readonly cometqlAuthPlugin: string
  /** Null = no TLS is offered */
  readonly tls: SecureContext | null
  readonly cometqlMaxConnections: number
  /** 0 = no bound */
  readonly cometqlIdleTimeoutMs: number
  readonly cometqlMaxQueryBytes: number
  readonly cometqlSortBytes: number
  /** 0 = no bound */
  readonly cometqlLoginFailures: number
  readonly connectTimeoutMs: number
}

export interface Cometql {
  readonly address: { readonly host: string; readonly port: number }
  /** Connections open now */
  connections(): number
  /** Stops accepting, tells clients that the node goes, and closes when their answers are out. */
  stop(): Promise<void>
}

/** @throws {ListenError} naming address and cause */
export async function startCometql(deps: CometqlDeps, limits: CometqlLimits): Promise<Cometql> {
  const { log, observer, clock } = deps
  const { tls: secure } = limits
  const open = new Map<Conversation, Socket>()
  let connectionId = 0
  const server = createServer({ noDelay: true, allowHalfOpen: true })
  server.maxConnections = limits.cometqlMaxConnections + REFUSED_WITH_A_WORD
  const port = await listen(server, { host: limits.internalHost, port: limits.cometqlPort }, 'CometQL')
  // One connection that the system could not hand over; the next may come through.
  server.on('error', (error) => log.warn('Cannot accept a MySQL client', { error: error.message }))

  const facts: NodeFacts = {
    version: deps.version,
    stats: deps.stats,
    metrics: deps.metrics,
    connections: () => open.size,
    connectionsTotal: () => connectionId,
    port,
    hasTls: secure !== null,
    maxQueryBytes: limits.cometqlMaxQueryBytes,
    idleTimeoutMs: limits.cometqlIdleTimeoutMs,
  }
  const tables = createTables(facts)
  const runner = createRunner({ tables, log }, limits)
  const throttle = createLoginThrottle(clock, limits.cometqlLoginFailures)
  const plugin: PluginName = plugins.find((name) => name === limits.cometqlAuthPlugin) ?? plugins[0]

  server.on('connection', (socket: Socket) => {
    connectionId++
    const address = socket.remoteAddress ?? ''
    serve(socket, secure, limits, {
      log,
      open,
      converse: (line) =>
        createConversation(
          {
            log,
            node: { broker: deps.broker, users: deps.users, clock },
            facts,
            runner,
            tables,
            observer,
            connectionId,
            serverVersion: serverVersion(deps.version),
            hasTls: secure !== null,
            login: { password: limits.password, plugin, throttle, address },
          },
          limits,
          line,
        ),
      refused: () => observer.connectionRefused('CONNECTION_LIMIT'),
    })
  })

  return {
    address: { host: limits.internalHost, port },
    connections: () => open.size,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const conversation of [...open.keys()]) conversation.fail('DRAINING', 'The node is shutting down')
      const timer = setTimeout(() => {
        for (const socket of open.values()) socket.destroy()
      }, STOP_GRACE_MS)
      await closed
      clearTimeout(timer)
    },
  }
}

interface ServeDeps {
  readonly log: Logger
  readonly open: Map<Conversation, Socket>
  readonly converse: (line: Line) => Conversation
  readonly refused: () => void
}

function serve(
  plain: Socket,
  secure: SecureContext | null,
  limits: CometqlLimits,
  { log, open, converse, refused }: ServeDeps,
): void {
  let socket: Socket = plain
  const reading = createReadGate(() => socket, MAX_UNREAD_BYTES)
  let endTimer: NodeJS.Timeout | undefined
  let leftTimer: NodeJS.Timeout | undefined
  let waiting: (() => void)[] = []

  function wakeWriters(): void {
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }

  /** What is left is cut off when it was not taken in time. */
  function cutSoon(): void {
    clearTimeout(endTimer)
    endTimer = setTimeout(() => plain.destroy(), END_GRACE_MS)
  }

  /** A program that ends closes both sides, of which only one is told; to whom nothing is sent, that never shows. */
  function leaveSoon(): void {
    clearTimeout(leftTimer)
    leftTimer = setTimeout(() => {
      if (socket.writableLength > 0) leaveSoon()
      else plain.destroy()
    }, LEFT_MS)
  }

  /** @param own a socket whose bytes are packets: the plain one, or the TLS one around it */
  function attach(own: Socket): void {
    socket = own
    own.on('data', (chunk: Buffer) => conversation.receive(chunk))
    own.on('drain', () => {
      wakeWriters()
      reading.update()
    })
    own.on('end', () => {
      leaveSoon()
      conversation.finishReading()
    })
    own.on('error', (error) => log.debug('MySQL client broke off', { error: error.message }))
    own.setTimeout(limits.cometqlIdleTimeoutMs, () => {
      conversation.fail('IDLE_TIMEOUT', `Nothing was heard for ${limits.cometqlIdleTimeoutMs} ms`)
      cutSoon()
    })
  }

  const conversation = converse({
    write(bytes) {
      if (!socket.writable) return
      socket.write(bytes)
      if (leftTimer !== undefined) leaveSoon()
      reading.update()
    },
    room() {
      if (socket.writableLength <= MAX_UNREAD_BYTES || socket.destroyed) return null
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          log.info('MySQL client does not take its result', { waitedMs: UNREAD_MS })
          plain.destroy()
        }, UNREAD_MS)
        waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    },
    pause: reading.hold,
    end() {
      socket.end()
      cutSoon()
    },
    startTls(rest) {
      if (secure === null) return
      plain.removeAllListeners('data')
      plain.removeAllListeners('drain')
      plain.removeAllListeners('end')
      plain.setTimeout(0)
      plain.pause()
      if (rest.length > 0) plain.unshift(rest)
      attach(new TLSSocket(plain, { isServer: true, secureContext: secure }))
    },
  })
  const loginTimer = setTimeout(() => {
    if (conversation.isLoggedIn) return
    conversation.fail('CONNECT_TIMEOUT', `No login within ${limits.connectTimeoutMs} ms`)
  }, limits.connectTimeoutMs)

  attach(plain)
  plain.on('close', () => {
    clearTimeout(loginTimer)
    clearTimeout(endTimer)
    clearTimeout(leftTimer)
    open.delete(conversation)
    conversation.closed()
    wakeWriters()
  })
  if (open.size < limits.cometqlMaxConnections) {
    open.set(conversation, plain)
    conversation.greet()
    return
  }
  refused()
  conversation.fail(
    'CONNECTION_LIMIT',
    `Too many connections: ${open.size} of at most ${limits.cometqlMaxConnections} (cometqlMaxConnections)`,
  )
}
