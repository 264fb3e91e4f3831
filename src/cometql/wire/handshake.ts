/**
 * Packets of the login: the greeting, what a client answers, and being told to try another way.
 *
 * Owns their layouts. What the salt is used for is passwords.ts's business, who may come in the conversation's. Texts
 * of clients are UTF-8; attributes are looked at only as far as their lengths go. Pure.
 *
 * Layouts: MySQL Internals, "Connection Phase Packets" and "COM_CHANGE_USER".
 */
import { capabilities, serverCapabilities, status } from './capabilities.ts'
import { UTF8 } from './charsets.ts'
import { FieldReader, MalformedPacket } from './fields.ts'
import type { PacketWriter } from './packet-writer.ts'

/** Ways to prove to know a password. */
export const plugins = ['mysql_native_password', 'caching_sha2_password'] as const

export type PluginName = (typeof plugins)[number]

export interface Greeting {
  /** Shown by clients; those that read it expect a number in front */
  readonly version: string
  readonly connectionId: number
  /** 20 bytes, each 1 to 127 */
  readonly salt: Buffer
  /** The one a client should begin with */
  readonly plugin: PluginName
  readonly hasTls: boolean
}

/** What a client says about itself. */
export interface LoginPacket {
  readonly kind: 'login'
  readonly capabilities: number
  readonly charset: number
  readonly user: string
  /** Its proof; a view of the packet */
  readonly response: Buffer
  /** '' = none */
  readonly database: string
  /** '' = it does not say */
  readonly plugin: string
}

/** What comes first from a client: who it is, or the wish to go on with TLS and then tell. */
export type FirstPacket = LoginPacket | { readonly kind: 'tls' }

const PROTOCOL_VERSION = 10

/** The salt goes in two parts, each with a zero behind it; the length tells of the last one only. */
const SALT_FIRST_BYTES = 8
const SALT_FIELD_BYTES = 21

const RESERVED_BYTES = 10

/** Behind the charset of a login. */
const LOGIN_FILLER_BYTES = 23

/** A login that ends here, and wants TLS, is only the wish for it. */
const TLS_REQUEST_BYTES = 32

const MAX_USER_BYTES = 256

export function writeGreeting(writer: PacketWriter, greeting: Greeting): void {
  const announced = serverCapabilities(greeting.hasTls)
  writer.begin()
  writer.byte(PROTOCOL_VERSION)
  writeZeroTerminated(writer, greeting.version)
  writer.int32(greeting.connectionId)
  writer.raw(greeting.salt.subarray(0, SALT_FIRST_BYTES))
  writer.byte(0)
  writer.int16(announced & 0xffff)
  writer.byte(UTF8)
  writer.int16(status.autocommit)
  writer.int16(announced >>> 16)
  writer.byte(SALT_FIELD_BYTES)
  writer.zeros(RESERVED_BYTES)
  writer.raw(greeting.salt.subarray(SALT_FIRST_BYTES))
  writer.byte(0)
  writeZeroTerminated(writer, greeting.plugin)
  writer.finish()
}

/**
 * Reads what a client answers to the greeting, or sends once TLS is up.
 *
 * Fields that older clients leave out are empty; bytes behind the last one are ignored.
 *
 * @throws {MalformedPacket} also for a client from before MySQL 4.1
 */
export function readLogin(payload: Buffer): FirstPacket {
  const reader = new FieldReader(payload)
  if ((reader.int16() & capabilities.protocol41) === 0) {
    throw new MalformedPacket('The client speaks the protocol of before MySQL 4.1')
  }
  reader.at = 0
  const flags = reader.int32()
  if (payload.length === TLS_REQUEST_BYTES && (flags & capabilities.ssl) !== 0) return { kind: 'tls' }
  reader.int32() // the largest packet that it takes: nobody heeds it
  const charset = reader.byte()
  reader.bytes(LOGIN_FILLER_BYTES)
  const user = readUser(reader)
  const response = readResponse(reader, flags)
  const database = (flags & capabilities.connectWithDb) === 0 ? '' : readText(reader)
  const plugin = readPlugin(reader, flags)
  return { kind: 'login', capabilities: flags, charset, user, response, database, plugin }
}

/**
 * Reads COM_CHANGE_USER.
 *
 * @param payload with the command byte in front
 * @param flags capabilities that the client logged in with
 * @throws {MalformedPacket}
 */
export function readChangeUser(payload: Buffer, flags: number): LoginPacket {
  const reader = new FieldReader(payload, 1)
  const user = readUser(reader)
  // Here a length is always one byte.
  const response = readResponse(reader, flags & ~capabilities.pluginAuthLenenc)
  const database = readText(reader)
  const charset = reader.left === 0 ? UTF8 : reader.int16()
  const plugin = readPlugin(reader, flags)
  return { kind: 'login', capabilities: flags, charset, user, response, database, plugin }
}

/** Asks the client to prove itself by another plugin. */
export function writeAuthSwitch(writer: PacketWriter, plugin: PluginName, salt: Buffer): void {
  writer.begin()
  writer.byte(0xfe)
  writeZeroTerminated(writer, plugin)
  writer.raw(salt)
  writer.byte(0)
  writer.finish()
}

/** Tells a client of caching_sha2_password that its proof was enough; an OK has to follow. */
export function writeFastAuthOk(writer: PacketWriter): void {
  writer.begin()
  writer.byte(0x01)
  writer.byte(0x03)
  writer.finish()
}

function readUser(reader: FieldReader): string {
  const user = reader.zeroTerminated()
  if (user.length <= MAX_USER_BYTES) return user.toString()
  throw new MalformedPacket(`The user name has ${user.length} of at most ${MAX_USER_BYTES} bytes`)
}

function readResponse(reader: FieldReader, flags: number): Buffer {
  if ((flags & capabilities.pluginAuthLenenc) !== 0) return reader.lenencBytes() ?? Buffer.alloc(0)
  if ((flags & capabilities.secureConnection) !== 0) return reader.bytes(reader.byte())
  return reader.zeroTerminated()
}

/** '' where the packet ends before. */
function readText(reader: FieldReader): string {
  return reader.zeroTerminated().toString()
}

/** The plugin; then walks over the attributes, so that a packet which lies about them is refused. */
function readPlugin(reader: FieldReader, flags: number): string {
  const plugin = (flags & capabilities.pluginAuth) === 0 ? '' : readText(reader)
  if ((flags & capabilities.connectAttributes) === 0 || reader.left === 0) return plugin
  const attributes = new FieldReader(reader.lenencBytes() ?? Buffer.alloc(0))
  while (attributes.left > 0) {
    attributes.lenencBytes()
    attributes.lenencBytes()
  }
  return plugin
}

function writeZeroTerminated(writer: PacketWriter, value: string): void {
  writer.text(value)
  writer.byte(0)
}
