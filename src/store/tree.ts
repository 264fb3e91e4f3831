/**
 * The tree on disk, as the rest of the store sees it.
 *
 * Owns LMDB and all that is peculiar to it; nobody else imports it. Reads are synchronous and give memory of their own; no
 * read is left open behind a call, so nothing keeps LMDB from using freed pages again. A commit is a list of puts and
 * removals that happen together or not at all, and is on disk (fdatasync, then the meta page written through) when it resolves.
 *
 * Bound: one commit at a time, which who calls sees to. LMDB is loaded on the first call: 60 ms, measured on a busy machine.
 */
import { accessSync, closeSync, constants, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { RootDatabase } from 'lmdb'
import { UnavailableError } from '../errors.ts'
import { readFileMeta } from './file-meta.ts'
import type { KeyRange } from './keys.ts'

/** What LMDB calls the file of its readers, by the data file. */
export const LOCK_ENDING = '-lock'

/** For the readers LMDB counts on, and a new file's first pages. */
const LOCK_BYTES = 16_384
const FIRST_BYTES = 65_536

/** A put, or a removal where the value is null; to remove what is not there is nothing. */
export interface Operation {
  readonly key: Buffer
  /** Not to be written into until the commit has ended */
  readonly value: Buffer | null
}

export interface Pair {
  readonly key: Buffer
  readonly value: Buffer
}

export interface Tree {
  get(key: Buffer): Buffer | null
  /** The first `limit` pairs of a range. */
  pairs(range: KeyRange, limit: number): Pair[]
  /** The first `limit` keys of a range. */
  keys(range: KeyRange, limit: number): Buffer[]
  /** @param range its end is the key of nothing */
  lastKey(range: KeyRange): Buffer | null
  /** @throws {Error} with the system's words when nothing of it was kept */
  commit(operations: readonly Operation[]): Promise<void>
  close(): Promise<void>
}

type Database = RootDatabase<Buffer, Buffer>
type Open = typeof import('lmdb')['open']

/**
 * Opens the tree in `path`; makes the file where there is none.
 *
 * @throws {Error} LMDB's or the system's words
 */
export async function openTree(path: string): Promise<Tree> {
  const { open } = await import('lmdb')
  secureRoom(path)
  let database: Database | null = openDatabase(open, path)

  /** @throws {Error} when it could not be opened again after a fault */
  const opened = (): Database => {
    if (database === null)
      throw new UnavailableError(
        'STORE_FAILED',
        'The store is closed after a fault of the disk, or with the node',
      )
    return database
  }

  const openAgain = async (): Promise<void> => {
    const broken = database
    database = null
    await broken?.close()
    // Where the file can't even be read, LMDB must not try.
    readStart(path)
    database = openDatabase(open, path)
  }

  return {
    get: (key) => opened().getBinary(key) ?? null,
    pairs: ({ start, end }, limit) => [...opened().getRange({ start, end, limit })],
    keys: ({ start, end }, limit) => [...opened().getKeys({ start, end, limit })],
    lastKey({ start, end }) {
      const range = { start: end, end: start, limit: 1, reverse: true, inclusiveEnd: true }
      const [last] = opened().getKeys(range)
      return last ?? null
    },
    async commit(operations) {
      if (database === null) await openAgain()
      try {
        await commitTo(opened(), operations)
      } catch (cause) {
        // It can't be opened again: the next commit tries, and says why not.
        if (isBroken(opened())) await openAgain().catch(() => {})
        throw cause
      }
    },
    async close() {
      await database?.close()
    },
  }
}

function openDatabase(open: Open, path: string): Database {
  const options = {
    path,
    noSubdir: true,
    permissionsMode: 0o600,
    keyEncoding: 'binary',
    encoding: 'binary',
    // With overlapping syncs a commit would resolve before it is on disk.
    overlappingSync: false,
    // Batches by turn leave a promise to nobody, whose rejection would end the process.
    eventTurnBatching: false,
  } as const
  return open<Buffer, Buffer>(options)
}

async function commitTo(database: Database, operations: readonly Operation[]): Promise<void> {
  try {
    await database.batch(() => {
      for (const { key, value } of operations)
        void (value === null ? database.remove(key) : database.put(key, value))
    })
  } catch (error) {
    throw await causeOf(error)
  }
}

/** After a fault in the last step of a commit LMDB refuses everything, and a commit would wait for ever. */
function isBroken(database: Database): boolean {
  try {
    database.resetReadTxn()
    database.getBinary(Buffer.from([0]))
    return false
  } catch {
    return true // What it says is always the same.
  }
}

function readStart(path: string): void {
  const file = openSync(path, 'r+')
  try {
    readFileMeta(file)
  } finally {
    closeSync(file)
  }
}

/**
 * LMDB ends the process (SIGSEGV) when it can't open its files, and (SIGBUS) when the disk is full as it first writes into its
 * lock file: so all that it will need is tried, and the lock file filled, before.
 */
function secureRoom(path: string): void {
  const lockPath = path + LOCK_ENDING
  const lock = statSync(lockPath, { throwIfNoEntry: false })
  if (lock?.isFile() === false) throw new Error(`${lockPath} is no file`)
  if (lock !== undefined) accessSync(lockPath, constants.R_OK | constants.W_OK)
  try {
    if (lock === undefined || lock.size < LOCK_BYTES)
      writeFileSync(lockPath, Buffer.alloc(LOCK_BYTES), { mode: 0o600 })
  } catch (error) {
    rmSync(lockPath, { force: true })
    throw error
  }
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return
  const trial = `${path}-room`
  try {
    writeFileSync(trial, Buffer.alloc(FIRST_BYTES), { mode: 0o600 })
  } finally {
    rmSync(trial, { force: true })
  }
}

/** LMDB rejects with an error that holds the promise of another one: the cause. */
async function causeOf(error: unknown): Promise<unknown> {
  const commitError = error instanceof Error && 'commitError' in error ? error.commitError : null
  if (!(commitError instanceof Promise)) return error
  return commitError.then(
    () => error,
    (cause) => cause,
  )
}
