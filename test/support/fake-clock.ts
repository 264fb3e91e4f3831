/**
 * The node's clock with a hand, for tests of core.
 *
 * Owns `FakeClock`, a `Clock` whose time stands still until a test turns it; what comes due runs inside `turn`, in the
 * order of its time. Built on the client's `HandTimers`, so there is one way of faking time.
 */
import type { Clock } from '../../src/clock.ts'
import { HandTimers } from './hand-timers.ts'

/** What the wall says when the test begins. */
const WALL_START_MS = 1_700_000_000_000

export class FakeClock implements Clock {
  readonly #timers = new HandTimers()

  nowMs(): number {
    return this.#timers.nowMs()
  }

  wallMs(): number {
    return WALL_START_MS + this.#timers.nowMs()
  }

  after(delayMs: number, run: () => void): () => void {
    return this.#timers.after(delayMs, run)
  }

  every(everyMs: number, run: () => void): () => void {
    let stop = () => {}
    const arm = () => {
      stop = this.#timers.after(everyMs, () => {
        arm()
        run()
      })
    }
    arm()
    return () => stop()
  }

  /** How many timers are set. */
  get count(): number {
    return this.#timers.count
  }

  /** Lets `ms` pass and runs what comes due on the way. */
  turn(ms: number): void {
    this.#timers.turn(ms)
  }
}
