/**
 * The internal HTTP API: publish, ask, disconnect, metrics and probes over plain HTTP and JSON.
 *
 * Owns the listener and its bounds: 512 connections, 16 KB of headers, 10 s for the head and 30 s for a whole request,
 * and bodies of `maxPublicationBytes` plus the room an envelope needs. Built on node:http, which is robust; whoever
 * publishes much uses the publish port. Routes are data (routes.ts), one operation per file (operations/).
 */
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Config } from '../config/options.ts'
import type { Failure } from '../core/broker.ts'
import { errorText } from '../errors.ts'
import { type Logger, limitRepeats } from '../log.ts'
import { listen } from '../sockets/tcp-listener.ts'
import { failureAnswer, rawAnswer } from './answer.ts'
import type { ApiDeps } from './operation-deps.ts'
import { requestServer } from './serve-request.ts'

const MAX_CONNECTIONS = 512
const MAX_HEADER_BYTES = 16_384
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
/** How often the two timeouts are looked at. */
const TIMEOUT_CHECK_MS = 2_000
/** What a body may have beyond the data: names, events, white space. */
const ENVELOPE_BYTES = 65_536
/** At stop: time for requests under way. */
const STOP_GRACE_MS = 1_000
const WARN_EVERY_MS = 10_000

type ApiConfig = Pick<Config, 'internalHost' | 'internalPort' | 'key' | 'tenant' | 'maxPublicationBytes'> &
  ApiDeps['config']

export interface HttpApiDeps extends ApiDeps {
  readonly log: Logger
  readonly config: ApiConfig
}

export interface HttpApi {
  /** Where it listens, with the actual port. */
  readonly address: { readonly host: string; readonly port: number }
  /** Takes no more requests, gives those under way a second, then closes everything. */
  stop(): Promise<void>
}

/**
 * Opens the internal HTTP port.
 *
 * @param deps `config.internalPort` 0 = the system picks a free one; `config.key` '' = no key is asked for
 * @throws {ListenError} names host, port and cause
 */
export async function startHttpApi(deps: HttpApiDeps): Promise<HttpApi> {
  const { config, log, observer } = deps
  /** Sockets with an answer under way: an error there must not write into it. */
  const answering = new WeakSet<Duplex>()
  const serve = requestServer({
    deps,
    log,
    key: config.key,
    tenant: config.tenant,
    maxBodyBytes: config.maxPublicationBytes + ENVELOPE_BYTES,
    onAnswer: ({ socket }) => answering.add(socket),
  })
  const onRequest: Parameters<typeof createServer>[1] = (request, response) => {
    response.once('close', () => answering.delete(request.socket))
    if (!server.listening) response.setHeader('Connection', 'close')
    serve(request, response).catch((thrown: unknown) => {
      log.error('http api request failed', { error: errorText(thrown) })
      response.destroy()
    })
  }
  const server = createServer(serverOptions, onRequest)
  server.on('checkContinue', onRequest)
  server.maxConnections = MAX_CONNECTIONS

  const warn = limitRepeats(log, WARN_EVERY_MS, () => performance.now())
  server.on('drop', () => warn('http api has all its connections', { maxConnections: MAX_CONNECTIONS }))
  server.on('clientError', (error, socket) => {
    // Who has gone can be told nothing, and has said nothing wrong.
    const hasGone = 'code' in error && error.code === 'ECONNRESET'
    if (hasGone || !socket.writable || answering.has(socket)) {
      socket.destroy()
      return
    }
    const failure = parseFailure(error)
    observer.commandFailed(failure.failed)
    socket.end(rawAnswer(failureAnswer(failure)), () => socket.destroy())
  })

  const host = config.internalHost
  const port = await listen(server, { host, port: config.internalPort }, 'HTTP API')
  server.on('error', (error) => log.error('http api listener failed', { error: error.message }))
  return { address: { host, port }, stop: () => stop(server) }
}

const serverOptions: ServerOptions<typeof IncomingMessage> = {
  maxHeaderSize: MAX_HEADER_BYTES,
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  noDelay: true,
}

/** What node:http could not parse, or waited for in vain. */
function parseFailure(error: Error & { code?: string }): Failure {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return { failed: 'MESSAGE_TOO_LARGE', message: `Headers have more than ${MAX_HEADER_BYTES} bytes` }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        failed: 'CONNECT_TIMEOUT',
        message: `Request was not complete in time: head within ${HEADERS_TIMEOUT_MS} ms, all of it within ${REQUEST_TIMEOUT_MS} ms`,
      }
    default:
      return { failed: 'BAD_MESSAGE', message: `Request is not HTTP/1.1: ${error.message}` }
  }
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const timer = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS)
  await closed
  clearTimeout(timer)
}
