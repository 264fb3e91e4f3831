/**
 * Tests of the settings of a channel and of clearing its history.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { UnavailableError } from '../../../src/errors.ts'
import { type CallAnswer, type LocalApi, startLocalApi } from '../../support/local-api.ts'

/** Status and code of a refusal. */
function refusal({ status, json }: CallAnswer): readonly [status: number, name: string] {
  return [status, (json as { error: { name: string } }).error.name]
}

async function keptOffsets({ call }: LocalApi, channel: string): Promise<number[]> {
  const { json } = await call(`/api/channels/${encodeURIComponent(channel)}/history`)
  return (json as { publications: { offset: number }[] }).publications.map(({ offset }) => offset)
}

async function publish({ post }: LocalApi, channel: string, count: number): Promise<void> {
  for (let data = 0; data < count; data++) await post('/api/publish', { channel, data })
}

describe('settings', () => {
  test('settings say how much history a channel keeps, over its rule, until they are taken away', async (t) => {
    const api = await startLocalApi(t, { rules: [{ match: 'a/b', historySize: 1 }] })
    const { call, post } = api
    const set = (historySize: number | null) =>
      post('/api/channels/settings', { channel: 'a/b', historySize })
    const now = async () => (await call('/api/channels/a%2Fb/settings')).json
    assert.deepEqual(await now(), { channel: 'a/b', historySize: null })

    const answer = await set(2)
    assert.deepEqual([answer.status, answer.json], [200, { channel: 'a/b', historySize: 2 }])
    assert.deepEqual(await now(), { channel: 'a/b', historySize: 2 })
    await publish(api, 'a/b', 3)
    assert.deepEqual(await keptOffsets(api, 'a/b'), [2, 3])

    assert.deepEqual((await set(null)).json, { channel: 'a/b', historySize: null })
    assert.deepEqual(await now(), { channel: 'a/b', historySize: null })
    await publish(api, 'a/b', 1)
    assert.equal((await keptOffsets(api, 'a/b')).length, 1)
  })

  test('settings of 0 turn the history of a channel off', async (t) => {
    const { call, post } = await startLocalApi(t, { rules: [{ match: 'kept', historySize: 5 }] })
    await post('/api/channels/settings', { channel: 'kept', historySize: 0 })
    assert.deepEqual(refusal(await call('/api/channels/kept/history')), [409, 'HISTORY_OFF'])
  })

  for (const historySize of [-1, 1_000_001, 1.5, '1']) {
    test(`settings of ${JSON.stringify(historySize)} are refused`, async (t) => {
      const { call, post } = await startLocalApi(t)
      const answer = await post('/api/channels/settings', { channel: 'a', historySize })
      assert.deepEqual(refusal(answer), [400, 'INVALID_ARGUMENT'])
      assert.deepEqual((await call('/api/channels/a/settings')).json, { channel: 'a', historySize: null })
    })
  }

  test('settings without a size are refused: nothing said is not null', async (t) => {
    const { post } = await startLocalApi(t)
    const answer = await post('/api/channels/settings', { channel: 'a' })
    assert.deepEqual(refusal(answer), [400, 'INVALID_ARGUMENT'])
  })
})

describe('clearing', () => {
  test('clearing forgets the history of a channel, its position stays', async (t) => {
    const api = await startLocalApi(t, { rules: [{ match: '*', historySize: 5 }] })
    await publish(api, 'a', 3)
    await publish(api, 'b', 1)
    const answer = await api.post('/api/channels/history/clear', { channel: 'a' })
    assert.deepEqual([answer.status, answer.json], [200, {}])
    assert.deepEqual([await keptOffsets(api, 'a'), await keptOffsets(api, 'b')], [[], [1]])
    await publish(api, 'a', 1)
    assert.deepEqual(await keptOffsets(api, 'a'), [4])
  })

  test('clearing a channel nobody knows is no error', async (t) => {
    const { post } = await startLocalApi(t)
    assert.equal((await post('/api/channels/history/clear', { channel: 'nobody' })).status, 200)
  })

  test('clearing that can not be written is refused', async (t) => {
    const { post } = await startLocalApi(t, {
      wrap: (broker) => ({
        ...broker,
        clearHistory: () => Promise.reject(new UnavailableError('STORE_FAILED', 'The disk is full')),
      }),
    })
    assert.deepEqual(refusal(await post('/api/channels/history/clear', { channel: 'a' })), [
      503,
      'STORE_FAILED',
    ])
  })
})

for (const [what, ask] of [
  ['settings', ({ call }: LocalApi) => call('/api/channels/7%01c/settings')],
  ['set', ({ post }: LocalApi) => post('/api/channels/settings', { channel: '7\u0001c', historySize: 1 })],
  ['clear', ({ post }: LocalApi) => post('/api/channels/history/clear', { channel: '7\u0001c' })],
] as const) {
  test(`a channel name that can not be is refused: ${what}`, async (t) => {
    assert.deepEqual(refusal(await ask(await startLocalApi(t))), [400, 'INVALID_CHANNEL'])
  })
}
