/**
 * Tests of src/cometql/wire/handshake.ts: the greeting, every form of login that clients send, broken ones, and the
 * packets between. Logins come from a capture of a CppComet server and from MySQL's documentation.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { capabilities } from '../../../../src/cometql/wire/capabilities.ts'
import { MalformedPacket } from '../../../../src/cometql/wire/fields.ts'
import {
  type FirstPacket,
  type LoginPacket,
  readChangeUser,
  readLogin,
  writeAuthSwitch,
  writeFastAuthOk,
  writeGreeting,
} from '../../../../src/cometql/wire/handshake.ts'
import { isRightResponse } from '../../../../src/cometql/wire/passwords.ts'
import { hex } from '../../../support/hex.ts'
import { login, packet, written } from '../../../support/mysql-bytes.ts'

const SALT = hex('0102030405060708 090a0b0c0d0e0f1011121314')

/** Little-endian, as in a login: protocol 4.1 with proofs of any length; besides, what a test is about. */
const PLAIN = '00820000'
const WITH_DATABASE = '08820000'
const WITH_PLUGIN = '00820800'
const WITH_ALL = '08823800'
const WITH_LONG_RESPONSE = '00822000'
const WITH_ATTRIBUTES = '00821000'
/** Protocol 4.1 alone: a proof is a text that ends with a zero. */
const OLD = '00020000'

const refuses = (read: () => unknown, message: RegExp) =>
  assert.throws(read, (error) => error instanceof MalformedPacket && message.test(error.message))

function asLogin(first: FirstPacket): LoginPacket {
  return first.kind === 'login' ? first : assert.fail('the client wants TLS')
}

const read = (parts: Parameters<typeof login>[0]) => asLogin(readLogin(login(parts)))
const textOf = (bytes: Buffer) => bytes.toString()

describe('greeting', () => {
  const greeting = {
    version: '5.7.0-encke-0.1.0',
    connectionId: 0x01020304,
    salt: SALT,
    plugin: 'mysql_native_password',
    hasTls: false,
  } as const

  test('greeting is these bytes', () => {
    const bytes = written((writer) => writeGreeting(writer, greeting), 0)
    const body = hex(
      "0a '5.7.0-encke-0.1.0' 00", // protocol, version
      '04030201', // connection
      '0102030405060708 00', // salt, first part
      '0fa7', // capabilities, low
      '21 0200', // utf8, autocommit
      '3f00', // capabilities, high
      '15', // bytes of the salt, and a zero
      '00000000000000000000', // reserved
      '090a0b0c0d0e0f1011121314 00', // salt, second part
      "'mysql_native_password' 00",
    )
    assert.deepEqual(bytes, packet(0, body))
  })

  test('greeting announces TLS where there is TLS, and another plugin', () => {
    const withTls = { ...greeting, version: '8', plugin: 'caching_sha2_password', hasTls: true } as const
    const bytes = written((writer) => writeGreeting(writer, withTls), 0)
    assert.deepEqual(bytes.subarray(4, 7), hex("0a '8' 00"))
    assert.deepEqual(bytes.subarray(20, 22), hex('0faf'))
    assert.deepEqual(bytes.subarray(-22), hex("'caching_sha2_password' 00"))
  })

  test('greeting has the layout of the greeting of CppComet', () => {
    // Captured; version, connection, salt and bits of capabilities differ, places do not.
    const captured = hex(
      "0a 'CppComet community 4.09 (AGPL license)' 00 2b000000 bc725f35c4805613 00 ffff 08 0200 0fc0",
      "15 00000000000000000000 08e3d4e688e10797dc2445de 00 'mysql_native_password' 00",
    )
    const like = {
      ...greeting,
      version: 'CppComet community 4.09 (AGPL license)',
      connectionId: 0x2b,
      salt: hex('bc725f35c4805613 08e3d4e688e10797dc2445de'),
    }
    const bytes = written((writer) => writeGreeting(writer, like), 0).subarray(4)
    const differing = [...bytes.keys()].filter((i) => bytes[i] !== captured[i])
    assert.equal(bytes.length, captured.length)
    assert.deepEqual(
      differing.filter((i) => i < 53 || i > 59),
      [],
    )
  })
})

describe('captured logins', () => {
  test('login with password and database is read, and its proof is right', () => {
    const payload = hex(
      '0da20800 00000001 21',
      '00'.repeat(23),
      "'1' 00 14 7695fe07c457d6bb61f330dd3d51254ce34149b2 'CometQL_v1' 00 'mysql_native_password' 00",
    )
    const { response, ...rest } = asLogin(readLogin(payload))
    assert.deepEqual(rest, {
      kind: 'login',
      capabilities: 0x0008a20d,
      charset: 33,
      user: '1',
      database: 'CometQL_v1',
      plugin: 'mysql_native_password',
    })
    const salt = hex('bc725f35c4805613 08e3d4e688e10797dc2445de')
    assert.ok(isRightResponse('mysql_native_password', response, 'CometQLPassword', salt))
  })

  test('login with an empty password', () => {
    const payload = hex(
      '0da20800 00000001 21',
      '00'.repeat(23),
      "'1' 00 00 'CometQL_v1' 00 'mysql_native_password' 00",
    )
    const { user, response, database } = asLogin(readLogin(payload))
    assert.deepEqual([user, textOf(response), database], ['1', '', 'CometQL_v1'])
  })

  test('login without a database', () => {
    const payload = hex(
      '05a20800 00000001 21',
      '00'.repeat(23),
      "'haproxy_check' 00 00 'mysql_native_password' 00",
    )
    const { user, database, plugin } = asLogin(readLogin(payload))
    assert.deepEqual([user, database, plugin], ['haproxy_check', '', 'mysql_native_password'])
  })
})

describe('forms of a login', () => {
  test('login without plugins says none, and what follows is ignored', () => {
    const { user, plugin, database } = read({ capabilities: PLAIN, tail: "'mysql_native_password' 00" })
    assert.deepEqual([user, plugin, database], ['root', '', ''])
  })

  test('login has a response behind a length of one byte', () => {
    assert.equal(textOf(read({ capabilities: PLAIN, response: "05 'proof'" }).response), 'proof')
    const longest = read({ capabilities: PLAIN, response: `ff ${'61'.repeat(255)}` })
    assert.equal(longest.response.length, 255)
  })

  test('login has a response behind a length of more bytes', () => {
    const long = read({ capabilities: WITH_LONG_RESPONSE, response: `fc 2c01 ${'61'.repeat(300)}` })
    assert.equal(textOf(long.response), 'a'.repeat(300))
  })

  test('login of an old client has a response that ends with a zero, or with the packet', () => {
    assert.equal(textOf(read({ capabilities: OLD, response: "'proof' 00" }).response), 'proof')
    assert.equal(textOf(read({ capabilities: OLD, response: "'proof'" }).response), 'proof')
    assert.equal(textOf(read({ capabilities: OLD, response: '' }).response), '')
  })

  test('login takes a length of NULL for an empty response', () => {
    assert.equal(read({ capabilities: WITH_LONG_RESPONSE, response: 'fb' }).response.length, 0)
  })

  test('login takes a last text without its zero', () => {
    assert.equal(read({ capabilities: WITH_DATABASE, tail: "'CometQL_v1'" }).database, 'CometQL_v1')
    assert.equal(read({ capabilities: WITH_PLUGIN, tail: "'some_plugin'" }).plugin, 'some_plugin')
  })

  test('login that promises a database, a plugin or attributes may end before them', () => {
    const { database, plugin } = read({ capabilities: WITH_ALL })
    assert.deepEqual([database, plugin], ['', ''])
    assert.equal(read({ capabilities: WITH_ALL, tail: "'db' 00" }).database, 'db')
    assert.equal(read({ capabilities: WITH_ALL, tail: "'db' 00 'plugin' 00" }).plugin, 'plugin')
  })

  test('login has an empty database', () => {
    const { database, plugin } = read({ capabilities: WITH_ALL, tail: "00 'plugin' 00 00" })
    assert.deepEqual([database, plugin], ['', 'plugin'])
  })

  test('login has attributes, which are passed over', () => {
    const attributes = "14 05 '_name' 04 'mine' 03 'pid' 04 '1234'"
    const { database, plugin } = read({ capabilities: WITH_ALL, tail: `'db' 00 'plugin' 00 ${attributes}` })
    assert.deepEqual([database, plugin], ['db', 'plugin'])
  })

  test('login has attributes of no bytes, and bytes of later versions behind them', () => {
    assert.equal(read({ capabilities: WITH_ATTRIBUTES, tail: '00' }).user, 'root')
    assert.equal(read({ capabilities: WITH_ATTRIBUTES, tail: "04 01 'a' 01 'b' 03" }).user, 'root')
  })

  test('login tells its charset, whatever packets the client takes', () => {
    const payload = hex('00820000 efbeadde ff', '00'.repeat(23), "'root' 00 00")
    assert.equal(asLogin(readLogin(payload)).charset, 255)
  })

  test('login takes capabilities with the highest bit as no negative number', () => {
    assert.equal(read({ capabilities: '008200ff' }).capabilities, 0xff00_8200)
  })

  test('login has a user in UTF-8, of up to 256 bytes, or none', () => {
    assert.equal(read({ capabilities: PLAIN, user: "'Łukasz' 00" }).user, 'Łukasz')
    assert.equal(read({ capabilities: PLAIN, user: '00' }).user, '')
    assert.equal(read({ capabilities: PLAIN, user: `${'61'.repeat(256)} 00` }).user.length, 256)
    assert.equal(read({ capabilities: PLAIN, user: 'ff fe 80 00' }).user, '\ufffd\ufffd\ufffd')
  })
})

describe('the wish for TLS', () => {
  const wish = hex('00 8a 00 00 00000001 21', '00'.repeat(23))

  test('32 bytes with the bit are one', () => {
    assert.deepEqual(readLogin(wish), { kind: 'tls' })
  })

  test('more bytes with the bit are a login, as clients send over TLS', () => {
    const first = readLogin(Buffer.concat([wish, hex("'root' 00 00")]))
    assert.equal(asLogin(first).user, 'root')
    assert.notEqual(asLogin(first).capabilities & capabilities.ssl, 0)
  })

  test('32 bytes without the bit are a login that ends too early', () => {
    refuses(
      () => readLogin(login({ capabilities: PLAIN, user: '', response: '' })),
      /Cannot read a byte at byte 32/,
    )
  })
})

describe('broken logins', () => {
  test('login of before MySQL 4.1 is refused with the reason', () => {
    const reason = /^The client speaks the protocol of before MySQL 4.1$/
    // As haproxy sends it for "mysql-check user haproxy_check pre-41".
    refuses(() => readLogin(hex("0080 000001 'haproxy_check' 00 00")), reason)
    refuses(() => readLogin(hex('0000')), reason)
  })

  test('login with a user of 257 bytes is refused', () => {
    const user = `${'61'.repeat(257)} 00`
    refuses(() => read({ capabilities: PLAIN, user }), /^The user name has 257 of at most 256 bytes$/)
  })

  for (const [what, parts] of Object.entries({
    'a response that is not all there': { capabilities: PLAIN, response: "06 'proof'" },
    'a long response that is not all there': {
      capabilities: WITH_LONG_RESPONSE,
      response: "fe 00ffffff00000000 'a'",
    },
    'a response of impossible length': { capabilities: WITH_LONG_RESPONSE, response: 'ff' },
    'attributes that are not all there': { capabilities: WITH_ATTRIBUTES, tail: "05 01 'a' 01 'b'" },
    'an attribute that leaves the attributes': { capabilities: WITH_ATTRIBUTES, tail: "04 01 'a' 02 'bc'" },
    'an attribute without a value': { capabilities: WITH_ATTRIBUTES, tail: "02 01 'a'" },
    'a user that never ends': { capabilities: PLAIN, user: "'root'", response: '' },
  })) {
    test(`login with ${what} is refused`, () => {
      refuses(() => read(parts), /^Cannot read /)
    })
  }

  test('login that ends within its fixed part is refused wherever it does', () => {
    const whole = login({ capabilities: PLAIN })
    for (let end = 0; end < 37; end++) refuses(() => readLogin(whole.subarray(0, end)), /^Cannot read /)
    assert.equal(whole.length, 38)
  })
})

describe('change of user', () => {
  const body = "11 'two' 00 05 'proof' 'db_2' 00"
  const flags = 0x0038_820f

  test('change of user is read', () => {
    const { response, ...rest } = readChangeUser(hex(body, "2d00 'caching_sha2_password' 00"), flags)
    assert.deepEqual(rest, {
      kind: 'login',
      capabilities: flags,
      charset: 45,
      user: 'two',
      database: 'db_2',
      plugin: 'caching_sha2_password',
    })
    assert.equal(textOf(response), 'proof')
  })

  test('change of user may end behind the database, or behind the charset', () => {
    const short = readChangeUser(hex(body), flags)
    assert.deepEqual([short.charset, short.plugin], [33, ''])
    const longer = readChangeUser(hex(body, 'ff00'), flags)
    assert.deepEqual([longer.charset, longer.plugin], [255, ''])
  })

  test('change of user has an empty response and an empty database', () => {
    const { user, response, database } = readChangeUser(hex("11 'u' 00 00 00 2100 00"), flags)
    assert.deepEqual([user, textOf(response), database], ['u', '', ''])
  })

  test('change of user by an old client has a response that ends with a zero', () => {
    const { response, database } = readChangeUser(
      hex("11 'u' 00 'proof' 00 'db' 00"),
      capabilities.protocol41,
    )
    assert.deepEqual([textOf(response), database], ['proof', 'db'])
  })

  test('change of user has attributes', () => {
    const attributes = "2100 'plugin' 00 04 01 'a' 01 'b'"
    assert.equal(readChangeUser(hex(body, attributes), flags).plugin, 'plugin')
    refuses(() => readChangeUser(hex(body, "2100 'plugin' 00 04 01 'a' 02 'b'"), flags), /^Cannot read /)
  })

  test('change of user without capabilities for plugins and attributes stops behind the charset', () => {
    const { plugin, charset } = readChangeUser(hex(body, "2100 'plugin' 00"), 0x8200)
    assert.deepEqual([plugin, charset], ['', 33])
  })

  for (const broken of ["11 'u' 00 05 'abc'", "11 'u' 00", "11 'u' 00 00 'db' 00 21", '11']) {
    test(`change of user that ends too early is refused: ${broken}`, () => {
      refuses(() => readChangeUser(hex(broken), flags), /^Cannot read /)
    })
  }
})

describe('packets between login and OK', () => {
  test('being told to try another plugin is these bytes', () => {
    const bytes = written((writer) => writeAuthSwitch(writer, 'mysql_native_password', SALT), 2)
    const body = hex("fe 'mysql_native_password' 00 0102030405060708090a0b0c0d0e0f1011121314 00")
    assert.deepEqual(bytes, packet(2, body))
  })

  test('being told that the proof was enough is two bytes', () => {
    assert.deepEqual(written(writeFastAuthOk, 2), packet(2, '01 03'))
  })
})
