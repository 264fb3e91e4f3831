/**
 * A table with one text per user: its id, and that.
 *
 * Owns what such tables do alike: an empty text is none, INSERT replaces, the last row for a user counts, UPDATE is for
 * those who have one. What the text may be and where it lies each table says.
 */
import type { Row as StoredRow } from '../../core/store.ts'
import type { UserRecords } from '../../core/user-records.ts'
import type { Row } from '../answer.ts'
import type { GivenRow } from '../sql/values.ts'
import { textIn } from './given.ts'
import { forEach, lookup, rowsFrom } from './lookup.ts'
import { checkedUser, isUserId, userId, userIds } from './names.ts'
import type { Table, TableColumn, TableContext } from './table.ts'

export interface TextOfUser {
  readonly name: string
  readonly column: TableColumn
  /** The text a row gives. @throws {QueryError} it can not be taken */
  checked(row: GivenRow): string
  /** '' = none */
  of(users: UserRecords, tenant: number, user: string): string
  all(users: UserRecords, tenant: number): AsyncIterable<readonly StoredRow[]>
  set(users: UserRecords, tenant: number, texts: ReadonlyMap<string, string>): Promise<void>
  remove(users: UserRecords, tenant: number, ids: Iterable<string>): Promise<void>
}

export function textOfUserTable({ name, column, checked, of, all, set, remove }: TextOfUser): Table {
  function rowOf(id: string | null, { users, tenant }: TableContext): readonly Row[] {
    const text = id === null ? '' : of(users, tenant, id)
    return id === null || text === '' ? [] : [[id, text]]
  }

  return {
    name,
    columns: [{ name: 'id', type: 'text', isNumber: true, sqlType: 'int(11)', isRequired: true }, column],
    keys: ['id'],
    identity: 'id',
    find: (keys, context) => lookup(keys, (key) => rowOf(userId(key), context)),
    all: ({ users, tenant }) =>
      rowsFrom(all(users, tenant), ({ key, value }) => (value !== '' && isUserId(key) ? [key, value] : null)),
    async insert(rows, { users, tenant }) {
      const texts = new Map<string, string>()
      await forEach(rows, (row) => void texts.set(checkedUser(textIn(row, 'id')), checked(row)))
      await set(users, tenant, texts)
      const [first] = texts.keys()
      return { affected: rows.length, insertId: Number(first) }
    },
    async update({ keys }, sets, { users, tenant }) {
      const text = checked(sets)
      const texts = new Map<string, string>()
      await forEach(keys, (id) => {
        if (of(users, tenant, id) !== '') texts.set(id, text)
      })
      await set(users, tenant, texts)
      return texts.size
    },
    remove: (keys, { users, tenant }) => remove(users, tenant, userIds(keys)),
  }
}
