/**
 * Time, as a thing that can be passed to the client.
 *
 * Owns the two calls the client makes to it. Differs from the clock of the node in having to run in a page.
 */
export interface Timers {
  /** Milliseconds that never go back; only differences mean something. */
  nowMs(): number
  /** Calls `run` once after `delayMs` unless the returned function is called first. */
  after(delayMs: number, run: () => void): () => void
}

export const platformTimers: Timers = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
}
