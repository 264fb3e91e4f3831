/**
 * The long-polling transport at `/poll`.
 *
 * Owns the way of a poll: whose it is, its commands, the positions the client is at, and then the wait. A poll says all
 * there is to know, so any node can answer any poll: a session that is kept here between two polls only saves work, and
 * keeps its place on the lists of who is present. A newer poll of a session takes over from the one that waits.
 *
 * Bound: as many sessions as the gate lets in, with at most one waiting exchange each; a session without a poll for
 * `sessionLingerMs` ends.
 */
import type { Clock } from '../clock.ts'
import type { Failure } from '../core/broker.ts'
import type { Commands } from '../core/commands.ts'
import type { Hub } from '../core/hub.ts'
import type { Identification } from '../core/identification.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import { bare, scoped } from '../core/tenants.ts'
import { type ConnectionGate, draining } from '../sockets/connection-gate.ts'
import { goOn } from '../sockets/go-on.ts'
import type { HttpAnswers } from '../sockets/http-answers.ts'
import { refuse, serveHttpRoute } from '../sockets/http-route.ts'
import type { Exchange } from '../uws/exchange.ts'
import type { PublicApp } from '../uws.ts'
import type { HttpSessions, ResumedSession } from './http-sessions.ts'
import {
  connectionOf,
  createLongPollFanOut,
  type PollConnection,
  pollConnection,
} from './long-poll-fan-out.ts'
import { type PollRequest, readPollRequest, wantingCapsule } from './poll-request.ts'
import type { CommandRunner } from './run-command.ts'

/** How often it is looked for polls that have waited long enough, and for sessions without one. */
const SWEEP_MS = 250

export interface LongPollDeps {
  readonly app: PublicApp
  readonly gate: ConnectionGate
  readonly hub: Hub
  readonly commands: Commands
  readonly identification: Identification
  readonly runner: CommandRunner
  readonly httpSessions: HttpSessions
  readonly answers: HttpAnswers
  readonly observer: Observer
  readonly clock: Clock
  readonly isDraining: () => boolean
}

export interface LongPollLimits {
  readonly maxMessageBytes: number
  readonly maxPollBytes: number
  readonly maxReplyBytes: number
  readonly pollHoldMs: number
  readonly sessionLingerMs: number
  readonly clientIpHeader: string
  readonly maxConnectionsPerIp: number
}

/** Registers the route; returns what stops its timer. */
export function serveLongPoll(deps: LongPollDeps, limits: LongPollLimits): () => void {
  const { gate, hub, identification, runner, httpSessions, answers, observer, clock } = deps
  const sessions = new Set<Session>()
  const fanOut = createLongPollFanOut(
    { observer, deferred: (count) => hub.ledger.deferred(count), answer, over: close },
    limits,
  )

  function answer(connection: PollConnection, body: Buffer): void {
    const exchange = letGo(connection)
    if (exchange !== null) answers.json(exchange, body)
  }

  /** The poll that waited is none any more. */
  function letGo(connection: PollConnection): Exchange | null {
    const { exchange } = connection
    if (exchange === null) return null
    connection.exchange = null
    connection.sinceMs = clock.nowMs()
    return exchange
  }

  function close(session: Session): void {
    if (!sessions.delete(session)) return
    const connection = connectionOf(session)
    if (connection !== null) gate.leave(connection.address)
    httpSessions.forget(session)
    fanOut.forget(session)
    observer.connectionClosed('long-poll', session.endedBy)
    hub.close(session, session.endedBy === 'SESSION_MOVED' ? limits.sessionLingerMs : 0)
  }

  function sweep(): void {
    const now = clock.nowMs()
    for (const session of sessions) {
      const connection = connectionOf(session)
      if (connection === null) continue
      if (connection.exchange === null) {
        if (now - connection.sinceMs >= limits.sessionLingerMs && connection.running === 0) close(session)
      } else if (now >= connection.sinceMs && connection.running === 0) {
        fanOut.respond(session)
      }
    }
  }

  function request(exchange: Exchange): void {
    const poll = deps.isDraining() ? draining : readPollRequest(exchange.body)
    if ('failed' in poll) refuse(deps, exchange, poll)
    else begin(exchange, poll)
  }

  /** Whether a poll may come in: a session takes its place once, and holds it until it ends. */
  function check(exchange: Exchange, isNew: boolean): Failure | null {
    const refusal = isNew ? gate.check(exchange) : gate.checkOrigin(exchange)
    if (refusal !== null) observer.connectionRefused(refusal.failed)
    return refusal
  }

  function begin(exchange: Exchange, poll: PollRequest): void {
    if (poll.capsule === '') {
      const refusal = poll.commands.length === 0 ? noCapsule : check(exchange, true)
      if (refusal !== null) {
        refuse(deps, exchange, refusal)
        return
      }
      const session = hub.open(fanOut, '')
      make(session, exchange)
      take(exchange, session, { ...poll, commands: poll.commands.map(wantingCapsule) }, true)
      return
    }
    const resumed = httpSessions.resume(
      poll.capsule,
      fanOut,
      (isNew) => check(exchange, isNew),
      (session) => make(session, exchange),
    )
    if ('failed' in resumed) refuse(deps, exchange, resumed)
    else goOnWith(exchange, resumed, poll)
  }

  function goOnWith(
    exchange: Exchange,
    { session, capsule, isNew }: ResumedSession,
    poll: PollRequest,
  ): void {
    fanOut.replace(session)
    if (capsule !== null) fanOut.tell(session, { capsule })
    take(exchange, session, poll, isNew)
  }

  function make(session: Session, exchange: Exchange): void {
    session.connection = pollConnection(gate.enter(exchange))
    sessions.add(session)
    observer.connectionOpened('long-poll')
  }

  /** The session has a poll to answer. */
  function take(exchange: Exchange, session: Session, poll: PollRequest, isNew: boolean): void {
    const connection = connectionOf(session)
    if (connection === null) return
    connection.exchange = exchange
    connection.sinceMs = clock.nowMs() + Math.min(poll.waitMs ?? limits.pollHoldMs, limits.pollHoldMs)
    exchange.onGone(() => {
      if (connection.exchange !== exchange) return
      fanOut.dropAnswer(session)
      letGo(connection)
    })
    if (
      !isNew &&
      poll.commands.length === 0 &&
      poll.positions !== null &&
      isInStep(session, poll.positions)
    ) {
      connection.missed = null
      settle(session, connection)
      return
    }
    connection.running++
    void carryOut(session, connection, poll).finally(() => {
      connection.running--
      if (connection.running === 0) settle(session, connection)
    })
  }

  /** Nothing to do but to wait: the way of nearly every poll. */
  function isInStep(session: Session, positions: NonNullable<PollRequest['positions']>): boolean {
    if (session.lags !== null || positions.length !== session.channels.length) return false
    for (const [name, since] of positions) {
      if (!hub.isInStep(session, scoped(session.tenant, name), since)) return false
    }
    return true
  }

  async function carryOut(session: Session, connection: PollConnection, poll: PollRequest): Promise<void> {
    const { exchange, missed } = connection
    connection.missed = null
    const held = session.channels.map((channel) => channel.name)
    for (const command of poll.commands) {
      const hasRoom = connection.answer.bytes < limits.maxPollBytes
      const reply = runner.run(session, command, hasRoom)
      const answered = reply instanceof Promise ? await reply : reply
      fanOut.reply(session, answered)
      if ('ok' in answered && 'session' in answered.ok) keepCapsule(session, answered.ok)
    }
    // A newer poll that came meanwhile knows better.
    if (session.phase !== 'connected' || connection.exchange !== exchange) return
    if (poll.positions === null) bringMissed(session, missed)
    else await bring(session, connection, { positions: poll.positions, held, missed })
    await identification.subscribeOwn(session, null)
    hub.feed(session)
  }

  /** Without positions the client is where the last answer left it. */
  function bringMissed(session: Session, missed: PollConnection['missed']): void {
    for (const { name, epoch } of session.channels) {
      const offset = missed?.get(name)
      if (offset !== undefined) hub.reposition(session, name, { epoch, offset })
    }
  }

  /** Brings the session to the positions of its client, and to no other channels. */
  async function bring(session: Session, connection: PollConnection, { positions, held, missed }: Bringing) {
    const left = new Set(held.filter((channel) => !hub.isSubscribed(session, channel)))
    const asked = positions.map(([name, since]) => [scoped(session.tenant, name), since] as const)
    for (const [channel, since] of asked) {
      if (left.has(channel)) continue // a command of this poll left it
      const sent = missed?.get(channel) ?? hub.sentTo(session, channel)
      // An answer that was lost took its notices with it.
      if (sent !== null && since.offset < sent) connection.hasMissedNotice = true
      await goOn(deps, session, channel, since)
    }
    const named = new Set(asked.map(([channel]) => channel))
    for (const channel of held) if (!named.has(channel)) leave(session, channel)
  }

  function keepCapsule(session: Session, { capsule }: { readonly capsule?: string }): void {
    if (capsule !== undefined) httpSessions.know(session, capsule)
    else hub.end(session, 'TOKEN_INVALID', 'The token lists more channels than a capsule can hold')
  }

  function leave(session: Session, channel: string): void {
    if (channel !== session.ownChannel()) hub.unsubscribe(session, channel)
  }

  /** All that the poll asked for is done: it is answered, or waits. */
  function settle(session: Session, connection: PollConnection): void {
    if (session.phase === 'ended') return
    if (connection.hasMissedNotice) tellStale(session, connection)
    if (session.phase === 'opening' || (connection.isEnding && connection.exchange !== null)) {
      fanOut.respond(session)
      close(session)
      return
    }
    fanOut.respondIfAny(session)
  }

  function tellStale(session: Session, connection: PollConnection): void {
    connection.hasMissedNotice = false
    for (const { name, members } of session.channels) {
      if (members !== null) {
        fanOut.tell(session, { channel: bare(name), presence: { count: members.count, stale: true } })
      }
    }
  }

  serveHttpRoute(deps, {
    path: '/poll',
    methods: ['POST'],
    transport: 'long-poll',
    maxBodyBytes: limits.maxMessageBytes,
    headers: [],
    addresses: limits,
    request,
  })
  return clock.every(SWEEP_MS, sweep)
}

interface Bringing {
  readonly positions: NonNullable<PollRequest['positions']>
  /** Channels the session held when the poll came. */
  readonly held: readonly string[]
  readonly missed: PollConnection['missed']
}

const noCapsule: Failure = {
  failed: 'INVALID_ARGUMENT',
  message: 'Field "capsule" is missing: the first poll of a session brings a connect command instead',
}
