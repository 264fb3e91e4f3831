/**
 * Who a session is: by a token, by a login, by a capsule, or nobody in particular.
 *
 * Owns the commands connect and refresh, and what a capsule stands for. A token is looked at once; a capsule carries what
 * it said to the session's next connection, on whichever transport. Nothing is kept but in the session.
 */
import type { Clock } from '../clock.ts'
import type { Capsules, OpenedCapsule } from '../protocol/capsule.ts'
import type {
  ConnectCommand,
  ConnectResult,
  Login,
  RefreshResult,
  StreamPosition,
  SubscribeResult,
} from '../protocol/messages.ts'
import type { Identity } from './access.ts'
import { type Failure, hasFailed } from './broker.ts'
import { type Eventually, whenDone } from './eventually.ts'
import type { Hub } from './hub.ts'
import { UUID_MARK } from './names.ts'
import type { Session } from './session.ts'
import { bare } from './tenants.ts'
import type { VerifyToken } from './tokens.ts'
import type { UserRecords } from './user-records.ts'

export interface IdentificationDeps {
  readonly hub: Hub
  readonly clock: Clock
  /** Null when no token is configured: then everyone is anonymous. */
  readonly verifyToken: VerifyToken | null
  readonly capsules: Capsules
  /** Knows keys of users. */
  readonly users: Pick<UserRecords, 'login'>
  readonly isAnonymousAllowed: boolean
  /** Of sessions that name none */
  readonly tenant: number
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
  const { hub, clock, verifyToken, capsules, users } = deps

  function connect(session: Session, command: ConnectCommand): Eventually<ConnectResult | Failure> {
    if (session.phase === 'connected') {
      return { failed: 'ALREADY_CONNECTED', message: 'The session is connected already' }
    }
    if (command.login !== null && command.token !== '') {
      const message = 'Fields "connect.token" and "connect.login" both say who connects: send one of them'
      return { failed: 'INVALID_ARGUMENT', message }
    }
    const resumed = openCapsule(command.resume)
    const login = command.login === null ? null : logIn(session, command.login)
    const failure =
      login === null ? identify(session, command.token, resumed) : 'failed' in login ? login : null
    if (failure !== null) return failure
    hub.markConnected(session)
    nameSession(session, command, resumed)
    const connected = {
      ...connectedAs(session, command.resume !== null),
      ...(login === null || 'failed' in login ? {} : { login }),
    }
    const channel = session.ownChannel()
    if (channel === null) return connected
    return whenDone(hub.subscribe(session, channel, { since: command.since }), (own) => {
      if (!hasFailed(own)) return { ...connected, own: { channel: bare(channel), ...own } }
      // Without its channel the user would miss messages: the session goes, after it was told why.
      clock.after(0, () => hub.end(session, own.failed, own.message))
      return own
    })
  }

  function identifyBy(session: Session, capsule: OpenedCapsule): void {
    session.identify(identityOf(capsule))
  }

  /** One that is wrong makes the session anonymous, where it may be. */
  function logIn(session: Session, login: Login): NonNullable<ConnectResult['login']> | Failure {
    const tenant = login.tenant ?? deps.tenant
    const found = users.login({ tenant, user: login.user, key: login.key })
    if (found === null && !deps.isAnonymousAllowed) {
      return {
        failed: 'LOGIN_INVALID',
        message: 'Fields "connect.login.user" and "key" do not belong together',
      }
    }
    session.identify({ tenant, user: found?.user ?? '', grants: [], untilSecond: 0 })
    return { authorized: found !== null, key: found?.key ?? '' }
  }

  /** Gives a session the id it goes on with, or one that begins with the name of its browser. */
  function nameSession(
    session: Session,
    { resume, login }: ConnectCommand,
    resumed: OpenedCapsule | null,
  ): void {
    const uuid = login?.uuid ?? ''
    const named = uuid === '' ? '' : `${uuid}${UUID_MARK}${hub.sessions.idOf(session)}`
    if (resume === null) session.id = named
    else hub.sessions.adopt(session, idToResume(session, resumed) || named)
  }

  /** A capsule that is no good is none: the token decides then. */
  function openCapsule(text: string | null): OpenedCapsule | null {
    if (text === null || text === '') return null
    const opened = capsules.open(text)
    return 'failed' in opened ? null : opened
  }

  /** Somebody else's session is not gone on with: the user may have logged in anew. */
  function idToResume(session: Session, resumed: OpenedCapsule | null): string {
    const isSame = resumed?.user === session.user && resumed.tenant === session.tenant
    return isSame ? resumed.session : ''
  }

  function connectedAs(session: Session, wantsCapsule: boolean): ConnectResult {
    const { user } = session
    const result = { session: hub.sessions.idOf(session), user, pingMs: limits.pingMs, ...expiry(session) }
    const capsule = wantsCapsule ? seal(session) : undefined
    return capsule === undefined ? result : { ...result, capsule }
  }

  function seal(session: Session): string | undefined {
    const { tenant, user, grants, untilSecond } = session
    const state = { session: hub.sessions.idOf(session), tenant, user, grants, untilMs: untilSecond * 1000 }
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
    if (verifyToken === null) {
      if (resumed === null) session.identify({ ...nobody, tenant: deps.tenant })
      else identifyBy(session, resumed)
      return null
    }
    if (token === '') {
      if (resumed === null) session.identify({ ...nobody, tenant: deps.tenant })
      else identifyBy(session, resumed)
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
    if (identity.user !== session.user || identity.tenant !== session.tenant) {
      return { failed: 'ACCESS_DENIED', message: 'The token is that of another user: connect anew with it' }
    }
    session.identify(identity)
    if (session.sealedSecond > 0) tellCapsule(session) // the old one runs out with the old token
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
      const own = session.ownChannel()
      return own === null || hub.isSubscribed(session, own) ? null : hub.subscribe(session, own, { since })
    },
  }
}

function identityOf({ tenant, user, grants, untilMs }: OpenedCapsule): Identity {
  return { tenant, user, grants, untilSecond: Math.floor(untilMs / 1000) }
}

const nobody = { user: '', grants: [], untilSecond: 0 } as const
