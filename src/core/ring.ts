/**
 * The latest publications of one channel, as their JSON messages, and the bound on all such rings together.
 *
 * Owns `Ring`: two arrays (entries, times) walked by an index and cut when half of them is behind it, so each entry is
 * moved once at most. A small message is kept as a string of one letter per byte: memory of exactly its size that the
 * garbage collector can move, where a small `Buffer` would hold on to the 8 KB slab it was cut from. A large one has
 * memory of its own and is kept as it is.
 *
 * Bound: what the rule of the channel says, which who owns the ring applies (`excess`, `dropOldest`), and `maxBytes`
 * over all rings: above it those that have held something for the longest lose their oldest quarter first. To push, to
 * drop and to shrink are O(1) amortised.
 */

/**
 * Heap bytes an entry takes besides its text: string header and padding 16 to 23, two array slots 16, and what arrays
 * keep free to grow or behind the index. Measured on Node 20 by `heapUsed`, rings of 64 to 10,000 entries: 39 to 42 in
 * rings just filled, 42 to 58 in those that others have passed through.
 */
export const ENTRY_OVERHEAD_BYTES = 56

/**
 * Heap bytes of a ring that holds something, besides its entries: the object, arrays with room for 17 entries, its
 * place among the rings. Measured likewise with 100,000 rings of one entry: 465 at first, 210 after a cut; an empty
 * one takes 145 and is not counted.
 */
export const RING_OVERHEAD_BYTES = 464

/** From this size on Node gives a buffer memory of its own. */
const OWN_MEMORY_BYTES = Buffer.poolSize >>> 1

/** Stands where a message was; none is empty. */
const REMOVED = ''

/** How much of a ring goes at once when all rings together are too large. */
const SHRINK_SHARE = 4

/** What of a channel is kept. */
export interface RingLimits {
  /** Publications; 0 = none is kept */
  readonly size: number
  /** Bytes of entries, with their overhead; 0 = no such bound */
  readonly bytes: number
  /** Age at which a publication goes, ms; 0 = no such bound */
  readonly maxAgeMs: number
}

/** The memory of all rings of a node. */
export interface RingMemory {
  /** Of rings and entries, with overhead. */
  readonly bytes: number
  /** Rings that hold something. */
  readonly rings: number
  readonly maxBytes: number
  /** A ring holds so many bytes more: rings are shrunk until all fit, maybe this one too. For `Ring` only. */
  grew(ring: Ring, bytes: number): void
  /** A ring holds so many bytes less. For `Ring` only. */
  fell(ring: Ring, bytes: number): void
  /** Tells of entries that were dropped, or never held, for want of memory. For `Ring` only. */
  lost(entries: number): void
}

export class Ring {
  readonly #memory: RingMemory
  #texts: (string | Buffer)[]
  #times: number[]
  /** Index of the oldest entry. */
  #head: number
  #nextOffset: number
  #bytes: number

  /** @param nextOffset of the first publication that will be pushed, ≥ 1 */
  constructor(memory: RingMemory, nextOffset: number) {
    this.#memory = memory
    this.#texts = []
    this.#times = []
    this.#head = 0
    this.#nextOffset = nextOffset
    this.#bytes = 0
  }

  /** Entries held: offsets `firstOffset` to `nextOffset` − 1. */
  get size(): number {
    return this.#texts.length - this.#head
  }

  /** Bytes of the entries, with their overhead; what `RingLimits.bytes` bounds. */
  get bytes(): number {
    return this.#bytes
  }

  /** Offset of the oldest entry held; `nextOffset` when there is none. */
  get firstOffset(): number {
    return this.#nextOffset - this.size
  }

  /** The offset the next push will have. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  /**
   * Keeps a message under `nextOffset`, unless it is larger than all rings may be together: then this ring holds
   * nothing after it, because offsets must follow each other. Knows no limits but that.
   *
   * @param message copied where it is small; else kept by reference: do not write into it
   * @param nowMs monotonic, never less than in the push before
   */
  push(message: Buffer, nowMs: number): void {
    const bytes = message.length + ENTRY_OVERHEAD_BYTES
    this.#nextOffset++
    if (bytes + RING_OVERHEAD_BYTES > this.#memory.maxBytes) {
      this.#memory.lost(this.size + 1)
      this.#drop(this.size)
      return
    }
    this.#texts.push(hasOwnMemory(message) ? message : message.toString('latin1'))
    this.#times.push(nowMs)
    this.#bytes += bytes
    this.#memory.grew(this, bytes)
  }

  /** A held message, not to be written into; null when the offset is not held, or was removed. */
  message(offset: number): Buffer | null {
    if (offset < this.firstOffset || offset >= this.#nextOffset) return null
    const text = this.#texts[this.#head + offset - this.firstOffset]
    if (text === REMOVED) return null
    return typeof text === 'string' ? Buffer.from(text, 'latin1') : (text ?? null)
  }

  /** When a held message was pushed, monotonic ms; null when the offset is not held. */
  timeOf(offset: number): number | null {
    if (offset < this.firstOffset || offset >= this.#nextOffset) return null
    return this.#times[this.#head + offset - this.firstOffset] ?? null
  }

  /** How many of the oldest entries have to go for the others to be within `limits`. O(1) and so many steps. */
  excess(limits: RingLimits, nowMs: number): number {
    let count = Math.max(0, this.size - limits.size)
    if (limits.bytes === 0 && limits.maxAgeMs === 0) return count
    let bytes = limits.bytes === 0 ? 0 : this.#bytes - this.#bytesOf(count)
    while (count < this.size && this.#isBeyond(limits, count, bytes, nowMs))
      bytes -= this.#entryBytes(count++)
    return count
  }

  /** Drops the `count` oldest entries, or all when there are fewer. */
  dropOldest(count: number): void {
    this.#drop(Math.min(count, this.size))
  }

  /** Takes the message of one entry away; the others keep their offsets. Does nothing when it is not held. */
  remove(offset: number): void {
    if (offset < this.firstOffset || offset >= this.#nextOffset) return
    const index = this.#head + offset - this.firstOffset
    const bytes = this.#texts[index]?.length ?? 0
    this.#texts[index] = REMOVED
    this.#bytes -= bytes
    this.#memory.fell(this, bytes)
  }

  /** Drops all entries; the next push goes on counting. To be called before a ring is given up. */
  clear(): void {
    this.#drop(this.size)
  }

  /** Whether the entry at `index` has to go when `bytes` are held from it on. */
  #isBeyond(limits: RingLimits, index: number, bytes: number, nowMs: number): boolean {
    if (limits.bytes > 0 && bytes > limits.bytes) return true
    return limits.maxAgeMs > 0 && nowMs - (this.#times[this.#head + index] ?? 0) >= limits.maxAgeMs
  }

  /** Bytes of the `count` oldest entries. */
  #bytesOf(count: number): number {
    let bytes = 0
    for (let index = 0; index < count; index++) bytes += this.#entryBytes(index)
    return bytes
  }

  /** @param index 0 = the oldest entry */
  #entryBytes(index: number): number {
    return (this.#texts[this.#head + index]?.length ?? 0) + ENTRY_OVERHEAD_BYTES
  }

  #drop(count: number): void {
    if (count === 0) return
    const bytes = this.#bytesOf(count)
    // Emptied now, not when the arrays are cut: that may be long after.
    this.#texts.fill(REMOVED, this.#head, this.#head + count)
    this.#head += count
    if (this.#head * 2 >= this.#texts.length) this.#cut()
    this.#bytes -= bytes
    this.#memory.fell(this, bytes)
  }

  #cut(): void {
    this.#texts = this.#texts.slice(this.#head)
    this.#times = this.#times.slice(this.#head)
    this.#head = 0
  }
}

function hasOwnMemory(message: Buffer): boolean {
  return message.length >= OWN_MEMORY_BYTES && message.length === message.buffer.byteLength
}

/**
 * The bound that rings share.
 *
 * @param maxBytes of all rings and entries with overhead, ≥ 1; an empty ring counts nothing
 * @param onShrunk told how many entries were dropped before their time, in the middle of a push
 */
export function createRingMemory(maxBytes: number, onShrunk: (entries: number) => void): RingMemory {
  /** Rings that hold something, in the order in which they began to, or were shrunk last. */
  const rings = new Set<Ring>()
  // One walk that never ends, because what it has passed is gone or put behind it again: O(1). A new walk for every
  // ring would first pass the places of all that went: 8.8 µs instead of 0.15 µs with 100,000 rings.
  const walk = rings.values()
  let total = 0

  /** Takes from the ring whose turn it is; false when no ring holds anything. */
  const shrinkNext = (): boolean => {
    const ring = walk.next().value
    if (ring === undefined) return false
    const count = Math.max(1, Math.floor(ring.size / SHRINK_SHARE))
    ring.dropOldest(count)
    if (rings.delete(ring)) rings.add(ring)
    onShrunk(count)
    return true
  }

  return {
    maxBytes,
    get bytes() {
      return total
    },
    get rings() {
      return rings.size
    },
    grew(ring, bytes) {
      total += rings.has(ring) ? bytes : bytes + RING_OVERHEAD_BYTES
      rings.add(ring)
      while (total > maxBytes && shrinkNext());
    },
    fell(ring, bytes) {
      total -= bytes
      if (ring.size === 0 && rings.delete(ring)) total -= RING_OVERHEAD_BYTES
    },
    lost: onShrunk,
  }
}
