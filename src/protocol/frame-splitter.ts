/**
 * From a byte stream to frames: a 4-byte big-endian length, then that many bytes.
 *
 * Owns the bytes of a frame that has not wholly arrived. Frames inside one chunk are not copied; only a frame that
 * spans chunks is put together, once. Bound: `maxFrameBytes` and one chunk. Pure: no socket.
 */
export const LENGTH_BYTES = 4

/** A frame that declares more than it may; `at` is its offset in the stream. */
export class FrameTooLarge extends Error {
  readonly at: number

  constructor(declared: number, allowed: number, at: number) {
    super(`Frame declares ${declared} of at most ${allowed} bytes`)
    this.name = 'FrameTooLarge'
    this.at = at
  }
}

export class FrameSplitter {
  /** Largest frame, without its length; may be raised while the stream goes on. */
  maxFrameBytes: number
  #chunks: Buffer[]
  #held: number
  #needed: number
  #streamed: number

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes
    this.#chunks = []
    this.#held = 0
    this.#needed = LENGTH_BYTES
    this.#streamed = 0
  }

  /** Bytes of whole frames so far: the offset at which the next one begins. */
  get streamedBytes(): number {
    return this.#streamed
  }

  /** Bytes of a frame that has begun and not ended. */
  get heldBytes(): number {
    return this.#held
  }

  /**
   * Takes the next bytes of the stream and calls `onFrame` for each frame that is now whole.
   *
   * @param onFrame gets a buffer, the range of the frame without its length, and the frame's offset in the stream;
   *   returns false to stop: what follows is dropped
   * @throws {FrameTooLarge} after the frames before it were given
   */
  push(chunk: Buffer, onFrame: (bytes: Buffer, start: number, end: number, at: number) => boolean): void {
    if (this.#held + chunk.length < this.#needed) {
      this.#hold(chunk)
      return
    }
    const bytes = this.#held === 0 ? chunk : Buffer.concat([...this.#chunks, chunk])
    this.#chunks = []
    this.#held = 0
    this.#split(bytes, onFrame)
  }

  #split(bytes: Buffer, onFrame: (bytes: Buffer, start: number, end: number, at: number) => boolean): void {
    let at = 0
    this.#needed = LENGTH_BYTES
    while (bytes.length - at >= LENGTH_BYTES) {
      const length = bytes.readUInt32BE(at)
      if (length > this.maxFrameBytes) {
        throw new FrameTooLarge(length, this.maxFrameBytes, this.#streamed + at)
      }
      const start = at + LENGTH_BYTES
      if (bytes.length - start < length) {
        this.#needed = LENGTH_BYTES + length
        break
      }
      if (!onFrame(bytes, start, start + length, this.#streamed + at)) return
      at = start + length
    }
    this.#streamed += at
    if (at < bytes.length) this.#hold(bytes.subarray(at))
  }

  #hold(rest: Buffer): void {
    this.#chunks.push(rest)
    this.#held += rest.length
  }
}
