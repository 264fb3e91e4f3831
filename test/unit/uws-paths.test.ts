/**
 * Tests of src/uws.ts: addresses as they were sent, and routes that begin alike.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { loadUws } from '../../src/uws.ts'
import { callUrl } from '../support/local-api.ts'

const uws = await loadUws()

function start(t: TestContext) {
  const app = uws.createApp((error) => assert.fail(String(error)))
  t.after(() => app.close())
  return app
}

test('upgrade knows its path and query as they were sent, below any of several paths', async (t) => {
  const app = start(t)
  const seen: [path: string, url: string][] = []
  for (const path of ['/ws', '/ws/*', '//ws/*']) {
    app.webSocket<object>({
      path,
      maxPayloadBytes: 100,
      maxBackpressureBytes: 1_000,
      idleTimeoutMs: 60_000,
      upgrade(request) {
        seen.push([path, request.url()])
        return { accept: {}, protocol: '' }
      },
      open() {},
      message() {},
      dropped() {},
      drain() {},
      close() {},
    })
  }
  const port = await app.listen('127.0.0.1', 0)
  const expected: [path: string, url: string][] = [
    ['/ws', '/ws'],
    ['/ws', '/ws?a=b'],
    ['/ws/*', '/ws/'],
    ['/ws/*', '/ws/a=b/c+d==&e%20f'],
    ['/ws/*', '/ws/?a=b&c'],
    ['//ws/*', '//ws/a=b'],
  ]
  for (const [, url] of expected) {
    const client = new WebSocket(`ws://127.0.0.1:${port}${url}`)
    t.after(() => client.terminate())
    await once(client, 'open')
  }
  assert.deepEqual(seen, expected)
})

test('exchange knows its path where its route leaves it open, and exact routes come first', async (t) => {
  const app = start(t)
  for (const path of ['/*', '/exact']) {
    app.exchange({
      path,
      methods: ['POST'],
      maxBodyBytes: 100,
      headers: [],
      keepsAddress: false,
      request: (exchange) => exchange.answer('200 OK', {}, `${path} ${exchange.path} ${exchange.body}`),
      tooLarge: (exchange) => exchange.answer('413 Content Too Large', {}, exchange.path),
    })
  }
  app.fallback(() => ({ status: '404 Not Found', headers: {}, body: '' }))
  const port = await app.listen('127.0.0.1', 0)
  const ask = async (path: string, body = 'b') =>
    (await callUrl(`http://127.0.0.1:${port}${path}`, { method: 'POST', body })).text
  assert.equal(await ask('/a=b&c/d?e'), '/* /a=b&c/d b')
  assert.equal(await ask('/exact'), '/exact /exact b')
  assert.equal(await ask('/long', 'x'.repeat(200)), '/long')
  assert.equal((await callUrl(`http://127.0.0.1:${port}/a`)).status, 404)
})
