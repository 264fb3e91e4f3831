/**
 * What something costs: the time of processors, not of the clock on the wall.
 *
 * Owns `cpuMs`, for tests that say "in linear time" or "at once". A machine that stands still, or is busy with others,
 * makes the clock go on, and this not. Counts all threads of the process, so that the collector of garbage is in it.
 */

/** Runs `run`; returns the milliseconds of processors that took, in user mode and in the kernel. */
export function cpuMs(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}
