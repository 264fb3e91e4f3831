/**
 * A look at the data file before LMDB maps it.
 *
 * Owns the walk over its trees. LMDB follows page numbers and offsets without a doubt, so a page that was damaged ends the
 * process (SIGSEGV), or loses what is behind it. Everything that LMDB would follow is checked here first: page numbers, kinds,
 * offsets, sizes, the order of keys, pages that are in two places or free and in use. Values are not looked at: each has a
 * checksum of its own, which is compared when it is read.
 *
 * Bound: each page in use is read once, one bit per page in memory, `MAX_LEAVES`; ends after `maxMs`.
 */
import { readSync } from 'node:fs'
import {
  FileDamage,
  type FileMeta,
  numberAt,
  PAGE_HEADER_BYTES,
  readFileMeta,
  type TreeMeta,
} from './file-meta.ts'
import { BRANCH, checkHeader, compare, damaged, LEAF, OVERFLOW, Page, type TreeName } from './file-page.ts'

/** LMDB's own bound. */
const MAX_DEPTH = 32
const METAS = 2

const STRANGE = 'does not begin as a store does: it is damaged, or something else'

/** Leaves are read in the order of the file, so many at a time, with gaps up to this between them. */
const RUN_PAGES = 128
const GAP_PAGES = 16
/** Leaves that wait to be read, at some 100 bytes each. */
const MAX_LEAVES = 65_536

export interface FileState {
  /** False: the time was up before all was seen */
  readonly isComplete: boolean
  /** What is under the first key */
  readonly firstValue: Buffer
}

/**
 * Walks the trees of a file that nobody writes.
 *
 * @param file descriptor, open for reading
 * @param firstKey what a store begins with
 * @param maxMs 0 = until all is seen
 * @throws {FileDamage} at the first thing that is wrong
 */
export function checkFile(file: number, firstKey: Buffer, maxMs: number): FileState {
  const meta = readFileMeta(file)
  if (meta.main.flags !== 0) throw new FileDamage(STRANGE)
  const walk = new Walk(
    file,
    meta,
    firstKey,
    maxMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + maxMs,
  )
  walk.tree(meta.main, 'main')
  walk.tree(meta.free, 'free')
  if (walk.firstValue === null) throw new FileDamage(STRANGE)
  return { isComplete: !walk.isOver, firstValue: walk.firstValue }
}

/** One page on the way down a tree. */
interface Visit {
  readonly page: number
  /** 1 = the root's */
  readonly level: number
  /** Keys are not below `low`, and below `high`; null = no such bound */
  readonly low: Buffer | null
  readonly high: Buffer | null
}

interface Counts {
  branches: number
  leaves: number
  overflows: number
  entries: number
}

class Walk {
  readonly #file: number
  readonly #meta: FileMeta
  readonly #firstKey: Buffer
  readonly #untilMs: number
  /** Leaves are read into it */
  readonly #run: Buffer
  /** One bit per page that something points to. */
  readonly #seen: Uint8Array
  isOver: boolean
  firstValue: Buffer | null

  constructor(file: number, meta: FileMeta, firstKey: Buffer, untilMs: number) {
    this.#file = file
    this.#meta = meta
    this.#firstKey = firstKey
    this.#untilMs = untilMs
    this.#run = Buffer.allocUnsafe(RUN_PAGES * meta.pageBytes)
    this.#seen = new Uint8Array((meta.pages >>> 3) + 1)
    this.isOver = false
    this.firstValue = null
  }

  /** Walks one tree: its branches left to right, its leaves in the order of the file. */
  tree(tree: TreeMeta, name: TreeName): void {
    if (tree.root === null) return
    if (tree.depth < 1 || tree.depth > MAX_DEPTH)
      throw new FileDamage(`is damaged: ${name} tree of ${tree.depth} levels`)
    const counts: Counts = { branches: 0, leaves: 0, overflows: 0, entries: 0 }
    let leaves: Visit[] = []
    const stack: Visit[] = [{ page: tree.root, level: 1, low: null, high: null }]
    for (let visit = stack.pop(); visit !== undefined && !this.#isLate(); visit = stack.pop()) {
      this.#take(visit.page, 1)
      if (visit.level < tree.depth) {
        counts.branches++
        stack.push(...this.#branch(visit, name))
      } else leaves.push(visit)
      // What the very first key is tells whether it is a store at all, so it comes before all else.
      if (leaves.length < MAX_LEAVES && (leaves.length === 0 || name === 'free' || this.firstValue !== null))
        continue
      this.#leaves(leaves, name, counts)
      leaves = []
    }
    this.#leaves(leaves, name, counts)
    if (this.isOver) return
    for (const what of ['branches', 'leaves', 'overflows', 'entries'] as const)
      if (counts[what] !== tree[what])
        throw new FileDamage(`is damaged: ${name} tree has ${counts[what]} ${what}, not ${tree[what]}`)
  }

  /** The first leaf is read in any case: it tells whether this is a store. */
  #isLate(): boolean {
    this.isOver ||= this.firstValue !== null && performance.now() > this.#untilMs
    return this.isOver
  }

  /** @returns the pages below, the last first */
  #branch(visit: Visit, name: TreeName): Visit[] {
    const bytes = Buffer.allocUnsafe(this.#meta.pageBytes)
    this.#read(bytes, visit.page)
    checkHeader(bytes, visit.page, BRANCH, this.#meta.commit)
    const page = new Page(bytes, visit.page, false)
    this.#checkOrder(page, visit, name)
    return children(page, visit).reverse()
  }

  #leaves(leaves: Visit[], name: TreeName, counts: Counts): void {
    leaves.sort((a, b) => a.page - b.page)
    for (let from = 0; from < leaves.length && !this.#isLate(); ) {
      const run = runFrom(leaves, from)
      const first = run[0]?.page ?? 0
      const bytes = this.#run.subarray(0, ((run.at(-1)?.page ?? first) - first + 1) * this.#meta.pageBytes)
      this.#read(bytes, first)
      for (const visit of run) {
        const at = (visit.page - first) * this.#meta.pageBytes
        this.#leaf(bytes.subarray(at, at + this.#meta.pageBytes), visit, name, counts)
      }
      from += run.length
    }
  }

  /** Marks pages as in use. */
  #take(first: number, count: number): void {
    if (first < METAS || count < 1 || first + count > this.#meta.pages)
      throw new FileDamage(
        `is cut off or damaged: page ${first + count - 1} of ${this.#meta.pages} is asked for`,
      )
    for (let page = first; page < first + count; page++) {
      if (this.#isTaken(page)) throw damaged(page, 'is in two places')
      this.#seen[page >>> 3] = (this.#seen[page >>> 3] ?? 0) | (1 << (page & 7))
    }
  }

  #isTaken(page: number): boolean {
    return ((this.#seen[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0
  }

  #read(bytes: Buffer, page: number): void {
    if (readSync(this.#file, bytes, 0, bytes.length, page * this.#meta.pageBytes) < bytes.length)
      throw damaged(page, 'is cut off')
  }

  #checkOrder(page: Page, { low, high }: Visit, name: TreeName): void {
    // The first key of a branch is not used: it may be anything.
    const first = page.isLeaf ? 0 : 1
    if (page.size <= first) return
    for (let index = first + 1; index < page.size; index++)
      if (page.order(index - 1, index, name) >= 0) throw damaged(page.number, 'has keys out of order')
    const isBelow = low !== null && compare(page.key(first), low, name) < 0
    const isAbove = high !== null && compare(page.key(page.size - 1), high, name) >= 0
    if (isBelow || isAbove) throw damaged(page.number, 'has keys of another page')
  }

  #leaf(bytes: Buffer, visit: Visit, name: TreeName, counts: Counts): void {
    checkHeader(bytes, visit.page, LEAF, this.#meta.commit)
    const page = new Page(bytes, visit.page, true)
    this.#checkOrder(page, visit, name)
    if (name === 'main' && this.firstValue === null) this.#checkFirst(page)
    page.checkData()
    counts.leaves++
    counts.entries += page.size
    for (let index = 0; index < page.size; index++) {
      const big = page.big(index)
      if (big !== null) {
        counts.overflows += big.pages
        this.#take(big.page, big.pages)
        if (PAGE_HEADER_BYTES + page.dataBytes(index) > big.pages * this.#meta.pageBytes)
          throw damaged(big.page, 'has data beyond its end')
        checkHeader(this.#headerOf(big.page), big.page, OVERFLOW, this.#meta.commit)
      }
      if (name === 'free')
        this.#checkFree(page, big === null ? page.value(index) : this.#bigValue(page, index))
    }
  }

  /** Tells a file that was made by something else from one that is damaged. */
  #checkFirst(page: Page): void {
    if (page.size === 0 || !page.key(0).equals(this.#firstKey)) throw new FileDamage(STRANGE)
    this.firstValue = Buffer.from(page.value(0))
  }

  #headerOf(number: number): Buffer {
    const header = Buffer.allocUnsafe(PAGE_HEADER_BYTES)
    readSync(this.#file, header, 0, PAGE_HEADER_BYTES, number * this.#meta.pageBytes)
    return header
  }

  #bigValue(page: Page, index: number): Buffer {
    const start = (page.big(index)?.page ?? 0) * this.#meta.pageBytes + PAGE_HEADER_BYTES
    const value = Buffer.allocUnsafe(page.dataBytes(index))
    readSync(this.#file, value, 0, value.length, start)
    return value
  }

  /** Free pages: a count, then numbers; a negative one says how many pages the next begins. */
  #checkFree(page: Page, list: Buffer): void {
    const length = numberAt(list, 0)
    if (list.length % 8 !== 0 || length * 8 + 8 > list.length)
      throw damaged(page.number, 'has a bad list of free pages')
    for (let index = 1, count = 1; index <= length; index++) {
      const entry = Number(list.readBigInt64LE(index * 8))
      if (entry <= 0) {
        count = Math.max(1, -entry)
        continue
      }
      for (let free = entry; free < entry + count; free++)
        if (free < METAS || free > this.#meta.lastPage || this.#isTaken(free))
          throw damaged(page.number, `lists page ${free} as free, which is in use or none`)
      count = 1
    }
  }
}

/** The pages below a branch, left to right, with the keys they are between. */
function children(page: Page, { level, low, high }: Visit): Visit[] {
  return Array.from({ length: page.size }, (_, index) => ({
    page: page.child(index),
    level: level + 1,
    low: index === 0 ? low : page.key(index),
    high: index + 1 < page.size ? page.key(index + 1) : high,
  }))
}

/** Leaves that are near each other in the file, from one on. */
function runFrom(leaves: readonly Visit[], from: number): Visit[] {
  const first = leaves[from]?.page ?? 0
  let end = from + 1
  for (let before = first; end < leaves.length; end++) {
    const page = leaves[end]?.page ?? 0
    if (page - before > GAP_PAGES || page - first >= RUN_PAGES) break
    before = page
  }
  return leaves.slice(from, end)
}
