/**
 * The first two pages of the data file.
 *
 * Owns what they say: LMDB writes one of them at the end of each commit, in turn, and the one with the higher number names
 * the trees. LMDB maps the file and believes it, so a file that is too short, or none of its own, ends the process with
 * SIGBUS; hence it is looked at before. Numbers are little-endian, as on all machines that Encke runs on.
 *
 * ```
 * page    number 8 | commit 8 | pad 2 | flags 2 | lower 2 | upper 2        (24 bytes, then content)
 * meta    magic 4 | version 4 | address 8 | map size 8 | free tree 48 | main tree 48 | last page 8 | commit 8
 * tree    page size 4 (of the free tree) | flags 2 | depth 2 | branches 8 | leaves 8 | overflows 8 | entries 8 | root 8
 * ```
 */
import { fstatSync, readSync } from 'node:fs'

export const PAGE_HEADER_BYTES = 24
export const FLAGS_AT = 18
const META_FLAG = 0x08
const MAGIC = 0xbeefc0de
/** Of LMDB's files, not of ours. */
const FILE_VERSION = 2

const FREE_TREE_AT = PAGE_HEADER_BYTES + 24
const MAIN_TREE_AT = FREE_TREE_AT + 48
const LAST_PAGE_AT = MAIN_TREE_AT + 48
const META_END = LAST_PAGE_AT + 16

const LEAST_PAGE_BYTES = 512
const MOST_PAGE_BYTES = 65_536

/** The root of an empty tree. */
const NO_PAGE = 2 ** 64

/** Two pages of the file begin with these. */
const METAS = 2

/** One of the two trees of the file, as a meta page has it. */
export interface TreeMeta {
  /** Null = the tree is empty */
  readonly root: number | null
  readonly flags: number
  readonly depth: number
  readonly branches: number
  readonly leaves: number
  readonly overflows: number
  readonly entries: number
}

export interface FileMeta {
  readonly pageBytes: number
  /** Pages the file has */
  readonly pages: number
  /** Number of the latest commit */
  readonly commit: number
  /** Last page in use */
  readonly lastPage: number
  readonly free: TreeMeta
  readonly main: TreeMeta
}

/** What is wrong with the file, to end the sentence "data.mdb …". */
export class FileDamage extends Error {
  override readonly name = 'FileDamage'
}

/**
 * Reads the latest state of a file.
 *
 * @throws {FileDamage} when it is none that can be gone on with
 */
export function readFileMeta(file: number): FileMeta {
  const bytes = fstatSync(file).size
  if (bytes === 0) throw new FileDamage('is empty')
  const pageBytes = readTree(readMeta(file, 0), FREE_TREE_AT).pad
  if (pageBytes < LEAST_PAGE_BYTES || pageBytes > MOST_PAGE_BYTES || (pageBytes & (pageBytes - 1)) !== 0)
    throw new FileDamage(`is damaged: pages of ${pageBytes} bytes`)
  const metas = Array.from({ length: METAS }, (_, index) => readMeta(file, index * pageBytes))
  const latest = metas.reduce((best, meta) => (commitOf(meta) > commitOf(best) ? meta : best))
  return {
    pageBytes,
    pages: Math.floor(bytes / pageBytes),
    commit: commitOf(latest),
    lastPage: numberAt(latest, LAST_PAGE_AT),
    free: readTree(latest, FREE_TREE_AT),
    main: readTree(latest, MAIN_TREE_AT),
  }
}

/** Eight bytes; exact up to 2^53, and far above any page number otherwise. */
export function numberAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
}

function readMeta(file: number, at: number): Buffer {
  const meta = Buffer.alloc(META_END)
  if (readSync(file, meta, 0, META_END, at) < META_END)
    throw new FileDamage('is cut off: its first pages are not all there')
  const isMeta = (meta.readUInt16LE(FLAGS_AT) & META_FLAG) !== 0
  if (!isMeta || meta.readUInt32LE(PAGE_HEADER_BYTES) !== MAGIC)
    throw new FileDamage('does not begin as a store does: it is damaged, or something else')
  const version = meta.readUInt32LE(PAGE_HEADER_BYTES + 4) & 0xffff
  if (version !== FILE_VERSION)
    throw new FileDamage(`is no store of Encke's: an LMDB file of version ${version}`)
  return meta
}

function commitOf(meta: Buffer): number {
  return numberAt(meta, LAST_PAGE_AT + 8)
}

function readTree(meta: Buffer, at: number): TreeMeta & { readonly pad: number } {
  const root = numberAt(meta, at + 40)
  return {
    pad: meta.readUInt32LE(at),
    flags: meta.readUInt16LE(at + 4),
    depth: meta.readUInt16LE(at + 6),
    branches: numberAt(meta, at + 8),
    leaves: numberAt(meta, at + 16),
    overflows: numberAt(meta, at + 24),
    entries: numberAt(meta, at + 32),
    root: root >= NO_PAGE ? null : root,
  }
}
