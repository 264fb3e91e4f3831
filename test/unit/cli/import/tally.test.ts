/**
 * The summary of an import.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newTally, skip, summaryOf } from '../../../../src/cli/import/tally.ts'

test('summary has a line for every table and every reason', () => {
  const users = { ...newTally('users_auth'), read: 1_200, imported: 1_197 }
  skip(users, 'hash is empty')
  skip(users, 'user_id is not above 0', 2)
  skip(users, 'of nothing', 0)
  const data = { ...newTally('users_data'), missing: 'there is no such table' }
  assert.equal(
    summaryOf([users, data]),
    [
      'table       read  imported  skipped',
      'users_auth  1200      1197        3',
      '  1 skipped: hash is empty',
      '  2 skipped: user_id is not above 0',
      'users_data     -         -        -',
      '  there is no such table',
    ].join('\n'),
  )
})
