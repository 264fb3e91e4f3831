/**
 * The frames of the publish port.
 *
 * Owns the numbers of operations and answers, the encoding of both, and the reading of requests field by field from a
 * reader that trusts nothing. Pure: bytes in, values out. The layout, byte by byte, is in docs/publish-port.md.
 *
 * A request is `[op, seq, …]`, an answer `[op, seq, …]`, both MessagePack arrays behind a 4-byte length.
 */
import type { CodeName } from '../codes.ts'
import { LENGTH_BYTES } from './frame-splitter.ts'
import { decodeTrusted, decodeValue, encodeValue } from './msgpack-codec.ts'
import type { MsgpackReader } from './msgpack-reader.ts'
import { Payload } from './payload.ts'

export const PROTOCOL_VERSION = 1

export const requestOps = {
  hello: 1,
  publish: 2,
  publishMany: 3,
  publishToUser: 4,
  batch: 5,
  users: 6,
  stats: 7,
  disconnect: 8,
  history: 9,
  presence: 10,
  settings: 11,
} as const

export const answerOps = { welcome: 64, ack: 65, ackUpTo: 66, result: 67, error: 68 } as const

export type AckMode = 'each' | 'cumulative'

/** Channels in a publish to many, publications in a batch, ids in users. */
export const MAX_LIST = 10_000

/** One thing to publish, as a frame says it; null data = it can not be carried. */
export interface Item {
  readonly channel: string
  readonly data: Payload | null
  readonly event: string
  readonly user: string
  /** '' = none */
  readonly key: string
}

export type Request =
  | { readonly op: 'hello'; readonly seq: number; readonly fields: unknown }
  | { readonly op: 'publish'; readonly seq: number; readonly item: Item }
  | { readonly op: 'publishMany'; readonly seq: number; readonly items: readonly Item[] }
  | { readonly op: 'publishToUser'; readonly seq: number; readonly user: string; readonly item: Item }
  | { readonly op: 'batch'; readonly seq: number; readonly items: readonly Item[] }
  | { readonly op: 'users'; readonly seq: number; readonly ids: readonly string[] }
  | { readonly op: 'stats'; readonly seq: number; readonly channel: string }
  | {
      readonly op: 'disconnect'
      readonly seq: number
      readonly target: unknown
      readonly code: unknown
      readonly reason: string
    }
  | {
      readonly op: 'history'
      readonly seq: number
      readonly channel: string
      readonly limit: unknown
      readonly since: unknown
      readonly isReverse: unknown
    }
  | { readonly op: 'presence'; readonly seq: number; readonly channel: string }
  | { readonly op: 'settings'; readonly seq: number; readonly channel: string; readonly historySize: unknown }

/** A well-formed frame that asks for what this version does not know. */
export interface UnknownRequest {
  readonly op: 'unknown'
  readonly seq: number
  readonly message: string
}

/**
 * Reads one request; the reader stands at the start of the frame and must reach its end.
 *
 * @param isTrusted JSON bytes are taken unchecked
 * @throws {MsgpackError} with the offset of the byte that is to blame
 */
export function readRequest(reader: MsgpackReader, isTrusted: boolean): Request | UnknownRequest {
  const fields = reader.arrayHeader()
  reader.expect(fields >= 2, 'A request has at least an operation and a sequence number')
  const op = reader.unsigned()
  const seq = reader.unsigned()
  const left = fields - 2
  const request = readFields(op, seq, left, reader, isTrusted)
  reader.expect(reader.at === reader.end, 'Bytes follow the request')
  return request
}

function readFields(
  op: number,
  seq: number,
  left: number,
  reader: MsgpackReader,
  isTrusted: boolean,
): Request | UnknownRequest {
  switch (op) {
    case requestOps.publish: {
      expectFields(reader, 'publish', left, 2, 5)
      const item = readItem(reader, left, isTrusted)
      return { op: 'publish', seq, item }
    }
    case requestOps.publishToUser: {
      expectFields(reader, 'publish to user', left, 2, 4)
      const user = reader.string()
      return { op: 'publishToUser', seq, user, item: readShared(reader, left - 1, isTrusted) }
    }
    case requestOps.publishMany: {
      expectFields(reader, 'publish to many', left, 2, 4)
      const channels = readStrings(reader)
      const shared = readShared(reader, left - 1, isTrusted)
      return { op: 'publishMany', seq, items: channels.map((channel) => ({ ...shared, channel })) }
    }
    case requestOps.batch: {
      expectFields(reader, 'batch', left, 1, 1)
      return { op: 'batch', seq, items: readItems(reader, isTrusted) }
    }
    case requestOps.hello:
      expectFields(reader, 'hello', left, 1, 1)
      return { op: 'hello', seq, fields: decodeValue(reader) }
    case requestOps.users:
      expectFields(reader, 'users', left, 1, 1)
      return { op: 'users', seq, ids: readStrings(reader) }
    case requestOps.stats:
      expectFields(reader, 'stats', left, 0, 1)
      return { op: 'stats', seq, channel: left === 0 ? '' : reader.optionalString() }
    case requestOps.disconnect: {
      expectFields(reader, 'disconnect', left, 1, 3)
      const target = decodeValue(reader)
      const code = left > 1 ? decodeValue(reader) : null
      return { op: 'disconnect', seq, target, code, reason: left > 2 ? reader.optionalString() : '' }
    }
    case requestOps.history: {
      expectFields(reader, 'history', left, 1, 4)
      const channel = reader.string()
      const limit = left > 1 ? decodeValue(reader) : null
      const since = left > 2 ? decodeValue(reader) : null
      return { op: 'history', seq, channel, limit, since, isReverse: left > 3 ? decodeValue(reader) : null }
    }
    case requestOps.presence:
      expectFields(reader, 'presence', left, 1, 1)
      return { op: 'presence', seq, channel: reader.string() }
    case requestOps.settings: {
      expectFields(reader, 'settings', left, 2, 2)
      const channel = reader.string()
      return { op: 'settings', seq, channel, historySize: decodeValue(reader) }
    }
    default: {
      for (let i = 0; i < left; i++) reader.skip()
      const known = Object.entries(requestOps).map(([name, number]) => `${number} ${name}`)
      return { op: 'unknown', seq, message: `Operation ${op} is not known: ${known.join(', ')}` }
    }
  }
}

/** `channel, data, event?, user?, key?` */
function readItem(reader: MsgpackReader, fields: number, isTrusted: boolean): Item {
  const channel = reader.string()
  const data = readData(reader, isTrusted)
  const event = fields > 2 ? reader.optionalString() : ''
  const user = fields > 3 ? reader.optionalString() : ''
  const key = fields > 4 ? reader.optionalString() : ''
  return { channel, data, event, user, key }
}

/** `data, event?, key?`, for channels that are named elsewhere */
function readShared(reader: MsgpackReader, fields: number, isTrusted: boolean): Item {
  const data = readData(reader, isTrusted)
  const event = fields > 1 ? reader.optionalString() : ''
  const key = fields > 2 ? reader.optionalString() : ''
  return { channel: '', data, event, user: '', key }
}

/** Bytes are JSON already and stay as they are; anything else is a value. */
function readData(reader: MsgpackReader, isTrusted: boolean): Payload | null {
  const bytes = reader.binary()
  if (bytes === null) return Payload.fromValue(decodeValue(reader))
  return isTrusted ? Payload.trustJson(bytes) : Payload.checkJson(bytes)
}

function readItems(reader: MsgpackReader, isTrusted: boolean): Item[] {
  const count = readListHeader(reader)
  const items: Item[] = []
  for (let i = 0; i < count; i++) {
    const fields = reader.arrayHeader()
    reader.expect(fields >= 2 && fields <= 5, `An item of a batch has 2 to 5 fields, this one has ${fields}`)
    items.push(readItem(reader, fields, isTrusted))
  }
  return items
}

function readStrings(reader: MsgpackReader): string[] {
  const count = readListHeader(reader)
  const strings: string[] = []
  for (let i = 0; i < count; i++) strings.push(reader.string())
  return strings
}

function readListHeader(reader: MsgpackReader): number {
  const count = reader.arrayHeader()
  reader.expect(
    count >= 1 && count <= MAX_LIST,
    `A list holds 1 to ${MAX_LIST} elements, this one has ${count}`,
  )
  return count
}

function expectFields(reader: MsgpackReader, name: string, found: number, least: number, most: number): void {
  if (found >= least && found <= most) return
  const range = least === most ? `${least}` : `${least} to ${most}`
  reader.expect(false, `A ${name} has ${range} fields after its sequence number, this one has ${found}`)
}

/** Encodes `[op, seq, …]` with its length in front. */
export function encodeFrame(values: readonly unknown[]): Buffer {
  const body = encodeValue(values.some(isWide) ? values.map(asInteger) : values)
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + body.length)
  frame.writeUInt32BE(body.length, 0)
  body.copy(frame, LENGTH_BYTES)
  return frame
}

/** A number that the encoder would write as a float, which is no sequence number to a reader. */
function isWide(value: unknown): value is number {
  return typeof value === 'number' && value > 0xffff_ffff && Number.isSafeInteger(value)
}

function asInteger(value: unknown): unknown {
  return isWide(value) ? BigInt(value) : value
}

/** An answer as the publisher client reads it. */
export type Answer =
  | { readonly op: 'welcome'; readonly seq: number; readonly window: number; readonly maxFrameBytes: number }
  | { readonly op: 'ack'; readonly seq: number; readonly epoch: string; readonly offset: number }
  | { readonly op: 'ackUpTo'; readonly seq: number }
  | { readonly op: 'result'; readonly seq: number; readonly value: unknown }
  /** `seq` is null when the error is about the connection. */
  | { readonly op: 'error'; readonly seq: number | null; readonly name: CodeName; readonly message: string }

/**
 * Reads one answer, which takes up the rest of the reader.
 *
 * The node is trusted further than a publisher is: data in a page of history may be nested as deep as JSON data may.
 *
 * @throws {MsgpackError} or TypeError when the peer is no Encke node
 */
export function readAnswer(reader: MsgpackReader): Answer {
  const fields = decodeTrusted(reader)
  if (!Array.isArray(fields)) throw new TypeError('An answer is an array')
  const [op, seq, a, b, c] = fields as [number, number, ...unknown[]]
  switch (op) {
    case answerOps.welcome: {
      const { window, maxFrameBytes } = a as { window: number; maxFrameBytes: number }
      return { op: 'welcome', seq, window, maxFrameBytes }
    }
    case answerOps.ack:
      return { op: 'ack', seq, epoch: String(a), offset: Number(b) }
    case answerOps.ackUpTo:
      return { op: 'ackUpTo', seq }
    case answerOps.result:
      return { op: 'result', seq, value: a }
    case answerOps.error:
      return { op: 'error', seq: seq ?? null, name: b as CodeName, message: String(c) }
    default:
      throw new TypeError(`Answer ${op} is not known`)
  }
}
