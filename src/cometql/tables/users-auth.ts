/**
 * users_auth: the keys that users log in with.
 *
 * Owns the bounds of a key as CppComet has them. INSERT replaces, and leaves open sessions be; DELETE ends them.
 */
import { QueryError } from '../query-failure.ts'
import type { GivenRow } from '../sql/values.ts'
import { textIn } from './given.ts'
import { textOfUserTable } from './text-of-user.ts'

const MAX_HASH_LENGTH = 32

export const usersAuth = textOfUserTable({
  name: 'users_auth',
  column: { name: 'hash', type: 'text', sqlType: `varchar(${MAX_HASH_LENGTH})`, isRequired: true },
  checked: checkedHash,
  of: (users, tenant, user) => users.key(tenant, user),
  all: (users, tenant) => users.keys(tenant),
  set: (users, tenant, hashes) => users.setKeys(tenant, hashes),
  remove: (users, tenant, ids) => users.removeKeys(tenant, ids),
})

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
