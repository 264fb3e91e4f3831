/**
 * The store as long as the broker may use it.
 *
 * Owns the end: writes that were begun are waited for, with what their ends read; after that nothing reaches the store
 * below, because it is closed next and asking it then may end the process. Otherwise it passes on everything.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { UnavailableError } from '../errors.ts'
import type { Store } from './store.ts'

export interface EndingStore {
  /** Refuses with `UnavailableError` STORE_FAILED: writes from the beginning of the end, reads from its end. */
  readonly store: Store
  /** Resolves when nothing is being written and nothing will be read. */
  end(): Promise<void>
}

export function endingStore(below: Store): EndingStore {
  const underWay = new Set<Promise<void>>()
  let isEnding = false
  let hasEnded = false

  function read<T>(ask: () => T): T {
    if (hasEnded) throw new UnavailableError('STORE_FAILED', 'Cannot read it: the node is stopping')
    return ask()
  }

  async function write(changes: Parameters<Store['write']>[0]): Promise<void> {
    if (isEnding) throw new UnavailableError('STORE_FAILED', 'Cannot keep it: the node is stopping')
    const written = below.write(changes)
    underWay.add(written)
    try {
      await written
    } finally {
      underWay.delete(written)
    }
  }

  return {
    store: {
      isDurable: below.isDurable,
      get: (...at) => read(() => below.get(...at)),
      rows: (...at) => read(() => below.rows(...at)),
      range: (...at) => read(() => below.range(...at)),
      entry: (...at) => read(() => below.entry(...at)),
      owners: (...at) => read(() => below.owners(...at)),
      entries: (...at) => read(() => below.entries(...at)),
      write,
      bytes: () => read(() => below.bytes()),
      close: () => below.close(),
    },
    async end() {
      isEnding = true
      while (underWay.size > 0) await Promise.allSettled(underWay)
      await nextTurn() // whoever waited for a write has gone on by then
      hasEnded = true
    },
  }
}
