/**
 * Packets of MySQL's protocol, looked at and changed by tests.
 *
 * Owns how an answer is taken apart without the node's codec: which packets of a result are its rows, what the cells of a
 * row are, what an error says; and how one is put together again. Texts have one letter per byte. Pure.
 */
import type { Said } from './cometql-line.ts'
import { hex } from './hex.ts'
import { packet } from './mysql-bytes.ts'

const HEADER_BYTES = 4
const EOF_BYTES = 5
/** `ff`, the code, and `#` with five letters of the state. */
const ERROR_HEAD_BYTES = 9
const OK = 0x00
const EOF = 0xfe
const ERROR = 0xff

export interface Refused {
  readonly code: number
  readonly state: string
  readonly text: string
}

export function payloadOf(bytes: Buffer): Buffer {
  return bytes.subarray(HEADER_BYTES)
}

export function isOk(bytes: Buffer): boolean {
  return bytes[HEADER_BYTES] === OK
}

export function isEof(bytes: Buffer): boolean {
  return bytes[HEADER_BYTES] === EOF && bytes.length === HEADER_BYTES + EOF_BYTES
}

/** What an error packet says; null for any other. */
export function refusalOf(bytes: Buffer | undefined): Refused | null {
  if (bytes?.[HEADER_BYTES] !== ERROR) return null
  const payload = payloadOf(bytes)
  return {
    code: payload.readUInt16LE(1),
    state: payload.toString('latin1', 4, ERROR_HEAD_BYTES),
    text: payload.toString('utf8', ERROR_HEAD_BYTES),
  }
}

/** The rows of a result, cells as UTF-8. @throws {Error} naming the refusal when it is none */
export function rowsOf(packets: readonly Buffer[]): string[][] {
  const refused = refusalOf(packets[0])
  if (refused !== null) throw new Error(`${refused.code}: ${refused.text}`)
  const { from, to } = rowsIn(packets)
  return packets
    .slice(from, to)
    .map((row) => cellsOf(row).map((cell) => Buffer.from(cell, 'latin1').toString()))
}

/** Where the rows of the first result are: behind its first EOF, before the next packet that is no row. */
function rowsIn(packets: readonly Buffer[]): { from: number; to: number } {
  const from = packets.findIndex(isEof) + 1
  const length = packets.slice(from).findIndex((one) => isEof(one) || one[HEADER_BYTES] === ERROR)
  return { from, to: from === 0 || length === -1 ? from : from + length }
}

/** Cells of a row, one letter per byte. */
export function cellsOf(row: Buffer): string[] {
  const cells: string[] = []
  for (let at = HEADER_BYTES; at < row.length; ) {
    const { bytes, from } = lengthAt(row, at)
    cells.push(row.toString('latin1', from, from + bytes))
    at = from + bytes
  }
  return cells
}

/** A row of short cells. */
export function rowOf(sequence: number, cells: readonly string[]): Buffer {
  const parts = cells.map((cell) => Buffer.concat([Buffer.from([cell.length]), Buffer.from(cell, 'latin1')]))
  return packet(sequence, Buffer.concat(parts))
}

/** The same answer with other cells in its rows. */
export function changeRows(said: Said, change: (row: Buffer) => readonly string[]): Said {
  const { from, to } = rowsIn(said.packets)
  const packets = said.packets.map((one, at) => {
    return at >= from && at < to ? rowOf(one[3] ?? 0, change(one)) : one
  })
  return { ...said, packets }
}

/** The same columns with these rows. */
export function withRows({ packets, end }: Said, rows: readonly (readonly string[])[]): Said {
  const head = packets.slice(0, packets.findIndex(isEof) + 1)
  const all = [...head, ...rows.map((cells) => rowOf(0, cells)), hex('05 00 00 00 fe 00 00 02 00')]
  return { packets: numbered(all), end }
}

/** Packets of one answer in the order of their numbers, from 1. */
export function numbered(packets: readonly Buffer[]): Buffer[] {
  return packets.map((one, at) => packet((at + 1) & 0xff, payloadOf(one)))
}

/** The definition of a column as the original sends all of them. */
export function textColumn(name: string): Buffer {
  const names = Buffer.concat([hex("03 'def' 00 00 00"), Buffer.from([name.length]), Buffer.from(name)])
  return packet(0, Buffer.concat([names, hex('00 0c 21 00 4d 00 00 00 fd 01 00 1f 00 00')]))
}

/** A whole result of text columns. */
export function result(columns: readonly string[], rows: readonly (readonly string[])[]): Said {
  const count = packet(0, Buffer.from([columns.length]))
  const packets = [count, ...columns.map(textColumn), hex('05 00 00 00 fe 00 00 02 00')]
  return withRows({ packets, end: 'open' }, rows)
}

/** Bytes as tests write them: letters between quotes, the rest in hexadecimal. */
export function noted(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[ -&(-~]{2,}|[\s\S]/g, (piece) => (piece.length > 1 ? `'${piece}' ` : `${hexOf(piece)} `))
    .trimEnd()
}

function hexOf(letter: string): string {
  return letter.charCodeAt(0).toString(16).padStart(2, '0')
}

function lengthAt(row: Buffer, at: number): { bytes: number; from: number } {
  const first = row[at] ?? 0
  if (first === 0xfc) return { bytes: row.readUInt16LE(at + 1), from: at + 3 }
  if (first === 0xfd) return { bytes: row.readUIntLE(at + 1, 3), from: at + 4 }
  return { bytes: first, from: at + 1 }
}
