/**
 * Tests of HTTP exchanges over real sockets: requests in any pieces, lost peers, broken handlers. Their answers are the
 * subject of uws-http-answers.test.ts.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createConnectionGate } from '../../src/sockets/connection-gate.ts'
import { arrival, dial, dialSlowly, echo, get, MAX_BODY_BYTES, post, start } from '../support/exchanges.ts'
import { until } from '../support/until.ts'

describe('requests of an exchange', () => {
  test('a request is answered whose head and body come byte by byte', async (t) => {
    const { port } = await start(t, { request: echo })
    const client = await dial(t, port)
    // The first line stays whole: splitting it there is a bug of some builds of the library, not ours.
    const [line = '', ...rest] = post('{"id":1}')
      .toString()
      .split(/(?<=HTTP\/1\.1\r\n)/)
    client.socket.write(line)
    for (const byte of rest.join('')) {
      await nextTurn()
      client.socket.write(byte)
    }
    assert.equal((await client.answer()).body.toString(), 'POST {"id":1}')
  })

  test('a body in many pieces arrives whole and in order', async (t) => {
    const { port } = await start(t, { request: echo, maxBodyBytes: 100_000 })
    const client = await dial(t, port)
    const body = randomBytes(30_000)
    const bytes = post(body)
    for (let at = 0; at < bytes.length; at += 700) {
      client.socket.write(bytes.subarray(at, at + 700))
      await nextTurn()
    }
    assert.deepEqual((await client.answer()).body, Buffer.concat([Buffer.from('POST '), body]))
  })

  test('a chunked body arrives as one', async (t) => {
    const { port } = await start(t, { request: echo })
    const client = await dial(t, port)
    client.socket.write('POST /poll HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
    await nextTurn()
    client.socket.write('2\r\nde\r\n0\r\n\r\n')
    assert.equal((await client.answer()).body.toString(), 'POST abcde')
  })

  test('a body is the receiver’s own: what comes after does not change it', async (t) => {
    const bodies: Buffer[] = []
    const { port } = await start(t, {
      request: (exchange) => {
        bodies.push(exchange.body)
        exchange.answer('200 OK', {}, '')
      },
    })
    const client = await dial(t, port)
    for (const body of ['first', 'other']) {
      client.socket.write(post(body))
      await client.answer()
    }
    assert.deepEqual(bodies.map(String), ['first', 'other'])
  })

  for (const [size, pieces] of [
    [MAX_BODY_BYTES, 1],
    [MAX_BODY_BYTES, 7],
    [MAX_BODY_BYTES + 1, 1],
    [MAX_BODY_BYTES + 1, 7],
    [300_000, 30],
  ] as const) {
    const status = size > MAX_BODY_BYTES ? 413 : 200
    test(`a body of ${size} bytes in ${pieces} pieces is ${status}, and the connection stays usable`, async (t) => {
      const { port } = await start(t, { request: echo })
      const client = await dial(t, port)
      const bytes = post('x'.repeat(size))
      for (let i = 0; i < pieces; i++) {
        client.socket.write(bytes.subarray((bytes.length * i) / pieces, (bytes.length * (i + 1)) / pieces))
        await nextTurn()
      }
      const answer = await client.answer()
      assert.equal(answer.status, status)
      assert.equal(answer.body.toString(), status === 200 ? `POST ${'x'.repeat(size)}` : 'Too large')
      client.socket.write(post('again'))
      assert.equal((await client.answer()).body.toString(), 'POST again')
    })
  }

  test('a body that goes on far above the bound gets its connection closed', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write('POST /poll HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n')
    const piece = Buffer.alloc(262_144)
    await until(
      async () => {
        if (!client.isClosed() && !client.socket.write(piece)) await nextTurn()
        return client.isClosed()
      },
      { withinMs: 20_000 },
    )
    assert.ok(client.socket.bytesWritten > 16_777_216)
    assert.equal(waiting.length, 0)
  })

  test('GET has a query and no body', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write(get('?channel=a&channel=b%20c'))
    const exchange = await arrival(waiting)
    assert.deepEqual(
      [exchange.method, exchange.query, exchange.body.length, exchange.isOpen],
      ['GET', 'channel=a&channel=b%20c', 0, true],
    )
  })

  test('kept headers are readable later, others and the address are not kept', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write(get('', 'Origin: https://a.example\r\nX-Kept: 1\r\nX-Other: 2\r\nX-Kept: 3\r\n'))
    const exchange = await arrival(waiting)
    await nextTurn()
    assert.deepEqual(
      ['origin', 'x-kept', 'x-other'].map((name) => [exchange.header(name), exchange.lastHeader(name)]),
      [
        ['https://a.example', 'https://a.example'],
        ['1', '3'],
        ['', ''],
      ],
    )
    assert.equal(exchange.address(), '')
  })

  test('a connection gate judges an exchange as it does an upgrade, after the handler too', async (t) => {
    const { port, waiting } = await start(t, { keepsAddress: true })
    const gate = createConnectionGate({
      maxConnections: 10,
      maxConnectionsPerIp: 1,
      clientIpHeader: '',
      origins: ['https://a.example'],
    })
    const client = await dial(t, port)
    client.socket.write(post('', 'Origin: https://a.example\r\n'))
    const exchange = await arrival(waiting)
    assert.equal(gate.check(exchange), null)
    assert.equal(gate.enter(exchange), '127.0.0.1')
    const refusal = gate.check(exchange)
    assert.equal(refusal?.failed, 'CONNECTION_IP_LIMIT')
  })

  test('methods that are not the route’s get the fallback', async (t) => {
    const { port } = await start(t, { methods: ['POST'], request: echo })
    for (const method of ['GET', 'OPTIONS', 'DELETE']) {
      const client = await dial(t, port)
      client.socket.write(get('', '', method))
      assert.equal((await client.answer()).status, 404)
    }
  })
})

describe('the end of an exchange', () => {
  test('a peer that vanishes is told once, and an answer afterwards is harmless', async (t) => {
    const { port, waiting, faults } = await start(t)
    const client = await dial(t, port)
    client.socket.write(post('{}'))
    const exchange = await arrival(waiting)
    let gone = 0
    exchange.onGone(() => gone++)
    client.socket.destroy()
    await until(() => gone > 0)
    assert.equal(exchange.isOpen, false)
    exchange.answer('200 OK', {}, 'too late')
    exchange.startStream('200 OK', {})
    assert.equal(exchange.write(Buffer.from('too late')), false)
    exchange.endStream()
    exchange.abort()
    await nextTurn()
    assert.deepEqual([gone, faults], [1, []])
  })

  test('a peer that vanishes in the middle of its body is never seen', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write(post('0123456789').subarray(0, -5))
    await nextTurn()
    client.socket.destroy()
    const other = await dial(t, port)
    other.socket.write(post('whole'))
    assert.equal((await arrival(waiting)).isOpen, true)
    assert.equal(waiting.length, 1)
  })

  for (const begin of ['large answer', 'stream'] as const) {
    test(`a peer that vanishes in the middle of a ${begin} is told`, async (t) => {
      const { port, waiting } = await start(t)
      const socket = await dialSlowly(t, port, get())
      const exchange = await arrival(waiting)
      let gone = 0
      exchange.onGone(() => gone++)
      if (begin === 'stream') {
        exchange.startStream('200 OK', {})
        assert.equal(exchange.write(Buffer.alloc(20_000_000)), false)
      } else exchange.answer('200 OK', {}, Buffer.alloc(20_000_000))
      socket.destroy()
      await until(() => gone === 1)
      assert.equal(exchange.isOpen, false)
    })
  }

  test('after an answer the end of the connection is nobody’s concern', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write(get())
    const exchange = await arrival(waiting)
    let gone = 0
    exchange.onGone(() => gone++)
    exchange.answer('200 OK', {}, 'x')
    await client.answer()
    client.socket.destroy()
    const other = await dial(t, port)
    other.socket.write(get())
    await until(() => waiting.length === 2)
    assert.equal(gone, 0)
  })

  for (const when of ['at once', 'later', 'in a stream', 'in onRoom'] as const) {
    test(`abort ${when} closes the connection and tells nobody`, async (t) => {
      let gone = 0
      const { port, waiting, faults } = await start(t, {
        request(exchange) {
          exchange.onGone(() => gone++)
          if (when === 'at once') exchange.abort()
          waiting.push(exchange)
        },
      })
      const client = await dial(t, port)
      if (when === 'in onRoom') client.socket.pause()
      client.socket.write(post('{}'))
      const exchange = await arrival(waiting)
      if (when === 'later') exchange.abort()
      else if (when !== 'at once') {
        exchange.startStream('200 OK', {})
        exchange.onRoom(() => exchange.abort())
        exchange.write(Buffer.alloc(when === 'in a stream' ? 3 : 9_000_000))
        await nextTurn()
        if (when === 'in a stream') exchange.abort()
        else client.socket.resume()
      }
      await until(client.isClosed)
      assert.deepEqual([gone, exchange.isOpen, faults], [0, false, []])
    })
  }

  test('a second request while the first waits closes the connection, and nothing else', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write(post('1'))
    const exchange = await arrival(waiting)
    let gone = 0
    exchange.onGone(() => gone++)
    client.socket.write(post('2'))
    await until(client.isClosed)
    assert.deepEqual([gone, waiting.length], [1, 1])
    const other = await dial(t, port)
    other.socket.write(post('3'))
    const next = await until(() => waiting[1])
    next.answer('200 OK', {}, 'alive')
    assert.equal((await other.answer()).body.toString(), 'alive')
  })
})

describe('exceptions in an exchange', () => {
  for (const [method, request] of [
    ['GET', get()],
    ['POST', post('{}')],
    ['a large POST', post('x'.repeat(MAX_BODY_BYTES + 1))],
  ] as const) {
    test(`an exception in the handler of ${method} is a 500 and reported`, async (t) => {
      const broken = () => {
        throw new Error('Broken handler')
      }
      const { port, faults } = await start(t, { request: broken, tooLarge: broken })
      const client = await dial(t, port)
      for (let i = 0; i < 2; i++) {
        client.socket.write(request)
        assert.equal((await client.answer()).status, 500)
      }
      assert.deepEqual(faults.map(String), ['Error: Broken handler', 'Error: Broken handler'])
    })
  }

  test('an exception after the answer is reported and changes nothing', async (t) => {
    const { port, faults } = await start(t, {
      request(exchange) {
        exchange.answer('200 OK', {}, 'done')
        throw new Error('Broken after')
      },
    })
    const client = await dial(t, port)
    client.socket.write(get())
    assert.equal((await client.answer()).body.toString(), 'done')
    assert.equal(faults.length, 1)
  })

  test('an exception after the begin of a stream closes the connection', async (t) => {
    const { port, faults } = await start(t, {
      request(exchange) {
        exchange.startStream('200 OK', {})
        throw new Error('Broken stream')
      },
    })
    const client = await dial(t, port)
    client.socket.write(get())
    await until(client.isClosed)
    assert.equal(faults.length, 1)
  })

  test('exceptions in onGone and onRoom are reported', async (t) => {
    const { port, waiting, faults } = await start(t)
    const client = await dial(t, port)
    client.socket.pause()
    client.socket.write(get())
    const exchange = await arrival(waiting)
    exchange.onGone(() => {
      throw new Error('Broken onGone')
    })
    exchange.onRoom(() => {
      throw new Error('Broken onRoom')
    })
    exchange.startStream('200 OK', {})
    exchange.write(Buffer.alloc(9_000_000))
    client.socket.resume()
    await until(() => faults.length === 1)
    client.socket.destroy()
    await until(() => faults.length === 2)
    assert.deepEqual(faults.map(String), ['Error: Broken onRoom', 'Error: Broken onGone'])
  })
})
