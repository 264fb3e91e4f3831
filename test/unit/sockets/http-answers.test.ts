/**
 * Tests of src/sockets/http-answers.ts: statuses, bodies, and what pages of other origins may read.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CodeName, codes } from '../../../src/codes.ts'
import { createHttpAnswers, statusText } from '../../../src/sockets/http-answers.ts'
import { recordingExchange } from '../../support/recording-exchange.ts'

const ORIGIN = 'https://example.com'

function refused(code: CodeName, hasOrigins = false) {
  const exchange = recordingExchange({ headers: { origin: ORIGIN } })
  createHttpAnswers(hasOrigins).refuse(exchange, code, 'No')
  assert.ok(exchange.answered)
  return exchange.answered
}

describe('http answers', () => {
  test('http answers give JSON that nobody keeps and every page may read', () => {
    const exchange = recordingExchange()
    createHttpAnswers(false).json(exchange, Buffer.from('[]'))
    assert.equal(exchange.answered?.status, '200 OK')
    assert.equal(exchange.answered?.body, '[]')
    const { headers } = exchange.answered ?? {}
    assert.equal(headers?.['content-type'], 'application/json')
    assert.equal(headers?.['cache-control'], 'no-store')
    assert.equal(headers?.['access-control-allow-origin'], '*')
    assert.equal(headers?.vary, undefined)
  })

  test('http answers refuse with the status of the code and the face of the error', () => {
    const { status, body } = refused('CAPSULE_EXPIRED')
    assert.equal(status, '401 Unauthorized')
    const { code, name, message, retry } = JSON.parse(body).error
    assert.deepEqual([code, name, message, retry], [147, 'CAPSULE_EXPIRED', 'No', true])
  })

  test('http answers say when to come back only where a whole node is out of reach for a while', () => {
    const told = (Object.keys(codes) as CodeName[]).filter((code) => 'retry-after' in refused(code).headers)
    assert.ok(told.includes('DRAINING') && told.includes('CONNECTION_LIMIT'))
    for (const code of told) assert.deepEqual([codes[code].http, codes[code].retry], [503, true])
  })

  test('http answers name the origin where only some are allowed, and say that it matters', () => {
    for (const { headers } of [refused('BAD_MESSAGE', true), refused('BAD_MESSAGE', true)]) {
      assert.equal(headers['access-control-allow-origin'], ORIGIN)
      assert.equal(headers.vary, 'origin')
    }
  })

  test('http answers keep apart the origins of requests that follow each other', () => {
    const answers = createHttpAnswers(true)
    for (let n = 0; n < 300; n++) {
      const origin = `https://${n % 150}.example.com`
      const exchange = recordingExchange({ headers: { origin } })
      answers.json(exchange, '[]')
      assert.equal(exchange.answered?.headers['access-control-allow-origin'], origin)
    }
  })

  test('http answers let pages ask in advance, without a body', () => {
    const exchange = recordingExchange({ method: 'OPTIONS' })
    createHttpAnswers(false).preflight(exchange)
    const { status, headers, body } = exchange.answered ?? {}
    assert.deepEqual([status, body], ['204 No Content', ''])
    assert.equal(headers?.['access-control-allow-methods'], 'POST, GET, OPTIONS')
    assert.equal(headers?.['access-control-allow-headers'], 'content-type, last-event-id')
    assert.equal(headers?.['access-control-max-age'], '86400')
  })

  test('http answers open a stream that no proxy may keep, collect or pack', () => {
    const headers = createHttpAnswers(false).streamHeaders(recordingExchange())
    assert.equal(headers['content-type'], 'text/event-stream')
    assert.equal(headers['cache-control'], 'no-store, no-transform')
    assert.equal(headers['x-accel-buffering'], 'no')
    assert.equal(headers['access-control-allow-origin'], '*')
  })

  test('status text begins with the status, for those that clients of the public port can be given', () => {
    const given: CodeName[] = [
      'BAD_MESSAGE',
      'CAPSULE_INVALID',
      'ORIGIN_DENIED',
      'NOT_FOUND',
      'SESSION_MOVED',
      'MESSAGE_TOO_LARGE',
      'CONNECTION_IP_LIMIT',
      'INTERNAL',
      'CONNECTION_LIMIT',
    ]
    for (const code of given) {
      assert.match(statusText(codes[code].http), new RegExp(`^${codes[code].http} [A-Z]`))
    }
  })
})
