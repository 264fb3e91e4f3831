/**
 * A transport without sockets, for tests of the hub and what stands on it.
 *
 * Owns a `FanOut` whose topics are sets of sessions, as a native one has them, and for every session the messages it
 * got. What is published waits until the end of the turn, as in the library, and a session that stalls takes only so
 * many messages: the first one it can't take is reported, those after it in the same turn are lost without a word. A
 * session that is ended leaves its topics by itself and its hub is told, as a closing socket would do.
 */
import type { Publication } from '../../src/core/broker.ts'
import type { FanOut } from '../../src/core/fan-out.ts'
import type { Session } from '../../src/core/session.ts'
import { encodePublication } from '../../src/protocol/json-codec.ts'
import type { ControlMessage, Gap } from '../../src/protocol/messages.ts'

/** One publication as a session got it. */
export interface Got {
  readonly channel: string
  readonly offset: number
  readonly data: unknown
}

export interface Ending {
  readonly session: Session
  readonly code: number
  readonly reason: string
  readonly retryAfterMs: number
}

/** What the fan-out tells its hub. */
export interface FanOutHub {
  close(session: Session): void
  lose(session: Session, message: Buffer): void
  ready(session: Session): void
}

export interface RecordingFanOut extends FanOut {
  /** `publish <channel>`, `send <session> <count>`, `subscribe …` and `unsubscribe …`, in order. */
  readonly calls: readonly string[]
  readonly endings: readonly Ending[]
  /** Bytes of every message handed over, whoever it was for. */
  readonly sizes: readonly number[]
  got(session: Session): readonly Got[]
  /** Offsets that `session` got on `channel`, in order. */
  offsets(session: Session, channel: string): number[]
  /** Notices told to the session. */
  told(session: Session): readonly ControlMessage[]
  gaps(session: Session, channel: string): Gap[]
  /** Everything the session got, in order. */
  messages(session: Session): readonly unknown[]
  /** Sessions on the topic of `channel`. */
  onTopic(channel: string): number
  /** From now on the session takes only so many messages. */
  stall(session: Session, messages: number): void
  /** It reads again, and takes everything. */
  resume(session: Session): void
  /** The connection of the session breaks: it leaves all topics without being asked. */
  lose(session: Session): void
}

/** @param hub told of endings and losses; default: nobody is told */
export function recordingFanOut(hub: Partial<FanOutHub> = {}): RecordingFanOut {
  const calls: string[] = []
  const endings: Ending[] = []
  const sizes: number[] = []
  const topics = new Map<string, Set<Session>>()
  const received = new Map<Session, unknown[]>()
  /** Messages a stalled session still takes. */
  const stalls = new Map<Session, number>()
  /** What was published in this turn, by session. */
  const pending = new Map<Session, Buffer[]>()

  const topic = (channel: string): Set<Session> => {
    const known = topics.get(channel) ?? new Set()
    topics.set(channel, known)
    return known
  }
  const inbox = (session: Session): unknown[] => {
    const known = received.get(session) ?? []
    received.set(session, known)
    return known
  }
  /** False when the session can't take it. */
  const take = (session: Session, bytes: Buffer): boolean => {
    const left = stalls.get(session)
    if (left === 0) return false
    if (left !== undefined) stalls.set(session, left - 1)
    inbox(session).push(JSON.parse(bytes.toString()))
    return true
  }
  const drain = (session: Session) => {
    const messages = pending.get(session) ?? []
    pending.delete(session)
    const lost = messages.find((bytes) => !take(session, bytes))
    if (lost !== undefined) hub.lose?.(session, lost)
  }
  const lose = (session: Session) => {
    for (const sessions of topics.values()) sessions.delete(session)
    pending.delete(session)
    stalls.delete(session)
  }
  const publications = (session: Session) =>
    inbox(session).filter((one): one is Got => typeof one === 'object' && one !== null && 'offset' in one)
  const told = (session: Session) =>
    inbox(session).filter(
      (one): one is ControlMessage => typeof one === 'object' && one !== null && !('offset' in one),
    )

  return {
    transport: 'websocket',
    repliesInStream: true,
    isPolled: false,
    calls,
    endings,
    sizes,
    encode: (publication: Publication) => encodePublication(publication),
    recode: (message) => message,
    subscribe(session, channel) {
      calls.push(`subscribe ${session.number} ${channel}`)
      topic(channel).add(session)
    },
    unsubscribe(session, channel) {
      calls.push(`unsubscribe ${session.number} ${channel}`)
      topic(channel).delete(session)
    },
    subscribers: (channel) => topic(channel).size,
    publish(channel, bytes) {
      calls.push(`publish ${channel}`)
      sizes.push(bytes.length)
      for (const session of topic(channel)) pending.set(session, [...(pending.get(session) ?? []), bytes])
      return topic(channel).size
    },
    send(session, messages) {
      calls.push(`send ${session.number} ${messages.length}`)
      drain(session)
      let taken = 0
      for (const bytes of messages) {
        if (!take(session, bytes)) break
        sizes.push(bytes.length)
        taken++
      }
      return taken
    },
    room: (session) => (stalls.get(session) === 0 ? 0 : 65_536),
    tell(session, message) {
      drain(session)
      inbox(session).push(message)
    },
    flush() {
      for (const session of [...pending.keys()]) drain(session)
    },
    end(session, code, reason, retryAfterMs) {
      endings.push({ session, code, reason, retryAfterMs })
      lose(session)
      hub.close?.(session)
    },
    got: publications,
    offsets: (session, channel) =>
      publications(session)
        .filter((one) => one.channel === channel)
        .map((one) => one.offset),
    told,
    gaps: (session, channel) =>
      told(session).flatMap((one) => ('gap' in one && one.channel === channel ? [one.gap] : [])),
    messages: inbox,
    onTopic: (channel) => topic(channel).size,
    stall: (session, messages) => void stalls.set(session, messages),
    resume(session) {
      stalls.delete(session)
      hub.ready?.(session)
    },
    lose,
  }
}
