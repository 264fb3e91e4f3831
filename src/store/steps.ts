/**
 * What a change asks of the tree.
 *
 * Owns the way from changes to puts and removals. All that can be wrong with a change is found when it is written, before
 * it waits with others: their commit can't fail for it. A cut stays a range until its commit begins, because what
 * it takes out may be among the entries that wait in front of it.
 *
 * Bound: O(1) per change; a cut costs what it takes out.
 */
import type { Change } from '../core/store.ts'
import { entryKey, entryRange, type KeyRange, logPrefix, prefixOf, rowKey } from './keys.ts'
import type { Operation, Tree } from './tree.ts'
import { encodeEntry, encodeRow } from './values.ts'

/** Takes all that is in `range` out of the log whose keys begin with `prefix`. */
export interface Cut {
  readonly prefix: Buffer
  readonly range: KeyRange
}

export type Step = Operation | Cut

/** Memory of a step while it waits, besides its texts: objects, and the instruction for the disk. */
const STEP_BYTES = 256

/**
 * What a change is to the tree, with bytes of its own.
 *
 * @throws {RangeError} when it names something out of bounds
 */
export function stepOf(change: Change): Step {
  if ('cut' in change) {
    const prefix = logPrefix(change.cut, change.tenant, change.owner)
    return { prefix, range: entryRange(prefix, change.from, change.to) }
  }
  if ('append' in change) {
    const key = entryKey(logPrefix(change.append, change.tenant, change.owner), change.entry.seq)
    return { key, value: encodeEntry(key, change.entry) }
  }
  if ('remove' in change) return { key: rowKey(change.remove, change.tenant, change.key), value: null }
  const key = rowKey(change.put, change.tenant, change.key)
  return { key, value: encodeRow(key, change.value) }
}

export function stepBytes(step: Step): number {
  return STEP_BYTES + ('key' in step ? step.key.length + (step.value?.length ?? 0) : 0)
}

/** The puts and removals of a commit, in order. */
export function operationsOf(tree: Tree, steps: readonly Step[]): Operation[] {
  const fresh = freshKeys(steps)
  const operations: Operation[] = []
  for (const step of steps) {
    if ('key' in step) {
      operations.push(step)
      fresh.put(step)
    } else {
      for (const key of [...tree.keys(step.range, Number.MAX_SAFE_INTEGER), ...fresh.within(step)])
        operations.push({ key, value: null })
    }
  }
  return operations
}

/** The entries that steps before put: they are not in the tree yet. Remembers only where something is cut. */
function freshKeys(steps: readonly Step[]) {
  const keys = new Map<string, Buffer[]>()
  for (const step of steps) if ('prefix' in step) keys.set(step.prefix.toString('latin1'), [])
  return {
    put({ key, value }: Operation): void {
      if (keys.size > 0 && value !== null) keys.get(prefixOf(key).toString('latin1'))?.push(key)
    },
    within({ prefix, range }: Cut): Buffer[] {
      const put = keys.get(prefix.toString('latin1')) ?? []
      return put.filter((key) => key.compare(range.start) >= 0 && key.compare(range.end) < 0)
    },
  }
}
