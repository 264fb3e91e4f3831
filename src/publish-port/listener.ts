/**
 * The sockets of the publish port: TCP, and a Unix socket where one is configured.
 *
 * Owns listening, the bound on publisher connections, the time a stranger has to say hello, and backpressure in both
 * directions: it stops reading a publisher that is owed too many answers or does not take them. What is said on a
 * connection is the conversation's.
 */
import { lstatSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Observer } from '../core/observer.ts'
import { ListenError } from '../errors.ts'
import type { Logger } from '../log.ts'
import { createReadGate, listen } from '../sockets/tcp-listener.ts'
import { type ConversationDeps, type ConversationLimits, createConversation } from './conversation.ts'

const PORT_NAME = 'publish port'

/** Answers that wait for a publisher to read them; above it nothing more is read from it. */
const MAX_UNREAD_ANSWER_BYTES = 1024 * 1024

/** After the last frame: time for a publisher to read it and close, before the connection is cut. */
const END_GRACE_MS = 1_000

export interface PublishPortDeps extends ConversationDeps {
  readonly observer: Observer
  readonly log: Logger
}

export interface PublishPortLimits extends ConversationLimits {
  readonly host: string
  readonly port: number
  /** Path of a Unix socket; '' = none */
  readonly socketPath: string
  readonly maxConnections: number
  readonly connectTimeoutMs: number
}

export interface PublishPort {
  readonly address: { readonly host: string; readonly port: number }
  /** Stops accepting, tells publishers that the node goes, and closes when their answers are out. */
  stop(): Promise<void>
}

/** @throws {ListenError} naming address and cause */
export async function startPublishPort(
  deps: PublishPortDeps,
  limits: PublishPortLimits,
): Promise<PublishPort> {
  const open = new Set<() => void>()
  const accept = (socket: Socket) => serve(socket, deps, limits, open)
  /** One connection that the system could not hand over; the next may come through. */
  const onFault = (error: Error) => deps.log.warn('Cannot accept a publisher', { error: error.message })
  const servers: Server[] = []

  async function stop(): Promise<void> {
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const goodbye of [...open]) goodbye()
    await Promise.all(closed)
  }

  try {
    const tcp = createServer({ noDelay: true, allowHalfOpen: true }, accept)
    const port = await listen(tcp, { host: limits.host, port: limits.port }, PORT_NAME)
    servers.push(tcp.on('error', onFault))
    if (limits.socketPath !== '') {
      await removeDeadSocket(limits.socketPath)
      const unix = createServer({ allowHalfOpen: true }, accept)
      await listen(unix, { path: limits.socketPath }, PORT_NAME)
      servers.push(unix.on('error', onFault))
    }
    return { address: { host: limits.host, port }, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function serve(
  socket: Socket,
  deps: PublishPortDeps,
  limits: PublishPortLimits,
  open: Set<() => void>,
): void {
  const { log, observer } = deps
  const peer = socket.remoteAddress ?? 'unix socket'
  const reading = createReadGate(() => socket, MAX_UNREAD_ANSWER_BYTES)
  let endTimer: NodeJS.Timeout | undefined

  const conversation = createConversation(deps, limits, {
    write(bytes) {
      if (!socket.writable) return
      socket.write(bytes)
      reading.update()
    },
    pause: reading.hold,
    end() {
      socket.end()
      endTimer = setTimeout(() => socket.destroy(), END_GRACE_MS)
    },
  })
  const goodbye = () => conversation.fail('DRAINING', 'The node is shutting down')
  const helloTimer = setTimeout(() => {
    if (!conversation.isWelcome)
      conversation.fail('CONNECT_TIMEOUT', `No hello within ${limits.connectTimeoutMs} ms`)
  }, limits.connectTimeoutMs)

  const isRefused = open.size >= limits.maxConnections
  if (!isRefused) open.add(goodbye)
  socket.on('data', (chunk: Buffer) => conversation.receive(chunk))
  socket.on('drain', reading.update)
  socket.on('end', () => conversation.finishReading())
  socket.on('error', (error) => log.debug('Publisher connection broke', { peer, error: error.message }))
  socket.on('close', () => {
    clearTimeout(helloTimer)
    clearTimeout(endTimer)
    open.delete(goodbye)
  })
  if (isRefused) {
    observer.connectionRefused('CONNECTION_LIMIT')
    conversation.fail(
      'CONNECTION_LIMIT',
      `The node already holds ${limits.maxConnections} publisher connections`,
    )
  }
}

/** A socket file left by a killed node stands in the way; one that somebody answers on is theirs. */
function removeDeadSocket(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = connect({ path })
    probe.once('connect', () => {
      probe.destroy()
      reject(new ListenError(`Cannot listen on ${path} (${PORT_NAME}): another process listens there`))
    })
    probe.once('error', (error: NodeJS.ErrnoException) => {
      try {
        // A file that is no socket refuses connections too: it is somebody's, and stays.
        if (error.code === 'ECONNREFUSED' && lstatSync(path).isSocket()) unlinkSync(path)
      } catch {
        // then it is still there, and listening says so
      }
      resolve()
    })
  })
}
