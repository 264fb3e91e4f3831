/**
 * The internal HTTP API over a real broker, on a free port, for tests.
 *
 * Owns the start of both, an edge that records, the codes that were counted, and two ways to talk: `call`, which is
 * fetch, and `exchange`, which writes bytes to a socket and reads until it closes, for what fetch would never send.
 */
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import type { CodeName } from '../../src/codes.ts'
import type { ChannelRule } from '../../src/config/rules.ts'
import type { Broker } from '../../src/core/broker.ts'
import { createLocalBroker } from '../../src/core/broker-local.ts'
import { compileRules } from '../../src/core/channel-rules.ts'
import type { Books } from '../../src/core/ledger.ts'
import { silentObserver } from '../../src/core/observer.ts'
import type { Store } from '../../src/core/store.ts'
import { createUserRecords, type UserRecords } from '../../src/core/user-records.ts'
import { createUserTokens } from '../../src/core/user-tokens.ts'
import { type HttpApi, type HttpApiDeps, startHttpApi } from '../../src/http-api/http-api.ts'
import type { NodeStats } from '../../src/http-api/operation-deps.ts'
import { type Logger, silentLogger } from '../../src/log.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import { BROKER_LIMITS } from './core-parts.ts'
import { type RecordingEdge, recordingEdge } from './recording-edge.ts'

/** Of the tokens that users log in with. */
export const USER_TOKEN_PASSWORD = 'sixteen bytes or more'

export const stats: NodeStats = {
  version: '0.1.0',
  uptimeSeconds: 12.5,
  counts: { connections: 3, sessions: 2, subscriptions: 5, channels: 4 },
  totals: { publications: 10, deliveries: 20, dropped: 1 },
  perSecond: { publications: 2, deliveries: 4.5 },
}

export const books: Books = {
  due: 40,
  asked: 2,
  delivered: 30,
  deferred: 4,
  lagging: 3,
  lost: { gap: 3, ended: 1, unsubscribed: 1 },
  balance: 0,
}

export interface LocalApiOptions {
  readonly key?: string
  /** Of requests that name none; 1 when missing */
  readonly tenant?: number
  /** What outlives the API; a memory store of its own when missing */
  readonly store?: Store
  /** Messages that wait for one user; 0, nothing waits, when missing */
  readonly inboxSize?: number
  readonly rules?: readonly ChannelRule[]
  readonly maxPublicationBytes?: number
  readonly maxChannelsPerCommand?: number
  readonly maxHistoryPerCommand?: number
  readonly maxPresenceListed?: number
  readonly subscribers?: Readonly<Record<string, number>>
  readonly isReady?: () => boolean
  readonly exposition?: HttpApiDeps['exposition']
  readonly log?: Logger
  /** Stands between the API and the broker, for a broker that breaks. */
  readonly wrap?: (broker: Broker) => Broker
}

export interface CallAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; null when it is none. */
  readonly json: unknown
}

export interface LocalApi {
  readonly api: HttpApi
  readonly broker: Broker
  readonly users: UserRecords
  readonly url: string
  readonly edge: RecordingEdge
  /** Codes that were counted as failed commands. */
  readonly failures: readonly CodeName[]
  call(path: string, init?: RequestInit): Promise<CallAnswer>
  /** POST with a JSON body; a string goes as it is. */
  post(path: string, body: unknown): Promise<CallAnswer>
  exchange(bytes: string | Buffer, options?: { readonly endsInput?: boolean }): Promise<string>
}

/** Starts an API that lives as long as the test. */
export async function startLocalApi(t: TestContext, options: LocalApiOptions = {}): Promise<LocalApi> {
  const failures: CodeName[] = []
  const observer = { ...silentObserver, commandFailed: (code: CodeName) => void failures.push(code) }
  const maxPublicationBytes = options.maxPublicationBytes ?? 1_048_576
  const { store = createMemoryStore() } = options
  const broker = createLocalBroker(
    {
      rules: compileRules(options.rules ?? [], maxPublicationBytes, false),
      clock: systemClock,
      observer,
      store,
    },
    { ...BROKER_LIMITS, maxChannels: 100, inboxSize: options.inboxSize ?? 0 },
    'k3',
  )
  const edge = recordingEdge(options.subscribers)
  broker.join(edge)
  for (const channel of Object.keys(options.subscribers ?? {})) await broker.attach(edge, channel)

  const userOfToken = createUserTokens(USER_TOKEN_PASSWORD)
  const users = createUserRecords({ store, broker, clock: systemClock, userOfToken })
  const api = await startHttpApi({
    users,
    broker: options.wrap?.(broker) ?? broker,
    observer,
    log: options.log ?? silentLogger,
    config: {
      internalHost: '127.0.0.1',
      internalPort: 0,
      key: options.key ?? '',
      tenant: options.tenant ?? 1,
      maxPublicationBytes,
      maxChannelsPerCommand: options.maxChannelsPerCommand ?? 128,
      maxHistoryPerCommand: options.maxHistoryPerCommand ?? 1_000,
      maxPresenceListed: options.maxPresenceListed ?? 1_000,
    },
    exposition: options.exposition ?? (async () => ({ contentType: 'text/plain', text: 'encke_up 1\n' })),
    isReady: options.isReady ?? (() => true),
    stats: async () => stats,
    books: () => books,
  })
  t.after(async () => {
    await api.stop()
    await broker.stop()
  })

  const url = `http://127.0.0.1:${api.address.port}`
  const call = (path: string, init: RequestInit = {}) => callUrl(url + path, init)
  return {
    api,
    broker,
    users,
    url,
    edge,
    failures,
    call,
    post: (path, body) =>
      call(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    exchange: (bytes, { endsInput = false } = {}) => exchange(api.address.port, bytes, endsInput),
  }
}

/** One request whose connection closes with it, so that no test leaves one behind. */
export async function callUrl(url: string, init: RequestInit = {}): Promise<CallAnswer> {
  const headers = new Headers(init.headers)
  headers.set('connection', 'close')
  const response = await fetch(url, { ...init, headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parsed(text) }
}

/** Writes bytes and resolves to all that comes back until the node closes the connection. */
function exchange(port: number, bytes: string | Buffer, endsInput: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    const chunks: Buffer[] = []
    socket.setTimeout(10_000, () => socket.destroy(new Error('The node did not close the connection')))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('end', () => {
      socket.destroy()
      resolve(Buffer.concat(chunks).toString())
    })
    socket.write(bytes)
    if (endsInput) socket.end()
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // not JSON
  }
}
