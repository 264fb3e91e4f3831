/**
 * The client protocol as JSON text.
 *
 * Owns the JSON form of every message: publications are put together around data that is JSON already, the rest goes
 * through JSON.stringify. Pure. Must not check shapes (parse-command does) or know sessions.
 */

import type { ByeMessage, CommandResult, Reply } from './messages.ts'
import type { Payload } from './payload.ts'

/** What a publication message is made of; `event` and `user` '' = left out. */
export interface PublicationParts {
  readonly channel: string
  readonly offset: number
  readonly data: Payload
  readonly event: string
  readonly user: string
}

const CLOSING_BRACE = 0x7d

/** `{"channel":…,"offset":…,"event":…,"user":…,"data":…}` with the data bytes as they are. */
export function encodePublication(publication: PublicationParts): Buffer {
  const data = publication.data.json()
  const head = publicationHead(publication)
  const headBytes = Buffer.byteLength(head)
  const bytes = Buffer.allocUnsafe(headBytes + data.length + 1)
  bytes.write(head)
  data.copy(bytes, headBytes)
  bytes[headBytes + data.length] = CLOSING_BRACE
  return bytes
}

function publicationHead({ channel, offset, event, user }: PublicationParts): string {
  let head = `{"channel":${JSON.stringify(channel)},"offset":${offset},`
  if (event !== '') head += `"event":${JSON.stringify(event)},`
  if (user !== '') head += `"user":${JSON.stringify(user)},`
  return `${head}"data":`
}

/**
 * A reply or goodbye as JSON text.
 *
 * The answer to a command that went well is put together by hand: every connection gets two of them, and for objects
 * this small JSON.stringify takes five times as long.
 */
export function encodeMessage(message: Reply | ByeMessage): string {
  if (!('ok' in message)) return JSON.stringify(message)
  return `{"id":${message.id},"ok":${encodeResult(message.ok)}}`
}

/** Characters that JSON text holds as they are; anything else is left to JSON.stringify. */
const PLAIN = /^[\w.:@-]*$/

function encodeResult(result: CommandResult): string {
  let text = ''
  for (const name in result) {
    const value = (result as Readonly<Record<string, unknown>>)[name]
    if (typeof value === 'string' && PLAIN.test(value)) text += `,"${name}":"${value}"`
    else if (Number.isSafeInteger(value)) text += `,"${name}":${value}`
    else return JSON.stringify(result)
  }
  return text === '' ? '{}' : `{${text.slice(1)}}`
}

/** @throws {SyntaxError} when the bytes are not JSON; the transport has checked that they are UTF-8 */
export function decodeMessage(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString())
}
