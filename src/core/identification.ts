/**
 * Who a session is: by a token, by a capsule, or nobody in particular.
 *
 * Owns the commands connect and refresh, and what a capsule stands for. A token is looked at once; a capsule carries what
 * it said to the session's next connection, on whichever transport. Nothing is kept but in the session.
 */
import type { Clock } from '../clock.ts'
import type { Capsules, OpenedCapsule } from '../protocol/capsule.ts'
import {
  type ConnectCommand,
  type ConnectResult,
  type RefreshResult,
  type StreamPosition,
  type SubscribeResult,
  userChannel,
} from '../protocol/messages.ts'
import type { Identity } from './access.ts'
import { type Failure, hasFailed } from './broker.ts'
import { type Eventually, whenDone } from './eventually.ts'
import type { Hub } from './hub.ts'
import type { Session } from './session.ts'
import type { VerifyToken } from './tokens.ts'

export interface IdentificationDeps {
  readonly hub: Hub
  readonly clock: Clock
  /** Null when no token is configured: then everyone is anonymous. */
  readonly verifyToken: VerifyToken | null
  readonly capsules: Capsules
  readonly isAnonymousAllowed: boolean
}

export interface Identification {
  connect(session: Session, command: ConnectCommand): Eventually<ConnectResult | Failure>
  refresh(session: Session, token: string): RefreshResult | Failure
  /** Gives a session the identity that a capsule holds. */
  identify(session: Session, capsule: OpenedCapsule): void
  /** Makes a new session go on with what a capsule holds; its channels are subscribed to by themselves. */
  resume(session: Session, capsule: OpenedCapsule): void
  /** Subscribes a session to the channel of its user; null when it has none, or holds it. */
  subscribeOwn(session: Session, since: StreamPosition | null): Eventually<SubscribeResult | Failure | null>
  /** A new capsule of a session; undefined when it would be too long. */
  seal(session: Session): string | undefined
  /** Tells a session a new capsule when half the time of the one it holds is over. */
  renew(session: Session): void
}

export function createIdentification(
  deps: IdentificationDeps,
  limits: { readonly pingMs: number },
): Identification {
  const { hub, clock, verifyToken, capsules } = deps

  function connect(session: Session, command: ConnectCommand): Eventually<ConnectResult | Failure> {
    if (session.phase === 'connected') {
      return { failed: 'ALREADY_CONNECTED', message: 'The session is connected already' }
    }
    const resumed = openCapsule(command.resume)
    const failure = identify(session, command.token, resumed)
    if (failure !== null) return failure
    hub.markConnected(session)
    if (command.resume !== null) hub.sessions.adopt(session, idToResume(session, resumed))
    const connected = connectedAs(session, command.resume !== null)
    const { user } = session
    if (user === '') return connected
    const channel = userChannel(user)
    return whenDone(hub.subscribe(session, channel, { since: command.since }), (own) => {
      if (!hasFailed(own)) return { ...connected, own: { channel, ...own } }
      // Without its channel the user would miss messages: the session goes, after it was told why.
      clock.after(0, () => hub.end(session, own.failed, own.message))
      return own
    })
  }

  function identifyBy(session: Session, capsule: OpenedCapsule): void {
    if (verifyToken !== null) session.identify(identityOf(capsule))
  }

  /** A capsule that is no good is none: the token decides then. */
  function openCapsule(text: string | null): OpenedCapsule | null {
    if (text === null || text === '') return null
    const opened = capsules.open(text)
    return 'failed' in opened ? null : opened
  }

  /** Somebody else's session is not gone on with: the user may have logged in anew. */
  function idToResume(session: Session, resumed: OpenedCapsule | null): string {
    return resumed !== null && resumed.user === session.user ? resumed.session : ''
  }

  function connectedAs(session: Session, wantsCapsule: boolean): ConnectResult {
    const { user } = session
    const result = { session: hub.sessions.idOf(session), user, pingMs: limits.pingMs, ...expiry(session) }
    const capsule = wantsCapsule ? seal(session) : undefined
    return capsule === undefined ? result : { ...result, capsule }
  }

  function seal(session: Session): string | undefined {
    const { user, grants, untilSecond } = session
    const state = { session: hub.sessions.idOf(session), user, grants, untilMs: untilSecond * 1000 }
    session.sealedSecond = Math.floor(clock.wallMs() / 1000)
    return capsules.seal(state) ?? undefined
  }

  function tellCapsule(session: Session): void {
    const capsule = seal(session)
    if (capsule !== undefined) session.fanOut.tell(session, { capsule })
  }

  function renew(session: Session): void {
    const { sealedSecond } = session
    if (sealedSecond > 0 && capsules.needsRefresh({ sealedMs: sealedSecond * 1000 })) tellCapsule(session)
  }

  function expiry({ untilSecond }: Session): RefreshResult {
    return untilSecond === 0 ? {} : { expiresInMs: Math.max(0, untilSecond * 1000 - clock.wallMs()) }
  }

  /** Sets the identity of the session, or says why not. Without token keys every token is ignored. */
  function identify(session: Session, token: string, resumed: OpenedCapsule | null): Failure | null {
    if (verifyToken === null) return null
    if (token === '') {
      if (resumed !== null) identifyBy(session, resumed)
      if (resumed !== null || deps.isAnonymousAllowed) return null
      return {
        failed: 'TOKEN_MISSING',
        message: 'Field "connect.token" is missing: this node asks for a token',
      }
    }
    const identity = verifyToken(token)
    if (!('failed' in identity)) {
      session.identify(identity)
    } else if (identity.failed === 'TOKEN_EXPIRED' && resumed !== null) {
      identifyBy(session, resumed) // the session was given a newer one since
    } else {
      return identity
    }
    return null
  }

  function refresh(session: Session, token: string): RefreshResult | Failure {
    if (verifyToken === null) return {}
    const identity = verifyToken(token)
    if ('failed' in identity) return identity
    if (identity.user !== session.user) {
      return { failed: 'ACCESS_DENIED', message: 'The token is that of another user: connect anew with it' }
    }
    session.identify(identity)
    if (session.id !== '') tellCapsule(session) // the old one runs out with the old token
    return expiry(session)
  }

  return {
    connect,
    refresh,
    seal,
    renew,
    identify: identifyBy,
    resume(session, capsule) {
      identifyBy(session, capsule)
      hub.markConnected(session)
      hub.sessions.adopt(session, idToResume(session, capsule))
    },
    subscribeOwn(session, since) {
      const own = userChannel(session.user)
      return session.user === '' || hub.isSubscribed(session, own)
        ? null
        : hub.subscribe(session, own, { since })
    },
  }
}

function identityOf({ user, grants, untilMs }: OpenedCapsule): Identity {
  return { user, grants, untilSecond: Math.floor(untilMs / 1000) }
}
