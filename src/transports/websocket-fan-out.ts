/**
 * How publications and replies leave over WebSockets of one wire format.
 *
 * Owns the native topic of each channel in this format, and the only place that knows a session's connection is a
 * WebSocket. A socket that is gone is ended in the hub first, so nothing here touches a closed one.
 */
import type { FanOut } from '../core/fan-out.ts'
import { MAX_REASON_BYTES } from '../core/goodbye.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import type { PublicationParts } from '../protocol/json-codec.ts'
import type { ByeMessage, Reply, WireFormat } from '../protocol/messages.ts'
import { type PublicApp, type Socket, sendStatus } from '../uws.ts'

/** The pure half: messages to bytes and back. */
export interface MessageCodec {
  encodePublication(publication: PublicationParts): Buffer
  encodeMessage(message: Reply | ByeMessage): Buffer | string
  /** Throws when the bytes are not a message in this format. */
  decodeMessage(bytes: Buffer): unknown
}

export interface WebSocketFanOut extends FanOut {
  readonly formatName: string
  /** Frames of this format are binary, both ways. */
  readonly isBinary: boolean
  decode(bytes: Buffer): unknown
  reply(session: Session, reply: Reply): void
}

export function createWebSocketFanOut(
  app: PublicApp,
  format: WireFormat,
  codec: MessageCodec,
  observer: Observer,
): WebSocketFanOut {
  const isBinary = format === 'msgpack'
  const prefix = isBinary ? 'm:' : 'j:'

  /** Sends what is no publication. False when the connection could not take it. */
  function say(session: Session, message: Reply | ByeMessage): boolean {
    const socket = socketOf(session)
    if (socket === null) return false
    const bytes = codec.encodeMessage(message)
    observer.sent('websocket', Buffer.byteLength(bytes))
    return sendStatus(socket.send(bytes, isBinary)) !== 'dropped'
  }

  return {
    transport: 'websocket',
    formatName: isBinary ? 'MessagePack' : 'JSON',
    isBinary,
    decode: codec.decodeMessage,
    encode: codec.encodePublication,
    subscribe(session, topic) {
      socketOf(session)?.subscribe(prefix + topic)
    },
    unsubscribe(session, topic) {
      socketOf(session)?.unsubscribe(prefix + topic)
    },
    subscribers: (topic) => app.subscribers(prefix + topic),
    publish(topic, bytes) {
      app.publish(prefix + topic, bytes, isBinary)
    },
    send(session, messages) {
      const socket = socketOf(session)
      socket?.cork(() => {
        for (const message of messages) socket.send(message, isBinary)
      })
    },
    reply(session, reply) {
      say(session, reply)
    },
    end(session, code, reason, retryAfterMs) {
      const socket = socketOf(session)
      if (socket === null) return
      const bye = retryAfterMs === 0 ? { code, reason } : { code, reason, retryAfterMs }
      socket.cork(() => {
        if (say(session, { bye })) socket.end(code, closeReason(reason))
        else socket.close() // it does not read: a goodbye would wait for ever
      })
    },
  }
}

function socketOf(session: Session): Socket<Session> | null {
  return session.connection as Socket<Session> | null
}

/** As much of a reason as a close frame holds. */
function closeReason(reason: string): string {
  let cut = reason
  while (Buffer.byteLength(cut) > MAX_REASON_BYTES) cut = [...cut].slice(0, -1).join('')
  return cut
}
