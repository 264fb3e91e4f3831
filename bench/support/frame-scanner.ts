/**
 * WebSocket frames from a server, counted as they stream by.
 *
 * Owns the header parser of the generator in Node: RFC 6455 §5.2, unmasked and unfragmented, however reads cut
 * them. The start of each payload is kept only when asked for. Bound: 10 bytes of header and `keepBytes` of payload.
 */
import { ProtocolError } from '../../src/errors.ts'

const keepBytes = 512
const headerMax = 10
const length16 = 126

/** @param start the first bytes of the payload, at most 512; empty when not kept; valid during the call only */
export type FrameListener = (opcode: number, payloadBytes: number, start: Buffer) => void

export class FrameScanner {
  /** Whether to keep the start of payloads; control frames' are always kept. */
  keepsPayload: boolean
  readonly #onFrame: FrameListener
  readonly #header = Buffer.alloc(headerMax)
  #headerUsed = 0
  #opcode = 0
  #payloadBytes = 0
  #payloadLeft = 0
  #kept: Buffer[] = []

  constructor(onFrame: FrameListener, keepsPayload: boolean) {
    this.#onFrame = onFrame
    this.keepsPayload = keepsPayload
  }

  /**
   * Takes the next bytes of the stream and calls the listener for every frame that is now complete.
   *
   * @throws {ProtocolError} BAD_MESSAGE when a frame is masked or fragmented
   */
  feed(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#payloadLeft > 0) at = this.#feedPayload(bytes, at)
      else if (this.#feedHeader(bytes[at++] ?? 0) && this.#payloadBytes === 0) this.#finish()
    }
  }

  /** Takes one byte of a header; true when it was the last. */
  #feedHeader(byte: number): boolean {
    this.#header[this.#headerUsed++] = byte
    if (this.#headerUsed < 2) return false
    const first = this.#header[0] ?? 0
    const length = this.#header[1] ?? 0
    if (first < 0x80 || length >= 0x80) throw new ProtocolError('BAD_MESSAGE', 'Fragmented or masked frame')
    const size = length < length16 ? 2 : length === length16 ? 4 : headerMax
    if (this.#headerUsed < size) return false
    this.#headerUsed = 0
    this.#opcode = first & 15
    this.#payloadBytes = size === 2 ? length : this.#header.readUIntBE(size === 4 ? 2 : 4, size === 4 ? 2 : 6)
    this.#payloadLeft = this.#payloadBytes
    return true
  }

  #feedPayload(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#payloadLeft)
    const read = this.#payloadBytes - this.#payloadLeft
    if ((this.keepsPayload || this.#opcode >= 8) && read < keepBytes) {
      this.#kept.push(bytes.subarray(at, Math.min(end, at + keepBytes - read)))
    }
    this.#payloadLeft -= end - at
    if (this.#payloadLeft === 0) this.#finish()
    else this.#kept = this.#kept.map((part) => Buffer.from(part)) // the read buffer may be reused
    return end
  }

  #finish(): void {
    const [only, ...more] = this.#kept
    const start = only === undefined ? Buffer.alloc(0) : more.length === 0 ? only : Buffer.concat(this.#kept)
    this.#kept = []
    this.#onFrame(this.#opcode, this.#payloadBytes, start)
  }
}
