/**
 * Packets that answer a command: OK, EOF, ERR, columns, rows, and what a prepared statement is.
 *
 * Owns their layouts and how our three types of column look to MySQL. A text is sent as CppComet sends everything: its
 * clients see the same bytes, but for the charset where they know a newer one (charsets.ts). No value is ever NULL.
 * Each function writes whole packets; how many rows are written before they are taken is the caller's business. Pure.
 *
 * Layouts: MySQL Internals, "Generic Response Packets", "Text Resultset" and "Prepared Statements".
 */
import type { ColumnType, ResultColumn, Row } from '../answer.ts'
import type { QueryFailure } from '../query-failure.ts'
import { BINARY } from './charsets.ts'
import type { PacketWriter } from './packet-writer.ts'

/** First bytes of packets. */
const OK = 0x00
const EOF = 0xfe
const ERR = 0xff

/** Clients keep no more of a message. */
const MAX_MESSAGE_LETTERS = 512

/** Bytes of a column's definition behind its names. */
const FIXED_BYTES = 0x0c

/** The null bitmap of a binary row begins with two bits that mean nothing. */
const NULL_BITS_OFFSET = 2

/** How a type of ours looks to MySQL. */
interface WireType {
  readonly code: number
  /** How wide clients show it */
  readonly length: number
  readonly flags: number
  readonly decimals: number
}

/** NOT_NULL, and for numbers BINARY and NUM besides. */
const NOT_NULL = 0x0001
const NUMBER_FLAGS = 0x8081

/** "As many as there are". */
const ANY_DECIMALS = 0x1f

const wireTypes: Readonly<Record<ColumnType, WireType>> = {
  text: { code: 0xfd, length: 77, flags: NOT_NULL, decimals: ANY_DECIMALS },
  integer: { code: 0x08, length: 21, flags: NUMBER_FLAGS, decimals: 0 },
  number: { code: 0x05, length: 23, flags: NUMBER_FLAGS, decimals: ANY_DECIMALS },
}

/** What a question mark looks like to a client. */
const PARAMETER: ResultColumn = { name: '?', type: 'text' }

/** @param ok numbers from 0; of warnings there are none */
export function writeOk(
  writer: PacketWriter,
  ok: { readonly affected: number; readonly insertId: number; readonly status: number },
): void {
  writer.begin()
  writer.byte(OK)
  writer.lenencInteger(ok.affected)
  writer.lenencInteger(ok.insertId)
  writer.int16(ok.status)
  writer.int16(0)
  writer.finish()
}

/** Ends definitions of columns, and rows. */
export function writeEof(writer: PacketWriter, status: number): void {
  writer.begin()
  writer.byte(EOF)
  writer.int16(0)
  writer.int16(status)
  writer.finish()
}

/** @param failure its message is cut at 512 letters */
export function writeFailure(writer: PacketWriter, failure: QueryFailure): void {
  writer.begin()
  writer.byte(ERR)
  writer.int16(failure.code)
  writer.text(`#${failure.state}`)
  writer.text(cut(failure.message, MAX_MESSAGE_LETTERS))
  writer.finish()
}

/** Everything before the rows: how many columns there are, each of them, EOF. */
export function writeColumns(writer: PacketWriter, columns: readonly ResultColumn[], status: number): void {
  writer.begin()
  writer.lenencInteger(columns.length)
  writer.finish()
  writeDefinitions(writer, columns, status)
}

/** @param withDefault as COM_FIELD_LIST wants it: there is none */
export function writeColumnDefinition(
  writer: PacketWriter,
  column: ResultColumn,
  withDefault: boolean,
): void {
  const type = wireTypes[column.type]
  writer.begin()
  writer.lenencText('def')
  writer.zeros(3) // schema, table, and the table's own name
  writer.lenencText(column.name)
  writer.zeros(1) // the column's own name
  writer.byte(FIXED_BYTES)
  writer.int16(column.type === 'text' ? writer.textCharset : BINARY)
  writer.int32(type.length)
  writer.byte(type.code)
  writer.int16(type.flags)
  writer.byte(type.decimals)
  writer.int16(0)
  if (withDefault) writer.byte(0xfb)
  writer.finish()
}

/** A row of an answer to a query: everything as text. */
export function writeTextRow(writer: PacketWriter, row: Row): void {
  writer.begin()
  for (const value of row) writer.lenencText(typeof value === 'string' ? value : String(value))
  writer.finish()
}

/** A row of an answer to a prepared statement: each value as its column's type says. */
export function writeBinaryRow(writer: PacketWriter, row: Row, columns: readonly ResultColumn[]): void {
  writer.begin()
  writer.byte(OK)
  writer.zeros((columns.length + NULL_BITS_OFFSET + 7) >> 3)
  for (const [i, { type }] of columns.entries()) {
    const value = row[i] ?? ''
    if (type === 'text') writer.lenencText(String(value))
    else if (type === 'integer') writer.int64(Number(value))
    else writer.double(Number(value))
  }
  writer.finish()
}

/** @param prepared `columns`: of the result, none where there will be no rows; `parameters`: question marks */
export function writePrepared(
  writer: PacketWriter,
  prepared: {
    readonly id: number
    readonly columns: readonly ResultColumn[]
    readonly parameters: number
    readonly status: number
  },
): void {
  const { id, columns, parameters, status } = prepared
  writer.begin()
  writer.byte(OK)
  writer.int32(id)
  writer.int16(columns.length)
  writer.int16(parameters)
  writer.zeros(3) // a filler and no warnings
  writer.finish()
  if (parameters > 0) writeDefinitions(writer, Array(parameters).fill(PARAMETER), status)
  if (columns.length > 0) writeDefinitions(writer, columns, status)
}

function writeDefinitions(writer: PacketWriter, columns: readonly ResultColumn[], status: number): void {
  for (const column of columns) writeColumnDefinition(writer, column, false)
  writeEof(writer, status)
}

/** Never through the middle of a character. */
function cut(text: string, letters: number): string {
  if (text.length <= letters) return text
  const isHighSurrogate = (text.charCodeAt(letters - 1) & 0xfc00) === 0xd800
  return text.slice(0, isHighSurrogate ? letters - 1 : letters)
}
