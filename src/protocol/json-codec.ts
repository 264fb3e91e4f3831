/**
 * The client protocol as JSON text.
 *
 * Owns the JSON form of every message: publications are put together around data that is JSON already, the most
 * frequent replies by hand, the rest goes through JSON.stringify. Pure. Must not check shapes (parse-command does) or know sessions.
 */
import type {
  CommandResult,
  ConnectResult,
  ControlMessage,
  PublicationMessage,
  Reply,
  SubscribeResult,
} from './messages.ts'
import type { Payload } from './payload.ts'

/** What a publication message is made of; `event` and `user` '' = left out. */
export interface PublicationParts {
  readonly channel: string
  readonly offset: number
  readonly data: Payload
  readonly event: string
  readonly user: string
  /** Of a message that waited for its user; null or missing = it did not */
  readonly inbox?: InboxMark | null
}

/** What tells a message that waited for its user. */
export interface InboxMark {
  /** The same whenever it is sent */
  readonly id: string
  /** When it was published, ms since 1970 */
  readonly timeMs: number
}

const CLOSING_BRACE = 0x7d

/** Stands before the data, the last member of a publication; a colon can not follow these letters within a name. */
const DATA_MARK = '"data":'

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

function publicationHead({ channel, offset, event, user, inbox = null }: PublicationParts): string {
  let head = `{"channel":${JSON.stringify(channel)},"offset":${offset},`
  if (inbox !== null) head += `"id":${JSON.stringify(inbox.id)},"time":${inbox.timeMs},`
  if (event !== '') head += `"event":${JSON.stringify(event)},`
  if (user !== '') head += `"user":${JSON.stringify(user)},`
  return head + DATA_MARK
}

/**
 * Any message but a publication as JSON text.
 *
 * The answers to connect, subscribe and publish are put together by hand: every connection gets some of them, and
 * JSON.stringify takes twice as long for objects this small.
 */
export function encodeMessage(message: Reply | ControlMessage): string {
  if (!('ok' in message)) return JSON.stringify(message)
  return `{"id":${message.id},"ok":${encodeResult(message.ok)}}`
}

function encodeResult(result: CommandResult): string {
  if (isConnectResult(result)) return encodeConnectResult(result)
  return isPosition(result) ? `{${positionMembers(result)}}` : JSON.stringify(result)
}

function isConnectResult(result: CommandResult): result is ConnectResult {
  return 'session' in result
}

/** The answer to subscribe or publish; that to history has publications as well, one to publish may say more. */
function isPosition(result: CommandResult): result is SubscribeResult {
  return 'epoch' in result && !('publications' in result) && !('reached' in result)
}

function encodeConnectResult(result: ConnectResult): string {
  const { session, user, pingMs, capsule, expiresInMs, own, login } = result
  let text = `{"session":${encodeText(session)},"user":${encodeText(user)},"pingMs":${pingMs}`
  if (capsule !== undefined) text += `,"capsule":${JSON.stringify(capsule)}`
  if (expiresInMs !== undefined) text += `,"expiresInMs":${expiresInMs}`
  if (own !== undefined) text += `,"own":{"channel":${encodeText(own.channel)},${positionMembers(own)}}`
  if (login !== undefined) text += `,"login":${JSON.stringify(login)}`
  return `${text}}`
}

function positionMembers({ epoch, offset, recovered, gap }: SubscribeResult): string {
  let text = `"epoch":${encodeText(epoch)},"offset":${offset}`
  if (recovered !== undefined) text += `,"recovered":${recovered}`
  if (gap !== undefined) text += `,"gap":${JSON.stringify(gap)}`
  return text
}

/** Characters that JSON text holds as they are; anything else is left to JSON.stringify. */
const PLAIN = /^[\w.:@-]*$/

/** @param text a short one: for a long one JSON.stringify is faster */
function encodeText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** @throws {SyntaxError} when the bytes are not JSON; the transport has checked that they are UTF-8 */
export function decodeMessage(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString())
}

/**
 * Reads a publication that `encodePublication` has made.
 *
 * Data that a trusted publisher said to be JSON, and that is none, comes out as null.
 */
export function decodePublication(message: Buffer): PublicationMessage {
  const text = message.toString()
  try {
    return JSON.parse(text)
  } catch {
    return JSON.parse(`${text.slice(0, text.indexOf(DATA_MARK))}${DATA_MARK}null}`) // trusted bytes, no JSON
  }
}

/** A publication and the JSON of its data, byte for byte; `json` null = it is none, but a notice. */
export function readPublication(message: Buffer): {
  readonly message: PublicationMessage
  readonly json: string | null
} {
  const publication = decodePublication(message)
  if (publication.data === undefined) return { message: publication, json: null }
  const text = message.toString()
  return { message: publication, json: text.slice(text.indexOf(DATA_MARK) + DATA_MARK.length, -1) }
}
