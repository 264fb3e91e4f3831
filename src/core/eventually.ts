/**
 * A value that is there now, or will be.
 *
 * Owns `Eventually`: what most commands need is in this process, so making each wait for a promise would cost a
 * connection more than the work itself; what is in another process has to be waited for. Used where both occur.
 */
export type Eventually<T> = T | Promise<T>

/** Goes on with the value: at once when it is there. */
export function whenDone<T, U>(value: Eventually<T>, next: (value: T) => Eventually<U>): Eventually<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
