/**
 * What outlives the process: the interface of the store.
 *
 * Owns the shape of durable state: tables of texts, and logs of messages by owner. Reading is synchronous and cheap (a
 * microsecond or two); writing is a list of changes that happen together or not at all. Who implements it
 * (src/store/) knows disks and nothing of channels; who uses it knows no disk.
 */

/**
 * Tables, by what a row is:
 * credentials: user → key they log in with. userData: user → text. lastSeen: user → ms since 1970.
 * channelSettings: channel → JSON. channels: channel with a durable history → JSON {epoch, offset}.
 * revokedTokens: token → ms since 1970 of the revocation. inboxLost: user → messages that went before they were read, a space,
 * and ms since 1970 of the latest.
 * revokedCapsules: `u` and a user, or `s` and a session → ms since 1970 until which their capsules are no good.
 */
export const tableNames = [
  'credentials',
  'userData',
  'lastSeen',
  'channelSettings',
  'channels',
  'revokedTokens',
  'inboxLost',
  'revokedCapsules',
] as const
export type TableName = (typeof tableNames)[number]

/** Logs: of a channel its history; of a user what waits for them. */
export const logNames = ['history', 'inbox'] as const
export type LogName = (typeof logNames)[number]

/** One message of a log. */
export interface StoredEntry {
  /** Rises within a log; not every number need be there */
  readonly seq: number
  /** When it was published, ms since 1970 */
  readonly timeMs: number
  /** Not to be written into */
  readonly value: Buffer
}

/** First and last `seq` of a log that holds something. */
export interface LogRange {
  readonly first: number
  readonly last: number
}

/** One thing to change. Keys and owners: 1 to `MAX_KEY_BYTES` bytes, any text. Tenants: 0 to 2^31 − 1. */
export type Change =
  | { readonly put: TableName; readonly tenant: number; readonly key: string; readonly value: string }
  | { readonly remove: TableName; readonly tenant: number; readonly key: string }
  | {
      readonly append: LogName
      readonly tenant: number
      readonly owner: string
      /** Above all that are there */
      readonly entry: StoredEntry
    }
  /** Takes `from` to `to`, both included, out of a log; those that are not there are none. O(entries taken out) */
  | {
      readonly cut: LogName
      readonly tenant: number
      readonly owner: string
      readonly from: number
      readonly to: number
    }

export const MAX_KEY_BYTES = 600

export interface Row {
  readonly tenant: number
  readonly key: string
  readonly value: string
}

export interface Owner {
  readonly tenant: number
  readonly owner: string
}

export interface Store {
  /** False: everything is gone with the process. */
  readonly isDurable: boolean
  /** A row's value, with what was written but not committed yet; null = there is none. */
  get(table: TableName, tenant: number, key: string): string | null
  /**
   * Committed rows in the order of tenant and key (as UTF-8 bytes).
   *
   * @param tenant null = all
   * @param after only keys behind it, of that tenant; '' = all
   */
  rows(table: TableName, tenant: number | null, after: string): Iterable<Row>
  /** Null when a log is empty. Committed entries only, as for all that reads logs. */
  range(log: LogName, tenant: number, owner: string): LogRange | null
  /** One entry; null when it is not there. */
  entry(log: LogName, tenant: number, owner: string, seq: number): StoredEntry | null
  /** Who has a log that holds something, in the order of tenant and owner; `after` null = from the first. */
  owners(log: LogName, after: Owner | null): Iterable<Owner>
  /** Entries with a `seq` of at least `from`, oldest first. */
  entries(log: LogName, tenant: number, owner: string, from: number): Iterable<StoredEntry>
  /**
   * Makes changes, in order, all or none; calls are committed in the order they came, several together where they
   * come fast. Resolves once they are where a power cut does not reach them (a durable store), or at once.
   *
   * Rejects with `UnavailableError` (STORE_FAILED): nothing of the call was kept.
   */
  write(changes: readonly Change[]): Promise<void>
  /** Bytes of what it holds: on disk, or in memory. */
  bytes(): number
  /** Waits for what is being written; after it nothing may be called. */
  close(): Promise<void>
}
