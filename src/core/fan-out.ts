/**
 * What a transport gives the hub, so that the hub never knows what a WebSocket is.
 *
 * Owns the `FanOut` interface: one per transport and wire format. A publication is encoded once per fan-out that has
 * subscribers, then either published to a topic (a channel, or a shard of it) or handed to a single session. A session
 * that can't take more is told about by `hub.lose` (a published message was lost) and by `room`; the transport calls
 * `hub.ready` when it can take more again. Implementations live in transports/.
 */
import type { ControlMessage } from '../protocol/messages.ts'
import type { Publication } from './broker.ts'
import type { TransportName } from './observer.ts'
import type { Session } from './session.ts'

export interface FanOut {
  readonly transport: TransportName
  /** Replies to commands come in the same order as publications. */
  readonly repliesInStream: boolean
  /** Its sessions come and fetch: to take nothing between two polls is no fault of theirs. */
  readonly isPolled: boolean
  /** Encodes a publication; the bytes are the same for every receiver and are not kept. */
  encode(publication: Publication): Buffer
  /** Turns a JSON message of the client protocol into this format; `message` may be handed on as it is. */
  recode(message: Buffer): Buffer
  /** Makes `publish` on a topic reach the session's connection, for publications from now on. */
  subscribe(session: Session, topic: string): void
  /** Does nothing when the session is not on the topic. */
  unsubscribe(session: Session, topic: string): void
  /** Connections on a topic. */
  subscribers(topic: string): number
  /**
   * Gives `bytes` to every connection on a topic that can take them; called outside transport callbacks only.
   *
   * @param offset of the publication; 0 = a notice that is none
   * @returns to how many it was given; those of the topic that are left out will come and ask for it (polls)
   */
  publish(topic: string, bytes: Buffer, offset: number): number
  /**
   * Gives messages to one session in one write, after earlier `publish` calls, never before them.
   *
   * @returns how many were taken, from the first; the others were not
   */
  send(session: Session, messages: readonly Buffer[]): number
  /** Bytes of history the session can take now; 0 = none until the transport calls `hub.ready`. */
  room(session: Session): number
  /** Tells one session what is no data; held back, in order, while the connection takes nothing. */
  tell(session: Session, message: ControlMessage): void
  /** Where the client of a session is, for those whose session was not told; '' = not known. Missing = none is. */
  addressOf?(session: Session): string
  /** Everything of a turn was given: what the transport collected leaves now. */
  flush(): void
  /** Says goodbye and closes the connection; the transport reports the end as for any other close. */
  end(session: Session, code: number, reason: string, retryAfterMs: number): void
}
