/**
 * Rows that become a row of the store each: recorded ones, good and bad.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RowFault } from '../../../../src/cli/import/cells.ts'
import { keptLength, rowTables } from '../../../../src/cli/import/tables.ts'
import { cellsOf } from '../../../support/scripted-database.ts'

/** The change a row becomes, or the reason it is left out; rows without dev_id are of tenant 4. */
function convert(table: string, row: Readonly<Record<string, string | number | null>>): unknown {
  const found = rowTables.find(({ name }) => name === table)
  assert.ok(found !== undefined, table)
  const change = found.convert(cellsOf(row), 4)
  return change instanceof RowFault ? change.reason : change
}

test('users_auth becomes keys of users', () => {
  const put = { put: 'credentials', tenant: 15, key: '7', value: 'a+b=c/d_E0' }
  assert.deepEqual(convert('users_auth', { dev_id: 15, user_id: 7, hash: 'a+b=c/d_E0' }), put)
  assert.deepEqual(convert('users_auth', { user_id: 7, hash: 'h' }), { ...put, tenant: 4, value: 'h' })
  assert.equal(convert('users_auth', { user_id: 7, hash: 'a-b' }), 'hash has foreign characters')
  assert.equal(convert('users_auth', { user_id: 7, hash: 'x'.repeat(129) }), 'hash has foreign characters')
  assert.equal(convert('users_auth', { user_id: 7, hash: null }), 'hash is empty')
  assert.equal(convert('users_auth', { user_id: 0, hash: 'h' }), 'user_id is not above 0')
  assert.equal(convert('users_auth', { dev_id: null, user_id: 7, hash: 'h' }), 'dev_id is no tenant')
})

test('users_data becomes texts of users, as they are', () => {
  const put = { put: 'userData', tenant: 4, key: '7', value: '{\\"name\\":\\"Änn\\"}' }
  assert.deepEqual(convert('users_data', { user_id: 7, data: '{\\"name\\":\\"Änn\\"}' }), put)
  assert.equal(convert('users_data', { user_id: 7, data: '' }), 'data is empty')
})

test('users_time becomes when users were last seen; of who is there it is not known', () => {
  const put = { put: 'lastSeen', tenant: 4, key: '7', value: '1700000000000' }
  assert.deepEqual(convert('users_time', { user_id: 7, time: 1_700_000_000 }), put)
  assert.equal(convert('users_time', { user_id: 7, time: 0 }), 'time is none')
})

test('revoked_tokens becomes tokens that are refused, also where the time is missing', () => {
  const put = { put: 'revokedTokens', tenant: 4, key: 'a.b.c', value: '1700000000000' }
  assert.deepEqual(convert('revoked_tokens', { token: 'a.b.c', time: 1_700_000_000 }), put)
  assert.deepEqual(convert('revoked_tokens', { token: 'a.b.c', time: null }), { ...put, value: '0' })
  assert.equal(convert('revoked_tokens', { token: 'x'.repeat(601), time: 1 }), 'token has not 1 to 600 bytes')
  assert.equal(convert('revoked_tokens', { token: '', time: 1 }), 'token has not 1 to 600 bytes')
})

test('pipes_settings becomes settings of channels', () => {
  const put = { put: 'channelSettings', tenant: 4, key: 'web_chat', value: '{"historySize":10}' }
  assert.deepEqual(convert('pipes_settings', { name: 'web_chat', length: 10 }), put)
  assert.equal(convert('pipes_settings', { name: 'web chat', length: 10 }), 'name has foreign characters')
  for (const length of [0, -1, 'x', null]) {
    assert.equal(convert('pipes_settings', { name: 'a', length }), 'length is not above 0')
  }
  assert.equal(keptLength(cellsOf({ length: 2_000_000 })), 1_000_000)
})
