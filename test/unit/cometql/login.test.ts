/**
 * Logins step by step: both ways to prove a password, being asked again, tenants, databases, and those who guess.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseDatabase } from '../../../src/cometql/databases.ts'
import { type LoginDeps, type LoginStep, LoginTalk } from '../../../src/cometql/login.ts'
import { createLoginThrottle } from '../../../src/cometql/login-throttle.ts'
import { capabilities } from '../../../src/cometql/wire/capabilities.ts'
import type { LoginPacket, PluginName } from '../../../src/cometql/wire/handshake.ts'
import { responseFor } from '../../../src/cometql/wire/passwords.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const NATIVE = 'mysql_native_password'
const SHA2 = 'caching_sha2_password'
const PASSWORD = 'secret'
const NOTHING = Buffer.alloc(0)

function talk(changes: Partial<LoginDeps> = {}) {
  const throttle = createLoginThrottle(new FakeClock(), 3)
  return new LoginTalk({ password: PASSWORD, plugin: NATIVE, throttle, address: 'a', ...changes })
}

function packet(changes: Partial<LoginPacket> = {}): LoginPacket {
  return {
    kind: 'login',
    capabilities: capabilities.pluginAuth,
    charset: 33,
    user: '1',
    response: NOTHING,
    database: '',
    plugin: NATIVE,
    ...changes,
  }
}

/** A login with the right proof for what the client was greeted with. */
function right(login: LoginTalk, changes: Partial<LoginPacket> & { plugin?: PluginName } = {}): LoginPacket {
  return packet({ response: responseFor(changes.plugin ?? NATIVE, PASSWORD, login.salt), ...changes })
}

function entered(step: LoginStep) {
  if (step.kind === 'refused') assert.fail(step.failure.message)
  assert.ok(step.kind === 'in', `it is ${step.kind}`)
  return step.login
}

function refused(step: LoginStep, code: number): string {
  assert.ok(step.kind === 'refused', `it is ${step.kind}`)
  assert.equal(step.failure.code, code)
  assert.equal(step.failure.state, 'HY000')
  return step.failure.message
}

function asked(step: LoginStep): PluginName {
  assert.ok(step.kind === 'again', `it is ${step.kind}`)
  return step.plugin
}

describe('login', () => {
  for (const plugin of [NATIVE, SHA2] as const) {
    test(`with the right proof of ${plugin} is let in`, () => {
      const login = talk({ plugin })
      const { user, tenant, database, isCheck, hasProof } = entered(login.begin(right(login, { plugin })))
      assert.deepEqual([user, tenant, database, isCheck, hasProof], ['1', 1, '', false, true])
    })

    test(`with a wrong proof of ${plugin} is refused`, () => {
      const login = talk({ plugin })
      const response = responseFor(plugin, 'Secret', login.salt)
      const words = refused(login.begin(packet({ plugin, response })), 16)
      assert.equal(words, 'Authentication failure: wrong password')
    })

    test(`with a proof of ${plugin} for another salt is refused`, () => {
      const login = talk({ plugin })
      const response = responseFor(plugin, PASSWORD, talk().salt)
      refused(login.begin(packet({ plugin, response })), 16)
    })

    test(`with an empty proof of ${plugin} is refused in the words of CppComet`, () => {
      const words = refused(talk({ plugin }).begin(packet({ plugin })), 16)
      assert.equal(words, 'Authentication failure, authDataLen!=20: no password was given')
    })

    test(`by ${plugin} needs no proof where no password is asked for, and takes any`, () => {
      const login = talk({ plugin, password: '' })
      const { hasProof } = entered(login.begin(packet({ plugin })))
      assert.equal(hasProof, false)
      const other = talk({ plugin, password: '' })
      const response = responseFor(plugin, 'whatever', other.salt)
      assert.equal(entered(other.begin(packet({ plugin, response }))).hasProof, true)
    })
  }

  test('that names no plugin is checked the old way', () => {
    const silent = talk()
    entered(silent.begin(packet({ plugin: '', response: responseFor(NATIVE, PASSWORD, silent.salt) })))
  })

  test('by a plugin that is not known is asked for the one of the node', () => {
    for (const plugin of [NATIVE, SHA2] as const) {
      const login = talk({ plugin })
      assert.equal(
        asked(login.begin(packet({ plugin: 'client_ed25519', response: Buffer.alloc(64) }))),
        plugin,
      )
      entered(login.goOn(responseFor(plugin, PASSWORD, login.salt)))
    }
  })

  test('by the known plugin that is not the first is checked by that one', () => {
    const login = talk({ plugin: NATIVE })
    assert.equal(entered(login.begin(right(login, { plugin: SHA2 }))).plugin, SHA2)
    const other = talk({ plugin: SHA2 })
    assert.equal(entered(other.begin(right(other, { plugin: NATIVE }))).plugin, NATIVE)
  })

  test('whose proof has the wrong length is asked for the other plugin, with a new salt', () => {
    for (const [plugin, next] of [
      [NATIVE, SHA2],
      [SHA2, NATIVE],
    ] as const) {
      const login = talk({ plugin })
      const before = login.salt
      assert.equal(asked(login.begin(packet({ plugin, response: Buffer.alloc(9) }))), next)
      assert.notDeepEqual(login.salt, before)
      const stale = responseFor(next, PASSWORD, before)
      const again = talk({ plugin })
      asked(again.begin(packet({ plugin, response: Buffer.alloc(9) })))
      refused(again.goOn(stale), 16)
      assert.equal(entered(login.goOn(responseFor(next, PASSWORD, login.salt))).plugin, next)
    }
  })

  test('of a client that knows no plugins is not asked again', () => {
    const login = talk()
    entered(login.begin(right(login, { capabilities: 0 })))
    const words = refused(talk().begin(packet({ capabilities: 0, response: Buffer.alloc(9) })), 16)
    assert.match(words, /the client can not be asked for another kind of proof$/)
  })

  test('that was asked again and gives nothing is refused', () => {
    const login = talk()
    asked(login.begin(packet({ plugin: 'other' })))
    refused(login.goOn(NOTHING), 16)
  })

  test('that was not asked has nothing to go on with', () => {
    assert.match(refused(talk().goOn(NOTHING), 16), /nothing was asked/)
  })

  test('that gave its answer is not asked a second time', () => {
    const login = talk()
    asked(login.begin(packet({ plugin: 'other' })))
    entered(login.goOn(responseFor(NATIVE, PASSWORD, login.salt)))
    refused(login.goOn(responseFor(NATIVE, PASSWORD, login.salt)), 16)
  })

  test('of a load balancer comes in without a password and may only be there', () => {
    const { isCheck, tenant, hasProof } = entered(
      talk({ plugin: SHA2 }).begin(packet({ user: 'haproxy_check' })),
    )
    assert.deepEqual([isCheck, tenant, hasProof], [true, 0, false])
  })

  test('of that name may only be there, with a password as well', () => {
    const login = talk()
    const { isCheck, hasProof } = entered(login.begin(right(login, { user: 'haproxy_check' })))
    assert.deepEqual([isCheck, hasProof], [true, true])
    refused(talk().begin(packet({ user: 'haproxy_check', response: Buffer.alloc(20) })), 16)
  })

  test('with nothing, by a plugin that was not offered, is asked for that one', () => {
    const login = talk({ plugin: NATIVE })
    assert.equal(asked(login.begin(packet({ plugin: SHA2 }))), SHA2)
    assert.equal(entered(login.goOn(responseFor(SHA2, PASSWORD, login.salt))).hasProof, true)
  })

  test('that answers with the zero of an empty text gives no password', () => {
    const login = talk({ plugin: SHA2 })
    const words = refused(login.begin(packet({ plugin: SHA2, response: Buffer.alloc(1) })), 16)
    assert.match(words, /no password was given$/)
    const open = talk({ plugin: SHA2, password: '' })
    assert.equal(entered(open.begin(packet({ plugin: SHA2, response: Buffer.alloc(1) }))).hasProof, false)
  })

  test('says its tenant by the name of the user', () => {
    for (const [user, tenant] of [
      ['1', 1],
      ['0', 0],
      ['root', 0],
      ['007', 7],
      ['2147483647', 2_147_483_647],
    ] as const) {
      const login = talk()
      assert.equal(entered(login.begin(right(login, { user }))).tenant, tenant, user)
    }
  })

  test('by any other name is refused', () => {
    for (const user of ['', 'admin', 'Root', '-1', '1.5', '1e3', ' 1', '2147483648', '99999999999', '1\n']) {
      const login = talk()
      assert.match(refused(login.begin(right(login, { user })), 16), /^Authentication failure: /, user)
    }
  })

  test('chooses the database that it names, and with db_N its tenant', () => {
    const login = talk()
    const { tenant, database } = entered(login.begin(right(login, { database: 'db_5' })))
    assert.deepEqual([tenant, database], [5, 'db_5'])
  })

  test('keeps the tenant of its user beside that of the database', () => {
    const login = talk()
    const { ownTenant, tenant } = entered(login.begin(right(login, { user: '16', database: 'db_5' })))
    assert.deepEqual([ownTenant, tenant], [16, 5])
    for (const database of ['', 'CometQL_v1', 'information_schema']) {
      const other = talk()
      const of = entered(other.begin(right(other, { user: '16', database })))
      assert.deepEqual([of.ownTenant, of.tenant], [16, 16], database)
    }
  })

  test('with a database there is not is refused in the words of CppComet', () => {
    const login = talk()
    assert.match(refused(login.begin(right(login, { database: 'mysql' })), 15), /^Select database failure: /)
  })

  test('does not tell whoever has no password which databases there are', () => {
    const login = talk()
    refused(login.begin(packet({ database: 'mysql', response: Buffer.alloc(20) })), 16)
  })

  test('is refused unseen after too many wrong passwords, right or not', () => {
    const throttle = createLoginThrottle(new FakeClock(), 3)
    for (let left = 3; left > 0; left--) {
      refused(talk({ throttle }).begin(packet({ response: Buffer.alloc(20) })), 16)
    }
    const login = talk({ throttle })
    const words = refused(login.begin(right(login)), 16)
    assert.equal(words, 'Authentication failure: too many wrong passwords from a: wait 60 s')
    const other = talk({ throttle, address: 'b' })
    entered(other.begin(right(other)))
  })

  test('of an address that the right password came from is not shut out', () => {
    const throttle = createLoginThrottle(new FakeClock(), 1)
    const first = talk({ throttle })
    entered(first.begin(right(first)))
    refused(talk({ throttle }).begin(packet({ response: Buffer.alloc(20) })), 16)
    const next = talk({ throttle })
    entered(next.begin(right(next)))
  })

  test('is not held against its address when the password was right or asked for again', () => {
    const throttle = createLoginThrottle(new FakeClock(), 1)
    const login = talk({ throttle })
    asked(login.begin(packet({ response: Buffer.alloc(9) })))
    entered(login.goOn(responseFor(SHA2, PASSWORD, login.salt)))
    const unknown = talk({ throttle })
    refused(unknown.begin(right(unknown, { user: 'nobody' })), 16)
    const next = talk({ throttle })
    entered(next.begin(right(next)))
  })
})

describe('change of user', () => {
  test('is always asked for a proof with a new salt, by the plugin that the client names', () => {
    for (const plugin of [NATIVE, SHA2] as const) {
      const login = talk()
      const response = responseFor(plugin, PASSWORD, login.salt)
      const before = login.salt
      assert.equal(asked(login.beginAgain(packet({ plugin, response, user: '2' }))), plugin)
      assert.notDeepEqual(login.salt, before)
      assert.equal(entered(login.goOn(responseFor(plugin, PASSWORD, login.salt))).tenant, 2)
    }
  })

  test('without a known plugin is asked for the one of the node', () => {
    assert.equal(asked(talk({ plugin: SHA2 }).beginAgain(packet({ plugin: 'other' }))), SHA2)
  })

  test('counts wrong passwords, and is refused after too many', () => {
    const throttle = createLoginThrottle(new FakeClock(), 1)
    const login = talk({ throttle })
    asked(login.beginAgain(packet()))
    refused(login.goOn(Buffer.alloc(20)), 16)
    asked(login.beginAgain(packet()))
    assert.match(refused(login.goOn(responseFor(NATIVE, PASSWORD, login.salt)), 16), /wait 60 s$/)
  })
})

describe('chooseDatabase', () => {
  test('knows the database of CppComet, information_schema and none, in any case', () => {
    assert.deepEqual(chooseDatabase(''), { name: '', tenant: null })
    assert.deepEqual(chooseDatabase('CometQL_v1'), { name: 'CometQL_v1', tenant: null })
    assert.deepEqual(chooseDatabase('cometql_V1'), { name: 'CometQL_v1', tenant: null })
    assert.deepEqual(chooseDatabase('INFORMATION_SCHEMA'), { name: 'information_schema', tenant: null })
  })

  test('takes db_N for tenant N', () => {
    assert.deepEqual(chooseDatabase('db_0'), { name: 'db_0', tenant: 0 })
    assert.deepEqual(chooseDatabase('DB_12'), { name: 'DB_12', tenant: 12 })
    assert.equal(chooseDatabase('db_2147483648'), null)
  })

  test('knows no other', () => {
    for (const name of ['db_', 'db_x', 'db_-1', 'db_1 ', 'mysql', 'CometQL_v2', ' ']) {
      assert.equal(chooseDatabase(name), null, name)
    }
  })
})
