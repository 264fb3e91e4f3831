/**
 * Typed events: names with one value each.
 *
 * Owns the rule that a listener that throws harms nobody else: its error surfaces as an uncaught one, as it would from any
 * event of the page, and the others are called all the same. Bound: what the page adds; nothing is kept of past events.
 */

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>()

  /** Calls `listener` for every `name` from now on; returns the function that ends it. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    // A wrapper of its own, so that one function added twice is called twice and each ending ends one.
    const own = (value: Events[Name]) => listener(value)
    listeners.add(own)
    return () => void listeners.delete(own)
  }

  /** Calls all listeners of `name`; false when there are none. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): boolean {
    const listeners = this.#listeners.get(name)
    if (listeners === undefined || listeners.size === 0) return false
    for (const listener of [...listeners]) callSafely(listener as (value: Events[Name]) => void, value)
    return true
  }
}

/** Calls a function of the page; what it throws becomes an uncaught error of its own. */
export function callSafely<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value)
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown
    })
  }
}
