/**
 * CppComet's messages as lines of the answers of waiting polls, in one dialect.
 *
 * Owns the connection of a session that polls: the poll that waits now, if any, and the lines it will be answered with.
 * A session between two polls takes nothing: the hub is told that it lost what was published, and feeds it from the log
 * of the channel when the next poll comes, from exactly there. Bound: an answer holds `maxPollBytes` and one message,
 * what is told to a session between polls `maxReplyBytes`.
 */
import type { Clock } from '../clock.ts'
import type { FanOut } from '../core/fan-out.ts'
import type { Hub } from '../core/hub.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import type { StreamPosition } from '../protocol/messages.ts'
import { createTopicSets } from '../sockets/topic-sets.ts'
import type { Exchange } from '../uws/exchange.ts'
import { createCometEncoder } from './encoder.ts'
import { createFrames } from './frames.ts'
import { tellsMissing } from './inbox-receipts.ts'
import type { PageFanOut } from './requests.ts'
import type { Dialect } from './url.ts'

const NEWLINE = Buffer.from('\n')

/** The connection of a session that polls. */
export interface PollConnection {
  /** Finds its session; '' = it ends with its poll */
  readonly key: string
  /** Address to give back to the gate */
  readonly address: string
  /** The poll that waits; null between two polls */
  exchange: Exchange | null
  /** So many lines are no answer by themselves: the greeting of a session that ends with its poll */
  readonly linesBefore: 0 | 1
  /** What it will be answered with */
  lines: Buffer[]
  bytes: number
  /** Monotonic time: until when the poll waits, or since when there is none, ms */
  sinceMs: number
  /** Polls that are still being looked at: there is no answer before that is done */
  running: number
  /** None came after the first */
  isFirst: boolean
  /** Where the latest answer brought it on the channel of its user; null = no further than before */
  answeredTo: StreamPosition | null
  /** Where it was when it left that channel; null = it is there, or never was */
  leftAt: StreamPosition | null
  /** It was told that some messages to its user will not come: it does not say any more that later ones came */
  hasMissed: boolean
}

export interface PollFanOut extends PageFanOut {
  /** Answers the poll that waits with what there is, even if that is nothing. */
  respond(session: Session): void
  /** Answers it if there is anything to say. */
  respondIfAny(session: Session): void
  /** Takes a session off all topics, before it is closed. */
  forget(session: Session): void
}

export interface PollFanOutDeps {
  readonly hub: Pick<Hub, 'lose'>
  readonly observer: Observer
  readonly clock: Clock
  /** Sends an answer; no poll waits any more. */
  answer(session: Session, connection: PollConnection, body: Buffer): void
  /** The session is over. */
  close(session: Session): void
}

export interface PollFanOutLimits {
  readonly maxPollBytes: number
  readonly maxReplyBytes: number
}

export function createPollFanOut(
  dialect: Dialect,
  deps: PollFanOutDeps,
  limits: PollFanOutLimits,
): PollFanOut {
  const { hub, observer, clock } = deps
  const nowSecond = () => Math.floor(clock.wallMs() / 1000)
  const frames = createFrames(dialect, nowSecond)
  const encoder = createCometEncoder({ frames, nowSecond, fromInbox() {} })
  const topics = createTopicSets()
  /** Polls that have something to be answered with. */
  const due = new Set<Session>()

  function add(session: Session, connection: PollConnection, line: Buffer): void {
    connection.lines.push(line)
    connection.bytes += line.length
    due.add(session)
  }

  function say(session: Session, message: Buffer | string): void {
    const connection = connectionOf(session)
    if (connection === null) return
    const line = Buffer.from(message)
    if (connection.exchange === null && connection.bytes + line.length > limits.maxReplyBytes) return
    observer.sent('comet-poll', line.length)
    add(session, connection, line)
  }

  function respond(session: Session): void {
    due.delete(session)
    const connection = connectionOf(session)
    if (connection === null || connection.exchange === null) return
    const body = Buffer.concat(connection.lines.flatMap((line, at) => (at === 0 ? [line] : [NEWLINE, line])))
    connection.lines = []
    connection.bytes = 0
    deps.answer(session, connection, body)
  }

  function respondIfAny(session: Session): void {
    const connection = connectionOf(session)
    if (connection === null || connection.running > 0) return
    if (connection.lines.length > connection.linesBefore) respond(session)
  }

  /** False when no poll of the session waits. */
  function give(session: Session, message: Buffer): boolean {
    const connection = connectionOf(session)
    if (connection === null || connection.exchange === null) return false
    if (message.length > 0) add(session, connection, message)
    return true
  }

  return {
    ...encoder,
    transport: 'comet-poll',
    repliesInStream: true,
    isPolled: true,
    frames,
    say,
    respond,
    respondIfAny,
    subscribe: topics.subscribe,
    unsubscribe: topics.unsubscribe,
    subscribers: topics.subscribers,
    publish(topic, bytes) {
      if (bytes.length > 0) {
        for (const session of topics.on(topic)) if (!give(session, bytes)) hub.lose(session, bytes)
      }
      return topics.subscribers(topic)
    },
    send(session, messages) {
      const taken = messages.findIndex((message) => !give(session, message))
      return taken === -1 ? messages.length : taken
    },
    room(session) {
      const connection = connectionOf(session)
      if (connection === null || connection.exchange === null) return 0
      return Math.max(0, limits.maxPollBytes - connection.bytes)
    },
    tell(session, message) {
      const connection = connectionOf(session)
      if (connection !== null && tellsMissing(message)) connection.hasMissed = true
      const form = encoder.encodeControl(message)
      if (form !== null) say(session, form)
    },
    flush() {
      encoder.turnEnded()
      for (const session of due) respondIfAny(session)
      due.clear() // polls that are still looked at are answered after that
    },
    forget(session) {
      due.delete(session)
      topics.forget(session)
    },
    end(session) {
      respond(session)
      deps.close(session)
    },
  } satisfies FanOut & PollFanOut
}

/** Null once the session is over. */
export function connectionOf(session: Session): PollConnection | null {
  return session.connection as PollConnection | null
}
