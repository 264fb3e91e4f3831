/**
 * What a MySQL client sends: its login, and commands.
 *
 * Owns their layouts, and that of the greeting as a client reads it; the server's side is in src/cometql/wire. Texts are
 * UTF-8, parameters of prepared statements texts. Pure.
 *
 * Layouts: MySQL Internals, "Connection Phase Packets" and "Command Phase".
 */
import { capabilities } from '../../src/cometql/wire/capabilities.ts'
import { FieldReader } from '../../src/cometql/wire/fields.ts'
import { type PluginName, plugins } from '../../src/cometql/wire/handshake.ts'
import { PacketWriter } from '../../src/cometql/wire/packet-writer.ts'
import { responseFor } from '../../src/cometql/wire/passwords.ts'

const command = { query: 0x03, prepare: 0x16, execute: 0x17 } as const
const varString = 0xfd
const utf8 = 33
const saltFirstBytes = 8
const saltRestBytes = 12
/** Of a greeting, between the parts of the salt: zero, capabilities, charset, status, capabilities, length, reserved. */
const betweenSaltsBytes = 1 + 2 + 1 + 2 + 2 + 1 + 10
const loginFillerBytes = 23
const maxPacketBytes = 0xffffff
const clientCapabilities =
  capabilities.longPassword |
  capabilities.protocol41 |
  capabilities.secureConnection |
  capabilities.pluginAuth

export interface Asked {
  readonly plugin: PluginName
  readonly salt: Buffer
}

/** How the server wants the password proved. @throws {Error} by a way that is not known here */
export function readGreeting(payload: Buffer): Asked {
  const reader = new FieldReader(payload, 1)
  reader.zeroTerminated()
  reader.int32()
  const start = reader.bytes(saltFirstBytes)
  reader.bytes(betweenSaltsBytes)
  const salt = Buffer.concat([start, reader.bytes(saltRestBytes)])
  reader.byte()
  return { plugin: pluginNamed(reader.zeroTerminated().toString()), salt }
}

/** The same from a request for another way. @throws {Error} */
export function readAuthSwitch(payload: Buffer): Asked {
  const reader = new FieldReader(payload, 1)
  const plugin = pluginNamed(reader.zeroTerminated().toString())
  return { plugin, salt: Buffer.from(reader.bytes(saltFirstBytes + saltRestBytes)) }
}

export function loginPacket(user: string, password: string, { plugin, salt }: Asked): Buffer {
  const response = responseFor(plugin, password, salt)
  return packet(1, (writer) => {
    writer.int32(clientCapabilities)
    writer.int32(maxPacketBytes)
    writer.byte(utf8)
    writer.zeros(loginFillerBytes)
    writer.text(`${user}\0`)
    writer.byte(response.length)
    writer.raw(response)
    writer.text(`${plugin}\0`)
  })
}

/** @param sequence of the request, plus one */
export function proofPacket(password: string, { plugin, salt }: Asked, sequence: number): Buffer {
  return packet(sequence, (writer) => writer.raw(responseFor(plugin, password, salt)))
}

export function queryPacket(text: string): Buffer {
  return textCommand(command.query, text)
}

export function preparePacket(text: string): Buffer {
  return textCommand(command.prepare, text)
}

/** @param id of the statement @param values texts, one for each question mark */
export function executePacket(id: number, values: readonly string[]): Buffer {
  return packet(0, (writer) => {
    writer.byte(command.execute)
    writer.int32(id)
    writer.byte(0) // no cursor
    writer.int32(1) // iterations, always one
    if (values.length === 0) return
    writer.zeros((values.length + 7) >> 3) // none is NULL
    writer.byte(1) // types follow
    for (const _ of values) writer.int16(varString)
    for (const value of values) writer.lenencText(value)
  })
}

/** Packets of answers behind the first one of a prepared statement: definitions, and an EOF after each kind of them. */
export function readPrepared(payload: Buffer): { readonly id: number; readonly packetsToCome: number } {
  const reader = new FieldReader(payload, 1)
  const id = reader.int32()
  const counts = [reader.int16(), reader.int16()]
  return { id, packetsToCome: counts.reduce((sum, count) => sum + (count > 0 ? count + 1 : 0), 0) }
}

function textCommand(code: number, text: string): Buffer {
  return packet(0, (writer) => {
    writer.byte(code)
    writer.text(text)
  })
}

function packet(sequence: number, write: (writer: PacketWriter) => void): Buffer {
  const writer = new PacketWriter()
  writer.sequence = sequence
  writer.begin()
  write(writer)
  writer.finish()
  return writer.take()
}

function pluginNamed(name: string): PluginName {
  const known = plugins.find((each) => each === name)
  if (known === undefined) throw new Error(`The server wants the password proved by "${name}"`)
  return known
}
