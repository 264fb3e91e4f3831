/**
 * What a client asks for once it is logged in: one packet, one command.
 *
 * Owns the numbers of the commands and the layouts of the simple ones; who a client wants to be (handshake.ts) and what
 * it gives a prepared statement (parameters.ts) are read elsewhere. Bytes are views of the packet. Pure.
 *
 * Layouts: MySQL Internals, "Command Phase".
 */
import { FieldReader, MalformedPacket } from './fields.ts'

/** `payload`: the whole packet, for who reads the rest of it. Ids and codes are unsigned. */
export type Command =
  | { readonly kind: 'quit' }
  | { readonly kind: 'initDb'; readonly database: string }
  | { readonly kind: 'query'; readonly text: Buffer }
  | { readonly kind: 'fieldList'; readonly table: string }
  | { readonly kind: 'statistics' }
  | { readonly kind: 'processInfo' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'changeUser' }
  | { readonly kind: 'setOption'; readonly multiStatements: boolean }
  | { readonly kind: 'resetConnection' }
  | { readonly kind: 'prepare'; readonly text: Buffer }
  | { readonly kind: 'execute'; readonly id: number; readonly payload: Buffer }
  /** `bytes` go behind those that came before for the parameter, counted from 0. It is not answered. */
  | { readonly kind: 'longData'; readonly id: number; readonly parameter: number; readonly bytes: Buffer }
  /** It is not answered. */
  | { readonly kind: 'closeStatement'; readonly id: number }
  | { readonly kind: 'resetStatement'; readonly id: number }
  | { readonly kind: 'fetch'; readonly id: number }
  | { readonly kind: 'unknown'; readonly code: number }

/** COM_…, in the order of their numbers. */
const codes = {
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  statistics: 0x09,
  processInfo: 0x0a,
  ping: 0x0e,
  changeUser: 0x11,
  prepare: 0x16,
  execute: 0x17,
  longData: 0x18,
  closeStatement: 0x19,
  resetStatement: 0x1a,
  setOption: 0x1b,
  fetch: 0x1c,
  resetConnection: 0x1f,
} as const

/** Options of COM_SET_OPTION. */
const MULTI_STATEMENTS_ON = 0
const MULTI_STATEMENTS_OFF = 1

/**
 * Reads a command; what follows its last field is ignored.
 *
 * @throws {MalformedPacket} for an empty packet and one that ends too early; a command that is not known is a value
 */
export function readCommand(payload: Buffer): Command {
  const reader = new FieldReader(payload)
  const code = reader.byte()
  switch (code) {
    case codes.quit:
      return { kind: 'quit' }
    case codes.initDb:
      return { kind: 'initDb', database: reader.restBytes().toString() }
    case codes.query:
      return { kind: 'query', text: reader.restBytes() }
    case codes.fieldList:
      return { kind: 'fieldList', table: reader.zeroTerminated().toString() }
    case codes.statistics:
      return { kind: 'statistics' }
    case codes.processInfo:
      return { kind: 'processInfo' }
    case codes.ping:
      return { kind: 'ping' }
    case codes.changeUser:
      return { kind: 'changeUser' }
    case codes.setOption:
      return { kind: 'setOption', multiStatements: readOption(reader) }
    case codes.resetConnection:
      return { kind: 'resetConnection' }
    default:
      return readStatementCommand(code, reader, payload)
  }
}

/** Commands about prepared statements. */
function readStatementCommand(code: number, reader: FieldReader, payload: Buffer): Command {
  switch (code) {
    case codes.prepare:
      return { kind: 'prepare', text: reader.restBytes() }
    case codes.execute:
      return { kind: 'execute', id: reader.int32(), payload }
    case codes.longData:
      return {
        kind: 'longData',
        id: reader.int32(),
        parameter: reader.int16(),
        bytes: reader.restBytes(),
      }
    case codes.closeStatement:
      return { kind: 'closeStatement', id: reader.int32() }
    case codes.resetStatement:
      return { kind: 'resetStatement', id: reader.int32() }
    case codes.fetch:
      return { kind: 'fetch', id: reader.int32() }
    default:
      return { kind: 'unknown', code }
  }
}

function readOption(reader: FieldReader): boolean {
  const option = reader.int16()
  if (option === MULTI_STATEMENTS_ON || option === MULTI_STATEMENTS_OFF) return option === MULTI_STATEMENTS_ON
  throw new MalformedPacket(`There is no option ${option} to set`)
}
