/**
 * A transport without sockets, for tests of the hub and what stands on it.
 *
 * Owns a `FanOut` whose topics are sets of sessions, as a native one has them, and for every session the publications
 * it got. A session that is ended leaves its topics by itself and its hub is told, as a closing socket would do.
 */
import type { Publication } from '../../src/core/broker.ts'
import type { FanOut } from '../../src/core/fan-out.ts'
import type { Session } from '../../src/core/session.ts'
import { encodePublication } from '../../src/protocol/json-codec.ts'

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

export interface RecordingFanOut extends FanOut {
  /** `publish <channel>`, `send <session> <count>`, `subscribe …` and `unsubscribe …`, in order. */
  readonly calls: readonly string[]
  readonly endings: readonly Ending[]
  /** Bytes of every message handed over, whoever it was for. */
  readonly sizes: readonly number[]
  got(session: Session): readonly Got[]
  /** Offsets that `session` got on `channel`, in order. */
  offsets(session: Session, channel: string): number[]
  /** Sessions on the topic of `channel`. */
  onTopic(channel: string): number
  /** The connection of the session breaks: it leaves all topics without being asked. */
  lose(session: Session): void
}

/** @param onEnd told after a session was ended; usually `hub.close` */
export function recordingFanOut(onEnd: (session: Session) => void = () => {}): RecordingFanOut {
  const calls: string[] = []
  const endings: Ending[] = []
  const sizes: number[] = []
  const topics = new Map<string, Set<Session>>()
  const received = new Map<Session, Got[]>()

  const topic = (channel: string): Set<Session> => {
    const known = topics.get(channel) ?? new Set()
    topics.set(channel, known)
    return known
  }
  const inbox = (session: Session): Got[] => {
    const known = received.get(session) ?? []
    received.set(session, known)
    return known
  }
  const take = (session: Session, bytes: Buffer) => {
    inbox(session).push(JSON.parse(bytes.toString()))
  }
  const lose = (session: Session) => {
    for (const sessions of topics.values()) sessions.delete(session)
  }

  return {
    transport: 'websocket',
    calls,
    endings,
    sizes,
    encode: (publication: Publication) => encodePublication(publication),
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
      for (const session of topic(channel)) take(session, bytes)
    },
    send(session, messages) {
      calls.push(`send ${session.number} ${messages.length}`)
      for (const bytes of messages) {
        sizes.push(bytes.length)
        take(session, bytes)
      }
    },
    end(session, code, reason, retryAfterMs) {
      endings.push({ session, code, reason, retryAfterMs })
      lose(session)
      onEnd(session)
    },
    got: (session) => inbox(session),
    offsets: (session, channel) =>
      inbox(session)
        .filter((one) => one.channel === channel)
        .map((one) => one.offset),
    onTopic: (channel) => topic(channel).size,
    lose,
  }
}
