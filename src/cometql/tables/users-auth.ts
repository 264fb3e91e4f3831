/**
 * users_auth: the keys that users log in with.
 *
 * Owns the bounds of a key as CppComet has them. INSERT replaces, and leaves open sessions be; DELETE ends them.
 */
import type { Row } from '../answer.ts'
import { QueryError } from '../query-failure.ts'
import type { GivenRow } from '../sql/values.ts'
import { textIn } from './given.ts'
import { forEach, lookup, rowsFrom } from './lookup.ts'
import { checkedUser, isUserId, userId, userIds } from './names.ts'
import type { Table } from './table.ts'

const MAX_HASH_LENGTH = 32

export const usersAuth: Table = {
  name: 'users_auth',
  columns: [
    { name: 'id', type: 'text', isNumber: true, sqlType: 'int(11)', isRequired: true },
    { name: 'hash', type: 'text', sqlType: `varchar(${MAX_HASH_LENGTH})`, isRequired: true },
  ],
  keys: ['id'],
  identity: 'id',
  find: (keys, { users, tenant }) =>
    lookup(keys, (key): readonly Row[] => {
      const id = userId(key)
      const hash = id === null ? '' : users.key(tenant, id)
      return id === null || hash === '' ? [] : [[id, hash]]
    }),
  all: ({ users, tenant }) =>
    rowsFrom(users.keys(tenant), ({ key, value }) => (isUserId(key) ? [key, value] : null)),
  async insert(rows, { users, tenant }) {
    const keys = new Map<string, string>()
    await forEach(rows, (row) => void keys.set(checkedUser(textIn(row, 'id')), checkedHash(row)))
    await users.setKeys(tenant, keys)
    const [first] = keys.keys()
    return { affected: rows.length, insertId: Number(first) }
  },
  async update({ keys }, sets, { users, tenant }) {
    const hash = checkedHash(sets)
    const known = new Map<string, string>()
    await forEach(keys, (id) => {
      if (users.key(tenant, id) !== '') known.set(id, hash)
    })
    await users.setKeys(tenant, known)
    return known.size
  },
  remove: (keys, { users, tenant }) => users.removeKeys(tenant, userIds(keys)),
}

function checkedHash(row: GivenRow): string {
  const hash = textIn(row, 'hash')
  if (hash.length > MAX_HASH_LENGTH) {
    const bounds = `${hash.length} of at most ${MAX_HASH_LENGTH} characters`
    throw new QueryError('tooLong', `Hash string is too long: ${bounds}`)
  }
  if (/^[\w=+/]+$/.test(hash)) return hash
  throw new QueryError(
    'invalid',
    'Contains an invalid characters in the string hash: one or more of 0-9A-Za-z=+/_',
  )
}
