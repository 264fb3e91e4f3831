/**
 * Raw clients for tests: a WebSocket that speaks the client protocol, and a TCP line that speaks to the publish port.
 *
 * Owns bytes in and out, nothing more: no reconnect, no queue, no code of src/, so that a fault of ours can not hide
 * behind a fault of ours. What arrives is kept in order; a test awaits what it needs. Bound: everything a test is sent
 * stays in memory until the client is closed. Every wait has a deadline.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { Packr, pack, unpack } from 'msgpackr'
import { type ClientOptions, WebSocket } from 'ws'
import { until } from './until.ts'
import { createInbox, type TransportClient } from './wire-inbox.ts'

export const formats = ['json', 'msgpack'] as const
export type Format = (typeof formats)[number]

export type Fields = Readonly<Record<string, unknown>>

export interface WireError {
  readonly code: number
  readonly name: string
  readonly message: string
  readonly retry: boolean
}
/** An answer to a command: `ok` or `error`. */
export interface WireReply {
  readonly id: number
  readonly ok?: Fields
  readonly error?: WireError
}
export interface WirePublication {
  readonly channel: string
  readonly offset: number
  readonly data: unknown
  readonly event?: string
  readonly user?: string
}
export interface WireBye {
  readonly code: number
  readonly reason: string
  readonly retryAfterMs?: number
}
export interface WireClose {
  readonly code: number
  readonly reason: string
}

export interface WireClientOptions extends Omit<ClientOptions, 'headers'> {
  /** A list goes out as one line for each. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly format?: Format
  /** Offered subprotocols; default: none for JSON, `encke.msgpack` for MessagePack. */
  readonly subprotocols?: readonly string[]
}

/** A client over a WebSocket; `send` takes any value and sends it in the format of the client. */
export interface WireClient extends TransportClient {
  readonly socket: WebSocket
  readonly format: Format
}

/** MessagePack with plain maps, as the protocol wants it. */
const packr = new Packr({ useRecords: false, variableMapSize: true })

/** Opens a WebSocket; resolves once it is open. Nothing is sent. @throws {RefusedUpgrade} */
export async function openSocket(url: string, options: WireClientOptions = {}): Promise<WireClient> {
  const { format = 'json', subprotocols, ...rest } = options
  const offered = subprotocols ?? (format === 'json' ? [] : ['encke.msgpack'])
  const socket = new WebSocket(url, [...offered], { perMessageDeflate: false, ...rest } as ClientOptions)
  const client = wireClient(socket, format)
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
    socket.once('unexpected-response', (request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        request.destroy()
        reject(new RefusedUpgrade(response.statusCode ?? 0, Buffer.concat(chunks).toString()))
      })
    })
  })
  return client
}

/** Opens a WebSocket and connects; `token` '' = none. */
export async function openClient(
  url: string,
  options: WireClientOptions & { readonly token?: string } = {},
): Promise<WireClient> {
  const { token = '', ...rest } = options
  const client = await openSocket(url, rest)
  await client.ok({ connect: token === '' ? {} : { token } })
  return client
}

/** The node answered the upgrade with an HTTP status instead. */
export class RefusedUpgrade extends Error {
  readonly status: number
  readonly body: string

  constructor(status: number, body: string) {
    super(`Upgrade refused with ${status}: ${body}`)
    this.status = status
    this.body = body
  }
}

function wireClient(socket: WebSocket, format: Format): WireClient {
  const send = (message: unknown): void => {
    inbox.sending(message)
    socket.send(format === 'json' ? JSON.stringify(message) : packr.pack(message))
  }
  const inbox = createInbox(send)
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary !== (format === 'msgpack')) throw new Error(`A ${format} client got the other kind of frame`)
    inbox.take(isBinary ? unpack(data) : JSON.parse(data.toString()))
  })
  socket.on('close', (code, reason) => inbox.end({ code, reason: reason.toString() }))
  socket.on('error', () => {}) // a close event follows
  const close = async (): Promise<void> => {
    socket.terminate()
    await inbox.closed()
  }
  return { ...inbox, socket, format, send, close }
}

/** An answer of the publish port: `[op, seq, …]`. */
export type WireAnswer = readonly unknown[]

export interface WireLine {
  readonly socket: Socket
  readonly answers: readonly WireAnswer[]
  /** Sends one frame. */
  send(...fields: readonly unknown[]): void
  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void
  /** Resolves to answer `n` in order of arrival, from 0. */
  answer(n: number): Promise<WireAnswer>
  /** Resolves once the node has closed the connection. */
  closed(): Promise<void>
  close(): Promise<void>
}

export type Where = { readonly port: number } | { readonly path: string }

/** Operations and answers by name, as docs/publish-port.md numbers them. */
export const ops = {
  hello: 1,
  publish: 2,
  many: 3,
  toUser: 4,
  batch: 5,
  users: 6,
  stats: 7,
  disconnect: 8,
} as const
export const answers = { welcome: 64, ack: 65, ackUpTo: 66, result: 67, error: 68 } as const

/** Opens a connection to a publish port; nothing is sent. */
export async function openLine(where: Where): Promise<WireLine> {
  const socket = connectTcp('path' in where ? where : { ...where, host: '127.0.0.1', noDelay: true })
  const came: WireAnswer[] = []
  let rest: Buffer = Buffer.alloc(0)
  let isClosed = false
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0)
      came.push(unpack(rest.subarray(4, end)))
      rest = rest.subarray(end)
    }
  })
  socket.on('close', () => {
    isClosed = true
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => {}) // a close event follows
  const line: WireLine = {
    socket,
    answers: came,
    send: (...fields) => line.write(frame(fields)),
    write: (bytes) => void socket.write(bytes),
    answer: (n) => until(() => came[n], { what: () => `answer ${n}, got ${JSON.stringify(came)}` }),
    closed: () => until(() => isClosed, { what: 'the publish port to close' }).then(() => {}),
    async close() {
      socket.destroy()
      await line.closed()
    },
  }
  return line
}

/** Opens a connection to a publish port and says hello; the welcome is answer 0, `hello` has sequence number 1. */
export async function openPublisher(where: Where, hello: Fields = {}): Promise<WireLine> {
  const line = await openLine(where)
  line.send(ops.hello, 1, { version: 1, ...hello })
  const [op] = await line.answer(0)
  if (op !== answers.welcome) throw new Error(`No welcome: ${JSON.stringify(line.answers[0])}`)
  return line
}

/** A frame of the publish port: four bytes of length, then MessagePack. */
export function frame(fields: readonly unknown[]): Buffer {
  const body = pack(fields)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}

/** The value of a counter of the node at `internalUrl`; throws when there is no such series. */
export async function counter(internalUrl: string, name: string, labels: Fields = {}): Promise<number> {
  const text = await (await fetch(`${internalUrl}/metrics`)).text()
  const series = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
  const head = series.length === 0 ? `${name} ` : `${name}{${series.join(',')}} `
  const line = text.split('\n').find((one) => one.startsWith(head))
  if (line === undefined) throw new Error(`No series ${head}`)
  return Number(line.slice(head.length))
}

/** POSTs JSON to the internal HTTP API. */
export async function post(url: string, body: unknown): Promise<{ status: number; body: Fields }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Fields }
}
