/**
 * What the kernel says of a process: its resident memory.
 *
 * Owns the reading of /proc/PID/status. Linux only, as are the figures. CPU time is read by the generators
 * themselves, at the very ends of their measured window.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const bytesPerKb = 1024
const sampleMs = 500
const steadyShare = 0.002

/** Resident memory (VmRSS) in bytes. @throws {Error} when the process is gone or there is no /proc */
export function residentBytes(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kb === undefined) throw new Error(`Cannot read the memory of process ${pid}: no VmRSS`)
  return Number(kb) * bytesPerKb
}

/**
 * Waits until the memory of a process stands still and reads it: no change above 0.2 % for `steadyMs`, or
 * `limitMs` have passed.
 */
export async function settledBytes(pid: number, steadyMs: number, limitMs: number): Promise<number> {
  const endMs = performance.now() + limitMs
  let level = residentBytes(pid)
  let sinceMs = performance.now()
  while (performance.now() < endMs && performance.now() - sinceMs < steadyMs) {
    await sleep(sampleMs)
    const bytes = residentBytes(pid)
    if (Math.abs(bytes - level) <= level * steadyShare) continue
    level = bytes
    sinceMs = performance.now()
  }
  return residentBytes(pid)
}

/** File descriptors a process has open. */
export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Waits until a process has at most so many descriptors open. @throws {Error} after `limitMs` */
export async function descriptorsBelow(pid: number, most: number, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs
  while (openDescriptors(pid) > most) {
    if (performance.now() > deadline)
      throw new Error(`Process ${pid} still has more than ${most} descriptors open`)
    await sleep(20)
  }
}
