/**
 * What the kernel says of a process's CPU time and of the core it is pinned to.
 *
 * Owns the reading of /proc for the generator in Node; bench/native/common.h does the same for the one in C. What
 * cannot be read is 0. Linux only.
 */
import { readFileSync } from 'node:fs'

const ticksPerSecond = 100 // USER_HZ, which Linux fixes for what it shows to programs
const nsPerSecond = 1e9
const statUser = 11 // proc(5): fields 14 and 15, counted after the command name and from 0
const statSystem = 12
const coreSteal = 8

/** Seconds since some start: only differences mean something. */
export interface CpuTimes {
  /** User and system time of the process with all its threads. */
  readonly process: number
  /** Time its main thread could have run while something else had the core. */
  readonly waiting: number
  /** Time the hypervisor kept the core to itself. */
  readonly stolen: number
}

/** @param core -1 = not pinned */
export function readCpuTimes(pid: number, core: number): CpuTimes {
  const stat = readText(`/proc/${pid}/stat`)
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const delayNs = readText(`/proc/${pid}/schedstat`).split(' ')[1]
  const line = readText('/proc/stat')
    .split('\n')
    .find((each) => each.startsWith(`cpu${core} `))
  return {
    process: (number(afterName[statUser]) + number(afterName[statSystem])) / ticksPerSecond,
    waiting: number(delayNs) / nsPerSecond,
    stolen: number(line?.split(' ')[coreSteal]) / ticksPerSecond,
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // no such process, or no /proc
  }
}

function number(text: string | undefined): number {
  return Number(text ?? 0) || 0
}
