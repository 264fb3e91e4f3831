/**
 * users_data: a text per user, which pages may ask for.
 *
 * Owns the bound of that text. The rule for messages goes for it: JSON is kept as it stands.
 */
import { QueryError } from '../query-failure.ts'
import type { GivenRow } from '../sql/values.ts'
import { payloadIn } from './given.ts'
import { textOfUserTable } from './text-of-user.ts'

/** As over HTTP. */
const MAX_DATA_BYTES = 65_536

export const usersData = textOfUserTable({
  name: 'users_data',
  column: { name: 'data', type: 'text', sqlType: 'text', isRequired: true },
  checked: checkedData,
  of: (users, tenant, user) => users.data(tenant, user),
  all: (users, tenant) => users.allData(tenant),
  set: (users, tenant, data) => users.setAllData(tenant, data),
  remove: (users, tenant, ids) => users.removeAllData(tenant, ids),
})

function checkedData(row: GivenRow): string {
  const payload = payloadIn(row, 'data')
  const data = payload.isText ? String(payload.value()) : payload.json().toString()
  const bytes = Buffer.byteLength(data)
  if (bytes <= MAX_DATA_BYTES) return data
  throw new QueryError('tooLong', `Data is too long: ${bytes} of at most ${MAX_DATA_BYTES} bytes`)
}
