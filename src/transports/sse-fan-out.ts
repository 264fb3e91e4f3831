/**
 * How publications, replies and notices leave by streams of server-sent events (WHATWG HTML §9.2.6).
 *
 * Owns the connection of an event stream: what is written in one turn leaves in one write at its end. Each event for a
 * plain `EventSource` carries the positions of the whole session as its id, so that a browser that reconnects by itself
 * says where it is; clients that keep their positions are spared that, as it grows with their channels. A stream whose
 * reader is slow takes no more data: the session is out of step then, and is fed from history later.
 *
 * Bound: a turn's messages per stream, `maxReplyBytes` of notices for one that does not read.
 */
import type { Publication } from '../core/broker.ts'
import type { FanOut } from '../core/fan-out.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import { bare } from '../core/tenants.ts'
import type { ControlMessage, Reply } from '../protocol/messages.ts'
import { createTopicSets } from '../sockets/topic-sets.ts'
import type { Exchange } from '../uws/exchange.ts'

/** Bytes of history a stream is given before it is asked whether it has room for more. */
const ROOM_BYTES = 65_536

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20

const DATA = Buffer.from('data: ')
const END = Buffer.from('\n\n')

/** The connection of an event stream. */
export interface SseConnection {
  readonly exchange: Exchange
  readonly address: string
  /** Events of this turn. */
  pending: PendingEvent[]
  /** The reader is slow: nothing more goes in. */
  isFull: boolean
  /** Bytes of notices written although it is full. */
  overBytes: number
  /** Monotonic time of the next heartbeat, ms. */
  beatMs: number
  /** Its events carry ids: a plain `EventSource` has nothing else to come back with. */
  readonly hasIds: boolean
}

/** An event and the publication in it; offset 0 = none. */
interface PendingEvent {
  readonly event: Buffer
  readonly channel: string
  readonly offset: number
}

export interface SseFanOut extends FanOut {
  reply(session: Session, reply: Reply): void
  /** A comment, which no page sees, and how far the session should be, with an id that says how far it is. */
  beat(session: Session, sum: number | null): void
  /** Takes a session off all topics, before it is closed. */
  forget(session: Session): void
}

export interface SseFanOutDeps {
  readonly observer: Observer
  /** A published message did not fit. */
  lose(session: Session, message: Buffer): boolean
  /** The last word was said. */
  over(session: Session): void
}

export function createSseFanOut(deps: SseFanOutDeps, limits: { readonly maxReplyBytes: number }): SseFanOut {
  const { observer } = deps
  const topics = createTopicSets()
  /** Sessions with events to write. */
  const due: Session[] = []

  function add(session: Session, connection: SseConnection, pending: PendingEvent): void {
    if (connection.pending.length === 0) due.push(session)
    connection.pending.push(pending)
  }

  function write(session: Session, connection: SseConnection): void {
    const { pending } = connection
    if (pending.length === 0) return
    connection.pending = []
    const events = connection.hasIds
      ? withIds(session, pending)
      : Buffer.concat(pending.map(({ event }) => event))
    if (!connection.exchange.write(events)) connection.isFull = true
  }

  function say(session: Session, message: Reply | ControlMessage): void {
    const connection = streamOf(session)
    if (connection === null) return
    const event = eventOf(Buffer.from(JSON.stringify(message)))
    observer.sent('sse', event.length)
    write(session, connection)
    if (connection.isFull) connection.overBytes += event.length
    if (connection.overBytes > limits.maxReplyBytes) {
      session.endedBy ??= 'SLOW_CONSUMER'
      connection.exchange.abort()
      deps.over(session)
    } else if (!connection.exchange.write(event)) {
      connection.isFull = true
    }
  }

  return {
    transport: 'sse',
    repliesInStream: false,
    isPolled: false,
    encode: (publication: Publication) => eventOf(publication.message),
    recode: eventOf,
    subscribe: topics.subscribe,
    unsubscribe: topics.unsubscribe,
    forget: topics.forget,
    subscribers: topics.subscribers,
    publish(topic, bytes, offset) {
      const sessions = topics.on(topic)
      if (sessions.size === 0) return 0
      const pending = { event: bytes, channel: bare(topic.slice(topic.indexOf('\0') + 1)), offset }
      for (const session of sessions) {
        const connection = streamOf(session)
        if (connection === null) continue
        if (!connection.isFull) add(session, connection, pending)
        else if (deps.lose(session, bytes)) observer.fellBehind()
      }
      return sessions.size
    },
    send(session, messages) {
      const connection = streamOf(session)
      if (connection === null || connection.isFull) return 0
      for (const event of messages) add(session, connection, { event, ...headOf(event) })
      write(session, connection)
      return messages.length
    },
    room(session) {
      const connection = streamOf(session)
      return connection === null || connection.isFull ? 0 : ROOM_BYTES
    },
    tell: say,
    reply: say,
    beat(session, sum) {
      const connection = streamOf(session)
      if (connection === null || connection.isFull) return
      write(session, connection)
      const id = connection.hasIds ? idOf(session, new Map()) : ''
      const event = sum === null ? '' : `${id}data: {"sum":${sum}}\n\n`
      if (!connection.exchange.write(Buffer.from(`:\n\n${event}`))) connection.isFull = true
    },
    flush() {
      if (due.length === 0) return
      for (const session of due) {
        const connection = streamOf(session)
        if (connection !== null) write(session, connection)
      }
      due.length = 0
    },
    end(session, code, reason, retryAfterMs) {
      const connection = streamOf(session)
      if (connection === null) return
      const bye = retryAfterMs === 0 ? { code, reason } : { code, reason, retryAfterMs }
      say(session, { bye })
      connection.exchange.endStream()
      deps.over(session)
    },
  }
}

/** Null once the session is over. */
export function streamOf(session: Session): SseConnection | null {
  return session.connection as SseConnection | null
}

/** A JSON message as one event; line breaks between its tokens would end the line they stand in. */
function eventOf(message: Buffer): Buffer {
  const event = Buffer.concat([DATA, message, END])
  const end = DATA.length + message.length
  for (let at = DATA.length; at < end; at++) {
    if (event[at] === LINE_FEED || event[at] === CARRIAGE_RETURN) event[at] = SPACE
  }
  return event
}

interface PublicationHead {
  readonly channel: string
  readonly offset: number
}

/** Channel and offset of a publication, which stand first in its message. */
function headOf(event: Buffer): PublicationHead {
  const text = event.toString('utf8', DATA.length, Math.min(event.length, DATA.length + 2048))
  const found = /^\{"channel":("(?:[^"\\]|\\.)*"),"offset":(\d+)/.exec(text)
  return { channel: found?.[1] === undefined ? '' : JSON.parse(found[1]), offset: Number(found?.[2] ?? 0) }
}

/**
 * The bytes of events, each behind its id. An id says what has come when its event has: of channels that have more
 * events behind it, less than the session will have been sent.
 */
function withIds(session: Session, pending: readonly PendingEvent[]): Buffer {
  const parts: Buffer[] = []
  const offsets = new Map<string, number>()
  for (const { event, channel, offset } of pending.toReversed()) {
    parts.push(event)
    if (offset === 0) continue
    offsets.set(channel, offset)
    parts.push(Buffer.from(idOf(session, offsets)))
    offsets.set(channel, offset - 1)
  }
  return Buffer.concat(parts.reverse())
}

/** The id line: every position of the session, with `offsets` where they differ. JSON has no line breaks. */
function idOf(session: Session, offsets: ReadonlyMap<string, number>): string {
  const positions = session.channels.map((channel): [string, [string, number]] => {
    const name = bare(channel.name)
    return [name, [channel.epoch, offsets.get(name) ?? channel.sentTo(session)]]
  })
  return `id: ${JSON.stringify(Object.fromEntries(positions))}\n`
}
