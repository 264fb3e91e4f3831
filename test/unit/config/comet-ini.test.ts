/**
 * The format of comet.ini: what is read, what means an option, and what is broken.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readCometIni } from '../../../src/config/comet-ini.ts'
import { ConfigError } from '../../../src/errors.ts'

/** Option names and values; a mistake stands in the place of its value. */
function read(...lines: string[]): Record<string, unknown> {
  const { values } = readCometIni('comet.ini', lines.join('\n'))
  return Object.fromEntries(
    values.map(({ name, checked }) => [name, 'mistake' in checked ? checked.mistake : checked.value]),
  )
}

const unusedOf = (...lines: string[]) => readCometIni('comet.ini', lines.join('\n')).unused
const passwordOf = (text: string) => read('[main]', `password = ${text}`).cometqlPassword

describe('comet.ini', () => {
  test('every key with a meaning becomes its option', () => {
    const values = read(
      '[main]',
      'password = abc',
      'send_user_online_events = false',
      'send_user_offline_events = true',
      'save_users_last_online_time = false',
      '[ws]',
      'ip = 10.0.0.1',
      'port = 8087',
      '[cometql]',
      'port = 3307',
    )
    assert.deepEqual(values, {
      cometqlPassword: 'abc',
      userOnlineEvents: false,
      userOfflineEvents: true,
      maxLastSeen: 0,
      host: '10.0.0.1',
      port: 8_087,
      cometqlPort: 3_307,
    })
  })

  test('times of users that are to be saved leave their bound as it is', () => {
    assert.deepEqual(read('[main]', 'save_users_last_online_time = true'), {})
  })

  test('comments, blanks, marks of byte order and all ends of lines are no part of a value', () => {
    assert.equal(passwordOf('abc ; said so'), 'abc')
    assert.equal(passwordOf('abc # said so'), 'abc')
    assert.equal(passwordOf('a;b#c=d'), 'a;b#c=d')
    assert.equal(passwordOf('   ; nothing'), '')
    assert.deepEqual(read('\uFEFF; first', '# second', '', '  [ ws ] ; third', 'port=8087;fourth'), {
      port: 8_087,
    })
    assert.deepEqual(read('[ws]\r\nport = 1\r\nip = ::1\rport = 2\r'), { port: 2, host: '::1' })
  })

  test('quotes hold all between them', () => {
    assert.equal(passwordOf('" a ; b "'), ' a ; b ')
    assert.equal(passwordOf("'a # b' ; said so"), 'a # b')
    assert.equal(passwordOf("it's"), "it's")
    assert.equal(passwordOf('"half'), '"half')
    assert.equal(passwordOf('""'), '')
  })

  test('neighbours in a cluster are passed over', () => {
    const neighbour = '[]Server=10.0.0.2,Database=CometQL_v1,Uid=root,Pwd=hunter2,Port=3307'
    assert.deepEqual(readCometIni('comet.ini', `[ws]\ncluster = ${neighbour}\n${neighbour}\nport = 1`), {
      values: [{ name: 'port', label: '[ws] port in comet.ini', checked: { value: 1 } }],
      unused: [],
    })
  })

  test('names of sections and keys are found in any case', () => {
    assert.deepEqual(read('[WS]', 'Port = 5'), { port: 5 })
  })

  test('of a repeated key the last value counts, also across sections of one name', () => {
    assert.deepEqual(read('[ws]', 'port = x', '[db]', 'port = 3306', '[ws]', 'port = 2'), { port: 2 })
  })

  test('keys without a meaning are named once, as they are written', () => {
    assert.deepEqual(unusedOf('[db]', 'host = a', 'host = b', '[log]', 'Any = 5', '[ws]', 'port = 1'), [
      'db.host',
      'log.Any',
    ])
    assert.deepEqual(unusedOf('port = 1'), ['port'])
  })

  test('values that can not be read say what is wrong with them', () => {
    assert.deepEqual(read('[ws]', 'port = many', '[main]', 'send_user_online_events = maybe'), {
      port: '"many" is not a whole number',
      userOnlineEvents: '"maybe" is neither true nor false',
    })
    assert.equal(
      read('[main]', 'save_users_last_online_time = 7').maxLastSeen,
      '"7" is neither true nor false',
    )
  })
})

describe('broken comet.ini', () => {
  test('lines that are nothing are all told by number, never by their text', () => {
    assert.throws(
      () => readCometIni('comet.ini', '[main]\nhunter2\npassword = a\n[open\n= 5'),
      (error) => {
        assert.ok(error instanceof ConfigError)
        assert.deepEqual(
          error.mistakes,
          [2, 4, 5].map((line) => `comet.ini, line ${line}: is neither [section], key = value nor a comment`),
        )
        return true
      },
    )
  })

  test('text above 1 MiB is refused', () => {
    assert.throws(() => readCometIni('a.ini', ';'.repeat(1_048_577)), /1048577 bytes are above 1048576/)
    assert.deepEqual(readCometIni('a.ini', ';'.repeat(1_048_576)), { values: [], unused: [] })
  })
})
