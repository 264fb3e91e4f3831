/**
 * A store whose failures are counted, whoever wrote.
 *
 * Owns nothing: it tells the observer of each write that was refused, and passes on everything.
 */
import type { Observer } from './observer.ts'
import type { Store } from './store.ts'

export function observedStore(store: Store, observer: Pick<Observer, 'storeFailed'>): Store {
  const count = (error: unknown): never => {
    observer.storeFailed()
    throw error
  }
  return { ...store, write: (changes) => store.write(changes).catch(count) }
}
