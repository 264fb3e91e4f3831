/**
 * users_data: a text per user, which pages may ask for.
 *
 * Owns the bound of that text. The rule for messages goes for it: JSON is kept as it stands. An empty one is none.
 */
import type { Row } from '../answer.ts'
import { QueryError } from '../query-failure.ts'
import type { GivenRow } from '../sql/values.ts'
import { payloadIn, textIn } from './given.ts'
import { forEach, lookup, rowsFrom } from './lookup.ts'
import { checkedUser, isUserId, userId, userIds } from './names.ts'
import type { Table } from './table.ts'

/** As over HTTP. */
const MAX_DATA_BYTES = 65_536

export const usersData: Table = {
  name: 'users_data',
  columns: [
    { name: 'id', type: 'text', isNumber: true, sqlType: 'int(11)', isRequired: true },
    { name: 'data', type: 'text', sqlType: 'text', isRequired: true },
  ],
  keys: ['id'],
  identity: 'id',
  find: (keys, { users, tenant }) =>
    lookup(keys, (key): readonly Row[] => {
      const id = userId(key)
      const data = id === null ? '' : users.data(tenant, id)
      return id === null || data === '' ? [] : [[id, data]]
    }),
  all: ({ users, tenant }) =>
    rowsFrom(users.allData(tenant), ({ key, value }) =>
      value !== '' && isUserId(key) ? [key, value] : null,
    ),
  async insert(rows, { users, tenant }) {
    const data = new Map<string, string>()
    await forEach(rows, (row) => void data.set(checkedUser(textIn(row, 'id')), checkedData(row)))
    await users.setAllData(tenant, data)
    const [first] = data.keys()
    return { affected: rows.length, insertId: Number(first) }
  },
  async update({ keys }, sets, { users, tenant }) {
    const data = checkedData(sets)
    const known = new Map<string, string>()
    await forEach(keys, (id) => {
      if (users.data(tenant, id) !== '') known.set(id, data)
    })
    await users.setAllData(tenant, known)
    return known.size
  },
  remove: (keys, { users, tenant }) => users.removeAllData(tenant, userIds(keys)),
}

function checkedData(row: GivenRow): string {
  const payload = payloadIn(row, 'data')
  const data = payload.isText ? String(payload.value()) : payload.json().toString()
  const bytes = Buffer.byteLength(data)
  if (bytes <= MAX_DATA_BYTES) return data
  throw new QueryError('tooLong', `Data is too long: ${bytes} of at most ${MAX_DATA_BYTES} bytes`)
}
