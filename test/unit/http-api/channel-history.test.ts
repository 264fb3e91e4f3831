/**
 * Tests of GET /api/channels/:name/history: how it asks the broker, what it answers, what it refuses.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startLocalApi } from '../../support/local-api.ts'
import { newsMessage, scriptedBroker } from '../../support/scripted-broker.ts'

/** The error body of an answer. */
function errorOf(answer: { readonly json: unknown }) {
  return (answer.json as { error: { name: string; message: string } }).error
}

describe('history', () => {
  const path = '/api/channels/news/history'
  const asked: readonly [search: string, query: object][] = [
    ['', { since: null, limit: 1000, isReverse: false }],
    ['?', { since: null, limit: 1000, isReverse: false }],
    ['?limit=10&order=asc', { since: null, limit: 10, isReverse: false }],
    ['?limit=1000000&order=desc', { since: null, limit: 1000, isReverse: true }],
    ['?epoch=k3.1&offset=41', { since: { epoch: 'k3.1', offset: 41 }, limit: 1000, isReverse: false }],
    ['?epoch=&offset=0', { since: { epoch: '', offset: 0 }, limit: 1000, isReverse: false }],
  ]
  for (const [search, query] of asked) {
    test(`history${search} asks the broker as it should`, async (t) => {
      const script = scriptedBroker()
      const { call } = await startLocalApi(t, { wrap: script.wrap })
      const { status, json } = await call(path + search)
      assert.deepEqual([status, json], [200, { epoch: 'k3', offset: 0, publications: [] }])
      assert.deepEqual(script.queries, [['news', query]])
    })
  }

  test('history gives publications byte for byte, and what is gone', async (t) => {
    const messages = [newsMessage(43, '{"id": 12345678901234567890}'), newsMessage(44, '1.0', 'é', '17')]
    const gap = { from: 42, to: 42, reason: 'trimmed' } as const
    const page = { position: { epoch: 'k"3', offset: 44 }, messages, timesMs: [1, 2], gap }
    const { call } = await startLocalApi(t, { wrap: scriptedBroker({ history: page }).wrap })
    const { text, headers } = await call(path)
    assert.equal(headers.get('content-type'), 'application/json')
    assert.equal(
      text,
      '{"epoch":"k\\"3","offset":44,"publications":[{"channel":"news","offset":43,"data":{"id": 12345678901234567890}},{"channel":"news","offset":44,"event":"é","user":"17","data":1.0}],"gap":{"from":42,"to":42,"reason":"trimmed"}}',
    )
  })

  test('history comes from what the rule of the channel keeps', async (t) => {
    const { call, post } = await startLocalApi(t, { rules: [{ match: 'kept', historySize: 2 }] })
    for (const data of [1, 2, 3]) await post('/api/publish', { channel: 'kept', data })
    const offsets = async (search: string) => {
      const { json } = await call(`/api/channels/kept/history${search}`)
      return (json as { publications: { offset: number }[] }).publications.map(({ offset }) => offset)
    }
    assert.deepEqual(await offsets(''), [2, 3])
    assert.deepEqual(await offsets('?order=desc&limit=1'), [3])
    assert.deepEqual(await offsets('?epoch=k3&offset=2'), [3])
    const off = await call(path)
    assert.deepEqual([off.status, errorOf(off).name], [409, 'HISTORY_OFF'])
  })

  const refused: readonly [search: string, text: RegExp][] = [
    ['?limit=0', /^Parameter "limit" must be an integer from 1 to 1000000: "0" given$/],
    ['?epoch=k3', /^Query has "epoch" and lacks "offset": a position is both$/],
    ['?offset=1', /^Query has "offset" and lacks "epoch": a position is both$/],
    [
      '?epoch=k3&offset=9007199254740992',
      /^Parameter "offset" must be an integer from 0 to 9007199254740991/,
    ],
    [`?offset=1&epoch=${'e'.repeat(65)}`, /^Parameter "epoch" must be at most 64 characters/],
    ['?order=newest', /^Parameter "order" must be asc or desc/],
    ['?since=41', /^Query has an unknown parameter "since"/],
  ]
  for (const [search, text] of refused) {
    test(`history${search.slice(0, 30)} is refused and asks for nothing`, async (t) => {
      const script = scriptedBroker()
      const { call, failures } = await startLocalApi(t, { wrap: script.wrap })
      const answer = await call(path + search)
      assert.deepEqual([answer.status, errorOf(answer).name], [400, 'INVALID_ARGUMENT'])
      assert.match(errorOf(answer).message, text)
      assert.deepEqual([script.queries, failures], [[], ['INVALID_ARGUMENT']])
    })
  }

  test('a query is ignored where an operation has none', async (t) => {
    const { call } = await startLocalApi(t)
    assert.equal((await call('/api/channels/news?limit=nonsense')).status, 200)
  })
})
