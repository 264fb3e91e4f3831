/**
 * From a byte stream to packets: a 3-byte little-endian length, a sequence number, then that many bytes.
 *
 *     ┌──────── length ────────┬── sequence ──┬─ length bytes ─┐
 *     │ low    middle    high  │              │ payload        │   a part of 0xffffff bytes goes on in the next packet
 *     └────────────────────────┴──────────────┴────────────────┘
 *
 * Owns the bytes of a packet that has not wholly arrived. A packet inside one chunk is not copied; any other is copied
 * into one buffer that grows with what really arrived, whatever was declared, and however small the chunks: O(bytes).
 * Bound: twice `maxBytes`, and the rest of a chunk after a stop; a larger packet streams by and is never held. Pure.
 */
const HEADER_BYTES = 4

/** A part of this length is not the last one of its packet. */
const FULL_PART_BYTES = 0xffffff

const FIRST_HOLD_BYTES = 256

/** Of a packet that is skipped: a command, a statement and one of its parameters. */
const HEAD_BYTES = 7

const NOTHING: Buffer = Buffer.alloc(0)

export interface Packet {
  /** Parts joined; null = larger than allowed: its bytes were skipped */
  readonly payload: Buffer | null
  /** The first bytes of what was skipped, up to `HEAD_BYTES`: they say what it was; else empty */
  readonly head: Buffer
  /** Of the payload as it was sent */
  readonly bytes: number
  /** Of its last part */
  readonly sequence: number
}

export class PacketReader {
  /** Largest payload; a change counts from the next header on. */
  maxBytes: number
  /** Header bytes that have arrived: their number, and their value as a little-endian integer. */
  #headerBytes: number
  #header: number
  /** Bytes of the part that are still to come; of the packet, as far as headers told. */
  #partLeft: number
  #bytes: number
  #isSkipped: boolean
  /** The packet so far is the first `#heldCount` bytes of `#held`. */
  #held: Buffer
  #heldCount: number
  /** Copies of what follows a packet at which it was told to stop. */
  #waiting: Buffer[]

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
    this.#headerBytes = 0
    this.#header = 0
    this.#partLeft = 0
    this.#bytes = 0
    this.#isSkipped = false
    this.#held = NOTHING
    this.#heldCount = 0
    this.#waiting = []
  }

  /**
   * Takes the next bytes of the stream and calls `take` for each packet that is now whole.
   *
   * @param chunk may be empty, to go on after a stop; nothing of it is kept but copies
   * @param take must not throw, nor push. The payload is the caller's only until it returns to the event loop, as it
   *   may be a view of `chunk`. Returns false to stop: what follows waits for the next push, or for `rest`
   */
  push(chunk: Buffer, take: (packet: Packet) => boolean): void {
    let next = this.#waiting.shift()
    while (next !== undefined) {
      const end = this.#read(next, take)
      if (end !== -1) {
        if (end < next.length) this.#waiting.unshift(next.subarray(end))
        if (chunk.length > 0) this.#waiting.push(Buffer.from(chunk))
        return
      }
      next = this.#waiting.shift()
    }
    const end = this.#read(chunk, take)
    if (end !== -1 && end < chunk.length) this.#waiting.push(Buffer.from(chunk.subarray(end)))
  }

  /** Gives away what follows the packet at which `take` returned false: bytes of another protocol, TLS say. */
  rest(): Buffer {
    const rest = this.#waiting.length === 1 ? this.#waiting[0] : Buffer.concat(this.#waiting)
    this.#waiting = []
    return rest ?? NOTHING
  }

  /** Reads to the end of the bytes (−1), or to the end of the packet at which `take` said stop. */
  #read(bytes: Buffer, take: (packet: Packet) => boolean): number {
    let at = 0
    while (at < bytes.length) {
      if (this.#headerBytes < HEADER_BYTES) {
        at = this.#readHeader(bytes, at)
        if (this.#headerBytes < HEADER_BYTES) return -1
      }
      const end = Math.min(bytes.length, at + this.#partLeft)
      this.#partLeft -= end - at
      const isWhole = this.#partLeft === 0 && (this.#header & FULL_PART_BYTES) < FULL_PART_BYTES
      const payload = isWhole ? this.#payload(bytes, at, end) : this.#hold(bytes, at, end)
      at = end
      if (this.#partLeft === 0) this.#headerBytes = 0
      if (isWhole && !take(this.#finish(payload))) return at
    }
    return -1
  }

  /** Takes what is there of a header; returns the offset behind it. */
  #readHeader(bytes: Buffer, from: number): number {
    let at = from
    if (this.#headerBytes === 0) this.#header = 0
    while (this.#headerBytes < HEADER_BYTES && at < bytes.length) {
      this.#header |= (bytes[at++] ?? 0) << (8 * this.#headerBytes++)
    }
    if (this.#headerBytes === HEADER_BYTES) this.#beginPart(this.#header & FULL_PART_BYTES)
    return at
  }

  #beginPart(length: number): void {
    this.#partLeft = length
    this.#bytes += length
    if (this.#bytes <= this.maxBytes || this.#isSkipped) return
    this.#isSkipped = true
    this.#held = Buffer.from(this.#held.subarray(0, Math.min(HEAD_BYTES, this.#heldCount)))
    this.#heldCount = this.#held.length
  }

  /** The payload that ends here. */
  #payload(bytes: Buffer, start: number, end: number): Buffer | null {
    if (this.#isSkipped) return this.#holdHead(bytes, start, end)
    if (this.#heldCount === 0) return bytes.subarray(start, end)
    this.#hold(bytes, start, end)
    return this.#held.subarray(0, this.#heldCount)
  }

  #hold(bytes: Buffer, start: number, end: number): null {
    if (this.#isSkipped) return this.#holdHead(bytes, start, end)
    const count = this.#heldCount + end - start
    if (end === start) return null
    if (count > this.#held.length) this.#grow(count)
    bytes.copy(this.#held, this.#heldCount, start, end)
    this.#heldCount = count
    return null
  }

  #holdHead(bytes: Buffer, start: number, end: number): null {
    const missing = HEAD_BYTES - this.#heldCount
    if (missing <= 0 || end === start) return null
    this.#held = Buffer.concat([this.#held, bytes.subarray(start, Math.min(end, start + missing))])
    this.#heldCount = this.#held.length
    return null
  }

  /** Doubles what is held, but not beyond what headers told of the packet. */
  #grow(needed: number): void {
    const doubled = Math.max(FIRST_HOLD_BYTES, needed, this.#held.length * 2)
    const larger = Buffer.allocUnsafeSlow(Math.min(doubled, this.#bytes))
    this.#held.copy(larger, 0, 0, this.#heldCount)
    this.#held = larger
  }

  #finish(payload: Buffer | null): Packet {
    const head = this.#isSkipped ? this.#held : NOTHING
    const packet = { payload, head, bytes: this.#bytes, sequence: this.#header >>> 24 }
    this.#bytes = 0
    this.#isSkipped = false
    this.#drop()
    return packet
  }

  #drop(): void {
    this.#held = NOTHING
    this.#heldCount = 0
  }
}
