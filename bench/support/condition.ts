/**
 * Waiting until something is so.
 *
 * Owns asking again: whenever the one who waits is woken, and every 10 ms. Bound: one wait at a time.
 */
const tickMs = 10

export interface Condition {
  /** Resolves when `isDone` says so. */
  until(isDone: () => boolean): Promise<void>
  /** Something has happened: ask again. */
  wake(): void
}

export function createCondition(): Condition {
  let check: () => void = () => {}
  return {
    until: (isDone) =>
      new Promise((resolve) => {
        const timer = setInterval(() => check(), tickMs)
        check = () => {
          if (!isDone()) return
          clearInterval(timer)
          check = () => {}
          resolve()
        }
        check()
      }),
    wake: () => check(),
  }
}
