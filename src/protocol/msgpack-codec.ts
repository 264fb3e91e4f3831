/**
 * The client protocol as MessagePack, and values inside publish-port frames.
 *
 * Owns the msgpackr instances (plain maps, no records, no extension types) and the order of things: walk the bytes
 * with the distrustful reader first, decode with the library after. The reader's scratch state is per call.
 */
import { Packr, Unpackr } from 'msgpackr'
import { decodePublication, type PublicationParts } from './json-codec.ts'
import type { ControlMessage, Reply } from './messages.ts'
import { MsgpackError, MsgpackReader } from './msgpack-reader.ts'

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' })

/** A map with the members of the JSON form. */
export function encodePublication(publication: PublicationParts): Buffer {
  const { channel, offset, event, user, inbox = null } = publication
  const message: Record<string, unknown> = { channel, offset }
  if (inbox !== null) Object.assign(message, { id: inbox.id, time: inbox.timeMs })
  if (event !== '') message.event = event
  if (user !== '') message.user = user
  message.data = publication.data.value()
  return encodeValue(message)
}

/**
 * A publication that is JSON already, of the history say, as MessagePack of the same value.
 *
 * @param message as the JSON codec's encodePublication made it; not kept
 */
export function recodePublication(message: Buffer): Buffer {
  return encodeValue(decodePublication(message))
}

/** Any message but a publication. */
export function encodeMessage(message: Reply | ControlMessage): Buffer {
  return encodeValue(message)
}

/** Encodes any value; a frame of the publish port, say. */
export function encodeValue(value: unknown): Buffer {
  try {
    return packr.pack(value)
  } catch {
    return packr.pack(asMaps(value)) // throws again when that was not the cause
  }
}

/**
 * A value with maps for its objects. An object with members `constructor` and `toJSON` is none of the library's plain
 * ones: it would call the `toJSON`, which need not be a function. Keys of a map mean nothing to it.
 */
function asMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asMaps)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return new Map(Object.entries(value).map(([name, member]) => [name, asMaps(member)]))
}

/**
 * Decodes bytes that are exactly one value.
 *
 * @throws {MsgpackError} with the offset of the byte that is to blame
 */
export function decodeMessage(bytes: Buffer): unknown {
  const reader = new MsgpackReader(bytes, 0, bytes.length)
  const value = decodeValue(reader)
  if (reader.at < bytes.length) {
    throw new MsgpackError(`${bytes.length - reader.at} bytes follow the message`, reader.at)
  }
  return value
}

/** Decodes the value at the reader and moves behind it. @throws {MsgpackError} */
export function decodeValue(reader: MsgpackReader): unknown {
  const start = reader.skip()
  return unpackBetween(reader, start, reader.at)
}

/**
 * Decodes the one value that the rest of the reader is, without walking it first: any depth, and bytes, are taken.
 *
 * For what our own node has sent: lengths that lie are noticed by the library only, after it has believed them.
 *
 * @throws {MsgpackError} with the offset at which the value begins
 */
export function decodeTrusted(reader: MsgpackReader): unknown {
  const start = reader.at
  reader.at = reader.end
  return unpackBetween(reader, start, reader.end)
}

function unpackBetween(reader: MsgpackReader, start: number, end: number): unknown {
  try {
    return unpackr.unpack(reader.bytes.subarray(start, end))
  } catch (error) {
    throw new MsgpackError(error instanceof Error ? error.message : String(error), start)
  }
}
