/**
 * The sessions of an edge.
 *
 * Owns who is here: sessions by number and, where they can be resumed, by public id; those that have not connected yet;
 * and when a token runs out. A session's number makes its public id, unless it brought one along from an earlier
 * connection. Memory: one map entry per session, one more for those that can be resumed.
 */
import type { Clock } from '../clock.ts'
import { type CodeName, codes } from '../codes.ts'
import type { DisconnectTarget } from './broker.ts'
import type { FanOut } from './fan-out.ts'
import { UUID_MARK } from './names.ts'
import { Session } from './session.ts'

/** Sessions are looked at for an old token in so many steps, a step per sweep. */
const EXPIRY_STEPS = 20
const EXPIRY_STEP_LEAST = 200

/** Steps of a drain. */
const DRAIN_STEP_MS = 50

export interface Sessions {
  /** A new session; it must connect in time. */
  open(fanOut: FanOut, address: string): Session
  /** It proved who it is; until now it was a stranger. */
  markConnected(session: Session): void
  /** The public id of a session. */
  idOf(session: Session): string
  /** The open session that `adopt` gave an id. */
  byId(id: string): Session | null
  /**
   * From now on the session can be resumed under `id` ('' = its own). Whoever had the id is ended: the session has
   * moved.
   */
  adopt(session: Session, id: string): void
  close(session: Session): void
  /** Ends those that did not connect in time, and those whose token has run out (some seconds late). */
  sweep(): void
  /** O(sessions) but for one session by its id, however many users are meant. */
  matching(target: DisconnectTarget): Session[]
  /**
   * Connected sessions of a tenant that are here now and still are when the walk comes to them; null for each other that
   * it comes to.
   */
  ofTenant(tenant: number): Iterable<Session | null>
  count(): number
  connectedCount(): number
  /** Ends all in even steps over half the time, so that they do not all come back at once. */
  sayGoodbye(overMs: number): Promise<void>
}

/** @param end ends a session with a code and a reason */
export function createSessions(
  clock: Clock,
  nodeId: string,
  connectTimeoutMs: number,
  end: (session: Session, code: CodeName, reason: string) => void,
): Sessions {
  const all = new Map<number, Session>()
  const resumable = new Map<string, Session>()
  /** Sessions that have not connected yet, oldest first, with the time by which they must. */
  const strangers = new Map<Session, number>()
  let lastNumber = 0
  let expiryWalk = all.values()

  function endStrangers(now: number): void {
    for (const [session, deadline] of strangers) {
      if (deadline > now) break
      strangers.delete(session)
      end(session, 'CONNECT_TIMEOUT', `No connect within ${connectTimeoutMs} ms`)
    }
  }

  function endExpired(second: number): void {
    const steps = Math.max(EXPIRY_STEP_LEAST, Math.ceil(all.size / EXPIRY_STEPS))
    for (let step = 0; step < steps; step++) {
      const { done, value: session } = expiryWalk.next()
      if (done === true) {
        expiryWalk = all.values()
        return
      }
      const { untilSecond, endedBy } = session
      if (untilSecond > 0 && untilSecond <= second && endedBy === null) {
        end(session, 'TOKEN_EXPIRED', 'The token has expired')
      }
    }
  }

  function ofUsers(tenant: number, users: ReadonlySet<string>): Session[] {
    const found: Session[] = []
    for (const session of all.values()) {
      if (session.tenant === tenant && users.has(session.user)) found.push(session)
    }
    return found
  }

  function idOf(session: Session): string {
    return session.id === '' ? `${nodeId}-${session.number.toString(36)}` : session.id
  }

  return {
    open(fanOut, address) {
      lastNumber++
      const session = new Session(lastNumber, fanOut, address)
      all.set(session.number, session)
      strangers.set(session, clock.nowMs() + connectTimeoutMs)
      return session
    },
    markConnected(session) {
      session.phase = 'connected'
      strangers.delete(session)
    },
    idOf,
    byId: (id) => resumable.get(id) ?? null,
    adopt(session, id) {
      session.id = id === '' ? idOf(session) : id
      const before = resumable.get(session.id)
      resumable.set(session.id, session)
      if (before !== undefined && before !== session) {
        end(before, 'SESSION_MOVED', 'The session went on over another connection')
      }
    },
    close(session) {
      all.delete(session.number)
      strangers.delete(session)
      if (resumable.get(session.id) === session) resumable.delete(session.id)
    },
    sweep() {
      endStrangers(clock.nowMs())
      endExpired(Math.floor(clock.wallMs() / 1000))
    },
    matching(target) {
      const { tenant } = target
      if ('user' in target) return ofUsers(tenant, new Set([target.user]))
      if ('users' in target) return ofUsers(tenant, target.users)
      const own = target.session.slice(target.session.lastIndexOf(UUID_MARK) + 1)
      const number = Number.parseInt(own.slice(nodeId.length + 1), 36)
      const session = resumable.get(target.session) ?? all.get(number)
      const isMeant = session?.tenant === tenant && idOf(session) === target.session
      return isMeant ? [session] : []
    },
    *ofTenant(tenant) {
      const newest = lastNumber
      for (const session of all.values()) {
        if (session.number > newest) return
        yield session.tenant === tenant && session.phase === 'connected' ? session : null
      }
    },
    count: () => all.size,
    connectedCount: () => all.size - strangers.size,
    async sayGoodbye(overMs) {
      const sessions = [...all.values()]
      const steps = Math.max(1, Math.min(sessions.length, Math.floor(overMs / 2 / DRAIN_STEP_MS)))
      const perStep = Math.ceil(sessions.length / steps)
      for (let first = 0; first < sessions.length; first += perStep) {
        for (const session of sessions.slice(first, first + perStep)) {
          if (session.phase !== 'ended') endDraining(session, overMs)
        }
        await new Promise<void>((resolve) => clock.after(overMs === 0 ? 0 : DRAIN_STEP_MS, resolve))
      }
    },
  }
}

function endDraining(session: Session, overMs: number): void {
  const retryAfterMs = Math.ceil(Math.random() * Math.max(overMs, 1000))
  session.endedBy = 'DRAINING'
  session.fanOut.end(session, codes.DRAINING.close, 'draining', retryAfterMs)
}
