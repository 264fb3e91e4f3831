/**
 * Every way a client reaches a node, in one shape: what the contract tests are generated over.
 *
 * Owns `transports`. Each opens a raw client that is connected, with the same options and the same words for what it was
 * sent; how commands and answers travel is its own affair. Knows no test.
 */
import type { PublicPort } from './http-exchange.ts'
import { openPoll } from './poll-client.ts'
import { openSse } from './sse-client.ts'
import { type Fields, type Format, openSocket } from './wire.ts'
import { letIn, type Position, type TransportClient } from './wire-inbox.ts'

export interface OpenOptions {
  /** '' or missing = none */
  readonly token?: string
  /** A capsule: goes on with its session. True = asks for one; polls and streams always get one. */
  readonly resume?: true | string
  /** Where the user's own channel was left. */
  readonly since?: Position
  /** Credentials in the place of a token. */
  readonly login?: Fields
}

export interface Transport {
  readonly name: string
  /** One request for each exchange, or one connection for all of them. */
  readonly isHttp: boolean
  /** Opens and connects. @throws {RefusedConnect} */
  open(where: PublicPort, options?: OpenOptions): Promise<TransportClient>
}

export const transports: readonly Transport[] = [
  webSocket('WebSocket JSON', 'json'),
  webSocket('WebSocket MessagePack', 'msgpack'),
  {
    name: 'long poll',
    isHttp: true,
    open: (where, options = {}) => openPoll(where, { connect: connectOf(options) }),
  },
  {
    name: 'SSE',
    isHttp: true,
    open: (where, options = {}) => openSse(where, { connect: connectOf({ resume: true, ...options }) }),
  },
]

/** The pairs of different transports: where a session comes from and where it goes on. */
export const transportChanges: readonly (readonly [from: Transport, to: Transport])[] = transports.flatMap(
  (from) => transports.filter((to) => to !== from).map((to) => [from, to] as const),
)

function webSocket(name: string, format: Format): Transport {
  return {
    name,
    isHttp: false,
    async open(where, options = {}) {
      const client = await openSocket(`ws://127.0.0.1:${where.publicPort}/ws`, { format })
      await letIn(client, client.ask({ connect: connectOf(options) }))
      return client
    },
  }
}

function connectOf({ token = '', resume, since, login }: OpenOptions): Fields {
  return {
    ...(token === '' ? {} : { token }),
    ...(resume === undefined ? {} : { resume }),
    ...(since === undefined ? {} : { since }),
    ...(login === undefined ? {} : { login }),
  }
}
