/**
 * A cursor over MessagePack bytes that trusts nothing they declare.
 *
 * Owns reading the few things our frames begin with (array headers, integers, names, bytes) and `skip`, which walks
 * any value and proves that every declared length is really there, so that the library that decodes it afterwards can
 * not be made to allocate more than was sent. Iterative: depth is a bounded counter, not the call stack. Errors are
 * `MsgpackError` with the byte offset, the only thing it throws.
 *
 * Formats: https://github.com/msgpack/msgpack/blob/master/spec.md
 */

/** Structures may be nested this deep. */
export const MAX_DEPTH = 64

/** Broken or refused MessagePack; `at` is the offset of the byte that is to blame. */
export class MsgpackError extends Error {
  readonly at: number

  constructor(reason: string, at: number) {
    super(reason)
    this.name = 'MsgpackError'
    this.at = at
  }
}

export class MsgpackReader {
  bytes: Buffer
  /** Offset of the next byte. */
  at: number
  end: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  /** Starts over on other bytes, so that one reader serves many frames. */
  reset(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  /** @throws {MsgpackError} here unless `isTrue` */
  expect(isTrue: boolean, reason: string): void {
    if (!isTrue) throw new MsgpackError(reason, this.at)
  }

  /** Number of elements of the array that begins here. */
  arrayHeader(): number {
    const start = this.at
    const type = this.#byte()
    if (type >= 0x90 && type <= 0x9f) return type & 0x0f
    if (type === 0xdc) return this.#uint(2)
    if (type === 0xdd) return this.#uint(4)
    throw new MsgpackError(`Expected an array, found ${typeName(type)}`, start)
  }

  /** An unsigned integer up to 2^53 − 1. */
  unsigned(): number {
    const start = this.at
    const type = this.#byte()
    if (type <= 0x7f) return type
    if (type === 0xcc) return this.#byte()
    if (type === 0xcd) return this.#uint(2)
    if (type === 0xce) return this.#uint(4)
    // Some encoders write every 64-bit number as signed; a negative one is above the bound when read so.
    if (type === 0xcf || type === 0xd3) {
      const value = this.#uint(4) * 0x1_0000_0000 + this.#uint(4)
      if (value <= Number.MAX_SAFE_INTEGER) return value
      throw new MsgpackError(`Integer ${value} is above ${Number.MAX_SAFE_INTEGER}`, start)
    }
    throw new MsgpackError(`Expected an unsigned integer, found ${typeName(type)}`, start)
  }

  /** A string; its bytes must be UTF-8, which the caller checks where it matters. */
  string(): string {
    const start = this.at
    const type = this.#byte()
    const length = this.#stringLength(type)
    if (length === -1) throw new MsgpackError(`Expected a string, found ${typeName(type)}`, start)
    const from = this.#take(length)
    return this.bytes.toString('utf8', from, from + length)
  }

  /** A string, or '' for nil. */
  optionalString(): string {
    if (this.isNil()) {
      this.at++
      return ''
    }
    return this.string()
  }

  /** Bytes (`bin`) as a view of the buffer, or null (and nothing is read) when something else is here. */
  binary(): Buffer | null {
    const type = this.bytes[this.at]
    const width = type === 0xc4 ? 1 : type === 0xc5 ? 2 : type === 0xc6 ? 4 : 0
    if (width === 0) return null
    this.at++
    const length = this.#uint(width)
    const from = this.#take(length)
    return this.bytes.subarray(from, from + length)
  }

  isNil(): boolean {
    return this.at < this.end && this.bytes[this.at] === 0xc0
  }

  /** Walks over one value; bytes and extension types are refused, as they have no JSON form. Returns its start. */
  skip(): number {
    const start = this.at
    // Elements still to come at each level of nesting.
    const open = [1]
    while (open.length > 0) {
      const level = open.length - 1
      const left = (open[level] ?? 0) - 1
      if (left < 0) {
        open.pop()
        continue
      }
      open[level] = left
      const elements = this.#skipOne()
      if (elements > 0) {
        if (open.length > MAX_DEPTH) {
          throw new MsgpackError(`Structures are nested more than ${MAX_DEPTH} deep`, this.at)
        }
        open.push(elements)
      }
    }
    return start
  }

  /** Walks over a scalar or the header of a structure; returns how many elements the structure has. */
  #skipOne(): number {
    const start = this.at
    const type = this.#byte()
    if (type <= 0x7f || type >= 0xe0 || type === 0xc0 || type === 0xc2 || type === 0xc3) return 0
    if (type <= 0x8f) return this.#elements((type & 0x0f) * 2, start)
    if (type <= 0x9f) return this.#elements(type & 0x0f, start)
    const text = this.#stringLength(type)
    if (text !== -1) {
      this.#take(text)
      return 0
    }
    const width = scalarWidth(type)
    if (width > 0) {
      this.#take(width)
      return 0
    }
    if (type === 0xdc || type === 0xdd) return this.#elements(this.#uint(type === 0xdc ? 2 : 4), start)
    if (type === 0xde || type === 0xdf) return this.#elements(this.#uint(type === 0xde ? 2 : 4) * 2, start)
    throw new MsgpackError(`Refused ${typeName(type)}`, start)
  }

  /** An element takes at least one byte: more elements than bytes are a lie. */
  #elements(count: number, at: number): number {
    const left = this.end - this.at
    if (count > left) throw new MsgpackError(`Declares ${count} elements, ${left} bytes follow`, at)
    return count
  }

  /** Length of the string whose type byte was read, -1 when it is no string. */
  #stringLength(type: number): number {
    if (type >= 0xa0 && type <= 0xbf) return type & 0x1f
    if (type === 0xd9) return this.#byte()
    if (type === 0xda) return this.#uint(2)
    if (type === 0xdb) return this.#uint(4)
    return -1
  }

  #byte(): number {
    const byte = this.bytes[this.at]
    if (this.at >= this.end || byte === undefined)
      throw new MsgpackError('Ends in the middle of a value', this.at)
    this.at++
    return byte
  }

  #uint(width: number): number {
    const from = this.#take(width)
    return this.bytes.readUIntBE(from, width)
  }

  /** Moves over `length` bytes that must be there; returns where they begin. */
  #take(length: number): number {
    const from = this.at
    if (length > this.end - from) {
      throw new MsgpackError(`Declares ${length} bytes, ${this.end - from} follow`, from)
    }
    this.at = from + length
    return from
  }
}

/** Bytes after the type byte of floats and integers, 0 for anything else. */
function scalarWidth(type: number): number {
  switch (type) {
    case 0xcc:
    case 0xd0:
      return 1
    case 0xcd:
    case 0xd1:
      return 2
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8
    default:
      return 0
  }
}

function typeName(type: number): string {
  if (type <= 0x7f || type >= 0xe0 || (type >= 0xcc && type <= 0xd3)) return 'an integer'
  if (type <= 0x8f || type === 0xde || type === 0xdf) return 'a map'
  if (type <= 0x9f || type === 0xdc || type === 0xdd) return 'an array'
  if (type <= 0xbf || (type >= 0xd9 && type <= 0xdb)) return 'a string'
  if (type >= 0xc4 && type <= 0xc6) return 'bytes'
  if (type === 0xc0) return 'nil'
  if (type === 0xc2 || type === 0xc3) return 'a boolean'
  if (type === 0xca || type === 0xcb) return 'a float'
  return type === 0xc1 ? 'the unused type 0xc1' : 'an extension type'
}
