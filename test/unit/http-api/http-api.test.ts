/**
 * Tests of the operations: the internal HTTP API over a real broker on a real port.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { ListenError, UnavailableError } from '../../../src/errors.ts'
import { startHttpApi } from '../../../src/http-api/http-api.ts'
import { type LogFields, type Logger, silentLogger } from '../../../src/log.ts'
import { books, startLocalApi, stats } from '../../support/local-api.ts'
import { scriptedBroker } from '../../support/scripted-broker.ts'

/** The error body of an answer. */
function errorOf(answer: { readonly json: unknown }) {
  const { error } = answer.json as { error: { code: number; name: string; message: string; retry: boolean } }
  return error
}

describe('publish', () => {
  test('publish gives positions in order and hands the bytes to the edge untouched', async (t) => {
    const { post, edge } = await startLocalApi(t, { subscribers: { news: 1 } })
    const first = await post(
      '/api/publish',
      '{"channel":"news","data":{"id": 12345678901234567890},"event":"e"}',
    )
    const second = await post('/api/publish', { data: null, channel: 'news' })
    assert.deepEqual([first.status, first.json], [200, { epoch: 'k3', offset: 1 }])
    assert.deepEqual(second.json, { epoch: 'k3', offset: 2 })
    assert.deepEqual(
      edge.delivered.map(({ channel, event, user, data }) => [channel, event, user, data.json().toString()]),
      [
        ['news', 'e', '', '{"id": 12345678901234567890}'],
        ['news', '', '', 'null'],
      ],
    )
  })

  for (const user of ['17', 17]) {
    test(`publish reaches the user ${JSON.stringify(user)} on the channel @17`, async (t) => {
      const { post, edge } = await startLocalApi(t, { subscribers: { '@17': 1 } })
      const { json } = await post('/api/publish', { user, data: 'hi' })
      assert.deepEqual(json, { epoch: 'k3', offset: 1 })
      assert.equal(edge.delivered[0]?.channel, '@17')
    })
  }

  test('publish with a key that was used gives the first position and publishes nothing', async (t) => {
    const { post, edge } = await startLocalApi(t, { subscribers: { news: 1, '@17': 1 } })
    const keyed = (target: object, key: string) => post('/api/publish', { ...target, data: 1, key })
    assert.deepEqual((await keyed({ channel: 'news' }, 'k')).json, { epoch: 'k3', offset: 1 })
    assert.deepEqual((await keyed({ channel: 'news' }, '')).json, { epoch: 'k3', offset: 2 })
    assert.deepEqual((await keyed({ channel: 'news' }, 'k')).json, { epoch: 'k3', offset: 1 })
    assert.deepEqual((await keyed({ user: '17' }, 'k')).json, { epoch: 'k3', offset: 1 })
    assert.deepEqual(
      edge.delivered.map(({ channel, offset }) => [channel, offset]),
      [
        ['news', 1],
        ['news', 2],
        ['@17', 1],
      ],
    )
  })

  const refused: readonly [what: string, body: object, status: number, code: string][] = [
    ['an empty channel', { channel: '', data: 1 }, 400, 'INVALID_CHANNEL'],
    ['a channel of 256 bytes', { channel: 'c'.repeat(256), data: 1 }, 400, 'INVALID_CHANNEL'],
    ['a control character in the channel', { channel: 'a\nb', data: 1 }, 400, 'INVALID_CHANNEL'],
    ['a control character in the user', { user: 'a\nb', data: 1 }, 400, 'INVALID_ARGUMENT'],
    ['data above the limit', { channel: 'a', data: 'x'.repeat(1000) }, 413, 'PUBLICATION_TOO_LARGE'],
    ['a key of 129 bytes', { channel: 'a', data: 1, key: 'k'.repeat(129) }, 400, 'INVALID_ARGUMENT'],
    ['a control character in the key', { channel: 'a', data: 1, key: '\n' }, 400, 'INVALID_ARGUMENT'],
    ['a key that is a number', { channel: 'a', data: 1, key: 4711 }, 400, 'INVALID_ARGUMENT'],
    ['a slip in a name', { channle: 'a', data: 1 }, 400, 'INVALID_ARGUMENT'],
  ]
  for (const [what, body, status, code] of refused) {
    test(`publish refuses ${what} and counts it`, async (t) => {
      const { post, failures } = await startLocalApi(t, { maxPublicationBytes: 1000 })
      const answer = await post('/api/publish', body)
      assert.deepEqual([answer.status, errorOf(answer).name], [status, code])
      assert.deepEqual(failures, [code])
    })
  }
})

describe('broadcast', () => {
  test('broadcast answers each channel by itself, in the order asked', async (t) => {
    const { post, failures } = await startLocalApi(t)
    const { status, json } = await post('/api/broadcast', { channels: ['b', '', 'a', 'b'], data: 1 })
    assert.equal(status, 200)
    const { results } = json as { results: { channel: string; offset?: number; error?: { name: string } }[] }
    assert.deepEqual(
      results.map(({ channel, offset, error }) => [channel, offset ?? error?.name]),
      [
        ['b', 1],
        ['', 'INVALID_CHANNEL'],
        ['a', 1],
        ['b', 2],
      ],
    )
    assert.deepEqual(failures, ['INVALID_CHANNEL'])
  })

  test('broadcast with a key counts it for each channel by itself', async (t) => {
    const { post } = await startLocalApi(t)
    const offsetsOf = async (channels: readonly string[]) => {
      const { json } = await post('/api/broadcast', { channels, data: 1, key: 'k' })
      return (json as { results: { offset: number }[] }).results.map(({ offset }) => offset)
    }
    assert.deepEqual(await offsetsOf(['a', 'b']), [1, 1])
    await post('/api/publish', { channel: 'a', data: 1 })
    assert.deepEqual(await offsetsOf(['a', 'b', 'c']), [1, 1, 1])
    assert.deepEqual((await post('/api/publish', { channel: 'a', data: 1 })).json, { epoch: 'k3', offset: 3 })
  })

  test('broadcast refuses more channels than one command may name, and publishes to none', async (t) => {
    const { post, call } = await startLocalApi(t, { maxChannelsPerCommand: 2 })
    const answer = await post('/api/broadcast', { channels: ['a', 'b', 'c'], data: 1 })
    assert.deepEqual([answer.status, errorOf(answer).name], [429, 'CHANNEL_LIMIT'])
    assert.match(errorOf(answer).message, /names 3 channels: at most 2/)
    assert.equal(((await call('/api/channels/a')).json as { offset: number }).offset, 0)
  })
})

describe('disconnect', () => {
  test('disconnect ends the sessions of a user with the code and reason given', async (t) => {
    const { post, edge } = await startLocalApi(t)
    const { json } = await post('/api/disconnect', { user: 17, code: 4501, reason: 'account closed' })
    assert.deepEqual(json, { disconnected: 1 })
    assert.deepEqual(edge.goodbyes, [
      { target: { tenant: 1, user: '17' }, goodbye: { code: 4501, reason: 'account closed' } },
    ])
  })

  test('disconnect ends one session, with a code that means stay away, when none is given', async (t) => {
    const { post, edge } = await startLocalApi(t)
    await post('/api/disconnect', { session: 's1' })
    assert.deepEqual(edge.goodbyes, [
      {
        target: { tenant: 1, session: 's1' },
        goodbye: { code: 3500, reason: 'disconnected by the application' },
      },
    ])
  })

  for (const [what, body] of [
    ['a code outside 3000–4999', { user: '1', code: 1000 }],
    ['a reason of 124 bytes', { user: '1', reason: 'é'.repeat(62) }],
    ['a user and a session', { user: '1', session: 's' }],
  ] as const) {
    test(`disconnect refuses ${what}`, async (t) => {
      const { post, edge } = await startLocalApi(t)
      const answer = await post('/api/disconnect', body)
      assert.deepEqual([answer.status, errorOf(answer).name], [400, 'INVALID_ARGUMENT'])
      assert.deepEqual(edge.goodbyes, [])
    })
  }
})

describe('questions', () => {
  test('a channel is answered with its subscribers and position', async (t) => {
    const { call, post } = await startLocalApi(t, { subscribers: { 'a/b ☄': 12 } })
    await post('/api/publish', { channel: 'a/b ☄', data: 1 })
    const { json } = await call(`/api/channels/${encodeURIComponent('a/b ☄')}`)
    assert.deepEqual(json, { channel: 'a/b ☄', subscribers: 12, epoch: 'k3', offset: 1 })
  })

  test('a channel nobody knows has no subscribers and offset 0', async (t) => {
    const { call } = await startLocalApi(t)
    assert.deepEqual((await call('/api/channels/nobody')).json, {
      channel: 'nobody',
      subscribers: 0,
      epoch: 'k3',
      offset: 0,
    })
  })

  test('a channel name that can not be is refused', async (t) => {
    const { call } = await startLocalApi(t)
    const answer = await call('/api/channels/a%00b')
    assert.deepEqual([answer.status, errorOf(answer).name], [400, 'INVALID_CHANNEL'])
  })

  test('a user is online while a session of theirs is open', async (t) => {
    const { call } = await startLocalApi(t, { subscribers: { '@17': 2 } })
    assert.deepEqual((await call('/api/users/17')).json, { user: '17', online: true })
    assert.deepEqual((await call('/api/users/18')).json, { user: '18', online: false })
  })

  test('a user who is away was last seen when the last session ended, where that is known', async (t) => {
    const users = { online: ['17'], lastSeen: { 18: 1_769_000_000_000 } }
    const { call } = await startLocalApi(t, { wrap: scriptedBroker({ users }).wrap })
    const answer = async (user: string) => (await call(`/api/users/${user}`)).json
    assert.deepEqual(await answer('17'), { user: '17', online: true })
    assert.deepEqual(await answer('18'), { user: '18', online: false, lastSeen: 1_769_000_000_000 })
    assert.deepEqual(await answer('toString'), { user: 'toString', online: false })
  })

  test('a user id that can not be is refused', async (t) => {
    const { call } = await startLocalApi(t)
    const answer = await call(`/api/users/${'u'.repeat(129)}`)
    assert.deepEqual([answer.status, errorOf(answer).name], [400, 'INVALID_ARGUMENT'])
  })

  test('books are those of the node', async (t) => {
    const { call } = await startLocalApi(t)
    assert.deepEqual((await call('/api/books')).json, books)
  })

  test('presence is the count, and the sessions where they are listed', async (t) => {
    const clients = [{ session: 'n1-1', user: '17' }]
    const listed = scriptedBroker({ presence: { count: 2, clients } })
    const { call } = await startLocalApi(t, { wrap: listed.wrap, maxPresenceListed: 1 })
    const answer = await call(`/api/channels/${encodeURIComponent('a/b')}/presence`)
    assert.deepEqual(answer.json, { channel: 'a/b', count: 2, clients })
    assert.deepEqual(listed.presences, [['a/b', 1]])
    const counted = await startLocalApi(t, { subscribers: { news: 3 } })
    const { json } = await counted.call('/api/channels/news/presence')
    assert.deepEqual(json, { channel: 'news', count: 3 })
    const refused = await counted.call('/api/channels/a%00b/presence')
    assert.deepEqual([refused.status, errorOf(refused).name], [400, 'INVALID_CHANNEL'])
  })

  test('stats are the figures of the node', async (t) => {
    const { call } = await startLocalApi(t)
    assert.deepEqual((await call('/api/stats')).json, stats)
  })

  test('metrics are passed on as they are', async (t) => {
    const contentType = 'text/plain; version=0.0.4; charset=utf-8'
    const { call } = await startLocalApi(t, { exposition: async () => ({ contentType, text: 'a 1\n' }) })
    const { text, headers } = await call('/metrics')
    assert.deepEqual([text, headers.get('content-type')], ['a 1\n', contentType])
  })

  test('HEAD is answered like GET, without the body', async (t) => {
    const { call } = await startLocalApi(t)
    const get = await call('/api/stats')
    const head = await call('/api/stats', { method: 'HEAD' })
    assert.deepEqual([head.status, head.text], [200, ''])
    assert.equal(head.headers.get('content-length'), get.headers.get('content-length'))
  })
})

describe('probes', () => {
  test('readiness follows the node, liveness does not, and a no is not counted as a failure', async (t) => {
    let isReady = false
    const { call, failures } = await startLocalApi(t, { key: 's3cret', isReady: () => isReady })
    const before = await call('/readyz')
    assert.deepEqual([before.status, errorOf(before).name], [503, 'DRAINING'])
    assert.deepEqual([(await call('/healthz')).status, (await call('/healthz')).text], [200, 'ok\n'])
    isReady = true
    assert.deepEqual([(await call('/readyz')).status, (await call('/readyz')).text], [200, 'ok\n'])
    assert.deepEqual(failures, [])
  })
})

describe('the key', () => {
  const channel = ['/api/channels/a', '/api/channels/a/history', '/api/channels/a/presence']
  const guarded = [...channel, '/api/stats', '/api/books', '/api/openapi.json', '/metrics']
  for (const path of guarded) {
    test(`${path} asks for the key`, async (t) => {
      const rules = [{ match: 'a', historySize: 1 }]
      const { call, failures } = await startLocalApi(t, { key: 's3cret', rules })
      const without = await call(path)
      assert.deepEqual([without.status, errorOf(without).name], [401, 'KEY_INVALID'])
      assert.equal(without.headers.get('www-authenticate'), 'Bearer realm="encke"')
      assert.equal((await call(path, { headers: { authorization: 'Bearer wrong' } })).status, 401)
      assert.equal((await call(path, { headers: { authorization: 'Bearer s3cret' } })).status, 200)
      assert.deepEqual(failures, ['KEY_INVALID', 'KEY_INVALID'])
    })
  }

  test('a publish without the key publishes nothing', async (t) => {
    const { post, edge } = await startLocalApi(t, { key: 's3cret', subscribers: { news: 1 } })
    assert.equal((await post('/api/publish', { channel: 'news', data: 1 })).status, 401)
    assert.deepEqual(edge.delivered, [])
  })

  test('a page of another origin is refused even where no key is set', async (t) => {
    const { call, edge } = await startLocalApi(t, { subscribers: { news: 1 } })
    const answer = await call('/api/publish', {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
      body: new Blob(['{"channel":"news","data":1}']),
    })
    assert.deepEqual([answer.status, errorOf(answer).name], [403, 'ORIGIN_DENIED'])
    assert.deepEqual(edge.delivered, [])
  })
})

describe('faults', () => {
  test('an exception in an operation is INTERNAL, is logged, and leaves the node serving', async (t) => {
    const lines: [string, LogFields | undefined][] = []
    const log: Logger = { ...silentLogger, error: (message, fields) => void lines.push([message, fields]) }
    const { post, call, failures } = await startLocalApi(t, {
      log,
      wrap: (broker) => ({ ...broker, publish: async () => Promise.reject(new Error('secret detail')) }),
    })
    const answer = await post('/api/publish', { channel: 'a', data: 1 })
    assert.deepEqual([answer.status, errorOf(answer).name], [500, 'INTERNAL'])
    assert.ok(!answer.text.includes('secret detail'))
    assert.deepEqual([lines.length, lines[0]?.[1]?.error, failures], [1, 'secret detail', ['INTERNAL']])
    assert.equal((await call('/api/channels/a')).status, 200)
  })

  test('an error that carries a code is answered with it', async (t) => {
    const { post } = await startLocalApi(t, {
      wrap: (broker) => ({
        ...broker,
        publish: async () => Promise.reject(new UnavailableError('DRAINING', 'Cannot publish: going away')),
      }),
    })
    const answer = await post('/api/publish', { channel: 'a', data: 1 })
    assert.deepEqual([answer.status, errorOf(answer).message], [503, 'Cannot publish: going away'])
  })

  test('a port that is taken is a ListenError that names host, port and cause', async (t) => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    t.after(() => other.close())
    const { port } = other.address() as AddressInfo
    const { api } = await startLocalApi(t)
    assert.notEqual(api.address.port, 0)
    await assert.rejects(
      startHttpApi({
        broker: {} as never, // never reached: it does not come to a request
        users: {} as never,
        observer: {} as never,
        log: silentLogger,
        config: {
          internalHost: '127.0.0.1',
          internalPort: port,
          key: '',
          tenant: 1,
          maxPublicationBytes: 1000,
          maxChannelsPerCommand: 1,
          maxHistoryPerCommand: 1,
          maxPresenceListed: 1,
        },
        exposition: async () => ({ contentType: '', text: '' }),
        isReady: () => true,
        stats: async () => stats,
        books: () => books,
      }),
      (error) =>
        error instanceof ListenError &&
        error.message.includes(`127.0.0.1:${port}`) &&
        /EADDRINUSE/.test(error.message),
    )
  })
})
