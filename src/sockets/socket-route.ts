/**
 * WebSockets at one or more paths, as every protocol over them serves its own.
 *
 * Owns what such routes have in common: who is refused before the upgrade, how a session gets its connection and gives it
 * up, and what becomes of a message that the library could not take. What is said over the connection is the protocol's.
 * Upgrades are synchronous. Memory: nothing per socket besides its session, and its address while those are counted.
 */
import type { Hub } from '../core/hub.ts'
import type { Observer, TransportName } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import type { Logger } from '../log.ts'
import type { PublicApp, UpgradeAnswer, UpgradeRequest } from '../uws.ts'
import { type ClientDetailsLimits, createClientDetails } from './client-details.ts'
import { type ConnectionGate, draining } from './connection-gate.ts'
import type { SocketFanOut } from './socket-fan-out.ts'
import { closeCause, upgradeRefusal } from './upgrade.ts'

/** The library cuts off what is larger without a word; up to so many times the limit we read it and say why. */
const REFUSED_WITH_A_WORD = 2

export interface SocketRouteDeps {
  readonly app: PublicApp
  readonly gate: ConnectionGate
  readonly hub: Hub
  readonly observer: Observer
  readonly log: Logger
  readonly isDraining: () => boolean
}

export interface SocketRouteLimits extends ClientDetailsLimits {
  readonly maxMessageBytes: number
  readonly maxBackpressureBytes: number
  readonly idleTimeoutMs: number
}

/** A session for a request that may come in, and the subprotocol that is agreed on; '' = none. */
export interface Accepted {
  readonly session: Session
  readonly protocol: string
}

export interface SocketRoute {
  readonly paths: readonly string[]
  readonly transport: TransportName
  /** Opens a session, whose fan-out is a `SocketFanOut`. @param address to open it with */
  accept(request: UpgradeRequest, address: string): Accepted
  /** The connection is there, and nothing was sent over it. */
  opened(session: Session): void
  /** @param bytes valid only until this returns; up to twice `maxMessageBytes` */
  message(session: Session, bytes: Buffer, isBinary: boolean): void
  /** The connection is gone; returns how long the session stays a member of channels, undefined = as configured. */
  closed(session: Session, code: number): number | undefined
}

/** Registers the route at all its paths. */
export function serveSockets(deps: SocketRouteDeps, route: SocketRoute, limits: SocketRouteLimits): void {
  const { app, gate, hub, observer, log } = deps
  const { transport } = route
  const details = createClientDetails(limits)
  /** What the gate counts sessions under, which is not what is shown of them. */
  const entered = new Map<Session, string>()

  function upgrade(request: UpgradeRequest): UpgradeAnswer<Session> {
    const refusal = deps.isDraining() ? draining : gate.check(request)
    if (refusal !== null) {
      observer.connectionRefused(refusal.failed)
      return { refuse: upgradeRefusal(refusal) }
    }
    const counted = gate.enter(request)
    const { session, protocol } = route.accept(request, details.addressOf(request))
    if (counted !== '') entered.set(session, counted)
    details.describe(session, request)
    return { accept: session, protocol }
  }

  function close(session: Session, code: number, reason: string): void {
    gate.leave(entered.get(session) ?? '')
    entered.delete(session)
    const cause = closeCause(session, code, reason)
    observer.connectionClosed(transport, cause)
    if (cause !== null)
      log.debug('Connection closed', { session: hub.sessions.idOf(session), code, cause, reason })
    hub.close(session, route.closed(session, code))
  }

  for (const path of route.paths) {
    app.webSocket<Session>({
      path,
      maxPayloadBytes: limits.maxMessageBytes * REFUSED_WITH_A_WORD,
      maxBackpressureBytes: limits.maxBackpressureBytes,
      idleTimeoutMs: limits.idleTimeoutMs,
      upgrade,
      open(session, socket) {
        session.connection = socket
        observer.connectionOpened(transport)
        route.opened(session)
      },
      message(session, bytes, isBinary) {
        observer.received(transport, bytes.length)
        route.message(session, bytes, isBinary)
      },
      dropped(session, bytes) {
        if (hub.lose(session, bytes)) observer.fellBehind()
      },
      drain(session) {
        ;(session.fanOut as SocketFanOut).drained(session)
        hub.ready(session)
      },
      close,
    })
  }
}
