/**
 * revoked_tokens: tokens that are no good any more.
 *
 * Owns the bound of a token here. An INSERT logs the user of a valid one out; a DELETE makes it good again.
 */
import { MAX_TOKEN_BYTES } from '../../core/user-records.ts'
import { QueryError } from '../query-failure.ts'
import { textIn } from './given.ts'
import { forEach, lookup, rowsFrom } from './lookup.ts'
import type { Table } from './table.ts'

export const revokedTokens: Table = {
  name: 'revoked_tokens',
  columns: [{ name: 'token', type: 'text', sqlType: `varchar(${MAX_TOKEN_BYTES})`, isRequired: true }],
  keys: ['token'],
  identity: 'token',
  find: (keys, { users, tenant }) =>
    lookup(keys, (token) => (isToken(token) && users.isRevoked(tenant, token) ? [[token]] : [])),
  all: ({ users, tenant }) => rowsFrom(users.revoked(tenant), ({ key }) => [key]),
  async insert(rows, { users, tenant }) {
    const tokens: string[] = []
    await forEach(rows, (row) => void tokens.push(checkedToken(textIn(row, 'token'))))
    await users.revokeTokens(tenant, tokens)
    return { affected: rows.length, insertId: 1 }
  },
  remove: ({ keys }, { users, tenant }) => users.restoreTokens(tenant, keys.filter(isToken)),
}

function isToken(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= MAX_TOKEN_BYTES
}

function checkedToken(text: string): string {
  if (isToken(text)) return text
  const bytes = Buffer.byteLength(text)
  if (bytes === 0) throw new QueryError('invalid', 'field `token` is empty')
  throw new QueryError('tooLong', `Token is too long: ${bytes} of at most ${MAX_TOKEN_BYTES} bytes`)
}
