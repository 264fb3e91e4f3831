/**
 * What core and the ports report while they work, so that they need not know what counts it.
 *
 * Owns the `Observer` interface; metrics implements it, tests may too. Calls are made on hot paths: an
 * implementation adds to numbers and returns.
 */
import type { CodeName } from '../codes.ts'
import type { PublishSource } from './broker.ts'

/** A kind of client connection; a metric label. */
export type TransportName = 'websocket'

/** Why deliveries were lost; a metric label. */
export type DropReason = 'slow_consumer'

export interface Observer {
  connectionOpened(transport: TransportName): void
  /** `code` is null when the client left by itself. */
  connectionClosed(transport: TransportName, code: CodeName | null): void
  connectionRefused(code: CodeName): void
  /** A command, frame or request that was answered with an error, on any port. */
  commandFailed(code: CodeName): void
  published(source: PublishSource, count: number): void
  /** A flush: how many publications left together, and how long ago the oldest of them arrived. */
  flushed(publications: number): void
  /** One publication was given to its subscribers `latencyMs` after it arrived. */
  publicationFlushed(latencyMs: number): void
  delivered(transport: TransportName, deliveries: number, bytes: number): void
  dropped(reason: DropReason, deliveries: number): void
  /** Replies and goodbyes, which are no deliveries. */
  sent(transport: TransportName, bytes: number): void
  received(transport: TransportName, bytes: number): void
}

export const silentObserver: Observer = {
  connectionOpened() {},
  connectionClosed() {},
  connectionRefused() {},
  commandFailed() {},
  published() {},
  flushed() {},
  publicationFlushed() {},
  delivered() {},
  dropped() {},
  sent() {},
  received() {},
}
