/**
 * The broker as edges and internal ports see it.
 *
 * Owns two interfaces: `Broker`, which orders publications and knows channels and users, and `Edge`, which holds
 * subscribers and is streamed the publications of the channels it is attached to, in order. Asynchronous from the
 * start, because the broker may live in another process. Failures of single items are values, not exceptions.
 */
import type { CodeName } from '../codes.ts'
import type { Gap, Present, StreamPosition, UsersResult } from '../protocol/messages.ts'
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
  /** The same key again within the window gets the first position and publishes nothing; '' = none */
  readonly key: string
}

/** A publication with its place in the channel. */
export interface Publication {
  readonly channel: string
  readonly data: Payload
  readonly event: string
  readonly user: string
  readonly epoch: string
  readonly offset: number
  /** The whole message of the client protocol as JSON, encoded once for subscribers and history alike. */
  readonly message: Buffer
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

/**
 * What a channel still holds of its latest publications, as an edge that is attached to it may read at any time. All
 * offsets from `firstRetained` up to the latest are there.
 */
export interface ChannelLog {
  /** Offset of the oldest publication held; one above the latest when none is. */
  firstRetained(): number
  /** A held publication as its JSON message, not to be written into; null when it is not held. */
  retained(offset: number): Buffer | null
}

/** An edge's hold on a channel: the position just before the first publication that will be streamed to it. */
export interface Attachment {
  readonly position: StreamPosition
  readonly log: ChannelLog
}

/** Which part of a channel's history is asked for. */
export interface HistoryQuery {
  /** Only what follows it; null = no such bound */
  readonly since: StreamPosition | null
  /** At most so many, ≥ 1: the oldest that fit, or the newest with `isReverse` */
  readonly limit: number
  readonly isReverse: boolean
}

export interface HistoryPage {
  /** Of the latest publication of the channel */
  readonly position: StreamPosition
  /** JSON messages, oldest first unless the query says otherwise */
  readonly messages: readonly Buffer[]
  /** What was asked for and is not held; null = nothing */
  readonly gap: Gap | null
}

/** Sessions on a channel; `clients` null where its rule does not say `list`. */
export interface PresenceState {
  readonly count: number
  readonly clients: readonly Present[] | null
}

/** Who came to a channel and who left it since the last time. */
export interface PresenceChange {
  readonly join: readonly Present[]
  readonly leave: readonly Present[]
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

  /** From now on `edge` gets the channel's publications. */
  attach(edge: Edge, channel: string): Promise<Attachment | Failure>
  detach(edge: Edge, channel: string): void

  /** The state of a channel; a channel nobody knows has no subscribers and offset 0. */
  channel(name: string): Promise<ChannelState>
  /** Part of what the channel's rule keeps; HISTORY_OFF when it keeps nothing. */
  history(channel: string, query: HistoryQuery): Promise<HistoryPage | Failure>
  /** Who is on a channel, at most `limit` of them by name. */
  presence(channel: string, limit: number): Promise<PresenceState>
  /** An edge tells who came and left there; all attached edges are told, together with the new count. */
  presenceChanged(channel: string, change: PresenceChange): void
  /** Those of `ids` that have a session on any edge, in the order asked, and when others were last seen. */
  usersOnline(ids: readonly string[]): Promise<UsersResult>
  /** An edge tells that the last session of a user there has ended. */
  userLeft(user: string): void
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
  /** Offset of the latest publication that was sent to all subscribers here; those above it still wait for that. */
  sentOffset(channel: string): number
  /** Who is on a channel here; null when its rule does not say `list`. */
  present(channel: string, limit: number): readonly Present[] | null
  /** How many are on it here, those included that are away for a moment; 0 when its rule does not say `list`. */
  memberCount(channel: string): number
  /** Tells the subscribers of a channel who came and left; `count` is that of all edges. */
  tellPresence(channel: string, change: PresenceChange, count: number): void
  disconnect(target: DisconnectTarget, goodbye: Goodbye): number
  counts(): NodeCounts
}
