/**
 * Waiting for something to become true, with a deadline: what tests do instead of sleeping.
 *
 * Owns `until`. It asks again every few milliseconds and gives up by throwing an error that says what was waited for.
 * Bound: `withinMs`; leaves no timer behind.
 */
import { setTimeout as pause } from 'node:timers/promises'

const ASK_AGAIN_MS = 5
const DEFAULT_WITHIN_MS = 20_000

export interface UntilOptions {
  /** Deadline; default 20,000 */
  readonly withinMs?: number
  /** What is waited for, to end the sentence "Waited 5000 ms for …"; a function is called only on failure. */
  readonly what?: string | (() => string)
}

/**
 * Resolves to the first value of `condition` that is neither false, null nor undefined.
 *
 * @throws {Error} when the deadline passes; whatever `condition` threw last is its cause
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const withinMs = options.withinMs ?? DEFAULT_WITHIN_MS
  const deadline = performance.now() + withinMs
  for (;;) {
    let cause: unknown
    try {
      const value = await condition()
      if (isThere(value)) return value
    } catch (thrown) {
      cause = thrown
    }
    if (performance.now() >= deadline) {
      throw new Error(`Waited ${withinMs} ms for ${whatOf(options)}`, { cause })
    }
    await pause(ASK_AGAIN_MS)
  }
}

function isThere<T>(value: T): value is Exclude<T, false | null | undefined> {
  return value !== false && value !== null && value !== undefined
}

function whatOf({ what }: UntilOptions): string {
  return typeof what === 'function' ? what() : (what ?? 'a condition')
}
