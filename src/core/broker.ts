/**
 * The broker as edges and internal ports see it.
 *
 * Owns two interfaces: `Broker`, which orders publications and knows channels and users, and `Edge`, which holds
 * subscribers and is streamed the publications of the channels it is attached to, in order. Asynchronous from the
 * start, because the broker may live in another process. Failures of single items are values, not exceptions.
 */
import type { CodeName } from '../codes.ts'
import type { StreamPosition } from '../protocol/messages.ts'
import type { Payload } from '../protocol/payload.ts'

/** Where a publication came in; a metric label. */
export type PublishSource = 'publish-port' | 'http' | 'client'

/** What an application or a client asks to publish. */
export interface PublishRequest {
  readonly channel: string
  readonly data: Payload
  /** '' = none */
  readonly event: string
  /** Id of the user who published it; '' = the application */
  readonly user: string
}

/** A publication with its place in the channel. */
export interface Publication extends PublishRequest {
  readonly epoch: string
  readonly offset: number
  /** Monotonic time of arrival at the node, ms; for latency figures only. */
  readonly arrivedMs: number
}

export type PublishOutcome = StreamPosition | Failure

export interface Failure {
  readonly failed: CodeName
  readonly message: string
}

export function hasFailed<T extends object>(outcome: T | Failure): outcome is Failure {
  return 'failed' in outcome
}

/** State of one channel. `subscribers` counts sessions on all edges. */
export interface ChannelState {
  readonly channel: string
  readonly subscribers: number
  readonly position: StreamPosition
}

export interface NodeCounts {
  readonly connections: number
  readonly sessions: number
  readonly subscriptions: number
  readonly channels: number
}

/** Whom to disconnect: every session of a user, or one session by its id. */
export type DisconnectTarget = { readonly user: string } | { readonly session: string }

/** How a session is ended by the application: a code in 3000–4999 and a reason of at most 123 bytes. */
export interface Goodbye {
  readonly code: number
  readonly reason: string
}

export interface Broker {
  /**
   * Orders publications and hands them to the attached edges.
   *
   * Resolves once every accepted one has its offset and the edges have room again, so a publisher that waits for it
   * can be slowed but never buffered without bound.
   *
   * @param requests channel names need not be checked before; kept by reference
   * @returns one outcome per request, in the same order
   */
  publish(requests: readonly PublishRequest[], source: PublishSource): Promise<PublishOutcome[]>

  /** An edge comes, before its first attachment, and goes, after its last. */
  join(edge: Edge): void
  leave(edge: Edge): void

  /** From now on `edge` gets the channel's publications; the position is the one just before the first of them. */
  attach(edge: Edge, channel: string): Promise<StreamPosition | Failure>
  detach(edge: Edge, channel: string): void

  /** The state of a channel; a channel nobody knows has no subscribers and offset 0. */
  channel(name: string): Promise<ChannelState>
  /** Those of `ids` that have a session on any edge, in the order asked. */
  usersOnline(ids: readonly string[]): Promise<string[]>
  /** Ends sessions everywhere; resolves to how many there were. */
  disconnect(target: DisconnectTarget, goodbye: Goodbye): Promise<number>
  counts(): Promise<NodeCounts>
}

/** What an edge gives the broker. */
export interface Edge {
  /** Takes publications of attached channels in offset order. Must not throw. */
  deliver(publications: readonly Publication[]): void
  /** Resolves when the edge has room for more; null when it has room now. */
  room(): Promise<void> | null
  subscribers(channel: string): number
  disconnect(target: DisconnectTarget, goodbye: Goodbye): number
  counts(): NodeCounts
}
