/**
 * How much memory a process takes at most while something is done.
 *
 * Owns looking again and again: resident memory, every 10 ms, so a peak that is shorter may be missed. Linux only.
 */
import { residentBytes } from './process-status.ts'

const sampleMs = 10

export interface PeakMemory {
  /** Right before it began. */
  readonly baseBytes: number
  readonly peakBytes: number
}

/** Does something while it looks at a process, and tells what came of it besides. */
export async function peakDuring<T>(
  pid: number,
  run: () => Promise<T>,
): Promise<PeakMemory & { readonly result: T }> {
  const baseBytes = residentBytes(pid)
  let peakBytes = baseBytes
  const look = () => {
    try {
      peakBytes = Math.max(peakBytes, residentBytes(pid))
    } catch {
      // the process is gone, which whoever runs something on it will tell
    }
  }
  const timer = setInterval(look, sampleMs)
  try {
    const result = await run()
    look()
    return { baseBytes, peakBytes, result }
  } finally {
    clearInterval(timer)
  }
}
