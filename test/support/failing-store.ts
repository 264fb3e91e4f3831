/**
 * A store whose disk is full when a test says so.
 *
 * Owns a memory store around which every write can be made to fail as a real one fails; reading goes on.
 */
import type { Store } from '../../src/core/store.ts'
import { UnavailableError } from '../../src/errors.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'

export interface FailingStore {
  readonly store: Store
  isFull: boolean
}

export function failingStore(): FailingStore {
  const memory = createMemoryStore()
  const failing: FailingStore = {
    isFull: false,
    store: {
      ...memory,
      write: (changes) =>
        failing.isFull
          ? Promise.reject(new UnavailableError('STORE_FAILED', 'Cannot write: the disk is full'))
          : memory.write(changes),
    },
  }
  return failing
}
