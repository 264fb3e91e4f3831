/**
 * Rows that are written but not committed yet.
 *
 * Owns what `get` has to see before the disk has it: the latest value of each row that some write under way changes. A
 * row leaves when the write that put it here ends, well or badly, unless a later write has changed it since.
 *
 * Bound: the rows of the writes that wait, which the write queue bounds. O(1) per row.
 */
import type { Change, TableName } from '../core/store.ts'

interface PendingRow {
  readonly value: string | null
  /** The write that put it here, known by its list of changes */
  readonly write: readonly Change[]
}

export interface Overlay {
  /** A row's value to be; null = it will be removed, undefined = nothing is under way. */
  get(table: TableName, tenant: number, key: string): string | null | undefined
  /** A write begins to wait. */
  add(changes: readonly Change[]): void
  /** A write has ended. Writes end in the order they were added. */
  settle(changes: readonly Change[]): void
}

export function createOverlay(): Overlay {
  const pending = new Map<string, PendingRow>()
  return {
    get(table, tenant, key) {
      if (pending.size === 0) return undefined
      return pending.get(rowName(table, tenant, key))?.value
    },
    add(changes) {
      for (const change of changes) {
        if ('put' in change)
          pending.set(rowName(change.put, change.tenant, change.key), { value: change.value, write: changes })
        else if ('remove' in change)
          pending.set(rowName(change.remove, change.tenant, change.key), { value: null, write: changes })
      }
    },
    settle(changes) {
      for (const change of changes) {
        const name = nameOf(change)
        if (name !== null && pending.get(name)?.write === changes) pending.delete(name)
      }
    },
  }
}

function nameOf(change: Change): string | null {
  if ('put' in change) return rowName(change.put, change.tenant, change.key)
  return 'remove' in change ? rowName(change.remove, change.tenant, change.key) : null
}

function rowName(table: TableName, tenant: number, key: string): string {
  return `${table} ${tenant} ${key}`
}
