/**
 * A store in memory that behaves as one on disk, for tests of what stands on it.
 *
 * Owns the record of all writes, and the moment at which they are kept: a turn after they were asked for, or when the test
 * lets them; those that the test has fail leave nothing behind. As on disk, a row is seen as soon as it was written, an
 * entry of a log when it was kept.
 */
import type { Change, Store } from '../../src/core/store.ts'
import { UnavailableError } from '../../src/errors.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'

export interface RecordingStore extends Store {
  /** What was asked for, call by call, kept or not. */
  readonly writes: readonly (readonly Change[])[]
  /** Calls that are neither kept nor refused yet. */
  readonly waiting: number
  /** From now on nothing is kept until the returned function is called. */
  hold(): () => void
  /** The next calls that are due fail; then others are kept as before. */
  fail(calls?: number): void
}

interface Waiting {
  readonly changes: readonly Change[]
  resolve(): void
  reject(error: Error): void
}

export function recordingStore(): RecordingStore {
  const memory = createMemoryStore()
  const writes: (readonly Change[])[] = []
  const waiting: Waiting[] = []
  let isHeld = false
  let failures = 0

  function keepAll(): void {
    if (isHeld) return
    for (const { changes, resolve, reject } of waiting.splice(0)) {
      if (failures > 0) {
        failures--
        reject(new UnavailableError('STORE_FAILED', 'The disk is full'))
      } else {
        memory.write(changes).then(resolve, reject)
      }
    }
  }

  return {
    ...memory,
    isDurable: true,
    writes,
    get waiting() {
      return waiting.length
    },
    get(table, tenant, key) {
      const change = waiting
        .flatMap(({ changes }) => changes)
        .findLast((one) => {
          const name = 'put' in one ? one.put : 'remove' in one ? one.remove : null
          return name === table && 'key' in one && one.key === key && one.tenant === tenant
        })
      if (change === undefined) return memory.get(table, tenant, key)
      return 'put' in change ? change.value : null
    },
    write(changes) {
      writes.push(changes)
      return new Promise((resolve, reject) => {
        waiting.push({ changes, resolve, reject })
        setImmediate(keepAll)
      })
    },
    hold() {
      isHeld = true
      return () => {
        isHeld = false
        keepAll()
      }
    },
    fail(calls = 1) {
      failures += calls
    },
  }
}
