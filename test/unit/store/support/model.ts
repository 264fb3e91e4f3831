/**
 * What a store is, in the plainest words: the model that both kinds are compared with.
 *
 * Owns sorted lists that are searched from end to end, and the comparison of a whole store with them. Too slow for
 * anything else.
 */
import assert from 'node:assert/strict'
import {
  type Change,
  type LogName,
  logNames,
  type Owner,
  type Row,
  type Store,
  type StoredEntry,
  type TableName,
  tableNames,
} from '../../../../src/core/store.ts'

type TableRow = Row & { readonly table: TableName }
type LogEntry = Owner & { readonly log: LogName; readonly entry: StoredEntry }

export class Model {
  #rows: readonly TableRow[] = []
  #entries: readonly LogEntry[] = []

  apply(changes: readonly Change[]): void {
    for (const change of changes) this.#change(change)
  }

  /** The largest `seq` of a log, 0 when it is empty. */
  last(log: LogName, tenant: number, owner: string): number {
    return this.#log(log, { tenant, owner }).at(-1)?.seq ?? 0
  }

  /** Asserts that a store tells the same in every way it can be asked. */
  compare(store: Store): void {
    for (const table of tableNames) this.#compareTable(store, table)
    for (const log of logNames) this.#compareLog(store, log)
  }

  #change(change: Change): void {
    if ('cut' in change) {
      const isOut = (held: LogEntry) =>
        held.log === change.cut &&
        isOf(held, change) &&
        held.entry.seq >= change.from &&
        held.entry.seq <= change.to
      this.#entries = this.#entries.filter((held) => !isOut(held))
    } else if ('append' in change) {
      const { append: log, tenant, owner, entry } = change
      this.#entries = [...this.#entries, { log, tenant, owner, entry }]
    } else {
      const table = 'put' in change ? change.put : change.remove
      const { tenant, key } = change
      const others = this.#rows.filter(
        (row) => row.table !== table || row.tenant !== tenant || row.key !== key,
      )
      this.#rows = 'put' in change ? [...others, { table, tenant, key, value: change.value }] : others
    }
  }

  #compareTable(store: Store, table: TableName): void {
    const expected = this.#rows
      .filter((row) => row.table === table)
      .map(({ tenant, key, value }) => ({ tenant, key, value }))
      .sort((a, b) => a.tenant - b.tenant || byBytes(a.key, b.key))
    assert.deepEqual([...store.rows(table, null, '')], expected)
    for (const { tenant, key, value } of expected) {
      assert.equal(store.get(table, tenant, key), value)
      const behind = expected.filter((row) => row.tenant === tenant && byBytes(row.key, key) > 0)
      assert.deepEqual([...store.rows(table, tenant, key)], behind)
    }
  }

  #compareLog(store: Store, log: LogName): void {
    const owners = this.#owners(log)
    assert.deepEqual([...store.owners(log, null)], owners)
    owners.forEach((owner, index) => {
      assert.deepEqual([...store.owners(log, owner)], owners.slice(index + 1))
      const entries = this.#log(log, owner)
      const [first, last] = [entries[0]?.seq ?? 0, entries.at(-1)?.seq ?? 0]
      assert.deepEqual(store.range(log, owner.tenant, owner.owner), { first, last })
      for (const from of [0, first + 1, last, last + 1])
        assert.deepEqual(
          [...store.entries(log, owner.tenant, owner.owner, from)],
          entries.filter(({ seq }) => seq >= from),
        )
      assert.deepEqual(store.entry(log, owner.tenant, owner.owner, last), entries.at(-1))
      assert.equal(store.entry(log, owner.tenant, owner.owner, last + 1), null)
    })
  }

  #owners(log: LogName): Owner[] {
    const names = new Map<string, Owner>()
    for (const held of this.#entries)
      if (held.log === log)
        names.set(`${held.tenant} ${held.owner}`, { tenant: held.tenant, owner: held.owner })
    return [...names.values()].sort((a, b) => a.tenant - b.tenant || byBytes(a.owner, b.owner))
  }

  #log(log: LogName, owner: Owner): StoredEntry[] {
    return this.#entries.filter((held) => held.log === log && isOf(held, owner)).map(({ entry }) => entry)
  }
}

function isOf(held: Owner, owner: Owner): boolean {
  return held.tenant === owner.tenant && held.owner === owner.owner
}

function byBytes(a: string, b: string): number {
  return Buffer.from(a).compare(Buffer.from(b))
}
