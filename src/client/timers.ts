/**
 * Time, as a thing that can be passed to the client.
 *
 * Owns the two calls the client makes to it. Differs from the clock of the node in having to run in a page, and in going
 * on while the device sleeps, which timers and monotonic clocks of browsers do not.
 */
export interface Timers {
  /** Milliseconds by the clock on the wall; only differences mean something, and it may be set. */
  nowMs(): number
  /** Calls `run` once after `delayMs` unless the returned function is called first. */
  after(delayMs: number, run: () => void): () => void
}

export const platformTimers: Timers = {
  nowMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
}
