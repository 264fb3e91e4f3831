/**
 * A cursor over the payload of a packet that trusts nothing it declares.
 *
 * Owns reading the fields that packets are made of: little-endian integers, texts that end with a zero, and
 * "length-encoded" integers and bytes. Bytes are views of the payload, so a length that lies costs nothing. The only
 * thing it throws is `MalformedPacket`. Pure.
 *
 * Layouts: MySQL Internals, "Integer" and "String" types of the protocol.
 */

/** First bytes of a length-encoded integer that is more than this one byte; below them the byte is the value. */
const LENENC = { null: 0xfb, int16: 0xfc, int24: 0xfd, int64: 0xfe } as const

/** A packet that ends too early or says what it can not; the message tells what was read, and where. */
export class MalformedPacket extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'MalformedPacket'
  }
}

/** Integers are unsigned but where their name says otherwise. */
export class FieldReader {
  readonly #bytes: Buffer
  /** Offset of the next byte. */
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  /** Bytes not read yet. */
  get left(): number {
    return Math.max(0, this.#bytes.length - this.at)
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#take(1, 'a byte'))
  }

  int16(): number {
    return this.#bytes.readUInt16LE(this.#take(2, 'a 2-byte integer'))
  }

  int24(): number {
    return this.#bytes.readUIntLE(this.#take(3, 'a 3-byte integer'), 3)
  }

  int32(): number {
    return this.#bytes.readUInt32LE(this.#take(4, 'a 4-byte integer'))
  }

  /** A number up to 2^53 − 1, above it a bigint. */
  int64(): number | bigint {
    const value = this.#bytes.readBigUInt64LE(this.#take(8, 'an 8-byte integer'))
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
  }

  signedInt64(): bigint {
    return this.#bytes.readBigInt64LE(this.#take(8, 'an 8-byte integer'))
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#take(4, 'a float'))
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8, 'a double'))
  }

  /** A view. */
  bytes(count: number): Buffer {
    const from = this.#take(count, `${count} bytes`)
    return this.#bytes.subarray(from, from + count)
  }

  /** A view of what comes before the next zero, which is passed over; without a zero, of all that is left. */
  zeroTerminated(): Buffer {
    const found = this.left === 0 ? -1 : this.#bytes.indexOf(0, this.at)
    if (found === -1) return this.restBytes()
    const text = this.#bytes.subarray(this.at, found)
    this.at = found + 1
    return text
  }

  /** Null = NULL (0xfb). @throws {MalformedPacket} also above 2^53 − 1, which nothing that is counted here can be */
  lenencInteger(): number | null {
    const start = this.at
    const first = this.byte()
    if (first < LENENC.null) return first
    if (first === LENENC.null) return null
    if (first === LENENC.int16) return this.int16()
    if (first === LENENC.int24) return this.int24()
    const value = first === LENENC.int64 ? this.int64() : null
    if (typeof value === 'number') return value
    throw new MalformedPacket(`Cannot read a length at byte ${start}: it begins with ${first}`)
  }

  /** A view; null = NULL. */
  lenencBytes(): Buffer | null {
    const length = this.lenencInteger()
    return length === null ? null : this.bytes(length)
  }

  /** A view of all that is left, which may be nothing. */
  restBytes(): Buffer {
    const rest = this.#bytes.subarray(this.at)
    this.at = Math.max(this.at, this.#bytes.length)
    return rest
  }

  /** Moves over bytes that must be there; returns where they begin. */
  #take(count: number, what: string): number {
    const from = this.at
    if (count > this.#bytes.length - from) {
      throw new MalformedPacket(
        `Cannot read ${what} at byte ${from}: the packet has ${this.#bytes.length} bytes`,
      )
    }
    this.at = from + count
    return from
  }
}
