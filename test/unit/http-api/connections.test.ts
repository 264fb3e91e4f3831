/**
 * Tests of http-api.ts, read-body.ts and answer.ts against requests as no good client sends them: bytes over a socket.
 */
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { startLocalApi } from '../../support/local-api.ts'
import { until } from '../../support/until.ts'

/** Room for the envelope that a body has on top of the data. */
const ENVELOPE_BYTES = 65_536

const post = (headers: string, body = '') =>
  `POST /api/publish HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`
const json = '{"channel":"news","data":1}'

function answerOf(text: string) {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2)
  const { error } = JSON.parse(body) as { error: { name: string; message: string } }
  return { status: Number(head.split(' ')[1]), name: error.name, message: error.message, head }
}

describe('the body', () => {
  test('a body with no Content-Type is taken for JSON', async (t) => {
    const { exchange } = await startLocalApi(t)
    const text = await exchange(post(`Content-Length: ${json.length}\r\nConnection: close`, json))
    assert.match(text, /^HTTP\/1\.1 200 OK/)
  })

  for (const type of [
    'application/json',
    'Application/JSON; charset=UTF-8',
    'application/json;charset="utf-8"',
  ]) {
    test(`a body of type ${type} is taken`, async (t) => {
      const { exchange } = await startLocalApi(t)
      const head = `Content-Type: ${type}\r\nContent-Length: ${json.length}\r\nConnection: close`
      assert.match(await exchange(post(head, json)), /^HTTP\/1\.1 200 OK/)
    })
  }

  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=latin1',
    'json',
  ]) {
    test(`a body of type ${type} is refused`, async (t) => {
      const { exchange, edge } = await startLocalApi(t, { subscribers: { news: 1 } })
      const answer = answerOf(
        await exchange(post(`Content-Type: ${type}\r\nContent-Length: ${json.length}`, json)),
      )
      assert.deepEqual([answer.status, answer.name], [400, 'INVALID_ARGUMENT'])
      assert.match(answer.message, /^Content-Type must be application\/json/)
      assert.deepEqual(edge.delivered, [])
    })
  }

  test('a body in chunks is put together', async (t) => {
    const { exchange, edge } = await startLocalApi(t, { subscribers: { news: 1 } })
    const chunks = [...json].map((letter) => `1\r\n${letter}\r\n`).join('')
    const head = 'Transfer-Encoding: chunked\r\nConnection: close'
    assert.match(await exchange(post(head, `${chunks}0\r\n\r\n`)), /^HTTP\/1\.1 200 OK/)
    assert.equal(edge.delivered[0]?.data.json().toString(), '1')
  })

  test('a declared length above the limit is refused before the first byte of the body', async (t) => {
    const { exchange, failures } = await startLocalApi(t, { maxPublicationBytes: 1000 })
    const answer = answerOf(await exchange(post(`Content-Length: ${1001 + ENVELOPE_BYTES}`)))
    assert.deepEqual([answer.status, answer.name], [413, 'MESSAGE_TOO_LARGE'])
    assert.match(answer.message, /66537 bytes: at most 66536 bytes/)
    assert.match(answer.head, /Connection: close/)
    assert.deepEqual(failures, ['MESSAGE_TOO_LARGE'])
  })

  test('a client that asks first is told of a body too large instead of being asked to go on', async (t) => {
    const { exchange } = await startLocalApi(t, { maxPublicationBytes: 1000 })
    const text = await exchange(post('Content-Length: 99999\r\nExpect: 100-continue'))
    assert.equal(answerOf(text).status, 413)
    assert.doesNotMatch(text, /100 Continue/)
  })

  test('a client that asks first is asked to go on where the body fits', async (t) => {
    const { exchange } = await startLocalApi(t)
    const head = `Content-Length: ${json.length}\r\nExpect: 100-continue\r\nConnection: close`
    assert.match(await exchange(post(head, json)), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
  })

  test('chunks that grow above the limit are answered and the connection closes', async (t) => {
    const { exchange } = await startLocalApi(t, { maxPublicationBytes: 1000 })
    const chunk = `8000\r\n${' '.repeat(0x8000)}\r\n`
    const answer = answerOf(await exchange(post('Transfer-Encoding: chunked', chunk.repeat(4))))
    assert.deepEqual([answer.status, answer.name], [413, 'MESSAGE_TOO_LARGE'])
  })

  test('a body that exactly fits is read', async (t) => {
    const { exchange } = await startLocalApi(t, { maxPublicationBytes: 1000 })
    const body = json.padEnd(1000 + ENVELOPE_BYTES)
    const text = await exchange(post(`Content-Length: ${body.length}\r\nConnection: close`, body))
    assert.match(text, /^HTTP\/1\.1 200 OK/)
  })

  test('a client that stops half-way is told, and nothing is published', async (t) => {
    const { exchange, edge } = await startLocalApi(t, { subscribers: { news: 1 } })
    const half = post(`Content-Length: ${json.length}`, json.slice(0, 10))
    const answer = answerOf(await exchange(half, { endsInput: true }))
    assert.deepEqual([answer.status, answer.name], [400, 'BAD_MESSAGE'])
    assert.deepEqual(edge.delivered, [])
  })

  test('a client that vanishes half-way leaves nothing behind', async (t) => {
    const { api, call, edge, failures } = await startLocalApi(t, { subscribers: { news: 1 } })
    const socket = connect(api.address.port, '127.0.0.1')
    socket.write(post(`Content-Length: ${json.length}`, json.slice(0, 10)))
    await until(() => socket.bytesWritten > 0 && !socket.connecting, { what: 'the half to be sent' })
    socket.resetAndDestroy()
    assert.equal((await call('/healthz')).status, 200)
    assert.deepEqual(edge.delivered, [])
    // It says that there is no more before it goes: to whom that comes first, half a request was sent.
    assert.ok(failures.length === 0 || failures.join() === 'BAD_MESSAGE', failures.join())
  })

  test('a refusal leaves the connection usable where there was no body', async (t) => {
    const { exchange } = await startLocalApi(t)
    const text = await exchange(
      'GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    )
    assert.match(text, /^HTTP\/1\.1 404 Not Found[\s\S]*HTTP\/1\.1 200 OK[\s\S]*ok\n$/)
  })
})

describe('the request', () => {
  test('an unknown path is answered with a pointer to the document', async (t) => {
    const { call, failures } = await startLocalApi(t)
    const { status, text } = await call('/api/nothing')
    assert.equal(status, 404)
    assert.match(text, /There is nothing at \\"\/api\/nothing\\": \/api\/openapi\.json lists what there is/)
    assert.deepEqual(failures, ['NOT_FOUND'])
  })

  test('a wrong method is answered with those that work', async (t) => {
    const { call } = await startLocalApi(t)
    const { status, headers } = await call('/api/publish', { method: 'PUT', body: '{}' })
    assert.deepEqual([status, headers.get('allow')], [405, 'POST'])
  })

  const broken: readonly [what: string, bytes: string, status: number, code: string][] = [
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'BAD_MESSAGE'],
    ['two lengths', post('Content-Length: 1\r\nContent-Length: 2'), 400, 'BAD_MESSAGE'],
    ['a length that is no number', post('Content-Length: many'), 400, 'BAD_MESSAGE'],
    ['a length and chunks', post('Content-Length: 1\r\nTransfer-Encoding: chunked'), 400, 'BAD_MESSAGE'],
    ['a chunk size that is no number', post('Transfer-Encoding: chunked', 'zz\r\n'), 400, 'BAD_MESSAGE'],
    ['headers above 16 KB', post(`X: ${'x'.repeat(17_000)}`), 413, 'MESSAGE_TOO_LARGE'],
  ]
  for (const [what, bytes, status, code] of broken) {
    test(`${what} is answered with ${code} and the connection closes`, async (t) => {
      const { exchange, failures, call } = await startLocalApi(t)
      const answer = answerOf(await exchange(bytes))
      assert.deepEqual([answer.status, answer.name], [status, code])
      assert.deepEqual(failures, [code])
      assert.equal((await call('/healthz')).status, 200)
    })
  }
})

describe('stop', () => {
  test('stop closes idle connections at once', { timeout: 20_000 }, async (t) => {
    const { api } = await startLocalApi(t)
    const socket = connect(api.address.port, '127.0.0.1')
    socket.resume()
    const closed = once(socket, 'close')
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await until(() => socket.bytesRead > 0, { what: 'the answer' })
    t.mock.timers.enable({ apis: ['setTimeout'] }) // the time that others have to finish never passes
    await Promise.all([api.stop(), closed])
  })

  test('stop lets a request under way finish', async (t) => {
    const steps = new EventEmitter()
    const { api, call } = await startLocalApi(t, {
      exposition: async () => {
        steps.emit('asked')
        await once(steps, 'go')
        return { contentType: 'text/plain', text: 'late 1\n' }
      },
    })
    const asked = once(steps, 'asked')
    const answer = call('/metrics')
    await asked
    const stopped = api.stop()
    steps.emit('go')
    assert.equal((await answer).text, 'late 1\n')
    await stopped
  })

  test('stop does not wait for a client that never finishes its request', async (t) => {
    const { api } = await startLocalApi(t)
    const socket = connect(api.address.port, '127.0.0.1')
    socket.on('error', () => {}) // reset by the node: what is tested
    const closed = once(socket, 'close')
    socket.write(post('Content-Length: 100', '{'))
    await until(() => socket.bytesWritten > 0 && !socket.connecting, { what: 'the request to be sent' })
    await Promise.all([api.stop(), closed])
  })
})
