/**
 * The client protocol as types: what a client may say and what a node answers.
 *
 * Owns the shapes of docs/client-protocol.md, free of any encoding: json-codec and msgpack-codec turn them into
 * bytes, parse-command turns what arrived into a `Command`. Shared with the browser client, so nothing here may
 * need Node. One object per message; a command has an `id` and exactly one member named after it.
 */
import type { ErrorFace } from '../codes.ts'

/** A place in a channel: `offset` counts publications from 1 within one `epoch`; 0 = before the first. */
export interface StreamPosition {
  readonly epoch: string
  readonly offset: number
}

export interface ConnectCommand {
  readonly kind: 'connect'
  /** '' = none */
  readonly token: string
  /** A capsule to go on with its session; '' = a new session that gets a capsule, null = one that gets none. */
  readonly resume: string | null
  /** Where the user's own channel was left; null = from now on. */
  readonly since: StreamPosition | null
  /** Credentials in the place of a token; null = none. */
  readonly login: Login | null
}
/** A user and the key they log in with; one that does not fit leaves the session anonymous. */
export interface Login {
  /** Null = the node's own */
  readonly tenant: number | null
  /** '' = anonymous, in that tenant */
  readonly user: string
  /** The user's key, or a token signed for the tenant (HS256, claim `user_id`) */
  readonly key: string
  /** Names the browser in lists of who is there; '' = nothing does */
  readonly uuid: string
}
/** Says that messages of the user's own channel arrived: those that waited for them need not be kept. */
export interface AckCommand {
  readonly kind: 'ack'
  /** Of the last that arrived */
  readonly position: StreamPosition
}
/** Reads the text that the application keeps for a user. */
export interface UserDataCommand {
  readonly kind: 'userData'
  readonly user: string
}
/** Gives the session a token in the place of one that runs out. */
export interface RefreshCommand {
  readonly kind: 'refresh'
  readonly token: string
}
/** One channel to subscribe to; `since` null = from now on. */
export interface SubscribeRequest {
  readonly channel: string
  readonly since: StreamPosition | null
}
export interface SubscribeCommand {
  readonly kind: 'subscribe'
  /** One, or several at once; the answer has the same form. */
  readonly channels: readonly SubscribeRequest[]
  readonly isList: boolean
}
export interface UnsubscribeCommand {
  readonly kind: 'unsubscribe'
  readonly channel: string
}
export interface PublishCommand {
  readonly kind: 'publish'
  readonly channel: string
  readonly data: unknown
  /** '' = none */
  readonly event: string
  /** The same key again, within a window, gets the first result and publishes nothing; '' = none */
  readonly key: string
  /** False: the session that publishes is not sent it */
  readonly echo: boolean
}
export interface HistoryCommand {
  readonly kind: 'history'
  readonly channel: string
  /** Only what follows; null = no such bound */
  readonly since: StreamPosition | null
  /** At most so many; 0 = as many as the node gives at once */
  readonly limit: number
  /** Newest first */
  readonly isReverse: boolean
}
export interface PresenceCommand {
  readonly kind: 'presence'
  readonly channel: string
}
export interface UsersCommand {
  readonly kind: 'users'
  readonly ids: readonly string[]
}
export interface StatsCommand {
  readonly kind: 'stats'
  readonly channel: string
}
export interface PingCommand {
  readonly kind: 'ping'
}

export type Command =
  | ConnectCommand
  | RefreshCommand
  | SubscribeCommand
  | UnsubscribeCommand
  | PublishCommand
  | HistoryCommand
  | PresenceCommand
  | UsersCommand
  | StatsCommand
  | PingCommand
  | AckCommand
  | UserDataCommand

/** Answer to connect. `user` is '' for an anonymous session; a ping every `pingMs` keeps it. */
export interface ConnectResult {
  readonly session: string
  readonly user: string
  readonly pingMs: number
  /** To resume the session with, over any transport; where it was asked for. */
  readonly capsule?: string
  /** When the token runs out, where it does. */
  readonly expiresInMs?: number
  /** The user's own channel, `@` and the user; not for anonymous sessions. */
  readonly own?: { readonly channel: string } & SubscribeResult
  /** Where the session came with a login: whether it was right, and the user's stored key, '' when it was not. */
  readonly login?: { readonly authorized: boolean; readonly key: string }
}

/** Answer to refresh. */
export interface RefreshResult {
  readonly expiresInMs?: number
}

/** Why publications are missing. */
export type GapReason =
  /** They are no longer in the history */
  | 'trimmed'
  /** The position was of another epoch: what its end held is unknown as well */
  | 'epoch'
  /** The position was ahead of the channel: its offsets will be given to other publications */
  | 'future'
  /** They waited for an absent user and were too many, too large or too old */
  | 'expired'

/** Publications that do not come: offsets `from` up to and including `to`; none when `to` < `from`. */
export interface Gap {
  readonly from: number
  readonly to: number
  readonly reason: GapReason
  /** The channel's epoch from now on; where the reason is `epoch`. */
  readonly epoch?: string
  /** How many are missing, where they never had an offset (reason `expired`). */
  readonly count?: number
}

/**
 * Answer to subscribe: publications with a higher offset follow. Where a position was given, those between it and
 * `offset` come first; `recovered` says whether all of them do, and if not, `gap` which do not.
 */
export interface SubscribeResult extends StreamPosition {
  readonly recovered?: boolean
  readonly gap?: Gap
}

/** One row of the answer to a subscribe with `channels`. */
export type SubscribeRow =
  | ({ readonly channel: string } & SubscribeResult)
  | { readonly channel: string; readonly error: ErrorFace }

export interface SubscribeListResult {
  readonly channels: readonly SubscribeRow[]
}

/** Answer to publish; offset 0 = it waits for an absent user. */
export interface PublishResult {
  readonly epoch: string
  readonly offset: number
  /** Sessions it goes to; where `echo` was false. */
  readonly reached?: number
}

/** Answer to history; the position is that of the latest publication. */
export interface HistoryResult extends StreamPosition {
  readonly publications: readonly PublicationMessage[]
  /** What was asked for and is not there; as in the answer to subscribe. */
  readonly gap?: Gap
}

/** One session on a channel. */
export interface Present {
  readonly session: string
  /** '' = anonymous */
  readonly user: string
}

/** Answer to presence: how many, and where the rule says `list` also who, up to a bound. */
export interface PresenceResult {
  readonly channel: string
  readonly count: number
  readonly clients?: readonly Present[]
}

/** Answer to users: those of the asked ids that have a session now, and when others were last seen, ms since 1970. */
export interface UsersResult {
  readonly online: readonly string[]
  readonly lastSeen: Readonly<Record<string, number>>
}

/** Answer to ping: the sum of the offsets of all channels of the session; absent while it is being caught up. */
export interface PingResult {
  readonly sum?: number
}

/** Answer to userData; '' when nothing is kept. */
export interface UserDataResult {
  readonly user: string
  readonly data: string
}

/** Answer to stats. */
export interface StatsResult {
  readonly channel: string
  readonly subscribers: number
}

export type CommandResult =
  | ConnectResult
  | SubscribeResult
  | SubscribeListResult
  | PublishResult
  | RefreshResult
  | HistoryResult
  | PresenceResult
  | PingResult
  | UsersResult
  | UserDataResult
  | StatsResult
  | Record<string, never>

/** `id` is 0 when the command it answers could not be told. */
export type Reply =
  | { readonly id: number; readonly ok: CommandResult }
  | { readonly id: number; readonly error: ErrorFace }

/** A publication as a client gets it. `user` is who published it, where a client did. */
export interface PublicationMessage {
  readonly channel: string
  readonly offset: number
  readonly data: unknown
  readonly event?: string
  readonly user?: string
  /** Of a message that waited while its user was away: the same whenever it is sent again. */
  readonly id?: string
  /** When it was published, ms since 1970; in answers to history, and of messages with an `id`. */
  readonly time?: number
}

/** Publications of a channel that this subscriber does not get. */
export interface GapMessage {
  readonly channel: string
  readonly gap: Gap
}

/** A position of a poll that can not be gone on from: the channel is not open to the session any more, say. */
export interface RefusedMessage {
  readonly channel: string
  readonly error: ErrorFace
}

/**
 * Who came and who left, together for everything of one turn; where the rule of the channel says `list`.
 * `stale`: not all changes were told, ask again by presence.
 */
export interface PresenceMessage {
  readonly channel: string
  readonly presence: {
    /** Rises from notice to notice; missing where this is none but only says `stale` */
    readonly seq?: number
    readonly count: number
    readonly join?: readonly Present[]
    readonly leave?: readonly Present[]
    readonly stale?: true
  }
}

/** A new capsule in the place of the one the client holds. */
export interface CapsuleMessage {
  readonly capsule: string
}

/** A position heartbeat on transports whose replies come another way; see PingResult. */
export interface HeartbeatMessage {
  readonly sum: number
}

/** The last message before the node closes a connection. */
export interface ByeMessage {
  readonly bye: { readonly code: number; readonly reason: string; readonly retryAfterMs?: number }
}

/** What is neither data nor an answer to a command. */
export type ControlMessage =
  | GapMessage
  | RefusedMessage
  | PresenceMessage
  | CapsuleMessage
  | HeartbeatMessage
  | ByeMessage

export type ServerMessage = Reply | PublicationMessage | ControlMessage

/** WebSocket subprotocols, by wire format; JSON needs none. */
export const subprotocols = { json: 'encke.json', msgpack: 'encke.msgpack' } as const
export type WireFormat = keyof typeof subprotocols

/** The channel that carries messages to one user; their sessions are subscribed to it by themselves. */
export function userChannel(user: string): string {
  return `@${user}`
}
