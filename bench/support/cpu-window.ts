/**
 * A measured window as a generator in Node sees it: how long it was, and who used how much CPU time in it.
 *
 * Owns the readings at its two ends and their differences; what was done in between is the generator's. Linux only.
 */
import { type CpuTimes, readCpuTimes } from './cpu-times.ts'
import { nowNs } from './monotonic.ts'
import type { CpuReport } from './reports.ts'

const nsPerSecond = 1e9
const microsecondsPerSecond = 1e6

/** One end of a window. */
export interface Moment {
  readonly ns: number
  /** CPU seconds of this process. */
  readonly ownCpu: number
  readonly server: CpuTimes
}

/** @param serverCore -1 = not pinned */
export function readMoment(serverPid: number, serverCore: number): Moment {
  return { ns: nowNs(), ownCpu: ownCpuSeconds(), server: readCpuTimes(serverPid, serverCore) }
}

export function windowBetween(start: Moment, end: Moment): CpuReport {
  return {
    seconds: (end.ns - start.ns) / nsPerSecond,
    generatorCpuSeconds: end.ownCpu - start.ownCpu,
    serverCpuSeconds: end.server.process - start.server.process,
    serverWaitSeconds: end.server.waiting - start.server.waiting,
    stolenSeconds: end.server.stolen - start.server.stolen,
  }
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / microsecondsPerSecond
}
