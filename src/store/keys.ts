/**
 * How a row or an entry is named on disk.
 *
 * Owns the binary keys of the one tree that everything is in. Bytes compare as tenants, texts (by UTF-8) and numbers do, so
 * the order of the tree is the order that reads promise; and no key is the beginning of another one's text. Pure.
 *
 * ```
 * row     kind 1 | tenant 4 | key, UTF-8
 * entry   kind 1 | tenant 4 | owner, UTF-8, each 00 written 00 ff | 00 | seq 8
 * ```
 *
 * Bound: `MAX_KEY_BYTES` of text make 1,214 bytes at most; the tree takes 1,978. Kinds are on disk: never change their meaning.
 */
import { type LogName, MAX_KEY_BYTES, type Owner, type TableName } from '../core/store.ts'
import { MAX_TENANT } from '../core/tenants.ts'

/** Where the row is that says what the file is: the first of all keys. */
export const FORMAT_KEY: Buffer = Buffer.from([0])

const KINDS: Readonly<Record<TableName | LogName, number>> = {
  credentials: 1,
  userData: 2,
  lastSeen: 3,
  channelSettings: 4,
  channels: 5,
  revokedTokens: 6,
  inboxLost: 7,
  revokedCapsules: 8,
  history: 64,
  inbox: 65,
}

const TEXT_AT = 5
const SEQ_BYTES = 8
const ESCAPED_ZERO = Buffer.from([0x00, 0xff])

/** Part of the keys: from `start` on, below `end`. */
export interface KeyRange {
  readonly start: Buffer
  readonly end: Buffer
}

/** @throws {RangeError} for a tenant or key out of bounds */
export function rowKey(table: TableName, tenant: number, key: string): Buffer {
  return Buffer.concat([head(KINDS[table], tenant), textBytes(key)])
}

/** Rows of a table. @param tenant null = all  @param after only keys behind it; '' = all */
export function rowRange(table: TableName, tenant: number | null, after: string): KeyRange {
  const kind = KINDS[table]
  if (tenant === null) return { start: head(kind, 0), end: head(kind + 1, 0) }
  const start = after === '' ? head(kind, tenant) : following(rowKey(table, tenant, after))
  return { start, end: head(kind, tenant + 1) }
}

export function readRowKey(bytes: Buffer): { tenant: number; key: string } {
  return { tenant: bytes.readUInt32BE(1), key: bytes.toString('utf8', TEXT_AT) }
}

/** What the keys of a log's entries begin with. @throws {RangeError} for a tenant or owner out of bounds */
export function logPrefix(log: LogName, tenant: number, owner: string): Buffer {
  return Buffer.concat([head(KINDS[log], tenant), escaped(textBytes(owner)), Buffer.from([0])])
}

/** @param seq 0 to 2^53 − 1 @throws {RangeError} for another `seq` */
export function entryKey(prefix: Buffer, seq: number): Buffer {
  if (!Number.isSafeInteger(seq) || seq < 0) throw new RangeError(`Not a number of an entry: ${seq}`)
  const key = Buffer.allocUnsafe(prefix.length + SEQ_BYTES)
  prefix.copy(key)
  key.writeUInt32BE(Math.floor(seq / 2 ** 32), prefix.length)
  key.writeUInt32BE(seq % 2 ** 32, prefix.length + 4)
  return key
}

/** Entries of one log with a `seq` from `from` to `to`, both included. */
export function entryRange(prefix: Buffer, from: number, to: number): KeyRange {
  return { start: entryKey(prefix, seqWithin(from)), end: following(entryKey(prefix, seqWithin(to))) }
}

/** The `seq` an entry's key ends with. */
export function readSeq(key: Buffer): number {
  return key.readUInt32BE(key.length - SEQ_BYTES) * 2 ** 32 + key.readUInt32BE(key.length - 4)
}

/** Entries of all owners of a log behind `after`, or of all. */
export function ownerRange(log: LogName, after: Owner | null): KeyRange {
  const kind = KINDS[log]
  const start = after === null ? head(kind, 0) : behindPrefix(logPrefix(log, after.tenant, after.owner))
  return { start, end: head(kind + 1, 0) }
}

/** Whose log a prefix names. */
export function ownerOfPrefix(prefix: Buffer): Owner {
  const text = unescaped(prefix.subarray(TEXT_AT, prefix.length - 1))
  return { tenant: prefix.readUInt32BE(1), owner: text.toString('utf8') }
}

/** What a key is of, for the log: without its text, which may be a secret. */
export function keyKind(key: Buffer): { readonly of: string; readonly tenant: number } {
  const [of] = Object.entries(KINDS).find(([, kind]) => kind === key[0]) ?? ['nothing known']
  return { of, tenant: key.readUInt32BE(1) }
}

/** The prefix of the log that an entry's key belongs to. */
export function prefixOf(key: Buffer): Buffer {
  return key.subarray(0, key.length - SEQ_BYTES)
}

/** A key behind all entries of the log with this prefix, and before those of any other that follows. */
export function behindPrefix(prefix: Buffer): Buffer {
  // No `seq` begins with ff, and an owner that goes on with a zero is written with ff behind it.
  return Buffer.concat([prefix, Buffer.from([0xff])])
}

/** The least key behind `key`. */
export function following(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.from([0])])
}

function head(kind: number, tenant: number): Buffer {
  // One above the last tenant is the end of a range.
  if (!Number.isInteger(tenant) || tenant < 0 || tenant > MAX_TENANT + 1)
    throw new RangeError(`Not a tenant: ${tenant}`)
  const bytes = Buffer.allocUnsafe(TEXT_AT)
  bytes[0] = kind
  bytes.writeUInt32BE(tenant, 1)
  return bytes
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length === 0 || bytes.length > MAX_KEY_BYTES)
    throw new RangeError(`Not a key: ${bytes.length} bytes of 1 to ${MAX_KEY_BYTES}`)
  return bytes
}

function escaped(text: Buffer): Buffer {
  if (!text.includes(0)) return text
  const parts: Buffer[] = []
  let from = 0
  for (let at = text.indexOf(0); at !== -1; at = text.indexOf(0, from)) {
    parts.push(text.subarray(from, at), ESCAPED_ZERO)
    from = at + 1
  }
  return Buffer.concat([...parts, text.subarray(from)])
}

function unescaped(bytes: Buffer): Buffer {
  if (!bytes.includes(0)) return bytes
  return Buffer.from(bytes.toString('latin1').replaceAll('\u0000\u00ff', '\u0000'), 'latin1')
}

function seqWithin(seq: number): number {
  return Math.min(Math.max(Math.trunc(seq), 0), Number.MAX_SAFE_INTEGER)
}
