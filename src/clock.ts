/**
 * Time, as a thing that can be passed in.
 *
 * Owns the `Clock` interface that core uses instead of `Date` and timers, so that tests can turn it by hand.
 */
export interface Clock {
  /** Milliseconds that never go back; only differences mean something. */
  nowMs(): number
  /** Milliseconds since 1970, as the machine believes. */
  wallMs(): number
  /** Calls `run` every `everyMs` until the returned function is called. Does not keep the process alive. */
  every(everyMs: number, run: () => void): () => void
  /** Calls `run` once after `delayMs` unless the returned function is called first. */
  after(delayMs: number, run: () => void): () => void
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  every(everyMs, run) {
    const timer = setInterval(run, everyMs)
    timer.unref()
    return () => clearInterval(timer)
  },
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => clearTimeout(timer)
  },
}
