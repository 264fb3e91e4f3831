/**
 * How long one connection may keep the loop to itself.
 *
 * Owns a slice of time: work that is at hand goes on until it is over, then everybody else has a turn. Most clients never
 * notice, as they wait for each answer; one that sends a thousand statements at once must not hold up a node. Holds one
 * number.
 */

const SLICE_MS = 5

export interface Pace {
  /** Null = go on; else a promise of the next turn, to be waited for. */
  rest(): Promise<void> | null
}

export function createPace(): Pace {
  /** 0 = nothing was done in this turn of the loop yet. */
  let sinceMs = 0

  return {
    rest() {
      if (sinceMs === 0) {
        sinceMs = performance.now()
        setImmediate(() => {
          sinceMs = 0
        })
        return null
      }
      if (performance.now() - sinceMs < SLICE_MS) return null
      return new Promise((resolve) => setImmediate(resolve))
    },
  }
}
