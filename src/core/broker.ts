/**
 * The broker as edges and internal ports see it.
 *
 * Owns two interfaces: `Broker`, which orders publications and knows channels and users, and `Edge`, which holds
 * subscribers and is streamed the publications of the channels it is attached to, in order. Asynchronous from the
 * start, because the broker may live in another process. Failures of single items are values, not exceptions. Names of
 * channels are bound to their tenant (tenants.ts), in and out, unless something else is said.
 */
import type { CodeName } from '../codes.ts'
import type { InboxMark } from '../protocol/json-codec.ts'
import type { Gap, Present, StreamPosition, UsersResult } from '../protocol/messages.ts'
import type { Payload } from '../protocol/payload.ts'
import type { TransportName } from './observer.ts'
import type { Session } from './session.ts'
import type { ChannelSettings } from './stored-forms.ts'

/** Where a publication came in; a metric label. */
export type PublishSource = 'publish-port' | 'http' | 'cometql' | 'client'

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
  /** A session that is not sent it; missing = none */
  readonly except?: Session
}

/** A publication with its place in the channel. */
export interface Publication extends Origin {
  /** The channel as the node knows it */
  readonly scoped: string
  /** The channel as its subscribers know it */
  readonly channel: string
  readonly data: Payload
  readonly event: string
  readonly user: string
  readonly epoch: string
  readonly offset: number
  /** The whole message of the client protocol as JSON, encoded once for subscribers and history alike. */
  readonly message: Buffer
  /** The session that is not sent it; null = none. */
  readonly except: Session | null
  /** Monotonic time of arrival at the node, ms; for latency figures only. */
  readonly arrivedMs: number
}

/** Where a publication comes from, as far as those who get it are told. */
export interface Origin {
  /** A client published it, not the application */
  readonly fromClient: boolean
  /** It waited for its user; null = it did not */
  readonly inbox: InboxMark | null
}

/** Of what the node itself has to say. */
export const ownOrigin: Origin = { fromClient: false, inbox: null }

/** Offset 0 = it waits for an absent user and will get its place when it is delivered. */
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
  /** When each of them was published, ms since 1970 */
  readonly timesMs: readonly number[]
  /** What was asked for and is not held; null = nothing */
  readonly gap: Gap | null
}

/** One publication that is held. */
export interface HeldPublication {
  /** JSON, not to be written into */
  readonly message: Buffer
  /** When it was published, ms since 1970 */
  readonly timeMs: number
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

/** Whom of a tenant to disconnect: every session of a user or of several, or one session by its id. */
export type DisconnectTarget =
  | { readonly tenant: number; readonly user: string }
  | { readonly tenant: number; readonly users: ReadonlySet<string> }
  | { readonly tenant: number; readonly session: string }

/** How a session is ended by the application: a code in 3000–4999 and a reason of at most 123 bytes. */
export interface Goodbye {
  readonly code: number
  readonly reason: string
  /** What the session could be resumed with is no good any more; missing = only if the code says to stay away */
  readonly isRevoking?: boolean
}

/** What waits for an absent user. */
export interface InboxState {
  readonly id: string
  readonly event: string
  readonly user: string
  readonly data: Payload
  /** ms since 1970 */
  readonly timeMs: number
}

/** One session, as an operator sees it. Texts are '' where nothing is known. */
export interface SessionState {
  readonly session: string
  /** '' = anonymous */
  readonly user: string
  readonly transport: TransportName
  readonly address: string
  readonly userAgent: string
  readonly origin: string
  /** As the browser asks for it: `de-DE,de;q=0.9` */
  readonly language: string
  /** Names of the channels it holds, its user's own included */
  readonly channels: readonly string[]
  /** In so many of them it has not been sent all yet */
  readonly channelsBehind: number
}

/** What the application set for one channel, by its bare name. */
export interface ConfiguredChannel {
  readonly channel: string
  readonly settings: ChannelSettings
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
  /** One publication of a channel's history by its place; null when it is not held. No other is looked for. */
  publication(channel: string, position: StreamPosition): Promise<HeldPublication | null>
  /** Who is on a channel, at most `limit` of them by name. */
  presence(channel: string, limit: number): Promise<PresenceState>
  /** An edge tells who came and left there; all attached edges are told, together with the new count. */
  presenceChanged(channel: string, change: PresenceChange): void
  /**
   * Joins and leaves as publications on the channel itself; where its rule says `announce`.
   *
   * @param except who is not sent them; null = nobody
   */
  announce(channel: string, change: PresenceChange, except: Session | null): void
  /** Those of `ids` that have a session on any edge, in the order asked, and when others were last seen. */
  usersOnline(tenant: number, ids: readonly string[]): Promise<UsersResult>
  /**
   * An edge tells that the first session of a user there has joined their channel, and where it was before. What waited
   * for the user is published now; resolves to how many messages went unread.
   */
  userCame(channel: string, since: StreamPosition | null): Promise<number>
  /** An edge tells that the last session of a user there has left their channel. */
  userLeft(channel: string): void
  /** A session of a user says up to where their channel arrived: what waited until then need not be kept. */
  acknowledge(channel: string, position: StreamPosition): Promise<void>
  /** What waits for a user, oldest first, at most `limit`. */
  inbox(channel: string, limit: number): Promise<InboxState[]>
  clearInbox(channel: string): Promise<void>
  /** What the application set for a channel; null = nothing, its rule decides. */
  settings(channel: string): Promise<ChannelSettings | null>
  /** Sets it, or takes it away; without settings the history that they kept goes. Rejects as `Store.write`. */
  configure(channel: string, settings: ChannelSettings | null): Promise<Failure | null>
  /** Likewise for several channels, all or none. */
  configureAll(settings: ReadonlyMap<string, ChannelSettings | null>): Promise<Failure | null>
  /** Forgets the history of a channel; its position stays. */
  clearHistory(channel: string): Promise<void>
  /**
   * Takes single publications out of a channel's history: who asks for them later is told that they are missing. Those
   * that are not held are none. Rejects as `Store.write`.
   */
  removeFromHistory(channel: string, offsets: readonly number[]): Promise<void>
  /**
   * Channels of a tenant that are in memory, in batches, some of which may be empty. Those that come meanwhile are left
   * out.
   */
  channels(tenant: number): AsyncIterable<readonly ChannelState[]>
  /** Connected sessions of a tenant, those on `channel` where that is not null; likewise. */
  sessions(tenant: number, channel: string | null): AsyncIterable<readonly SessionState[]>
  /** Channels of a tenant with settings, likewise. */
  configuredChannels(tenant: number): AsyncIterable<readonly ConfiguredChannel[]>
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
  /**
   * Connected sessions that were here when the walk began and still are; see `Broker.sessions`. Null stands for each
   * that was looked at and is not meant.
   */
  sessionStates(tenant: number, channel: string | null): Iterable<SessionState | null>
}
