/**
 * The client protocol over WebSockets, in one of its two wire formats.
 *
 * Owns what is particular to it: the names of its topics, its messages as bytes and back, and its goodbye, a message
 * and a close frame with the same code. Everything else is that of any protocol over WebSockets. Holds nothing.
 */
import type { Publication } from '../core/broker.ts'
import { MAX_REASON_BYTES } from '../core/goodbye.ts'
import type { Session } from '../core/session.ts'
import type { PublicationParts } from '../protocol/json-codec.ts'
import type { ControlMessage, Reply, WireFormat } from '../protocol/messages.ts'
import {
  createSocketFanOut,
  type SocketFanOut,
  type SocketFanOutDeps,
  type SocketFanOutLimits,
} from '../sockets/socket-fan-out.ts'

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

export interface WebSocketFanOut extends SocketFanOut {
  readonly formatName: string
  /** Frames of this format are binary, both ways. */
  readonly isBinary: boolean
  decode(bytes: Buffer): unknown
  reply(session: Session, reply: Reply): void
}

export function createWebSocketFanOut(
  format: WireFormat,
  { codec, ...deps }: SocketFanOutDeps & { readonly codec: MessageCodec },
  limits: SocketFanOutLimits,
): WebSocketFanOut {
  const isBinary = format === 'msgpack'
  const fanOut = createSocketFanOut(
    {
      transport: 'websocket',
      prefix: isBinary ? 'm:' : 'j:',
      isBinary,
      encode: isBinary ? codec.encodePublication : encodedJson,
      recode: codec.recodePublication,
      encodeControl: codec.encodeMessage,
      turnEnded() {},
      ending: {
        bye: (code, reason, retryAfterMs) =>
          codec.encodeMessage({
            bye: retryAfterMs === 0 ? { code, reason } : { code, reason, retryAfterMs },
          }),
        waitMs: GOODBYE_MS,
        isAbrupt: false,
        close: (socket, code, reason) => socket.end(code, closeReason(reason)),
      },
    },
    deps,
    limits,
  )
  return {
    ...fanOut,
    formatName: isBinary ? 'MessagePack' : 'JSON',
    isBinary,
    decode: codec.decodeMessage,
    reply: (session, reply) => fanOut.say(session, codec.encodeMessage(reply)),
  }
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
