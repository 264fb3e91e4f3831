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
  readonly token: string
}
export interface SubscribeCommand {
  readonly kind: 'subscribe'
  /** One name, or several at once; the answer has the same form. */
  readonly channels: readonly string[]
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
  | SubscribeCommand
  | UnsubscribeCommand
  | PublishCommand
  | UsersCommand
  | StatsCommand
  | PingCommand

/** Answer to connect. `user` is '' for an anonymous session; ping when nothing came for `pingMs`. */
export interface ConnectResult {
  readonly session: string
  readonly user: string
  readonly pingMs: number
}

/** Answer to subscribe: publications with a higher offset follow. */
export type SubscribeResult = StreamPosition

/** One row of the answer to a subscribe with `channels`. */
export type SubscribeRow =
  | ({ readonly channel: string } & SubscribeResult)
  | { readonly channel: string; readonly error: ErrorFace }

export interface SubscribeListResult {
  readonly channels: readonly SubscribeRow[]
}

export interface PublishResult {
  readonly epoch: string
  readonly offset: number
}

/** Answer to users: those of the asked ids that have a session now. */
export interface UsersResult {
  readonly online: readonly string[]
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
  | UsersResult
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
}

/** The last message before the node closes a connection. */
export interface ByeMessage {
  readonly bye: { readonly code: number; readonly reason: string; readonly retryAfterMs?: number }
}

export type ServerMessage = Reply | PublicationMessage | ByeMessage

/** WebSocket subprotocols, by wire format; JSON needs none. */
export const subprotocols = { json: 'encke.json', msgpack: 'encke.msgpack' } as const
export type WireFormat = keyof typeof subprotocols

/** The channel that carries messages to one user; their sessions are subscribed to it by themselves. */
export function userChannel(user: string): string {
  return `@${user}`
}
