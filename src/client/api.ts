/**
 * What the browser client offers a page, as types.
 *
 * Owns every name of the public interface: options, client, subscription, states and events. No code: client.ts keeps
 * these promises. A page, a worker and Node all see the same interface; only the `WebSocket` they bring differs.
 */
import type {
  PublicationMessage,
  PublishResult,
  StatsResult,
  StreamPosition,
  UsersResult,
} from '../protocol/messages.ts'
import type { ClientError } from './client-error.ts'
import type { SocketConstructor } from './socket.ts'
import type { Timers } from './timers.ts'

export interface ClientOptions {
  /** Address of `/ws`; relative and http(s) addresses work too. Default: `/ws` where the page came from */
  readonly url?: string | undefined
  /** Token of the user. Default: none, the session is anonymous if the node lets it */
  readonly token?: string | undefined
  /** Asked for a token before every attempt, so that a token that ran out is replaced; wins over `token` */
  readonly getToken?: (() => string | Promise<string>) | undefined
  /** Default: the global `WebSocket`. In Node, give the one of the package `ws` */
  readonly WebSocket?: SocketConstructor | undefined
  /** Bounds of the wait before a new attempt, ms. Default: 500 and 20,000 */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number } | undefined
  /** How long one attempt to connect may take, getToken included, ms. Default: 10,000 */
  readonly connectTimeoutMs?: number | undefined
  /** After how long publish, users and stats give up, waiting for a connection included, ms. Default: 10,000 */
  readonly timeoutMs?: number | undefined
  /** How many of them wait for a connection at most; one more is rejected. Default: 64 */
  readonly maxQueued?: number | undefined
  /** A number from 0 up to 1; for tests. Default: Math.random */
  readonly random?: (() => number) | undefined
  /** Time; for tests. Default: the timers of the platform */
  readonly timers?: Timers | undefined
}

/**
 * Where the client is. `code` is a close code (1000 and above), the code of the error that refused the connect command
 * (below 1000), or 0 when this side ended it.
 */
export type ClientState =
  | { readonly state: 'connecting'; readonly attempt: number }
  | { readonly state: 'connected'; readonly session: string; readonly user: string }
  | { readonly state: 'waiting'; readonly code: number; readonly reason: string; readonly retryInMs: number }
  | { readonly state: 'closed'; readonly code: number; readonly reason: string }

export interface ClientEvents {
  /** Every change of state, after it happened. */
  state: ClientState
  /** What went wrong outside of a promise; failures of a subscription only when nobody listens for them there. */
  error: ClientError
  /** A publication for the user of this session, whatever the channels. */
  message: PublicationMessage
}

/**
 * Publications that did not arrive, mostly while the connection was away: those with offsets `from` up to and including `to`.
 *
 * With `isNewEpoch` the channel has begun anew: offsets count from 1 again and what its old epoch held last is unknown.
 */
export interface Gap {
  readonly channel: string
  readonly from: number
  readonly to: number
  readonly isNewEpoch: boolean
}

export interface SubscriptionEvents {
  /** The node has accepted the subscription, after every reconnect again; publications after this position follow. */
  subscribed: StreamPosition
  gap: Gap
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

export interface Client {
  readonly state: ClientState['state']
  /** Begins to connect, or to wait no longer for the next attempt. Does nothing while connecting or connected. */
  connect(): void
  /** Closes the connection for good; everything unanswered is rejected. Subscriptions come back with connect(). */
  disconnect(): void
  /** Subscribes now and after every reconnect, until unsubscribed. May be called in any state. */
  subscribe(channel: string, callback: (publication: PublicationMessage) => void): Subscription
  /**
   * Publishes `data`, which must have a JSON form.
   *
   * Waits for a connection if there is none. A publish whose connection broke before the answer is rejected with
   * CONNECTION_LOST and not sent again: the node may have accepted it.
   *
   * @returns the position it got in the channel
   * @throws {ClientError} what the node answered, or TIMEOUT, QUEUE_FULL, CLOSED, CONNECTION_LOST; TypeError for `data`
   */
  publish(channel: string, data: unknown, options?: { readonly event?: string }): Promise<PublishResult>
  /** How many sessions are subscribed to `channel`. Rejects as publish does. */
  stats(channel: string): Promise<StatsResult>
  /** Those of `ids` who have a session now. Rejects as publish does. */
  users(ids: readonly string[]): Promise<UsersResult>
  /** Calls `listener` for every such event until the returned function is called. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void
}
