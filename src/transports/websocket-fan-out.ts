/**
 * How publications, replies and notices leave over WebSockets of one wire format.
 *
 * Owns the native topic of each channel in this format, and the only place that knows a session's connection is a
 * WebSocket. The library takes nothing more for a socket that has `maxBackpressureBytes` waiting. Data then comes from
 * the history, while less than half of that waits, so that replies and notices still get through; what even they
 * can't is held back, in order, and a goodbye waits behind it.
 *
 * Bound: `maxBackpressureBytes` and one message in the library, `maxReplyBytes` here, per socket that does not read.
 */
import type { Clock } from '../clock.ts'
import type { Publication } from '../core/broker.ts'
import type { FanOut } from '../core/fan-out.ts'
import { MAX_REASON_BYTES } from '../core/goodbye.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import type { PublicationParts } from '../protocol/json-codec.ts'
import type { ControlMessage, Reply, WireFormat } from '../protocol/messages.ts'
import { type PublicApp, type Socket, sendStatus } from '../uws.ts'

/** Time a goodbye waits for a socket that does not read. */
const GOODBYE_MS = 5000

/** The pure half: messages to bytes and back. */
export interface MessageCodec {
  encodePublication(publication: PublicationParts): Buffer
  encodeMessage(message: Reply | ControlMessage): Buffer | string
  /** A JSON message of the client protocol in this format. */
  recodePublication(message: Buffer): Buffer
  /** Throws when the bytes are not a message in this format. */
  decodeMessage(bytes: Buffer): unknown
}

export interface WebSocketFanOut extends FanOut {
  readonly formatName: string
  /** Frames of this format are binary, both ways. */
  readonly isBinary: boolean
  decode(bytes: Buffer): unknown
  reply(session: Session, reply: Reply): void
  /** Some of what waited has left: what was held back follows. */
  drained(session: Session): void
}

export interface WebSocketFanOutDeps {
  readonly app: PublicApp
  readonly codec: MessageCodec
  readonly observer: Observer
  readonly clock: Clock
}

export interface WebSocketFanOutLimits {
  readonly maxBackpressureBytes: number
  readonly maxReplyBytes: number
}

interface Goodbye {
  readonly code: number
  readonly reason: string
}

export function createWebSocketFanOut(
  format: WireFormat,
  deps: WebSocketFanOutDeps,
  limits: WebSocketFanOutLimits,
): WebSocketFanOut {
  const { app, codec, observer, clock } = deps
  const isBinary = format === 'msgpack'
  const prefix = isBinary ? 'm:' : 'j:'
  const dataBytes = limits.maxBackpressureBytes / 2
  /** Sessions whose goodbye waits. */
  const leaving = new Map<Session, Goodbye>()

  /** The topic published to last in this turn: a wave gives one topic many messages. */
  const current = { topic: '', name: '', subscribers: 0 }

  function pointTo(topic: string): void {
    current.topic = topic
    current.name = prefix + topic
    current.subscribers = app.subscribers(current.name)
  }

  /** Who is on a topic may have changed. */
  function forgetCurrent(): void {
    current.topic = ''
  }

  /** Sends what is no publication, or holds it back. */
  function say(session: Session, message: Reply | ControlMessage): void {
    const socket = socketOf(session)
    if (socket === null) return
    const bytes = codec.encodeMessage(message)
    observer.sent('websocket', Buffer.byteLength(bytes))
    const isSent = session.held === null && sendStatus(socket.send(bytes, isBinary)) !== 'dropped'
    if (!isSent) hold(session, socket, typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
  }

  function hold(session: Session, socket: Socket<Session>, bytes: Buffer): void {
    session.held ??= { messages: [], bytes: 0 }
    session.held.messages.push(bytes)
    session.held.bytes += bytes.length
    if (session.held.bytes <= limits.maxReplyBytes) return
    session.endedBy ??= 'SLOW_CONSUMER'
    forgetCurrent()
    socket.close()
  }

  /** Sends what was held back as far as it goes; true when nothing is left. */
  function release(session: Session, socket: Socket<Session>): boolean {
    const { held } = session
    for (let first = held?.messages[0]; held !== null && first !== undefined; first = held.messages[0]) {
      if (sendStatus(socket.send(first, isBinary)) === 'dropped') return false
      held.messages.shift()
      held.bytes -= first.length
    }
    session.held = null
    return true
  }

  function waitToLeave(session: Session, goodbye: Goodbye): void {
    leaving.set(session, goodbye)
    clock.after(GOODBYE_MS, () => {
      if (leaving.delete(session)) socketOf(session)?.close()
    })
  }

  return {
    transport: 'websocket',
    repliesInStream: true,
    isPolled: false,
    formatName: isBinary ? 'MessagePack' : 'JSON',
    isBinary,
    decode: codec.decodeMessage,
    encode: isBinary ? codec.encodePublication : encodedJson,
    recode: codec.recodePublication,
    subscribe(session, topic) {
      forgetCurrent()
      socketOf(session)?.subscribe(prefix + topic)
    },
    unsubscribe(session, topic) {
      forgetCurrent()
      socketOf(session)?.unsubscribe(prefix + topic)
    },
    subscribers: (topic) => app.subscribers(prefix + topic),
    publish(topic, bytes) {
      if (topic !== current.topic) pointTo(topic)
      app.publish(current.name, bytes, isBinary)
      return current.subscribers
    },
    send(session, messages) {
      const socket = socketOf(session)
      let taken = 0
      socket?.cork(() => {
        while (taken < messages.length) {
          const message = messages[taken]
          if (message === undefined || sendStatus(socket.send(message, isBinary)) === 'dropped') return
          taken++
        }
      })
      return taken
    },
    room(session) {
      const socket = socketOf(session)
      if (socket === null || session.held !== null) return 0
      return Math.max(0, dataBytes - socket.getBufferedAmount())
    },
    tell: say,
    reply: say,
    flush: forgetCurrent,
    drained(session) {
      const socket = socketOf(session)
      if (socket === null || !release(session, socket)) return
      const goodbye = leaving.get(session)
      if (goodbye === undefined) return
      leaving.delete(session)
      socket.end(goodbye.code, closeReason(goodbye.reason))
    },
    end(session, code, reason, retryAfterMs) {
      forgetCurrent()
      const socket = socketOf(session)
      if (socket === null || leaving.has(session)) return
      const bye = retryAfterMs === 0 ? { code, reason } : { code, reason, retryAfterMs }
      socket.cork(() => {
        say(session, { bye })
        if (session.connection === null) return // it held too much back already
        if (session.held === null) socket.end(code, closeReason(reason))
        else waitToLeave(session, { code, reason })
      })
    },
  }
}

function socketOf(session: Session): Socket<Session> | null {
  return session.connection as Socket<Session> | null
}

/** What subscribers and history share. */
function encodedJson(publication: Publication): Buffer {
  return publication.message
}

/** As much of a reason as a close frame holds. */
function closeReason(reason: string): string {
  let cut = reason
  while (Buffer.byteLength(cut) > MAX_REASON_BYTES) cut = [...cut].slice(0, -1).join('')
  return cut
}
