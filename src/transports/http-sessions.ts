/**
 * From the capsule in a request to the session that goes on with it.
 *
 * Owns that look-up for the HTTP transports: a capsule that was found good is known by its text as long as its session
 * lives here, so that a poll costs no signature; any other is opened, and its session made anew. Memory: one entry per
 * session with a known capsule.
 */
import type { Clock } from '../clock.ts'
import type { Failure } from '../core/broker.ts'
import type { FanOut } from '../core/fan-out.ts'
import type { Hub } from '../core/hub.ts'
import type { Identification } from '../core/identification.ts'
import type { Session } from '../core/session.ts'
import type { Capsules } from '../protocol/capsule.ts'

export interface HttpSessionsDeps {
  readonly clock: Clock
  readonly hub: Hub
  readonly identification: Identification
  readonly capsules: Capsules
}

/** A session and the capsule that its client is to use from now on, where that is a new one. */
export interface ResumedSession {
  readonly session: Session
  readonly isNew: boolean
  readonly capsule: string | null
}

export interface HttpSessions {
  /**
   * The session of a capsule: the one on `fanOut` that is here, else a new one in the place of whichever was.
   *
   * @param check asked before anything is done for a session; null = go on
   * @param make gives a new session its connection
   */
  resume(
    text: string,
    fanOut: FanOut,
    check: (isNew: boolean) => Failure | null,
    make: (session: Session) => void,
  ): ResumedSession | Failure
  /** The session gave out this capsule, just now sealed. */
  know(session: Session, capsule: string): void
  forget(session: Session): void
}

interface Known {
  readonly session: Session
  /** When the capsule was sealed, rounded down: a session may have been given another since, ms since 1970. */
  readonly sealedMs: number
}

export function createHttpSessions({ clock, hub, identification, capsules }: HttpSessionsDeps): HttpSessions {
  const known = new Map<string, Known>()
  const texts = new Map<Session, string>()

  function know(session: Session, capsule: string): void {
    const { untilSecond, sealedSecond } = session
    if (untilSecond > 0 && clock.wallMs() >= untilSecond * 1000) return // no good, nor would it be when opened
    forget(session)
    known.set(capsule, { session, sealedMs: sealedSecond * 1000 })
    texts.set(session, capsule)
  }

  function forget(session: Session): void {
    const text = texts.get(session)
    if (text !== undefined) known.delete(text)
    texts.delete(session)
  }

  function renew(session: Session): string | null {
    const capsule = identification.seal(session) ?? null
    if (capsule !== null) know(session, capsule)
    return capsule
  }

  return {
    know,
    forget,
    resume(text, fanOut, check, make) {
      const found = known.get(text)
      if (found !== undefined && found.session.fanOut === fanOut && !capsules.needsRefresh(found)) {
        return check(false) ?? { session: found.session, isNew: false, capsule: null }
      }
      const opened = capsules.open(text)
      if ('failed' in opened) return opened
      const here = hub.sessions.byId(opened.session)
      if (here !== null && here.fanOut === fanOut && here.user === opened.user && here.endedBy === null) {
        const refusal = check(false)
        if (refusal !== null) return refusal
        return { session: here, isNew: false, capsule: capsules.needsRefresh(opened) ? renew(here) : null }
      }
      const refusal = check(true)
      if (refusal !== null) return refusal
      const session = hub.open(fanOut, '')
      make(session)
      identification.resume(session, opened)
      return { session, isNew: true, capsule: renew(session) }
    },
  }
}
