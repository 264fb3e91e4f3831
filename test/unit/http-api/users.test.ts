/**
 * Tests of the operations on users and tokens: keys, data, inbox, revocation, over a real broker and store.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { codes } from '../../../src/codes.ts'
import { ownChannel } from '../../../src/core/tenants.ts'
import { Payload } from '../../../src/protocol/payload.ts'
import { failingStore } from '../../support/failing-store.ts'
import { type CallAnswer, callUrl, startLocalApi, USER_TOKEN_PASSWORD } from '../../support/local-api.ts'
import { secondsFromNow, signToken } from '../../support/tokens.ts'

/** Status and code of a refusal. */
function refusal({ status, json }: CallAnswer): readonly [status: number, name: string] {
  return [status, (json as { error: { name: string } }).error.name]
}

const done = (answer: CallAnswer) => assert.deepEqual([answer.status, answer.json], [200, {}])

describe('the key of a user', () => {
  test('the key of a user is what they log in with, the latest one only', async (t) => {
    const { post, users, edge } = await startLocalApi(t)
    const login = (key: string) => users.login({ tenant: 1, user: '17', key })
    done(await post('/api/users/key', { user: 17, key: 'first' }))
    assert.deepEqual(login('first'), { user: '17', key: 'first' })
    done(await post('/api/users/key', { user: '17', key: 'second' }))
    assert.deepEqual([login('first'), login('second')], [null, { user: '17', key: 'second' }])
    assert.deepEqual(edge.goodbyes, [], 'open sessions stay')
  })

  test('the key of a user that is removed lets nobody in, and ends the sessions of the user', async (t) => {
    const { post, users, edge } = await startLocalApi(t)
    await post('/api/users/key', { user: '17', key: 'secret' })
    done(await post('/api/users/key/remove', { user: '17' }))
    assert.equal(users.login({ tenant: 1, user: '17', key: 'secret' }), null)
    assert.deepEqual(
      edge.goodbyes.map(({ target, goodbye }) => [target, goodbye.code]),
      [[{ tenant: 1, users: new Set(['17']) }, codes.LOGIN_REVOKED.close]],
    )
  })

  test('the key of a user who has none may be removed', async (t) => {
    const { post } = await startLocalApi(t)
    done(await post('/api/users/key/remove', { user: 'nobody' }))
  })

  for (const key of ['!', '~', 'x'.repeat(128), `"'%+/=<>`]) {
    test(`the key of a user may be ${key.slice(0, 10)}`, async (t) => {
      const { post, users } = await startLocalApi(t)
      done(await post('/api/users/key', { user: '17', key }))
      assert.equal(users.key(1, '17'), key)
    })
  }

  for (const key of ['', 'x'.repeat(129), 'a&b', 'a b', 'a\tb', 'clé', '\u007f', 17, null]) {
    test(`the key of a user can not be ${JSON.stringify(key).slice(0, 10)}, and is not repeated`, async (t) => {
      const { post, users } = await startLocalApi(t)
      const answer = await post('/api/users/key', { user: '17', key })
      assert.deepEqual(refusal(answer), [400, 'INVALID_ARGUMENT'])
      assert.match(answer.text, /Field \\"key\\" must be 1 to 128 characters of printable ASCII/)
      assert.equal(users.key(1, '17'), '')
    })
  }
})

describe('the data of a user', () => {
  test('the data of a user is kept as it came, and is empty before and after', async (t) => {
    const { call, post } = await startLocalApi(t)
    const data = async () => (await call('/api/users/a%2Fb/data')).json
    assert.deepEqual(await data(), { user: 'a/b', data: '' })
    for (const text of ['one', '{"name":"Halley ☄"}\n', 'x'.repeat(65_536)]) {
      done(await post('/api/users/data', { user: 'a/b', data: text }))
      assert.deepEqual(await data(), { user: 'a/b', data: text })
    }
    done(await post('/api/users/data', { user: 'a/b', data: '' }))
    assert.deepEqual(await data(), { user: 'a/b', data: '' })
  })

  for (const data of ['x'.repeat(65_537), '☄'.repeat(21_846), { name: 'Halley' }, null]) {
    test(`the data of a user can not be ${JSON.stringify(data).slice(0, 10)}`, async (t) => {
      const { call, post } = await startLocalApi(t)
      assert.deepEqual(refusal(await post('/api/users/data', { user: '17', data })), [
        400,
        'INVALID_ARGUMENT',
      ])
      assert.deepEqual((await call('/api/users/17/data')).json, { user: '17', data: '' })
    })
  }

  for (const what of ['data', 'inbox']) {
    test(`the ${what} of a user whose id can not be is refused`, async (t) => {
      const { call } = await startLocalApi(t)
      assert.deepEqual(refusal(await call(`/api/users/a%01b/${what}`)), [400, 'INVALID_ARGUMENT'])
    })
  }
})

describe('an inbox', () => {
  interface Inbox {
    readonly messages: readonly { readonly id: string; readonly time: number; readonly data: unknown }[]
    readonly more: boolean
  }
  const inboxOf = (answer: CallAnswer) => answer.json as Inbox

  test('an inbox holds what was published to a user who is away, byte for byte and in order', async (t) => {
    const { call, post } = await startLocalApi(t, { inboxSize: 10 })
    const startMs = Date.now()
    const answer = await post(
      '/api/publish',
      '{"user":"17","data":{"id": 12345678901234567890},"event":"mail"}',
    )
    assert.deepEqual([answer.status, answer.json], [200, { epoch: 'k3', offset: 0 }])
    await post('/api/publish', { channel: '@17', data: 2 })
    const { text, json } = await call('/api/users/17/inbox')
    const { messages } = json as Inbox
    const [first, second] = messages
    assert.ok(first !== undefined && second !== undefined)
    assert.equal(
      text,
      `{"user":"17","messages":[{"id":"${first.id}","time":${first.time},"event":"mail","data":{"id": 12345678901234567890}},` +
        `{"id":"${second.id}","time":${second.time},"data":2}],"more":false}`,
    )
    assert.notEqual(first.id, second.id)
    assert.ok(first.time >= startMs && second.time >= first.time && second.time <= Date.now())
  })

  test('an inbox tells who published, where a user did', async (t) => {
    const { call } = await startLocalApi(t, {
      wrap: (inner) => ({
        ...inner,
        inbox: async () => [
          { id: 'a-1', event: '', user: '5', timeMs: 7, data: Payload.fromValue('hi') ?? assert.fail() },
        ],
      }),
    })
    assert.deepEqual((await call('/api/users/17/inbox')).json, {
      user: '17',
      messages: [{ id: 'a-1', time: 7, user: '5', data: 'hi' }],
      more: false,
    })
  })

  test('an inbox is given up to the limit asked for and that of the node, and says whether there is more', async (t) => {
    const { call, post } = await startLocalApi(t, { inboxSize: 10, maxHistoryPerCommand: 3 })
    for (const data of [1, 2, 3, 4]) await post('/api/publish', { user: '17', data })
    const page = async (search: string) => {
      const { messages, more } = inboxOf(await call(`/api/users/17/inbox${search}`))
      return [messages.map(({ data }) => data), more]
    }
    assert.deepEqual(await page(''), [[1, 2, 3], true])
    assert.deepEqual(await page('?limit=1'), [[1], true])
    assert.deepEqual(await page('?limit=1000000'), [[1, 2, 3], true])
    assert.deepEqual(refusal(await call('/api/users/17/inbox?limit=0')), [400, 'INVALID_ARGUMENT'])
    await post('/api/publish', { user: '18', data: 1 })
    assert.equal(inboxOf(await call('/api/users/18/inbox?limit=1')).more, false)
  })

  test('an inbox with large messages is cut after a mebibyte, but never to nothing', async (t) => {
    const { call, post } = await startLocalApi(t, { inboxSize: 10, maxPublicationBytes: 2_000_000 })
    for (const size of [1_500_000, 600_000, 600_000]) {
      await post('/api/publish', { user: '17', data: 'x'.repeat(size) })
    }
    const { messages, more } = inboxOf(await call('/api/users/17/inbox'))
    assert.deepEqual([messages.length, more], [1, true])
  })

  test('an inbox that was cleared is empty, and those of others are not', async (t) => {
    const { call, post } = await startLocalApi(t, { inboxSize: 10 })
    for (const user of ['17', '18']) await post('/api/publish', { user, data: 1 })
    done(await post('/api/users/inbox/clear', { user: 17 }))
    const count = async (user: string) => inboxOf(await call(`/api/users/${user}/inbox`)).messages.length
    assert.deepEqual([await count('17'), await count('18')], [0, 1])
  })
})

describe('a token', () => {
  const tokenOf = (user: number, tenant = 1) =>
    signToken(
      { alg: 'HS256', secret: `${USER_TOKEN_PASSWORD}${tenant}` },
      { user_id: user, exp: secondsFromNow(60) },
    )

  test('a token that was revoked lets nobody in until it is restored, and ends the sessions of its user', async (t) => {
    const { post, users, edge } = await startLocalApi(t)
    const token = tokenOf(17)
    const login = () => users.login({ tenant: 1, user: '17', key: token })
    assert.equal(login()?.user, '17')
    done(await post('/api/tokens/revoke', { token }))
    assert.equal(login(), null)
    assert.deepEqual(
      edge.goodbyes.map(({ target }) => target),
      [{ tenant: 1, users: new Set(['17']) }],
    )
    done(await post('/api/tokens/restore', { token }))
    assert.equal(login()?.user, '17')
  })

  test('a token that is none may be revoked and restored, and ends nothing', async (t) => {
    const { post, edge } = await startLocalApi(t)
    for (const what of ['revoke', 'restore']) done(await post(`/api/tokens/${what}`, { token: 'nonsense' }))
    assert.deepEqual(edge.goodbyes, [])
  })

  for (const what of ['revoke', 'restore']) {
    for (const token of ['', 'x'.repeat(601), 17]) {
      test(`a token of ${String(token).length} characters (${typeof token}) is refused by ${what} and not repeated`, async (t) => {
        const { post } = await startLocalApi(t)
        const answer = await post(`/api/tokens/${what}`, { token })
        assert.deepEqual(refusal(answer), [400, 'INVALID_ARGUMENT'])
        assert.match(answer.text, /must be a string of 1 to 600 bytes"/)
      })
    }
  }
})

describe('a store that fails', () => {
  const writes: readonly [path: string, body: object][] = [
    ['/api/publish', { user: '17', data: 1 }],
    ['/api/users/key', { user: '17', key: 'new' }],
    ['/api/users/key/remove', { user: '17' }],
    ['/api/users/data', { user: '17', data: 'new' }],
    ['/api/users/data', { user: '17', data: '' }],
    ['/api/users/inbox/clear', { user: '17' }],
    ['/api/tokens/revoke', { token: 't' }],
    ['/api/tokens/restore', { token: 't' }],
    ['/api/channels/settings', { channel: 'news', historySize: 1 }],
  ]
  for (const [path, body] of writes) {
    test(`a store that fails has ${path} ${JSON.stringify(body)} refused, and everything stays`, async (t) => {
      const failing = failingStore()
      const { call, post, users, edge, failures } = await startLocalApi(t, {
        store: failing.store,
        inboxSize: 10,
      })
      await post('/api/users/key', { user: '17', key: 'old' })
      await post('/api/users/data', { user: '17', data: 'old' })
      await post('/api/publish', { user: '17', data: 1 })
      failing.isFull = true
      assert.deepEqual(refusal(await post(path, body)), [503, 'STORE_FAILED'])
      assert.deepEqual(failures, ['STORE_FAILED'])
      failing.isFull = false
      assert.deepEqual([users.key(1, '17'), users.data(1, '17')], ['old', 'old'])
      const { messages } = (await call('/api/users/17/inbox')).json as { messages: unknown[] }
      assert.equal(messages.length, 1)
      assert.deepEqual(edge.goodbyes, [])
      assert.deepEqual((await call('/api/channels/news/settings')).json, {
        channel: 'news',
        historySize: null,
      })
    })
  }
})

test('operations on users keep to the tenant that the request names', async (t) => {
  const { post, call, url, users, broker } = await startLocalApi(t, { inboxSize: 10, tenant: 3 })
  await post('/api/users/key', { user: '17', key: 'three' })
  await post('/api/users/data', { user: '17', data: 'three' })
  await post('/api/publish', { user: '17', data: 'three' })
  const headers = {
    authorization: `Basic ${Buffer.from('9:').toString('base64')}`,
    'content-type': 'application/json',
  }
  const nine = (path: string, body?: object) =>
    callUrl(url + path, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
  await nine('/api/users/key', { user: '17', key: 'nine' })
  await nine('/api/users/data', { user: '17', data: 'nine' })
  assert.deepEqual([users.key(3, '17'), users.key(9, '17'), users.key(1, '17')], ['three', 'nine', ''])
  assert.deepEqual((await nine('/api/users/17/data')).json, { user: '17', data: 'nine' })
  assert.deepEqual((await call('/api/users/17/data')).json, { user: '17', data: 'three' })
  assert.deepEqual((await nine('/api/users/17/inbox')).json, { user: '17', messages: [], more: false })
  await nine('/api/users/inbox/clear', { user: '17' })
  assert.equal((await broker.inbox(ownChannel(3, '17'), 9)).length, 1)
  await nine('/api/users/key/remove', { user: '17' })
  assert.deepEqual([users.key(3, '17'), users.key(9, '17')], ['three', ''])
  await nine('/api/tokens/revoke', { token: 't' })
  assert.deepEqual([users.isRevoked(3, 't'), users.isRevoked(9, 't')], [false, true])
  await post('/api/tokens/restore', { token: 't' })
  assert.equal(users.isRevoked(9, 't'), true)
})
