/**
 * The one clock that all processes of a machine share (CLOCK_MONOTONIC), in milliseconds and in nanoseconds.
 *
 * Owns the readings. Only differences mean something; they may be taken between processes.
 */
export function monotonicMs(): number {
  const [seconds, ns] = process.hrtime()
  return seconds * 1_000 + ns / 1e6
}

export function nowNs(): number {
  return Number(process.hrtime.bigint())
}
