/**
 * One page of a tree in the data file.
 *
 * Owns where its nodes are, and what must be true of a page for LMDB to read it without harm: nothing in it points out of it. A
 * branch has a key and the page below in each node; a leaf a key and data, or where the data is. Looks at one page alone:
 * what pages are to each other is file-check.ts's.
 *
 * ```
 * page    number 8 | commit 8 | pad 2 | flags 2 | lower 2 | upper 2 | offset of each node 2 … | nodes
 * node    size of data, or page below, 4 | flags, or top of page, 2 | size of key 2 | key | data
 * ```
 */
import { FileDamage, FLAGS_AT, numberAt, PAGE_HEADER_BYTES } from './file-meta.ts'

export type TreeName = 'main' | 'free'

export const BRANCH = 0x01
export const LEAF = 0x02
export const OVERFLOW = 0x04
/** All flags of a page but the one that is no kind: that a leaf's data elsewhere was changed. */
const KINDS = 0xffff & ~0x2000

/** Low and high half of a size or page, flags, size of the key; then key and data. */
const NODE_HEADER_BYTES = 8
/** The data is elsewhere: page 8 | commit 8 | pages 8. */
const IS_BIG = 0x01
const BIG_BYTES = 24

/** The nodes of a branch or leaf. */
export class Page {
  readonly bytes: Buffer
  readonly number: number
  readonly isLeaf: boolean
  readonly size: number

  /** @throws {FileDamage} when a key is not within the page */
  constructor(bytes: Buffer, number: number, isLeaf: boolean) {
    this.bytes = bytes
    this.number = number
    this.isLeaf = isLeaf
    this.size = bytes.readUInt16LE(20) >>> 1
    for (let index = 0; index < this.size; index++) this.#checkNode(index)
  }

  key(index: number): Buffer {
    const at = this.#at(index)
    return this.bytes.subarray(
      at + NODE_HEADER_BYTES,
      at + NODE_HEADER_BYTES + this.bytes.readUInt16LE(at + 6),
    )
  }

  /** Below 0 when the key at `before` is less than that at `index`. */
  order(before: number, index: number, name: TreeName): number {
    if (name === 'free') return compare(this.key(before), this.key(index), name)
    const { bytes } = this
    const a = this.#at(before) + NODE_HEADER_BYTES
    const b = this.#at(index) + NODE_HEADER_BYTES
    const [aLength, bLength] = [bytes.readUInt16LE(a - 2), bytes.readUInt16LE(b - 2)]
    // Most of the time of a look at a large file is spent here: `Buffer.compare` takes five times as long for short keys.
    for (let at = 0; at < aLength && at < bLength; at++) {
      const difference = (bytes[a + at] ?? 0) - (bytes[b + at] ?? 0)
      if (difference !== 0) return difference
    }
    return aLength - bLength
  }

  value(index: number): Buffer {
    const start = this.#dataAt(index)
    return this.bytes.subarray(start, start + this.dataBytes(index))
  }

  /** Where a node's data is when it is not here. */
  big(index: number): { readonly page: number; readonly pages: number } | null {
    if ((this.bytes.readUInt16LE(this.#at(index) + 4) & IS_BIG) === 0) return null
    const start = this.#dataAt(index)
    return { page: numberAt(this.bytes, start), pages: numberAt(this.bytes, start + 16) }
  }

  dataBytes(index: number): number {
    return this.bytes.readUInt32LE(this.#at(index))
  }

  /** Of a branch: the page below. */
  child(index: number): number {
    const at = this.#at(index)
    return this.bytes.readUInt32LE(at) + this.bytes.readUInt16LE(at + 4) * 2 ** 32
  }

  #at(index: number): number {
    return PAGE_HEADER_BYTES + this.bytes.readUInt16LE(PAGE_HEADER_BYTES + index * 2)
  }

  #dataAt(index: number): number {
    const at = this.#at(index)
    return at + NODE_HEADER_BYTES + this.bytes.readUInt16LE(at + 6)
  }

  /** Of a leaf. @throws {FileDamage} when data is not within the page */
  checkData(): void {
    for (let index = 0; index < this.size; index++) {
      const flags = this.bytes.readUInt16LE(this.#at(index) + 4)
      if (flags > IS_BIG) throw damaged(this.number, 'has a node of an unknown kind')
      const dataBytes = flags === IS_BIG ? BIG_BYTES : this.dataBytes(index)
      if (this.#dataAt(index) + dataBytes > this.bytes.length)
        throw damaged(this.number, 'has data beyond its end')
    }
  }

  #checkNode(index: number): void {
    const upper = PAGE_HEADER_BYTES + this.bytes.readUInt16LE(22)
    const at = this.#at(index)
    if (at < upper || at + NODE_HEADER_BYTES > this.bytes.length || this.#dataAt(index) > this.bytes.length)
      throw damaged(this.number, 'has a node out of place')
  }
}

/** @throws {FileDamage} when a page is not what points to it */
export function checkHeader(bytes: Buffer, number: number, kind: number, commit: number): void {
  if (numberAt(bytes, 0) !== number) throw damaged(number, 'has another number')
  if ((bytes.readUInt16LE(FLAGS_AT) & KINDS) !== kind) throw damaged(number, 'is of another kind')
  if (numberAt(bytes, 8) > commit) throw damaged(number, 'is newer than the file')
  if (kind === OVERFLOW) return
  const lower = bytes.readUInt16LE(20)
  const upper = bytes.readUInt16LE(22)
  if (lower > upper || upper > bytes.length - PAGE_HEADER_BYTES) throw damaged(number, 'has bad bounds')
  if (kind === BRANCH && lower < 4) throw damaged(number, 'has nothing below it')
}

/** The order of keys in a tree. */
export function compare(a: Buffer, b: Buffer, name: TreeName): number {
  return name === 'main' ? a.compare(b) : numberAt(a, 0) - numberAt(b, 0)
}

export function damaged(page: number, what: string): FileDamage {
  return new FileDamage(`is damaged: page ${page} ${what}`)
}
