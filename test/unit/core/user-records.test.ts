/**
 * Tests of src/core/user-records.ts and user-tokens.ts: who is let in with which key or token, and what taking either
 * back does to sessions and capsules.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { codes } from '../../../src/codes.ts'
import type { Goodbye } from '../../../src/core/broker.ts'
import { createUserRecords } from '../../../src/core/user-records.ts'
import { createUserTokens } from '../../../src/core/user-tokens.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { localCore } from '../../support/local-core.ts'
import { recordingStore } from '../../support/recording-store.ts'

const PASSWORD = 'P'
const HOUR_S = 3_600
const nowSecond = () => Math.floor(Date.now() / 1_000)

/** RFC 7515 §7.1, signed as a CppComet application does it. */
function token(claims: object, { tenant = 1, password = PASSWORD, alg = 'HS256' } = {}): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part({ alg, typ: 'JWT' })}.${part({ exp: nowSecond() + HOUR_S, ...claims })}`
  const hash = alg === 'HS512' ? 'sha512' : 'sha256'
  const signature = createHmac(hash, `${password}${tenant}`).update(text).digest('base64url')
  return `${text}.${alg === 'none' ? '' : signature}`
}

function setUp(hasPassword = true) {
  const store = recordingStore()
  const ended: { target: object; goodbye: Goodbye }[] = []
  const disconnect = async (target: object, goodbye: Goodbye) => ended.push({ target, goodbye })
  const userOfToken = hasPassword ? createUserTokens(PASSWORD) : null
  const users = createUserRecords({ store, broker: { disconnect }, clock: new FakeClock(), userOfToken })
  const login = (user: string, key: string, tenant = 1) => users.login({ tenant, user, key })
  return { store, users, ended, login }
}

describe('login with a key', () => {
  test('lets in who has it, of that tenant alone', async () => {
    const { users, login } = setUp()
    await users.setKey(7, '17', 'secret')
    assert.deepEqual(login('17', 'secret', 7), { user: '17', key: 'secret' })
    for (const [user, key, tenant] of [
      ['17', 'Secret', 7],
      ['17', 'secre', 7],
      ['17', 'secret1', 7],
      ['17', '', 7],
      ['18', 'secret', 7],
      ['', 'secret', 7],
      ['', '', 7],
      ['17', 'secret', 1],
      ['17', 'sécret', 7],
    ] as const) {
      assert.equal(login(user, key, tenant), null, `${tenant} ${user} ${key}`)
    }
  })

  test('lets nobody in without one, whatever the user is called', () => {
    const { login } = setUp()
    for (const user of ['17', '\u0000', '7\u000117', 'x'.repeat(200), '\ud800']) {
      assert.equal(login(user, ''), null)
      assert.equal(login(user, 'key'), null)
    }
  })

  test('goes by the key that was set last', async () => {
    const { users, login } = setUp()
    await users.setKey(1, '17', 'old')
    await users.setKey(1, '17', 'new')
    assert.deepEqual([login('17', 'old'), login('17', 'new')?.key], [null, 'new'])
    assert.deepEqual([users.key(1, '17'), users.key(1, '18')], ['new', ''])
  })

  test('of any length is looked at without fault', async () => {
    const { users, login } = setUp()
    await users.setKey(1, '17', 'secret')
    for (const key of ['k'.repeat(10_000), 'é'.repeat(599), 'é.é.é', '..', 'a.b.c']) {
      assert.equal(login('17', key), null)
    }
  })
})

describe('login with a token', () => {
  test('lets its user in and makes them a key, the same the next time', async () => {
    const { store, users, login } = setUp()
    const first = login('17', token({ user_id: 17 }))
    assert.match(first?.key ?? '', /^[0-9a-f]{32}$/)
    assert.deepEqual(login('17', token({ user_id: 17 })), first, 'before the key is on disk')
    await store.write([])
    assert.deepEqual(login('17', first?.key ?? ''), first)
    await users.setKey(1, '17', 'chosen')
    assert.deepEqual(login('17', token({ user_id: 17 })), { user: '17', key: 'chosen' })
  })

  test('lets its user in though the key can not be kept', async () => {
    const { store, login } = setUp()
    store.fail()
    assert.equal(login('17', token({ user_id: 17 }))?.user, '17')
    await store.write([])
    assert.equal(store.get('credentials', 1, '17'), null)
  })

  const good = { user_id: 17 }
  const refused: Readonly<Record<string, string>> = {
    'of another user': token({ user_id: 18 }),
    'of another tenant': token(good, { tenant: 2 }),
    'signed with another password': token(good, { password: 'Q' }),
    'signed with another algorithm': token(good, { alg: 'HS512' }),
    'without a signature': token(good, { alg: 'none' }),
    'that has run out': token({ ...good, exp: nowSecond() - 10 }),
    'without an end': token({ ...good, exp: undefined }),
    'without a user': token({}),
    'whose user is a text': token({ user_id: '17' }),
    'whose user is no positive integer': token({ user_id: -17 }),
    'that is longer than any': token({ ...good, more: 'x'.repeat(600) }),
  }
  for (const [what, text] of Object.entries(refused)) {
    test(`${what} is refused`, () => assert.equal(setUp().login('17', text), null))
  }

  test('is refused where no password is known', () => {
    assert.equal(setUp(false).login('17', token(good)), null)
  })

  test('is of one tenant, whichever others were asked before', () => {
    const { login } = setUp()
    for (let tenant = 0; tenant < 1_100; tenant++) {
      assert.equal(login('17', token(good, { tenant }), tenant)?.user, '17')
    }
    assert.equal(login('17', token(good, { tenant: 3 }), 4), null)
  })
})

describe('a login that is taken back', () => {
  test('of a key ends the sessions of the user, and the key is no good', async () => {
    const { users, login, ended } = setUp()
    await users.setKey(7, '17', 'secret')
    await users.removeKey(7, '17')
    assert.equal(login('17', 'secret', 7), null)
    const [one] = ended
    assert.deepEqual(one?.target, { tenant: 7, users: new Set(['17']) })
    assert.equal(one?.goodbye.code, codes.LOGIN_REVOKED.close)
    assert.equal(one?.goodbye.isRevoking, true)
  })

  test('of a good token logs its user out', async () => {
    const { users, login, ended } = setUp()
    const text = token({ user_id: 17 })
    const key = login('17', text)?.key ?? ''
    await users.revokeToken(1, text)
    assert.deepEqual([users.isRevoked(1, text), users.isRevoked(2, text)], [true, false])
    assert.deepEqual([login('17', text), login('17', key)], [null, null])
    assert.deepEqual(
      ended.map(({ target }) => target),
      [{ tenant: 1, users: new Set(['17']) }],
    )
  })

  // The node had refused the token and failed to take the key; asked again it took the token for none of its user's.
  test('of a token whose revocation failed is taken back when it is asked for again', async () => {
    const { users, login, ended, store } = setUp()
    const text = token({ user_id: 17 })
    const key = login('17', text)?.key ?? ''
    await users.setKey(1, '17', key)
    store.fail()
    await assert.rejects(users.revokeToken(1, text), { code: 'STORE_FAILED' })
    assert.deepEqual([users.isRevoked(1, text), login('17', key)?.key, ended], [false, key, []])
    for (const times of [1, 2]) {
      await users.revokeToken(1, text)
      assert.deepEqual([login('17', text), login('17', key), ended.length], [null, null, times])
    }
  })

  test('of a token is one write, with all that it takes', async () => {
    const { users, store } = setUp()
    const before = store.writes.length
    const text = token({ user_id: 17 })
    await users.revokeToken(7, text.slice(0, -1)) // no good: no user
    await users.revokeToken(1, text)
    const names = store.writes
      .slice(before)
      .map((changes) => changes.map((one) => ('put' in one ? one.put : 'remove' in one ? one.remove : '')))
    assert.deepEqual(names, [['revokedTokens'], ['revokedTokens', 'credentials', 'revokedCapsules']])
  })

  // Each key was a commit of its own and a look through all sessions: two thousand took three seconds.
  test('of many users is one write and one look for their sessions', async () => {
    const { users, store, ended, login } = setUp()
    const ids = Array.from({ length: 600 }, (_, n) => String(n + 1))
    await users.setKeys(1, new Map(ids.map((id) => [id, `key ${id}`])))
    const before = store.writes.length
    await users.removeKeys(1, ids)
    assert.deepEqual(
      ended.map(({ target }) => target),
      [ids.slice(0, 256), ids.slice(256, 512), ids.slice(512)].map((part) => ({
        tenant: 1,
        users: new Set(part),
      })),
    )
    assert.deepEqual([store.writes.length - before, login('600', 'key 600')], [3, null])
  })

  test('of many users ends where the disk refuses: those before are out, those behind are as they were', async () => {
    const { users, store, ended, login } = setUp()
    const ids = Array.from({ length: 600 }, (_, n) => String(n + 1))
    await users.setKeys(1, new Map(ids.map((id) => [id, `key ${id}`])))
    const write = store.write.bind(store)
    let calls = 0
    store.write = (changes) => {
      if (++calls === 2) store.fail()
      return write(changes)
    }
    await assert.rejects(users.removeKeys(1, ids), { code: 'STORE_FAILED' })
    assert.deepEqual([login('256', 'key 256'), login('257', 'key 257')?.user, ended.length], [null, '257', 1])
  })

  test('of many tokens is one write, and ends the sessions of those whose tokens are good', async () => {
    const { users, store, ended } = setUp()
    const before = store.writes.length
    await users.revokeTokens(1, ['a.b.c', token({ user_id: 17 }), token({ user_id: 18 }), 'x'])
    assert.deepEqual(
      ended.map(({ target }) => target),
      [{ tenant: 1, users: new Set(['17', '18']) }],
    )
    assert.deepEqual([store.writes.length - before, users.isRevoked(1, 'x')], [1, true])
    await users.restoreTokens(1, ['a.b.c', 'x'])
    assert.deepEqual([store.writes.length - before, users.isRevoked(1, 'x')], [2, false])
  })

  test('of a token that is no good ends nobody', async () => {
    const { users, ended, login } = setUp()
    await users.setKey(1, '17', 'secret')
    await users.revokeToken(1, token({ user_id: 17 }, { password: 'Q' }))
    await users.revokeToken(1, 'secret')
    assert.deepEqual(ended, [])
    assert.notEqual(login('17', 'secret'), null, 'a key is no token')
  })

  test('can be given back', async () => {
    const { users, login } = setUp()
    const text = token({ user_id: 17 })
    await users.revokeToken(1, text)
    await users.restoreToken(1, text)
    assert.equal(login('17', text)?.user, '17')
  })

  test('ends sessions and their capsules in the core, of that tenant', async (t) => {
    const core = localCore(t)
    await core.users.setKey(1, '17', 'secret')
    const [mine, others] = [core.connected(), core.connected()]
    for (const [session, tenant] of [
      [mine, 1],
      [others, 5],
    ] as const) {
      session.identify({ tenant, user: '17', grants: [], untilSecond: 0 })
    }
    const capsuleOf = (tenant: number) =>
      core.capsules.seal({ session: `n9-${tenant}`, tenant, user: '17', grants: [], untilMs: 0 }) ?? ''
    const [capsule, othersCapsule] = [capsuleOf(1), capsuleOf(5)]
    await core.users.removeKey(1, '17')
    await core.settle()
    assert.deepEqual(
      core.fanOut.endings.map(({ session, code }) => [session, code]),
      [[mine, codes.LOGIN_REVOKED.close]],
    )
    assert.equal('failed' in core.capsules.open(capsule), true)
    assert.equal('failed' in core.capsules.open(othersCapsule), false)
    assert.equal(others.phase, 'connected')
  })
})

describe('users of a tenant', () => {
  async function all(rows: AsyncIterable<readonly { key: string; value: string }[]>) {
    const found: [key: string, value: string][] = []
    for await (const batch of rows) for (const { key, value } of batch) found.push([key, value])
    return found
  }

  test('have keys, texts and revoked tokens that can all be told of', async () => {
    const { users } = setUp()
    await users.setKeys(
      7,
      new Map([
        ['2', 'two'],
        ['10', 'ten'],
      ]),
    )
    await users.setKey(1, '3', 'three')
    await users.setAllData(7, new Map([['5', '{"a":1}']]))
    await users.revokeToken(7, 'b.c.d')
    await users.revokeToken(7, 'a.b.c')
    assert.deepEqual(await all(users.keys(7)), [
      ['10', 'ten'],
      ['2', 'two'],
    ])
    assert.deepEqual([await all(users.keys(1)), await all(users.keys(2))], [[['3', 'three']], []])
    assert.deepEqual([await all(users.allData(7)), await all(users.allData(1))], [[['5', '{"a":1}']], []])
    assert.deepEqual(
      (await all(users.revoked(7))).map(([token]) => token),
      ['a.b.c', 'b.c.d'],
    )
  })

  test('get very many keys in parts, each all or none', async () => {
    const { users, store } = setUp()
    const keys = new Map(Array.from({ length: 1_200 }, (_, n) => [`${n}`, `key ${n}`]))
    await users.setKeys(1, keys)
    await users.setAllData(1, keys)
    await users.removeAllData(1, keys.keys())
    assert.deepEqual(
      store.writes.map(({ length }) => length),
      [500, 500, 200, 500, 500, 200, 500, 500, 200],
    )
    assert.deepEqual([users.key(1, '1199'), users.data(1, '1199')], ['key 1199', ''])
  })

  test('get their keys in one write: all or none', async () => {
    const { users, store, login } = setUp()
    await users.setKey(1, '1', 'old')
    const before = store.writes.length
    const keys = new Map(Array.from({ length: 300 }, (_, n) => [`${n}`, `key ${n}`]))
    store.fail()
    await assert.rejects(users.setKeys(1, keys), { code: 'STORE_FAILED' })
    assert.deepEqual([users.key(1, '1'), users.key(1, '2')], ['old', ''])
    await users.setKeys(1, keys)
    assert.equal(store.writes.length, before + 2)
    assert.deepEqual(
      [login('1', 'key 1')?.user, login('1', 'old'), (await all(users.keys(1))).length],
      ['1', null, 300],
    )
  })

  test('get their texts in one write: all or none', async () => {
    const { users, store } = setUp()
    store.fail()
    const data = new Map([
      ['1', 'a'],
      ['2', 'b'],
    ])
    await assert.rejects(users.setAllData(1, data), { code: 'STORE_FAILED' })
    assert.deepEqual(await all(users.allData(1)), [])
    await users.setAllData(1, data)
    assert.deepEqual([users.data(1, '1'), users.data(1, '2'), users.data(2, '1')], ['a', 'b', ''])
  })
})

describe('data of a user', () => {
  test('is kept, replaced and removed, per tenant', async () => {
    const { users } = setUp()
    assert.equal(users.data(1, '17'), '')
    await users.setData(1, '17', 'first')
    await users.setData(1, '17', '{"a":1}')
    assert.deepEqual([users.data(1, '17'), users.data(2, '17')], ['{"a":1}', ''])
    await users.removeData(1, '17')
    assert.equal(users.data(1, '17'), '')
  })

  test('that can not be kept is refused', async () => {
    const { users, store } = setUp()
    store.fail()
    await assert.rejects(users.setData(1, '17', 'a'), { code: 'STORE_FAILED' })
  })
})
