/**
 * The folder of a store on disk.
 *
 * Owns the way from a path to an open store, in an order in which nothing is changed until nothing can be wrong: the folder can be
 * used, no other node has it, the file is whole, it is ours and of a version we know; only then LMDB opens it. A new file is made
 * under another name and takes its own when it is complete, so a power cut leaves none that is half there.
 *
 * Bound: the look at the file takes `MAX_CHECK_MS` after a clean stop; after another one it takes what it takes.
 */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Store } from '../core/store.ts'
import { ConfigError, errorText } from '../errors.ts'
import type { Logger } from '../log.ts'
import { errorCode } from './error-code.ts'
import { checkFile, type FileState } from './file-check.ts'
import { FileDamage } from './file-meta.ts'
import { FolderTaken, lockFolder } from './folder-lock.ts'
import { FORMAT_VERSION, formatIn, formatOperation, migrate } from './format.ts'
import { FORMAT_KEY } from './keys.ts'
import { createLmdbStore } from './lmdb-store.ts'
import { LOCK_ENDING, openTree } from './tree.ts'

const DATA_NAME = 'data.mdb'
/** Of a file that is not complete yet. */
const NEW_NAME = 'new.mdb'
/** A million entries take a third of it, or all where pages are half full. */
const MAX_CHECK_MS = 1_000

/**
 * Opens the store in a folder; makes both where they are not there.
 *
 * @throws {ConfigError} when it can't be used, with nothing of it changed
 */
export async function openFolder(dataDir: string, log: Logger): Promise<Store> {
  const folder = resolve(dataDir)
  prepareFolder(folder)
  const lock = await takeFolder(folder)
  try {
    const store = await openIn(folder, lock.isLeftOver ? 0 : MAX_CHECK_MS, log, () => lock.release())
    return store
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** Makes the folder, or sees that it can be written into. */
function prepareFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw refused(folder, folderFault(error), error)
  }
}

function folderFault(error: unknown): string {
  switch (errorCode(error)) {
    case 'EEXIST':
    case 'ENOTDIR':
      return 'it is not a folder, or lies in what is none: name a folder, or a path that does not exist yet'
    case 'EROFS':
      return 'it is on a file system that is read-only: name another folder, or mount it for writing'
    case 'EACCES':
    case 'EPERM':
      return 'no permission to write into it: give it to the user that the node runs as, or name another folder'
    case 'ENOSPC':
    case 'EDQUOT':
      return 'it cannot be made: the disk is full: make room, or name another folder'
    default:
      return `${errorText(error)}: name another folder`
  }
}

async function takeFolder(folder: string) {
  try {
    return await lockFolder(folder)
  } catch (error) {
    if (!(error instanceof FolderTaken))
      throw refused(
        folder,
        `no socket can be made in it (${errorText(error)}): name a folder on a local disk`,
        error,
      )
    const who = error.pid === null ? 'another node' : `another node (process ${error.pid})`
    throw refused(folder, `${who} uses it: stop that one first, or name another folder`, error)
  }
}

async function openIn(
  folder: string,
  maxCheckMs: number,
  log: Logger,
  onClosed: () => Promise<void>,
): Promise<Store> {
  const path = join(folder, DATA_NAME)
  if (!isThere(path)) await makeFile(folder, path)
  const state = lookAt(folder, path, maxCheckMs)
  if (!state.isComplete) log.info('The store is large: only a part of it was checked', { folder })
  checkFormat(folder, state)
  const tree = await openTree(path).catch((error) => {
    throw refused(
      folder,
      `it cannot be opened: ${errorText(error)}: make room, or give it to the user that the node runs as`,
      error,
    )
  })
  try {
    const passed = await migrate(tree)
    if (passed.length > 0) log.info('The store was brought up to date', { folder, format: FORMAT_VERSION })
  } catch (error) {
    await tree.close()
    throw refused(folder, `its format cannot be brought up to date: ${errorText(error)}`, error)
  }
  return createLmdbStore({
    tree,
    log,
    bytes: () => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    onClosed,
  })
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Makes an empty store under another name, then gives it its own. */
async function makeFile(folder: string, path: string): Promise<void> {
  const unfinished = join(folder, NEW_NAME)
  const clear = (): void => {
    for (const name of [unfinished, unfinished + LOCK_ENDING, path + LOCK_ENDING])
      rmSync(name, { force: true })
  }
  try {
    clear()
    const tree = await openTree(unfinished)
    try {
      await tree.commit([formatOperation(FORMAT_VERSION)])
    } finally {
      await tree.close()
    }
    renameSync(unfinished, path)
    clear()
    // A name is on disk when its folder is.
    for (const changed of [folder, dirname(folder)]) syncFolder(changed)
  } catch (error) {
    throw refused(
      folder,
      `no store can be made in it: ${errorText(error)}: make room, or name another folder`,
      error,
    )
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Looks at the file as long as LMDB does not use it. */
function lookAt(folder: string, path: string, maxMs: number): FileState {
  const file = openFile(folder, path)
  try {
    return checkFile(file, FORMAT_KEY, maxMs)
  } catch (error) {
    if (!(error instanceof FileDamage))
      throw refused(folder, `${DATA_NAME} cannot be read: ${errorText(error)}`, error)
    throw refused(folder, `${DATA_NAME} ${error.message}: put a copy back, or name another folder`, error)
  } finally {
    closeSync(file)
  }
}

function openFile(folder: string, path: string): number {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return openSync(path, 'r')
  } catch (error) {
    const why = `${DATA_NAME} cannot be written (${errorText(error)})`
    throw refused(folder, `${why}: give it to the user that the node runs as`, error)
  }
}

function checkFormat(folder: string, { firstValue }: FileState): void {
  const format = formatIn(firstValue)
  if (format === null)
    throw refused(
      folder,
      `${DATA_NAME} does not say what it is: it is damaged: put a copy back, or name another folder`,
    )
  if (format <= FORMAT_VERSION) return
  const why = `${DATA_NAME} has format ${format}, and this version knows ${FORMAT_VERSION} at most`
  throw refused(folder, `${why}: use a newer version of Encke`)
}

function refused(folder: string, why: string, cause?: unknown): ConfigError {
  return new ConfigError([`"dataDir": cannot use ${folder}: ${why}`], { cause })
}
