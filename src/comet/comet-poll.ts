/**
 * Long polling for CppComet pages: the address of a WebSocket without `/ws`, the names of pipes as the body.
 *
 * Owns the way of a poll: who asks, which session that is, and the wait. The protocol has neither positions nor sessions,
 * so a page is known again by tenant, user and the name of its browser, and its place in every pipe is kept between two
 * polls. A page of nobody is known by its address as well, as lists tell the names of browsers. A newer poll of a page
 * takes over from the one that waits. Bound: as many sessions as the gate lets in, with at most one waiting poll each; one
 * without a poll for `sessionLingerMs`, and a minute at the least once it came back, ends.
 */

import type { Clock } from '../clock.ts'
import { codes, errorFace } from '../codes.ts'
import type { Failure } from '../core/broker.ts'
import type { Commands } from '../core/commands.ts'
import type { Hub } from '../core/hub.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import { type ConnectionGate, clientAddress, draining } from '../sockets/connection-gate.ts'
import { upgradeRefusal } from '../sockets/upgrade.ts'
import type { Exchange } from '../uws/exchange.ts'
import type { HttpAnswer, PublicApp } from '../uws.ts'
import { cometNotFound } from './comet-pages.ts'
import type { Arrival, CometLogin } from './login.ts'
import {
  connectionOf,
  createPollFanOut,
  type PollConnection,
  type PollFanOut,
  type PollFanOutLimits,
} from './poll-fan-out.ts'
import { createPolledUser } from './polled-user.ts'
import { readPipes } from './request.ts'
import type { CometRequests } from './requests.ts'
import type { Dialect } from './url.ts'

/** How often it is looked for polls that have waited long enough, and for sessions without one. */
const SWEEP_MS = 250

/** Pages wait up to 90 s after errors, and a moment after any answer. */
const LEAST_LINGER_MS = 60_000

/** A page polls anew at once: one that has not for so long may be gone. Longer than the way to and from any page. */
const AWAY_MS = 5_000

const POLL_PATH = /^\/{1,2}(?:comet-server\/)?sesion=/

export interface CometPollDeps {
  readonly app: Pick<PublicApp, 'exchange'>
  readonly gate: ConnectionGate
  readonly hub: Hub
  readonly observer: Observer
  readonly clock: Clock
  readonly commands: Pick<Commands, 'admit'>
  readonly login: CometLogin
  readonly requests: CometRequests
  readonly isDraining: () => boolean
}

export interface CometPollLimits extends PollFanOutLimits {
  readonly maxMessageBytes: number
  readonly maxChannelsPerSession: number
  readonly pollHoldMs: number
  readonly sessionLingerMs: number
  readonly clientIpHeader: string
}

/** Registers the route; returns what stops its timer. */
export function serveCometPolls(deps: CometPollDeps, limits: CometPollLimits): () => void {
  const { gate, hub, observer, clock, commands, login, requests } = deps
  const lingerMs = Math.max(limits.sessionLingerMs, LEAST_LINGER_MS)
  /** Of one that polled only once; it needs the time to do so again. */
  const firstLingerMs = Math.max(limits.sessionLingerMs, AWAY_MS)
  const clientIpHeader = limits.clientIpHeader.toLowerCase()
  const polledUser = createPolledUser(hub)
  /** All of them. */
  const sessions = new Set<Session>()
  /** Those that can be found again. */
  const known = new Map<string, Session>()
  const fanOutDeps = { hub, observer, clock, answer, close }
  const fanOuts: Record<Dialect, PollFanOut> = {
    v4: createPollFanOut('v4', fanOutDeps, limits),
    v3: createPollFanOut('v3', fanOutDeps, limits),
  }

  function answer(session: Session, connection: PollConnection, body: Buffer): void {
    const { exchange } = connection
    letGo(connection)
    polledUser.answered(session, connection)
    exchange?.answer('200 OK', lineHeaders, body)
    if (connection.key === '') close(session)
  }

  /** The poll that waited is none any more. */
  function letGo(connection: PollConnection): void {
    connection.exchange = null
    connection.sinceMs = clock.nowMs()
  }

  function close(session: Session): void {
    const connection = connectionOf(session)
    if (!sessions.delete(session) || connection === null) return
    if (known.get(connection.key) === session) known.delete(connection.key)
    gate.leave(connection.address)
    fanOutOf(session).forget(session)
    observer.connectionClosed('comet-poll', session.endedBy)
    hub.close(session, 0)
  }

  function sweep(): void {
    const now = clock.nowMs()
    for (const session of sessions) {
      const connection = connectionOf(session)
      if (connection === null || connection.running > 0) continue
      if (connection.exchange === null) away(session, connection, now - connection.sinceMs)
      else if (now >= connection.sinceMs) fanOutOf(session).respond(session)
    }
  }

  function away(session: Session, connection: PollConnection, forMs: number): void {
    if (forMs >= (connection.isFirst ? firstLingerMs : lingerMs)) close(session)
    else if (forMs >= AWAY_MS) polledUser.leave(session, connection)
  }

  function request(exchange: Exchange): void {
    if (!POLL_PATH.test(exchange.path)) {
      observer.commandFailed('NOT_FOUND')
      give(exchange, notFound(exchange.path))
      return
    }
    observer.received('comet-poll', exchange.body.length)
    const arrival = login.arrive(exchange.path)
    if ('error' in arrival) {
      const line = fanOuts[arrival.dialect].frames.urlError(arrival.code, arrival.error)
      exchange.answer('200 OK', lineHeaders, line)
    } else {
      begin(exchange, arrival)
    }
  }

  function begin(exchange: Exchange, arrival: Arrival): void {
    const key = keyOf(exchange, arrival)
    const found = known.get(key)
    const refusal = refusalOf(exchange, found)
    if (refusal !== null) {
      if (refusal.failed === 'COMMAND_RATE') observer.commandFailed(refusal.failed)
      else observer.connectionRefused(refusal.failed)
      give(exchange, upgradeRefusal(refusal))
      return
    }
    const session = found ?? make(exchange, arrival, key)
    const connection = connectionOf(session)
    if (connection === null) return
    if (found !== undefined) takeOver(session, connection)
    wait(session, connection, exchange)
    void bring(session, connection, exchange.body)
  }

  /** Finds the session of a page; '' = nothing does. Who has a user's key may have their session. */
  function keyOf(exchange: Exchange, { address: { tenant, uuid }, dialect, user }: Arrival): string {
    if (uuid === '') return ''
    const address = user === '' ? clientAddress(exchange, clientIpHeader) : ''
    return [dialect, tenant, user, uuid, address].join('\n')
  }

  /** A session takes its place once, and holds it until it ends; each later poll is a command of it. */
  function refusalOf(exchange: Exchange, found: Session | undefined): Failure | null {
    if (deps.isDraining()) return draining
    if (found === undefined) return gate.check(exchange)
    return gate.checkOrigin(exchange) ?? commands.admit(found, 0)
  }

  function make(exchange: Exchange, arrival: Arrival, key: string): Session {
    const fanOut = fanOuts[arrival.dialect]
    const session = hub.open(fanOut, '')
    const connection: PollConnection = {
      key,
      address: gate.enter(exchange),
      exchange: null,
      linesBefore: key === '' ? 1 : 0,
      lines: [],
      bytes: 0,
      sinceMs: 0,
      running: 0,
      isFirst: true,
      answeredTo: null,
      leftAt: null,
      hasMissed: false,
    }
    session.connection = connection
    sessions.add(session)
    if (key !== '') known.set(key, session)
    observer.connectionOpened('comet-poll')
    login.enter(session, arrival)
    fanOut.say(session, login.greeting(fanOut.frames, arrival))
    return session
  }

  /** A newer poll of the page: what the last answer brought arrived, and the poll that still waits is answered empty. */
  function takeOver(session: Session, connection: PollConnection): void {
    const { exchange } = connection
    connection.isFirst = false
    polledUser.arrived(session, connection)
    letGo(connection)
    exchange?.answer('200 OK', lineHeaders, '')
  }

  function wait(session: Session, connection: PollConnection, exchange: Exchange): void {
    connection.exchange = exchange
    connection.sinceMs = clock.nowMs() + limits.pollHoldMs
    exchange.onGone(() => {
      if (connection.exchange !== exchange) return
      letGo(connection)
      if (connection.key === '') close(session)
    })
  }

  /** Brings the session to the pipes of its page; then the poll is answered, or waits. */
  async function bring(session: Session, connection: PollConnection, body: Buffer): Promise<void> {
    connection.running++
    await polledUser.join(session, connection)
    await requests.perform(session, readPipes(body, limits.maxChannelsPerSession))
    connection.running--
    if (session.phase === 'ended' || connection.running > 0) return // a newer poll does the rest
    hub.feed(session)
    fanOutOf(session).respondIfAny(session)
  }

  deps.app.exchange({
    path: '/*',
    methods: ['POST'],
    maxBodyBytes: limits.maxMessageBytes,
    headers: clientIpHeader === '' ? [] : [clientIpHeader],
    keepsAddress: true,
    request,
    tooLarge(exchange) {
      observer.commandFailed('MESSAGE_TOO_LARGE')
      const message = `Body is larger than ${limits.maxMessageBytes} bytes`
      give(exchange, upgradeRefusal({ failed: 'MESSAGE_TOO_LARGE', message }))
    },
  })
  return clock.every(SWEEP_MS, sweep)
}

const open = { 'access-control-allow-origin': '*' } as const
const lineHeaders = { 'content-type': 'text/plain; charset=UTF-8', 'cache-control': 'no-store', ...open }

function give(exchange: Exchange, { status, headers, body }: HttpAnswer): void {
  exchange.answer(status, { ...headers, ...open }, body)
}

function notFound(path: string): HttpAnswer {
  if (path.startsWith('/comet-server/')) return cometNotFound
  const face = errorFace('NOT_FOUND', `There is nothing at ${path.slice(0, 200)}`)
  return {
    status: `${codes.NOT_FOUND.http} Not Found`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ error: face }),
  }
}

function fanOutOf(session: Session): PollFanOut {
  return session.fanOut as PollFanOut
}
