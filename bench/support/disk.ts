/**
 * What the disk under a folder can do, and what lies on it.
 *
 * Owns the loop that a store can't be faster than when it writes one thing at a time: overwrite a page, and wait until it
 * is on disk. Bound: one file of a page, which is removed again.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const pageBytes = 4096
const blockBytes = 512
const msPerSecond = 1000

export interface SyncFigures {
  /** Pages written and on disk, one after the other. */
  readonly syncsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Overwrites one page with `fdatasync` after each write, for so many seconds. Blocks this process. */
export function measureSyncs(folder: string, seconds: number): SyncFigures {
  const path = join(folder, 'sync-rate')
  const page = Buffer.alloc(pageBytes)
  const file = openSync(path, 'w')
  const times: number[] = []
  try {
    writeSync(file, page, 0, pageBytes, 0)
    fsyncSync(file) // the file has its size from here on: what follows changes data only
    const beganMs = performance.now()
    const endMs = beganMs + seconds * msPerSecond
    for (let nowMs = beganMs; nowMs < endMs; ) {
      page.writeUInt32BE(times.length)
      writeSync(file, page, 0, pageBytes, 0)
      fdatasyncSync(file)
      const doneMs = performance.now()
      times.push(doneMs - nowMs)
      nowMs = doneMs
    }
    const tookMs = performance.now() - beganMs
    times.sort((left, right) => left - right)
    const at = (share: number) => times[Math.floor((times.length - 1) * share)] ?? Number.NaN
    return { syncsPerSecond: (times.length / tookMs) * msPerSecond, p50Ms: at(0.5), p99Ms: at(0.99) }
  } finally {
    closeSync(file)
    rmSync(path)
  }
}

/** Bytes that the files below a folder take up on disk; holes in them take none. */
export function bytesOnDisk(folder: string): number {
  return readdirSync(folder, { recursive: true })
    .map((name) => statSync(join(folder, String(name))))
    .reduce((total, { blocks }) => total + blocks * blockBytes, 0)
}
