/**
 * How a row or an entry is kept on disk.
 *
 * Owns the bytes of a value: a CRC-32 over key and content in front, so that damage on the disk, or a value that stands
 * under another one's key, is seen when it is read. Of an entry the time comes next, then the message as it is. Pure.
 *
 * ```
 * row     crc 4 | text, UTF-8
 * entry   crc 4 | time 8 (double, ms since 1970) | message
 * ```
 */
import { crc32 } from 'node:zlib'
import type { StoredEntry } from '../core/store.ts'

const CRC_BYTES = 4
const TIME_BYTES = 8

export function encodeRow(key: Buffer, text: string): Buffer {
  const value = Buffer.allocUnsafe(CRC_BYTES + Buffer.byteLength(text))
  value.write(text, CRC_BYTES)
  return sealed(key, value)
}

/** @returns null for bytes that are damaged */
export function decodeRow(key: Buffer, value: Buffer): string | null {
  return isWhole(key, value, 0) ? value.toString('utf8', CRC_BYTES) : null
}

/** @param entry its message is copied */
export function encodeEntry(key: Buffer, entry: StoredEntry): Buffer {
  const value = Buffer.allocUnsafe(CRC_BYTES + TIME_BYTES + entry.value.length)
  value.writeDoubleBE(entry.timeMs, CRC_BYTES)
  entry.value.copy(value, CRC_BYTES + TIME_BYTES)
  return sealed(key, value)
}

/**
 * @param value kept by reference: must stay as it is
 * @returns null for bytes that are damaged
 */
export function decodeEntry(key: Buffer, seq: number, value: Buffer): StoredEntry | null {
  if (!isWhole(key, value, TIME_BYTES)) return null
  const timeMs = value.readDoubleBE(CRC_BYTES)
  return { seq, timeMs, value: value.subarray(CRC_BYTES + TIME_BYTES) }
}

function sealed(key: Buffer, value: Buffer): Buffer {
  value.writeUInt32BE(checksum(key, value), 0)
  return value
}

function isWhole(key: Buffer, value: Buffer, leastBytes: number): boolean {
  if (value.length < CRC_BYTES + leastBytes) return false
  return value.readUInt32BE(0) === checksum(key, value)
}

function checksum(key: Buffer, value: Buffer): number {
  return crc32(value.subarray(CRC_BYTES), crc32(key))
}
