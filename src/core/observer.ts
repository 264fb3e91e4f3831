/**
 * What core and the ports report while they work, so that they need not know what counts it.
 *
 * Owns the `Observer` interface; metrics implements it, tests may too. Calls are made on hot paths: an
 * implementation adds to numbers and returns.
 */
import type { CodeName } from '../codes.ts'
import type { PublishSource } from './broker.ts'

/** A kind of client connection; a metric label. */
export type TransportName = 'websocket' | 'long-poll' | 'sse' | 'comet' | 'comet-poll'

/** Why a message that waited went unread; a metric label. */
export type InboxBound = 'age' | 'count' | 'bytes'

export interface Observer {
  connectionOpened(transport: TransportName): void
  /** `code` is null when the client left by itself. */
  connectionClosed(transport: TransportName, code: CodeName | null): void
  connectionRefused(code: CodeName): void
  /** A command, frame or request that was answered with an error, on any port. */
  commandFailed(code: CodeName): void
  published(source: PublishSource, count: number): void
  /** A flush: how many publications left together. */
  flushed(publications: number): void
  /** One publication was given to its subscribers `latencyMs` after it arrived. */
  publicationFlushed(latencyMs: number): void
  delivered(transport: TransportName, deliveries: number, bytes: number): void
  /** A session fell behind and is fed from history until it has caught up. */
  fellBehind(): void
  /** Retained publications were dropped before their time, because all histories together were too large. */
  historyShrunk(entries: number): void
  /** A publish whose key had been used: nothing was published. */
  duplicatePublish(): void
  /** Keys of publications were forgotten before their time. */
  keysForgotten(keys: number): void
  /** Messages were kept for absent users. */
  inboxKept(messages: number): void
  /** Messages that waited went unread. */
  inboxDropped(bound: InboxBound, messages: number): void
  /** A write to the store failed: what it was for was refused. */
  storeFailed(): void
  /** A statement of a MySQL client was run. */
  ran(): void
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
  fellBehind() {},
  historyShrunk() {},
  duplicatePublish() {},
  keysForgotten() {},
  inboxKept() {},
  inboxDropped() {},
  storeFailed() {},
  ran() {},
  sent() {},
  received() {},
}
