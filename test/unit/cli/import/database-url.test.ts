/**
 * Addresses of databases, as they are written.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError } from '../../../../src/cli/exit.ts'
import { parseDatabaseUrl } from '../../../../src/cli/import/database-url.ts'

function refusal(text: string): string {
  try {
    parseDatabaseUrl(text, '')
  } catch (error) {
    assert.ok(error instanceof CommandError && error.exitCode === 64, String(error))
    return error.message
  }
  return assert.fail(`${text} was taken`)
}

test('address has host, port, user, password and database', () => {
  assert.deepEqual(parseDatabaseUrl('mysql://me:pw@db.example:3307/comet_db', 'unused'), {
    host: 'db.example',
    port: 3_307,
    user: 'me',
    password: 'pw',
    database: 'comet_db',
  })
})

test('port is 3306 where none is given, and the password that of the environment', () => {
  const { port, password } = parseDatabaseUrl('mariadb://me@db/comet', 'from-env')
  assert.deepEqual([port, password], [3_306, 'from-env'])
})

test('host may be an IPv6 address', () => {
  assert.equal(parseDatabaseUrl('mysql://me@[::1]:3306/comet', '').host, '::1')
})

test('user, password and database may be percent-encoded', () => {
  const { user, password, database } = parseDatabaseUrl('mysql://m%40e:p%2Fw%3A%25@db/com%20et', '')
  assert.deepEqual([user, password, database], ['m@e', 'p/w:%', 'com et'])
})

test('address of another form is refused with what is wrong, never with itself', () => {
  const wrong = {
    '': /is no address/,
    'hunter2@db/comet': /is no address/,
    'http://me:hunter2@db/comet': /does not begin with mysql:\/\//,
    'mysql://me:hunter2@/comet': /is no address/,
    'mysql:comet': /names no host/,
    'mysql://me:hunter2@db': /names no database/,
    'mysql://me:hunter2@db/': /names no database/,
    'mysql://me:hunter2@db/a/b': /names no database/,
    'mysql://db/comet': /names no user/,
    'mysql://me:hunter2%zz@db/comet': /holds a %/,
    'mysql://me:hunter2@db/comet?ssl=1': /takes nothing behind/,
    'mysql://me:hunter2@db:99999/comet': /is no address/,
  }
  for (const [text, reason] of Object.entries(wrong)) {
    const message = refusal(text)
    assert.match(message, reason, text)
    assert.doesNotMatch(message, /hunter2/)
  }
})
