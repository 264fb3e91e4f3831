/**
 * One node per folder.
 *
 * Owns `node.sock`, a Unix socket in the folder that the node listens on while it uses it. The kernel ends the listening with
 * the process, however it dies, and knows the socket by its file, so the lock holds between containers of one machine too.
 * Whoever connects is told the process id. A socket is put in place when it listens already, so one that refuses is dead for good
 * and may be removed; a hard link named after its inode says who does, so nobody removes what came after it.
 *
 * Bound: `MAX_ATTEMPTS`, `ANSWER_MS` for each. It does not keep the process alive.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  rmSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { createConnection, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { errorCode } from './error-code.ts'

const SOCKET_NAME = 'node.sock'
/** Of a socket that is not in place yet. */
const UNPLACED_NAME = /^node\.[0-9a-f]{8}\.sock$/

/** Addresses of Unix sockets hold 107 bytes; the rest is for the name. */
const MAX_FOLDER_BYTES = 70

/** Who listens but does not say who it is within this time is there all the same: stopped, say. */
const ANSWER_MS = 1_000

/** Nodes that start at the same moment over a dead one's socket make each other try again. */
const MAX_ATTEMPTS = 40
const ATTEMPT_MS = 25
/** A removal takes a millisecond; whoever began one and did not end it until this attempt is dead. */
const ABANDONED_ATTEMPT = 20

/** Another node uses the folder. */
export class FolderTaken extends Error {
  override readonly name = 'FolderTaken'
  /** As that node sees itself; null = it did not say. */
  readonly pid: number | null

  constructor(pid: number | null) {
    super(pid === null ? 'Another process has it' : `Process ${pid} has it`)
    this.pid = pid
  }
}

export interface FolderLock {
  /** The node before did not give the folder back: it was killed, or the machine stopped. */
  readonly isLeftOver: boolean
  release(): Promise<void>
}

/**
 * Takes a folder for this process.
 *
 * @param folder an absolute path that may be written into
 * @throws {FolderTaken} when another node has it
 * @throws {Error} the system's, when the file system takes no socket
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const door = openDoor(folder)
  try {
    let isLeftOver = false
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const server = await place(door.path)
      if (server !== null) return { isLeftOver, release: () => release(server, door) }
      if (await removeDead(door.path, attempt)) isLeftOver = true
      else await pause(ATTEMPT_MS)
    }
    throw new FolderTaken(null)
  } catch (error) {
    door.close()
    throw error
  }
}

/** A short way to a folder. */
interface Door {
  readonly path: string
  close(): void
}

/** A long path is gone through a descriptor of the folder, because the address of a socket is short. */
function openDoor(folder: string): Door {
  if (Buffer.byteLength(folder) <= MAX_FOLDER_BYTES) return { path: folder, close() {} }
  const descriptor = openSync(folder, 'r')
  return { path: `/proc/self/fd/${descriptor}`, close: () => closeSync(descriptor) }
}

/** Puts a socket in place that listens already. @returns null when there is one */
async function place(folder: string): Promise<Server | null> {
  const path = join(folder, SOCKET_NAME)
  if (fileAt(path) !== undefined) return null
  const unplaced = join(folder, `node.${randomBytes(4).toString('hex')}.sock`)
  const server = await listen(unplaced)
  try {
    linkSync(unplaced, path)
  } catch (error) {
    await closed(server)
    // Another node was faster, or has the folder and cleared it.
    if (errorCode(error) === 'EEXIST' || errorCode(error) === 'ENOENT') return null
    throw error
  }
  for (const name of readdirSync(folder))
    if (UNPLACED_NAME.test(name)) rmSync(join(folder, name), { force: true })
  return server
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.end(`${process.pid}\n`)
    })
    server.once('error', reject)
    server.listen(path, () => resolve(server))
    server.unref()
  })
}

async function release(server: Server, door: Door): Promise<void> {
  unlinkSync(join(door.path, SOCKET_NAME))
  await closed(server)
  door.close()
}

async function closed(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve))
}

/**
 * Removes the socket in place when it is a dead node's.
 *
 * @returns whether it did; false = another one is at it, or has done it
 * @throws {FolderTaken} when somebody listens
 */
async function removeDead(folder: string, attempt: number): Promise<boolean> {
  const path = join(folder, SOCKET_NAME)
  const file = fileAt(path)
  if (file === undefined) return false
  if (!file.isSocket()) throw new Error(`${SOCKET_NAME} is there and is no socket`)
  if (await isListened(path)) throw new FolderTaken(await askPid(path))
  const claim = join(folder, `dead.${file.ino}.sock`)
  if (attempt === ABANDONED_ATTEMPT) rmSync(claim, { force: true })
  try {
    linkSync(path, claim)
  } catch (error) {
    if (errorCode(error) === 'EEXIST' || errorCode(error) === 'ENOENT') return false
    throw error
  }
  try {
    // What was linked may have come since: it is removed only if it is what the claim is named after, and dead.
    const isMine = fileAt(claim)?.ino === file.ino && !(await isListened(claim))
    if (isMine && fileAt(path)?.ino === file.ino) unlinkSync(path)
    return isMine
  } finally {
    rmSync(claim, { force: true })
  }
}

function fileAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function isListened(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => {
      const code = errorCode(error)
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false)
      // A full queue of connections is somebody's.
      else if (code === 'EAGAIN') resolve(true)
      else reject(error)
    })
  })
}

/** @returns null when nothing came in time */
function askPid(path: string): Promise<number | null> {
  return new Promise((resolve) => {
    let text = ''
    const socket = createConnection(path)
    socket.setEncoding('utf8')
    socket.setTimeout(ANSWER_MS, () => socket.destroy())
    socket.on('data', (chunk) => {
      text += chunk
    })
    // Why it broke does not matter: what it said until then does.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(Number.parseInt(text, 10) || null))
  })
}
