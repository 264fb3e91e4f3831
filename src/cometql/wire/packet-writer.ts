/**
 * From fields to packets, one after another in one buffer that grows.
 *
 * Owns the bytes of packets that are ready and nobody has taken, the sequence number of the next one, and the packet
 * that is being written: its header is filled in when it is finished. Nothing is allocated per packet or value. What
 * is taken is the caller's; the rest of its buffer, if it is a small one, serves the packets after it. Bound: twice
 * the bytes written between two takes. Pure.
 */
import { UTF8 } from './charsets.ts'

const HEADER_BYTES = 4

/** A part of this length is followed by another of the same packet. */
const FULL_PART_BYTES = 0xffffff

const FIRST_BYTES = 4_096

/** With less room than this, the rest of a buffer is not worth keeping. */
const USEFUL_BYTES = 512

/** UTF-8 needs at most this for a letter of a JavaScript string. */
const MOST_BYTES_PER_LETTER = 3

/** Texts up to this many letters are written before their length is known, as it takes one byte in any case. */
const SHORT_LETTERS = 80

/** Up to this many letters a loop is quicker than a call of native code. */
const LOOP_LETTERS = 24

/** Above this, a text is measured before room is made for it. */
const MEASURED_LETTERS = 4_096

/** A length-encoded integer below this is one byte. */
const LENENC_BYTE_END = 0xfb

const NOTHING: Buffer = Buffer.alloc(0)

export class PacketWriter {
  /** Of the next packet; wraps at 256. */
  sequence: number
  /** What the client is told that texts are in; see charsets.ts. */
  textCharset: number
  #buffer: Buffer
  /** Ready and not taken: from `#from` to `#start`. The packet being written: from `#start` to `#at`. */
  #from: number
  #start: number
  #at: number

  constructor() {
    this.sequence = 0
    this.textCharset = UTF8
    this.#buffer = NOTHING
    this.#from = 0
    this.#start = 0
    this.#at = 0
  }

  /** Bytes ready to be taken. */
  get size(): number {
    return this.#start - this.#from
  }

  /** Begins a packet; one that was begun and not finished is forgotten. */
  begin(): void {
    this.#at = this.#start
    this.#at = this.#room(HEADER_BYTES) + HEADER_BYTES
  }

  byte(value: number): void {
    const at = this.#room(1)
    this.#buffer[at] = value
    this.#at = at + 1
  }

  int16(value: number): void {
    const at = this.#room(2)
    this.#at = this.#buffer.writeUInt16LE(value, at)
  }

  int24(value: number): void {
    const at = this.#room(3)
    this.#at = this.#buffer.writeUIntLE(value, at, 3)
  }

  int32(value: number): void {
    const at = this.#room(4)
    this.#at = this.#buffer.writeUInt32LE(value, at)
  }

  /** A safe integer, negative ones as two's complement. */
  int64(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000)
    this.#room(8)
    this.int32(value - high * 0x1_0000_0000)
    this.#at = this.#buffer.writeInt32LE(high, this.#at)
  }

  double(value: number): void {
    const at = this.#room(8)
    this.#at = this.#buffer.writeDoubleLE(value, at)
  }

  zeros(count: number): void {
    const at = this.#room(count)
    this.#at = at + count
    this.#buffer.fill(0, at, this.#at)
  }

  raw(bytes: Buffer): void {
    const at = this.#room(bytes.length)
    bytes.copy(this.#buffer, at)
    this.#at = at + bytes.length
  }

  /** UTF-8, without its length. */
  text(value: string): void {
    const { length } = value
    const most = length <= MEASURED_LETTERS ? length * MOST_BYTES_PER_LETTER : Buffer.byteLength(value)
    const at = this.#room(most)
    this.#at = at + this.#buffer.write(value, at)
  }

  /** A safe integer from 0. */
  lenencInteger(value: number): void {
    if (value < LENENC_BYTE_END) {
      this.byte(value)
    } else if (value <= 0xffff) {
      this.byte(0xfc)
      this.int16(value)
    } else if (value <= 0xffffff) {
      this.byte(0xfd)
      this.int24(value)
    } else {
      this.byte(0xfe)
      this.int64(value)
    }
  }

  /** UTF-8 behind its length in bytes. */
  lenencText(value: string): void {
    if (value.length > SHORT_LETTERS) {
      this.lenencInteger(Buffer.byteLength(value))
      this.text(value)
      return
    }
    const lengthAt = this.#room(1 + value.length * MOST_BYTES_PER_LETTER)
    const end = this.#writeShort(value, lengthAt + 1)
    this.#buffer[lengthAt] = end - lengthAt - 1
    this.#at = end
  }

  /** Writes the header of the packet, or of each of its parts. */
  finish(): void {
    const bytes = this.#at - this.#start - HEADER_BYTES
    if (bytes >= FULL_PART_BYTES) this.#makeRoomForHeaders(Math.floor(bytes / FULL_PART_BYTES))
    for (let left = bytes; left >= 0; left -= FULL_PART_BYTES) {
      const part = Math.min(left, FULL_PART_BYTES)
      this.#buffer.writeUIntLE(part, this.#start, 3)
      this.#buffer[this.#start + 3] = this.sequence
      this.sequence = (this.sequence + 1) & 0xff
      this.#start += HEADER_BYTES + part
    }
  }

  /** Gives the packets that are finished, and starts anew. The bytes are the caller's. */
  take(): Buffer {
    const taken = this.#buffer.subarray(this.#from, this.#start)
    const isWorthKeeping =
      this.#buffer.length === FIRST_BYTES && this.#buffer.length - this.#start >= USEFUL_BYTES
    if (!isWorthKeeping) this.#buffer = NOTHING
    this.#from = isWorthKeeping ? this.#start : 0
    this.#start = this.#from
    this.#at = this.#from
    return taken
  }

  /** Writes a text there is room for; returns the offset behind it. */
  #writeShort(value: string, from: number): number {
    if (value.length > LOOP_LETTERS) return from + this.#buffer.write(value, from)
    let at = from
    for (let i = 0; i < value.length; i++) {
      const letter = value.charCodeAt(i)
      if (letter > 0x7f) return from + this.#buffer.write(value, from)
      this.#buffer[at++] = letter
    }
    return at
  }

  /** Moves the parts after the first one apart, the last one first. */
  #makeRoomForHeaders(count: number): void {
    this.#room(count * HEADER_BYTES)
    const payload = this.#start + HEADER_BYTES
    for (let part = count; part > 0; part--) {
      const from = payload + part * FULL_PART_BYTES
      this.#buffer.copyWithin(from + part * HEADER_BYTES, from, Math.min(from + FULL_PART_BYTES, this.#at))
    }
    this.#at += count * HEADER_BYTES
  }

  /** Makes room for so many bytes behind what is written; returns where they go. */
  #room(count: number): number {
    if (this.#at + count > this.#buffer.length) this.#grow(count)
    return this.#at
  }

  /** Leaves behind what was taken. */
  #grow(count: number): void {
    const used = this.#at - this.#from
    const doubled = Math.max(FIRST_BYTES, this.#buffer.length * 2)
    const larger = Buffer.allocUnsafeSlow(
      used + count <= FIRST_BYTES ? FIRST_BYTES : Math.max(doubled, used + count),
    )
    this.#buffer.copy(larger, 0, this.#from, this.#at)
    this.#start -= this.#from
    this.#at = used
    this.#from = 0
    this.#buffer = larger
  }
}
