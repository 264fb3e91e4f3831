/**
 * Time that stands still until a test turns it.
 *
 * Owns `HandTimers`, the client's `Timers` with a hand: what is due runs in order of its time, inside `turn`.
 */
import type { Timers } from '../../src/client/timers.ts'

interface Due {
  atMs: number
  readonly run: () => void
}

export class HandTimers implements Timers {
  #nowMs = 0
  readonly #due = new Set<Due>()

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): () => void {
    const due = { atMs: this.#nowMs + delayMs, run }
    this.#due.add(due)
    return () => void this.#due.delete(due)
  }

  /** How many timers are set. */
  get count(): number {
    return this.#due.size
  }

  /** The device sleeps for `ms`: the clock goes on, timers do not. */
  sleep(ms: number): void {
    this.#nowMs += ms
    for (const due of this.#due) due.atMs += ms
  }

  /** Lets `ms` pass and runs what comes due on the way, also what that sets. */
  turn(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const next = [...this.#due].filter((due) => due.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#due.delete(next)
      this.#nowMs = next.atMs
      next.run()
    }
    this.#nowMs = endMs
  }
}
