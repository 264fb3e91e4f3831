/**
 * Tests of src/sockets/http-route.ts: what every route over HTTP does before its transport has a say.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { silentObserver } from '../../../src/core/observer.ts'
import { createHttpAnswers } from '../../../src/sockets/http-answers.ts'
import { type HttpRoute, refuse, serveHttpRoute } from '../../../src/sockets/http-route.ts'
import type { Exchange, ExchangeRoute } from '../../../src/uws/exchange.ts'
import { recordingExchange } from '../../support/recording-exchange.ts'

const MAX_BODY_BYTES = 100

function setUp(options: Partial<HttpRoute> = {}) {
  const routes: ExchangeRoute[] = []
  const requests: Exchange[] = []
  const seen: [what: string, ...values: unknown[]][] = []
  const observer = {
    ...silentObserver,
    received: (...values: unknown[]) => void seen.push(['received', ...values]),
    commandFailed: (...values: unknown[]) => void seen.push(['failed', ...values]),
  }
  const deps = {
    app: { exchange: (route: ExchangeRoute) => void routes.push(route) },
    answers: createHttpAnswers(false),
    observer,
  }
  serveHttpRoute(deps, {
    path: '/poll',
    methods: ['POST'],
    transport: 'long-poll',
    maxBodyBytes: MAX_BODY_BYTES,
    headers: [],
    addresses: null,
    request: (exchange) => void requests.push(exchange),
    ...options,
  })
  return { deps, route: routes[0] ?? assert.fail('no route'), requests, seen }
}

describe('http route', () => {
  test('http route answers a preflight by itself, and counts nothing', () => {
    const { route, requests, seen } = setUp()
    const exchange = recordingExchange({ method: 'OPTIONS' })
    route.request(exchange)
    assert.equal(exchange.answered?.status, '204 No Content')
    assert.deepEqual([requests, seen], [[], []])
  })

  test('http route hands on every other request with its bytes counted for its transport', () => {
    const { route, requests, seen } = setUp({ transport: 'sse' })
    const exchange = recordingExchange({ body: '{"é":1}' })
    route.request(exchange)
    assert.deepEqual(requests, [exchange])
    assert.deepEqual(seen, [['received', 'sse', 8]])
    assert.equal(exchange.answered, null)
  })

  test('http route refuses a body that is too large and names the bound', () => {
    const { route, requests, seen } = setUp()
    const exchange = recordingExchange()
    route.tooLarge(exchange)
    assert.match(exchange.answered?.status ?? '', /^413 /)
    assert.match(exchange.answered?.body ?? '', /"Body is larger than 100 bytes"/)
    assert.deepEqual(seen, [['failed', 'MESSAGE_TOO_LARGE']])
    assert.deepEqual(requests, [])
  })

  test('http route takes the methods it was given, and preflights', () => {
    assert.deepEqual(setUp().route.methods, ['POST', 'OPTIONS'])
    assert.deepEqual(setUp({ methods: ['GET', 'POST'] }).route.methods, ['GET', 'POST', 'OPTIONS'])
  })

  const kept: readonly [
    addresses: HttpRoute['addresses'],
    headers: readonly string[],
    keepsAddress: boolean,
  ][] = [
    [null, ['a'], false],
    [{ clientIpHeader: '', maxConnectionsPerIp: 0 }, ['a'], false],
    [{ clientIpHeader: '', maxConnectionsPerIp: 3 }, ['a'], true],
    [{ clientIpHeader: 'X-Real-IP', maxConnectionsPerIp: 0 }, ['a', 'x-real-ip'], false],
    [{ clientIpHeader: 'X-Real-IP', maxConnectionsPerIp: 3 }, ['a', 'x-real-ip'], true],
  ]
  for (const [addresses, headers, keepsAddress] of kept) {
    test(`http route keeps of a request what the gate needs with ${JSON.stringify(addresses)}`, () => {
      const { route } = setUp({ headers: ['a'], addresses })
      assert.deepEqual([route.headers, route.keepsAddress], [headers, keepsAddress])
    })
  }

  test('a refusal is answered with the status of its code and counted once', () => {
    const { deps, seen } = setUp()
    const exchange = recordingExchange()
    refuse(deps, exchange, { failed: 'CAPSULE_EXPIRED', message: 'Too old' })
    assert.equal(exchange.answered?.status, '401 Unauthorized')
    assert.equal(JSON.parse(exchange.answered?.body ?? '').error.message, 'Too old')
    assert.deepEqual(seen, [['failed', 'CAPSULE_EXPIRED']])
  })
})
