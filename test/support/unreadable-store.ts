/**
 * A store that can be written, and not always read.
 *
 * Owns the ways in which reading goes wrong around a store that is sound: entries of logs that are damaged, and a disk that
 * can't be read at all for as long as a test says so.
 */
import type { Store } from '../../src/core/store.ts'

export interface UnreadableStore {
  readonly store: Store
  /** Everything that is read throws. */
  isBroken: boolean
  /** Entries that are there and can't be read, by their `seq`, in every log; asked at each read, and may throw. */
  isDamaged: (seq: number) => boolean
}

export function unreadableStore(sound: Store): UnreadableStore {
  const check = () => {
    if (unreadable.isBroken) throw new Error('The disk can not be read')
  }
  const unreadable: UnreadableStore = {
    isBroken: false,
    isDamaged: () => false,
    store: {
      ...sound,
      isDurable: true,
      get(table, tenant, key) {
        check()
        return sound.get(table, tenant, key)
      },
      range(log, tenant, owner) {
        check()
        return sound.range(log, tenant, owner)
      },
      entry(log, tenant, owner, seq) {
        check()
        return unreadable.isDamaged(seq) ? null : sound.entry(log, tenant, owner, seq)
      },
      *entries(log, tenant, owner, from) {
        check()
        for (const entry of sound.entries(log, tenant, owner, from)) {
          if (!unreadable.isDamaged(entry.seq)) yield entry
        }
      },
    },
  }
  return unreadable
}
