/**
 * What the browser client offers a page, as types.
 *
 * Owns every name of the public interface: options, client, subscription, states and events. No code: client.ts keeps
 * these promises. A page, a worker and Node all see the same interface; only the `WebSocket` they bring differs.
 */
import type {
  ConnectResult,
  Gap,
  HistoryResult,
  PresenceResult,
  Present,
  PublicationMessage,
  PublishResult,
  StatsResult,
  StreamPosition,
  UserDataResult,
  UsersResult,
} from '../protocol/messages.ts'
import type { ClientError } from './client-error.ts'
import type { Fetch } from './http-socket.ts'
import type { SocketConstructor } from './socket.ts'
import type { Timers } from './timers.ts'

/** How messages travel. */
export type TransportName = 'websocket' | 'long-poll' | 'sse'

/** Credentials in the place of a token; those that do not fit leave the session anonymous. */
export interface ClientLogin {
  /** Default: the node's own */
  readonly tenant?: number | undefined
  /** Default: anonymous */
  readonly user?: string | undefined
  /** The user's key, or a token signed for the tenant */
  readonly key?: string | undefined
  /** Names this browser in lists of who is there: up to 32 of A-Z a-z 0-9 _ - */
  readonly uuid?: string | undefined
}

/** Where a node is, and how to reach it. */
export interface ClientAddress {
  /**
   * Address of `/ws`; relative and http(s) addresses work too. `/poll`, `/sse` and `/command` are looked for beside it.
   * Default: `/ws` where the page came from
   */
  readonly url?: string | undefined
  /** What to connect with, best first. Default: `['websocket', 'long-poll']` */
  readonly transports?: readonly TransportName[] | undefined
}

export interface ClientOptions extends ClientAddress {
  /** Token of the user. Default: none, the session is anonymous if the node lets it */
  readonly token?: string | undefined
  /** Asked for a token before every attempt and before one runs out; wins over `token` */
  readonly getToken?: (() => string | Promise<string>) | undefined
  /** Who logs in by a key, where the application does not make tokens; login() changes it. Default: nobody */
  readonly login?: ClientLogin | undefined
  /** Default: the global `WebSocket`. In Node, give the one of the package `ws` */
  readonly WebSocket?: SocketConstructor | undefined
  /** Default: the global `fetch` */
  readonly fetch?: Fetch | undefined
  /** Bounds of the wait before a new attempt, ms. Default: 500 and 20,000 */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number } | undefined
  /** How long one attempt to connect may take, getToken included, ms. Default: 10,000 */
  readonly connectTimeoutMs?: number | undefined
  /** After how long commands of the page give up, waiting for a connection or a busy node included, ms. Default: 10,000 */
  readonly timeoutMs?: number | undefined
  /** How many of them wait for a connection at most; one more is rejected. Default: 64 */
  readonly maxQueued?: number | undefined
  /** Where `online`, `offline`, `pageshow` and the like come from; for tests. Default: the window */
  readonly page?: EventTarget | undefined
  /** A number from 0 up to 1; for tests. Default: Math.random */
  readonly random?: (() => number) | undefined
  /** Time; for tests. Default: the timers of the platform */
  readonly timers?: Timers | undefined
}

/**
 * Where the client is. `code` is a close code (1000 and above), the code of the error that refused the connect command
 * or the request (below 1000), or 0 when this side ended it. `retryInMs` is Infinity while the device is offline.
 */
export type ClientState =
  | { readonly state: 'connecting'; readonly attempt: number }
  | {
      readonly state: 'connected'
      readonly session: string
      /** '' = anonymous */
      readonly user: string
      readonly transport: TransportName
      /** Where the client logged in by a key: whether it fits, and the one the node keeps, '' where it does not. */
      readonly login?: ConnectResult['login'] & {}
    }
  | { readonly state: 'waiting'; readonly code: number; readonly reason: string; readonly retryInMs: number }
  | { readonly state: 'closed'; readonly code: number; readonly reason: string }

/**
 * Publications that will not come: those with offsets `from` up to and including `to`; none when `to` < `from`.
 *
 * trimmed: the node holds them no longer. epoch: the channel has begun anew, offsets count from 1 again, and what its old
 * epoch held last is unknown. future: the channel was set back, and these offsets will be given to other publications.
 * expired: `count` messages to the user were too many, too large or too old to wait for them; they never had offsets.
 */
export interface ChannelGap extends Gap {
  readonly channel: string
}

export interface ClientEvents {
  /** Every change of state, after it happened; also a change of transport while connected. */
  state: ClientState
  /** What went wrong outside of a promise; failures of a subscription only when nobody listens for them there. */
  error: ClientError
  /** A publication for the user of this session, whatever the channels. */
  message: PublicationMessage
  /** Messages for the user of this session that will not come. */
  gap: ChannelGap
}

/** What the node has accepted: publications after this position follow. */
export interface Subscribed extends StreamPosition {
  /** Whether everything since the last connection follows; if not, a gap was told. Undefined at first. */
  readonly recovered: boolean | undefined
}

/** How many sessions are on a channel, and who came and left since the last time. */
export interface PresenceChange {
  readonly channel: string
  readonly count: number
  readonly join?: readonly Present[]
  readonly leave?: readonly Present[]
  /** All there are, up to the bound of the node, where the changes alone were not all told. */
  readonly clients?: readonly Present[]
}

export interface SubscriptionEvents {
  /** The node has accepted the subscription, after every reconnect again. */
  subscribed: Subscribed
  gap: ChannelGap
  /** A session came to the channel. Where its rule tells who. */
  join: Present
  /** A session left the channel. */
  leave: Present
  /** After all joins and leaves of a turn. With `clients`, they replace what was known. */
  presence: PresenceChange
  /** The node refused. With `retry` the client asks again by itself, otherwise at the next connection. */
  error: ClientError
}

/** One callback on one channel. Callbacks on the same channel share what goes over the wire. */
export interface Subscription {
  readonly channel: string
  /** waiting: for a connection or an answer; active: publications arrive; refused; ended: after unsubscribe */
  readonly state: 'waiting' | 'active' | 'refused' | 'ended'
  /** Calls `listener` for every such event until the returned function is called. */
  on<Name extends keyof SubscriptionEvents>(
    name: Name,
    listener: (value: SubscriptionEvents[Name]) => void,
  ): () => void
  /** Ends it at once; a second call does nothing. */
  unsubscribe(): void
}

export interface PublishOptions {
  readonly event?: string | undefined
  readonly key?: string | undefined
  /** False: this session is not sent it, and the answer says how many are. Default: true */
  readonly echo?: boolean | undefined
}

export interface HistoryOptions {
  /** Only what follows this position */
  readonly since?: StreamPosition | undefined
  /** At most so many; default: as many as the node gives at once */
  readonly limit?: number | undefined
  /** Newest first */
  readonly reverse?: boolean | undefined
}

export interface Client {
  readonly state: ClientState['state']
  /** Begins to connect, or to wait no longer for the next attempt. Does nothing while connecting or connected. */
  connect(): void
  /** Closes the connection for good; everything unanswered is rejected. Subscriptions come back with connect(). */
  disconnect(): void
  /**
   * Ends the session and begins one of somebody else at once, if not closed. Subscriptions go on from where they are, and
   * what waits for an answer waits for the new session's; what the node refuses it tells, as ever.
   *
   * @param to where the new session is, now and after every reconnect; default: where the last one was. A node that does not
   * know a channel's epoch says so: that is a gap
   * @throws {TypeError} as createClient does for `to`; nothing has changed then
   */
  login(login: ClientLogin, to?: ClientAddress): void
  /** Subscribes now and after every reconnect, until unsubscribed. May be called in any state. */
  subscribe(channel: string, callback: (publication: PublicationMessage) => void): Subscription
  /**
   * Publishes `data`, which must have a JSON form.
   *
   * Waits for a connection if there is none. Where one broke before the answer, it is sent again over the next: the node
   * knows it by its key and publishes it once.
   *
   * @param options.key the same key again within the window of the node publishes nothing; default: one of its own
   * @returns the position it got in the channel
   * @throws {ClientError} what the node answered, or TIMEOUT, QUEUE_FULL, CLOSED, CONNECTION_LOST; TypeError for `data`
   */
  publish(channel: string, data: unknown, options?: PublishOptions): Promise<PublishResult>
  /** What the channel still holds, oldest first unless `reverse`. Rejects as publish does. */
  history(channel: string, options?: HistoryOptions): Promise<HistoryResult>
  /** How many sessions are on the channel, and who, where its rule says so. Rejects as publish does. */
  presence(channel: string): Promise<PresenceResult>
  /** How many sessions are subscribed to `channel`. Rejects as publish does. */
  stats(channel: string): Promise<StatsResult>
  /** Those of `ids` who have a session now, and when others were last seen. Rejects as publish does. */
  users(ids: readonly string[]): Promise<UsersResult>
  /** The text that the application keeps for a user; '' = none. Rejects as publish does. */
  userData(user: string): Promise<UserDataResult>
  /** Calls `listener` for every such event until the returned function is called. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void
}
