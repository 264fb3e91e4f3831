/**
 * CppComet's browser protocol: the WebSocket half, and where the rest of it is put up.
 *
 * Owns the way of a connection: its address is read, the user logged in, and it is greeted before it is sent anything
 * else; what waited for its user comes next, then it may ask. A page is never sent a close frame, and a command that the
 * original would not know ends the connection, as it does there. Memory: one session per socket, as for any other
 * WebSocket, and an entry for each with a user.
 */
import type { Clock } from '../clock.ts'
import type { Broker } from '../core/broker.ts'
import { hasFailed } from '../core/broker.ts'
import type { ChannelRules } from '../core/channel-rules.ts'
import type { Commands } from '../core/commands.ts'
import type { Hub } from '../core/hub.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import type { UserRecords } from '../core/user-records.ts'
import type { Logger } from '../log.ts'
import type { ConnectionGate } from '../sockets/connection-gate.ts'
import { type SocketFanOutLimits, socketOf } from '../sockets/socket-fan-out.ts'
import {
  type Accepted,
  type SocketRoute,
  type SocketRouteLimits,
  serveSockets,
} from '../sockets/socket-route.ts'
import type { PublicApp, UpgradeRequest } from '../uws.ts'
import { type CometFanOut, createCometFanOut } from './comet-fan-out.ts'
import { serveCometPages } from './comet-pages.ts'
import { type CometPollLimits, serveCometPolls } from './comet-poll.ts'
import { createInboxReceipts } from './inbox-receipts.ts'
import { type Arrival, createCometLogin } from './login.ts'
import { type CometRequestsLimits, createCometRequests } from './requests.ts'
import { restartFix } from './restart-fix.ts'
import type { AddressFault, Dialect } from './url.ts'

const SOCKET_PATHS = ['/ws/*', '//ws/*', '/comet-server/ws/*', '//comet-server/ws/*'] as const

export interface CometDeps {
  readonly app: PublicApp
  readonly gate: ConnectionGate
  readonly hub: Hub
  readonly broker: Broker
  readonly rules: ChannelRules
  readonly users: UserRecords
  readonly commands: Commands
  readonly observer: Observer
  readonly log: Logger
  readonly clock: Clock
  readonly isAnonymousAllowed: boolean
  readonly isDraining: () => boolean
}

export interface CometLimits
  extends SocketFanOutLimits,
    SocketRouteLimits,
    CometRequestsLimits,
    CometPollLimits {
  readonly cometRestartFix: boolean
}

/** Registers everything that is CppComet's on the public port; returns what stops its timers. */
export function serveComet(deps: CometDeps, limits: CometLimits): () => void {
  const { app, hub, observer, clock } = deps
  const hasLeft = (session: Session) => session.held === null && socketOf(session)?.getBufferedAmount() === 0
  const receipts = createInboxReceipts({ hub, clock, hasLeft })
  const fanOutDeps = { app, observer, clock, fromInbox: receipts.sent, missed: receipts.missed }
  const fanOuts: Record<Dialect, CometFanOut> = {
    v4: createCometFanOut('v4', fanOutDeps, limits),
    v3: createCometFanOut('v3', fanOutDeps, limits),
  }
  const login = createCometLogin(deps)
  const requests = createCometRequests(deps, limits)
  /** Sessions between their upgrade and the opening of their socket. */
  const arriving = new Map<Session, Arrival | AddressFault>()

  function accept(request: UpgradeRequest, address: string): Accepted {
    const arrival = login.arrive(request.url())
    const session = hub.open(fanOuts[arrival.dialect], address)
    arriving.set(session, arrival)
    const offered = request.header('sec-websocket-protocol')
    return { session, protocol: offered.split(',')[0]?.trim() ?? '' }
  }

  function opened(session: Session): void {
    const arrival = arriving.get(session)
    arriving.delete(session)
    if (arrival === undefined) return
    const { frames, say } = fanOuts[arrival.dialect]
    if ('error' in arrival) {
      say(session, frames.urlError(arrival.code, arrival.error))
      hub.end(session, 'BAD_MESSAGE', arrival.error)
      return
    }
    login.enter(session, arrival)
    say(session, login.greeting(frames, arrival))
    if (limits.cometRestartFix && arrival.address.isScript) {
      say(session, frames.script(restartFix(arrival.dialect)))
    }
    subscribeOwn(session)
  }

  /** Messages to the user; those that waited come by this. */
  function subscribeOwn(session: Session): void {
    const own = session.ownChannel()
    if (own === null) return
    receipts.add(session)
    void Promise.resolve(hub.subscribe(session, own)).then((outcome) => {
      if (hasFailed(outcome) && session.phase === 'connected')
        hub.end(session, outcome.failed, outcome.message)
    })
  }

  const route: SocketRoute = {
    paths: SOCKET_PATHS,
    transport: 'comet',
    accept,
    opened,
    message: requests.take,
    closed(session) {
      receipts.remove(session)
      return 0
    },
  }
  serveSockets(deps, route, limits)
  serveCometPages(app)
  const stopPolls = serveCometPolls({ ...deps, login, requests }, limits)
  return () => {
    receipts.stop()
    stopPolls()
  }
}
