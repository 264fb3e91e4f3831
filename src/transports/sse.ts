/**
 * The server-sent events transport at `/sse`.
 *
 * Owns the way of an event stream: opened by POST with what a poll would say, or by GET for a plain `EventSource`, whose
 * `Last-Event-ID` holds the positions; then it stays open until one side ends it. Commands come by requests of their
 * own, to `/command`. A GET that is refused is refused by its status, as an `EventSource` would come back for ever
 * otherwise. Bound: one session per stream.
 */
import type { Clock } from '../clock.ts'
import type { Failure } from '../core/broker.ts'
import type { Commands } from '../core/commands.ts'
import type { Hub } from '../core/hub.ts'
import type { Identification } from '../core/identification.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import { scoped } from '../core/tenants.ts'
import type { Capsules } from '../protocol/capsule.ts'
import { type ConnectionGate, draining } from '../sockets/connection-gate.ts'
import { goOn } from '../sockets/go-on.ts'
import type { HttpAnswers } from '../sockets/http-answers.ts'
import { refuse, serveHttpRoute } from '../sockets/http-route.ts'
import type { Exchange } from '../uws/exchange.ts'
import type { PublicApp } from '../uws.ts'
import { type PollRequest, readPollRequest, readPositions, wantingCapsule } from './poll-request.ts'
import type { CommandRunner } from './run-command.ts'
import { createSseFanOut, type SseConnection, streamOf } from './sse-fan-out.ts'

/** Below what proxies take for silence. */
const HEARTBEAT_MS = 15_000
const SWEEP_MS = 1000

export interface SseDeps {
  readonly app: PublicApp
  readonly gate: ConnectionGate
  readonly hub: Hub
  readonly commands: Commands
  readonly identification: Identification
  readonly runner: CommandRunner
  readonly capsules: Capsules
  readonly answers: HttpAnswers
  readonly observer: Observer
  readonly clock: Clock
  readonly isDraining: () => boolean
}

export interface SseLimits {
  readonly maxMessageBytes: number
  readonly maxReplyBytes: number
  readonly pingMs: number
  readonly clientIpHeader: string
  readonly maxConnectionsPerIp: number
}

/** Registers the route; returns what stops the heartbeats. */
export function serveSse(deps: SseDeps, limits: SseLimits): () => void {
  const { gate, hub, identification, runner, capsules, answers, observer, clock } = deps
  const heartbeatMs = Math.min(HEARTBEAT_MS, limits.pingMs)
  const sessions = new Set<Session>()
  const fanOut = createSseFanOut({ observer, lose: hub.lose, over: close }, limits)

  function close(session: Session): void {
    if (!sessions.delete(session)) return
    const connection = streamOf(session)
    if (connection !== null) gate.leave(connection.address)
    fanOut.forget(session)
    observer.connectionClosed('sse', session.endedBy)
    hub.close(session)
  }

  function open(exchange: Exchange): void {
    const refusal = deps.isDraining() ? draining : gate.check(exchange)
    if (refusal !== null) {
      observer.connectionRefused(refusal.failed)
      answers.refuse(exchange, refusal.failed, refusal.message)
      return
    }
    const request = exchange.method === 'GET' ? readQuery(exchange) : readPollRequest(exchange.body)
    if ('failed' in request) refuse(deps, exchange, request)
    else begin(exchange, request)
  }

  function begin(exchange: Exchange, request: PollRequest): void {
    const opened = request.capsule === '' ? null : capsules.open(request.capsule)
    if (opened !== null && 'failed' in opened) {
      refuse(deps, exchange, opened)
      return
    }
    const session = hub.open(fanOut, '')
    sessions.add(session)
    observer.connectionOpened('sse')
    exchange.onGone(() => close(session))
    if (opened !== null) {
      connect(session, exchange)
      identification.resume(session, opened)
      const capsule = identification.seal(session)
      if (capsule !== undefined) fanOut.tell(session, { capsule })
      void carryOut(session, request)
    } else {
      void connectFirst(session, exchange, { ...request, commands: request.commands.map(wantingCapsule) })
    }
  }

  /** A session that begins with a connect command. */
  async function connectFirst(session: Session, exchange: Exchange, request: PollRequest): Promise<void> {
    const [first, ...commands] = request.commands
    const isByGet = exchange.method === 'GET'
    if (!isByGet) connect(session, exchange)
    const reply = first === undefined ? null : await runner.run(session, first, true)
    if (session.phase === 'ended') return
    if (isByGet && reply !== null && 'error' in reply) {
      close(session)
      answers.refuse(exchange, reply.error.name, reply.error.message)
      return
    }
    if (streamOf(session) === null) connect(session, exchange)
    if (reply !== null) fanOut.reply(session, reply)
    await carryOut(session, { ...request, commands })
  }

  function connect(session: Session, exchange: Exchange): void {
    const connection: SseConnection = {
      exchange,
      address: gate.enter(exchange),
      pending: [],
      isFull: false,
      overBytes: 0,
      beatMs: clock.nowMs() + heartbeatMs,
      hasIds: exchange.method === 'GET',
    }
    session.connection = connection
    exchange.onRoom(() => {
      connection.isFull = false
      connection.overBytes = 0
      hub.ready(session)
    })
    exchange.startStream('200 OK', answers.streamHeaders(exchange))
  }

  async function carryOut(session: Session, request: PollRequest): Promise<void> {
    for (const command of request.commands) {
      const reply = await runner.run(session, command, fanOut.room(session) > 0)
      if (session.phase === 'ended') return
      fanOut.reply(session, reply)
    }
    if (session.phase !== 'connected') {
      hub.end(session, 'NOT_CONNECTED', 'An event stream begins with a capsule or a connect command')
      return
    }
    for (const [channel, since] of request.positions ?? []) {
      await goOn(deps, session, scoped(session.tenant, channel), since)
    }
    await identification.subscribeOwn(session, null)
    fanOut.beat(session, hub.positionSum(session)) // an id to come back with, before anything is published
  }

  function beat(): void {
    const now = clock.nowMs()
    for (const session of sessions) {
      const connection = streamOf(session)
      if (connection === null) continue
      identification.renew(session) // a stream may last for days
      if (now < connection.beatMs) continue
      connection.beatMs = now + heartbeatMs
      fanOut.beat(session, hub.positionSum(session))
    }
  }

  serveHttpRoute(deps, {
    path: '/sse',
    methods: ['GET', 'POST'],
    transport: 'sse',
    maxBodyBytes: limits.maxMessageBytes,
    headers: ['last-event-id'],
    addresses: limits,
    request: open,
  })
  return clock.every(SWEEP_MS, beat)
}

/** `?channel=a&channel=b&token=…` or `&capsule=…`, and the header `Last-Event-ID`, as what a POST would say. */
function readQuery(exchange: Exchange): PollRequest | Failure {
  const query = new URLSearchParams(exchange.query)
  const capsule = query.get('capsule') ?? ''
  const positions = readLastEventId(exchange.header('last-event-id'))
  if ('failed' in positions) return positions
  const held = new Set(positions.map(([channel]) => channel))
  const wanted = query.getAll('channel').filter((channel) => !held.has(channel))
  const connect = { id: 1, connect: { token: query.get('token') ?? '', resume: true } }
  const subscribe = { id: 2, subscribe: { channels: wanted } }
  const commands = [...(capsule === '' ? [connect] : []), ...(wanted.length > 0 ? [subscribe] : [])]
  return { capsule, positions, commands, waitMs: null }
}

/** The id of the last event that came: all positions, compact. Anything else is a fault of the client. */
function readLastEventId(text: string): ReturnType<typeof readPositions> {
  if (text === '') return []
  try {
    const compact: unknown = JSON.parse(Buffer.from(text, 'latin1').toString())
    const entries = Object.entries(compact as Record<string, unknown>)
    return readPositions(
      Object.fromEntries(
        entries.map(([channel, pair]) => {
          const [epoch, offset] = Array.isArray(pair) ? (pair as unknown[]) : []
          return [channel, { epoch, offset }]
        }),
      ),
    )
  } catch {
    return { failed: 'INVALID_ARGUMENT', message: 'Header "Last-Event-ID" does not hold the id of an event' }
  }
}
