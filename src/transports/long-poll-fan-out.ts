/**
 * How publications, replies and notices leave by the answers of waiting polls.
 *
 * Owns the connection of a poll session: the poll that waits now, if any, and what it will be answered with. What is
 * published in one turn leaves in one answer at its end. A session between two polls is given nothing: its next poll
 * says where it is and fetches what it missed. Hot path: a publication to n waiting polls is n pointers moved.
 *
 * Bound: an answer holds `maxPollBytes` and one message; notices for a session between polls `maxReplyBytes`.
 */
import { codes } from '../codes.ts'
import type { Publication } from '../core/broker.ts'
import type { FanOut } from '../core/fan-out.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import type { ByeMessage, ControlMessage, Reply } from '../protocol/messages.ts'
import { createTopicSets } from '../sockets/topic-sets.ts'
import type { Exchange } from '../uws/exchange.ts'
import { PollAnswer } from './poll-answer.ts'

/** The connection of a poll session. */
export interface PollConnection {
  /** The poll that waits; null between two polls. */
  exchange: Exchange | null
  answer: PollAnswer
  /** Polls whose commands still run: there is no answer before they are done. */
  running: number
  /** Monotonic time: until when the poll waits, or since when there is none, ms. */
  sinceMs: number
  /** Address to give back to the gate. */
  address: string
  /** The session is over as soon as this was told. */
  isEnding: boolean
  /** Somebody came or left while no poll waited. */
  hasMissedNotice: boolean
  /** Offset before the first publication that came while no poll waited, by channel; null = none came. */
  missed: Map<string, number> | null
}

export interface LongPollFanOut extends FanOut {
  reply(session: Session, reply: Reply): void
  /** Answers the poll that waits with what there is, even if that is nothing. */
  respond(session: Session): void
  /** Answers at once if there is anything to say. */
  respondIfAny(session: Session): void
  /** A newer poll takes over: the one that waits is answered with what there is and a goodbye, the session goes on. */
  replace(session: Session): void
  /** The poll that waited is gone: what it was to be answered with is not for the next one, but the last word. */
  dropAnswer(session: Session): void
  /** Takes a session off all topics, before it is closed. */
  forget(session: Session): void
}

/** The connection of a new session. */
export function pollConnection(address: string): PollConnection {
  return {
    exchange: null,
    answer: nothing,
    running: 0,
    sinceMs: 0,
    address,
    isEnding: false,
    hasMissedNotice: false,
    missed: null,
  }
}

/** Never added to but by the goodbye below, so that a session between polls holds on to no messages. */
const nothing = PollAnswer.empty()

/** The end of a poll that was replaced: an answer like any other, since browsers log every status that is an error. */
const replacedBye = Buffer.from(
  JSON.stringify({
    bye: { code: codes.SESSION_MOVED.close, reason: 'The session went on with another poll' },
  } satisfies ByeMessage),
)

export interface LongPollFanOutDeps {
  readonly observer: Observer
  /** Publications that a session between two polls will fetch. */
  deferred(publications: number): void
  /** Sends a 200 with the body; the poll is over. */
  answer(connection: PollConnection, body: Buffer): void
  /** The last word was said, or there is none to say. No poll waits any more. */
  over(session: Session): void
}

export function createLongPollFanOut(
  deps: LongPollFanOutDeps,
  limits: { readonly maxPollBytes: number; readonly maxReplyBytes: number },
): LongPollFanOut {
  const { observer } = deps
  const topics = createTopicSets()
  /** Polls that have something to be answered with. */
  const due = new Set<Session>()
  let empty = PollAnswer.empty()

  function add(session: Session, connection: PollConnection, message: Buffer): void {
    if (connection.answer.isEmpty) {
      connection.answer = empty
      if (connection.exchange !== null) due.add(session)
    }
    connection.answer = connection.answer.with(message)
  }

  function say(session: Session, message: Reply | ControlMessage): void {
    const connection = connectionOf(session)
    if (connection === null) return
    const bytes = Buffer.from(JSON.stringify(message))
    if (connection.exchange === null && connection.answer.bytes + bytes.length > limits.maxReplyBytes) return
    observer.sent('long-poll', bytes.length)
    add(session, connection, bytes)
  }

  function respond(session: Session): void {
    const connection = connectionOf(session)
    if (connection === null || connection.exchange === null) return
    const body = connection.answer.body()
    discard(session, connection)
    deps.answer(connection, body)
    if (connection.isEnding) deps.over(session)
  }

  function discard(session: Session, connection: PollConnection): void {
    connection.answer = nothing
    due.delete(session)
  }

  function respondIfAny(session: Session): void {
    const connection = connectionOf(session)
    if (connection !== null && connection.running === 0 && !connection.answer.isEmpty) respond(session)
  }

  function replace(session: Session): void {
    const connection = connectionOf(session)
    if (connection === null || connection.exchange === null) return
    // The last word is for the newer poll: to the client this one is past.
    const said = connection.isEnding ? nothing : connection.answer
    if (!connection.isEnding) discard(session, connection)
    observer.sent('long-poll', replacedBye.length)
    deps.answer(connection, said.with(replacedBye).body())
  }

  return {
    transport: 'long-poll',
    repliesInStream: false,
    isPolled: true,
    encode: (publication: Publication) => publication.message,
    recode: (message) => message,
    subscribe: topics.subscribe,
    unsubscribe: topics.unsubscribe,
    dropAnswer(session) {
      const connection = connectionOf(session)
      if (connection !== null && !connection.isEnding) discard(session, connection)
    },
    forget(session) {
      due.delete(session)
      topics.forget(session)
    },
    subscribers: topics.subscribers,
    publish(topic, bytes, offset) {
      const channel = topic.slice(topic.indexOf('\0') + 1)
      let given = 0
      let away = 0
      for (const session of topics.on(topic)) {
        const connection = connectionOf(session)
        if (connection === null || connection.exchange === null) {
          away++
          if (connection !== null) miss(connection, channel, offset)
          continue
        }
        given++
        add(session, connection, bytes)
      }
      if (offset > 0) deps.deferred(away)
      return given
    },
    send(session, messages) {
      const connection = connectionOf(session)
      if (connection === null || connection.exchange === null) return 0
      for (const message of messages) add(session, connection, message)
      return messages.length
    },
    room(session) {
      const connection = connectionOf(session)
      if (connection === null || connection.exchange === null) return 0
      return Math.max(0, limits.maxPollBytes - connection.answer.bytes)
    },
    tell: say,
    reply: say,
    respond,
    respondIfAny,
    replace,
    flush() {
      if (due.size === 0) return
      for (const session of due) respondIfAny(session)
      empty = PollAnswer.empty() // what was said in this turn is not kept
    },
    end(session, code, reason, retryAfterMs) {
      const connection = connectionOf(session)
      if (connection === null || connection.isEnding) return
      const hasMoved = code === codes.SESSION_MOVED.close
      if (hasMoved && connection.exchange === null) {
        deps.over(session) // nobody will poll for a goodbye
        return
      }
      const bye = retryAfterMs === 0 ? { code, reason } : { code, reason, retryAfterMs }
      say(session, { bye })
      connection.isEnding = true
      if (hasMoved || connection.running === 0) respond(session)
    },
  }
}

function miss(connection: PollConnection, channel: string, offset: number): void {
  if (offset === 0) {
    connection.hasMissedNotice = true
    return
  }
  connection.missed ??= new Map()
  if (!connection.missed.has(channel)) connection.missed.set(channel, offset - 1)
}

/** Null once the session is over. */
export function connectionOf(session: Session): PollConnection | null {
  return session.connection as PollConnection | null
}
