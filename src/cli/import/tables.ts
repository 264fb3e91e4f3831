/**
 * The tables of a CppComet whose rows are one row of the store each.
 *
 * Owns which columns they have and what a row of them becomes. Older databases know no `dev_id`; they are of one tenant.
 * Pure. Inboxes and histories are more than rows: see inboxes.ts and histories.ts.
 */

import type { Change } from '../../core/store.ts'
import { MAX_KEY_BYTES } from '../../core/store.ts'
import { encodeSettings } from '../../core/stored-forms.ts'
import { channelOf, integerOf, RowFault, tenantOf, textOf, timeOf, userOf } from './cells.ts'
import type { Cells } from './database.ts'

export const TENANT_COLUMN = 'dev_id'

/** Letters that CppComet allows in the key of a user, which it calls hash. */
const HASH = /^[0-9A-Za-z=+/_]{1,128}$/
/** `historySize` of a channel goes no higher. */
const MAX_HISTORY_SIZE = 1_000_000

export interface RowTable {
  readonly name: string
  /** Without `dev_id` */
  readonly columns: readonly string[]
  /** What a row becomes. @param tenant of rows without `dev_id` */
  convert(row: Cells, tenant: number): Change | RowFault
}

export const rowTables: readonly RowTable[] = [
  { name: 'users_auth', columns: ['user_id', 'hash'], convert: credential },
  { name: 'users_data', columns: ['user_id', 'data'], convert: userData },
  { name: 'users_time', columns: ['user_id', 'time'], convert: lastSeen },
  { name: 'revoked_tokens', columns: ['token', 'time'], convert: revokedToken },
  { name: 'pipes_settings', columns: ['name', 'length'], convert: channelSettings },
]

function credential(row: Cells, otherwise: number): Change | RowFault {
  const value = row.hash?.toString('latin1') ?? ''
  if (value === '') return new RowFault('hash is empty')
  if (!HASH.test(value)) return new RowFault('hash has foreign characters')
  return ofUser('credentials', row, otherwise, value)
}

function userData(row: Cells, otherwise: number): Change | RowFault {
  const value = textOf(row.data)
  if (value instanceof RowFault) return value
  return value === '' ? new RowFault('data is empty') : ofUser('userData', row, otherwise, value)
}

/** CppComet says 0 of users who are there; when they were last is not known then. */
function lastSeen(row: Cells, otherwise: number): Change | RowFault {
  const timeMs = timeOf(row)
  return timeMs instanceof RowFault ? timeMs : ofUser('lastSeen', row, otherwise, String(timeMs))
}

function revokedToken(row: Cells, otherwise: number): Change | RowFault {
  const tenant = tenantOf(row, otherwise)
  if (tenant instanceof RowFault) return tenant
  const key = textOf(row.token)
  if (key instanceof RowFault) return key
  const bytes = Buffer.byteLength(key)
  if (bytes === 0 || bytes > MAX_KEY_BYTES) return new RowFault(`token has not 1 to ${MAX_KEY_BYTES} bytes`)
  const timeMs = timeOf(row)
  return { put: 'revokedTokens', tenant, key, value: String(timeMs instanceof RowFault ? 0 : timeMs) }
}

function channelSettings(row: Cells, otherwise: number): Change | RowFault {
  const tenant = tenantOf(row, otherwise)
  if (tenant instanceof RowFault) return tenant
  const key = channelOf(row.name)
  if (key instanceof RowFault) return key
  const length = keptLength(row)
  if (length === 0) return new RowFault('length is not above 0')
  const value = encodeSettings({ historySize: length })
  return { put: 'channelSettings', tenant, key, value }
}

/** Publications that a row of pipes_settings keeps; 0 = none. */
export function keptLength({ length: cell }: Cells): number {
  return Math.min(Math.max(integerOf(cell) ?? 0, 0), MAX_HISTORY_SIZE)
}

function ofUser(
  put: 'credentials' | 'userData' | 'lastSeen',
  row: Cells,
  otherwise: number,
  value: string,
): Change | RowFault {
  const tenant = tenantOf(row, otherwise)
  if (tenant instanceof RowFault) return tenant
  const key = userOf(row)
  return key instanceof RowFault ? key : { put, tenant, key, value }
}
