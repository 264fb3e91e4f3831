/**
 * What a transport gives the hub, so that the hub never knows what a WebSocket is.
 *
 * Owns the `FanOut` interface: one per transport and wire format. A publication is encoded once per fan-out that has
 * subscribers, then either published to a topic (a channel, or a shard of it) or handed to a single session. Implementations live in
 * transports/.
 */
import type { Publication } from './broker.ts'
import type { TransportName } from './observer.ts'
import type { Session } from './session.ts'

export interface FanOut {
  readonly transport: TransportName
  /** Encodes a publication; the bytes are the same for every receiver and are not kept. */
  encode(publication: Publication): Buffer
  /** Makes `publish` on a topic reach the session's connection, for publications from now on. */
  subscribe(session: Session, topic: string): void
  /** Does nothing when the session is not on the topic. */
  unsubscribe(session: Session, topic: string): void
  /** Connections on a topic. */
  subscribers(topic: string): number
  /** Gives `bytes` to every connection on a topic. Called outside transport callbacks only. */
  publish(topic: string, bytes: Buffer): void
  /** Gives messages to one session in one write; after earlier `publish` calls, never before them. */
  send(session: Session, messages: readonly Buffer[]): void
  /** Says goodbye and closes the connection; the transport reports the end as for any other close. */
  end(session: Session, code: number, reason: string, retryAfterMs: number): void
}
