/**
 * Tests of the answers of HTTP exchanges over real sockets: now or later, as a whole or in parts, and to readers so slow
 * that every buffer on the way is full.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Exchange } from '../../src/uws/exchange.ts'
import {
  arrival,
  dial,
  dialSlowly,
  END_OF_CHUNKS,
  get,
  isEnded,
  post,
  readSlowly,
  start,
  unchunked,
} from '../support/exchanges.ts'
import { until } from '../support/until.ts'

describe('answers of an exchange', () => {
  test('an answer may come later, with status, headers and length', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write(post('{}'))
    const exchange = await arrival(waiting)
    await nextTurn()
    assert.equal(exchange.body.length, 0, 'the body was given up')
    exchange.answer('202 Accepted', { 'x-a': 'b' }, '[]ö')
    assert.equal(exchange.isOpen, false)
    const { status, headers, body } = await client.answer()
    assert.deepEqual([status, headers.get('x-a'), headers.get('content-length')], [202, 'b', '4'])
    assert.equal(body.toString(), '[]ö')
  })

  test('an answer with status 204 has no length', async (t) => {
    const { port } = await start(t, {
      request: (exchange) => exchange.answer('204 No Content', { 'x-a': 'b' }, ''),
    })
    const client = await dial(t, port)
    for (let i = 0; i < 2; i++) {
      client.socket.write(get('', '', 'OPTIONS'))
      const { status, headers } = await client.answer()
      assert.deepEqual([status, headers.get('x-a'), headers.has('content-length')], [204, 'b', false])
    }
  })

  test('only the first answer counts', async (t) => {
    const { port, waiting, faults } = await start(t)
    const client = await dial(t, port)
    client.socket.write(get())
    const exchange = await arrival(waiting)
    exchange.answer('200 OK', {}, 'first')
    exchange.answer('200 OK', {}, 'second')
    exchange.startStream('200 OK', {})
    assert.equal(exchange.write(Buffer.from('third')), false)
    exchange.endStream()
    exchange.abort()
    assert.equal((await client.answer()).body.toString(), 'first')
    client.socket.write(get('?again'))
    const again = await until(() => waiting[1])
    again.answer('200 OK', {}, 'fourth')
    assert.equal((await client.answer()).body.toString(), 'fourth')
    assert.deepEqual(faults, [])
  })

  test('requests after each other on one connection are all answered', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    for (let i = 0; i < 3; i++) {
      client.socket.write(post(`${i}`))
      const exchange = await until(() => waiting[i])
      exchange.answer('200 OK', {}, `answer ${i}`)
      assert.equal((await client.answer()).body.toString(), `answer ${i}`)
    }
  })

  test('a client that wants its connection closed gets its answer first', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write(post('', 'Connection: close\r\n'))
    const exchange = await arrival(waiting)
    exchange.answer('200 OK', {}, Buffer.alloc(100_000, 'x'))
    assert.equal((await client.answer()).body.length, 100_000)
    await until(client.isClosed)
  })

  test('two hundred waiting exchanges are answered in one go', async (t) => {
    const { port, waiting } = await start(t)
    const clients = await Promise.all(Array.from({ length: 200 }, () => dial(t, port)))
    for (const [i, client] of clients.entries()) client.socket.write(get(`?${i}`))
    await until(() => waiting.length === 200)
    for (const exchange of waiting) exchange.answer('200 OK', {}, `to ${exchange.query}`)
    const answers = await Promise.all(clients.map((client) => client.answer()))
    assert.deepEqual(
      answers.map(({ body }) => body.toString()),
      clients.map((_, i) => `to ${i}`),
    )
  })

  test('an exchange is answered from inside the request of another', async (t) => {
    const { port } = await start(t, {
      request: (() => {
        let first: Exchange | null = null
        return (exchange: Exchange) => {
          if (first === null) first = exchange
          else
            for (const each of [first, exchange])
              each.answer('200 OK', { 'x-a': 'b' }, Buffer.alloc(50_000, 'y'))
        }
      })(),
    })
    const clients = [await dial(t, port), await dial(t, port)]
    for (const client of clients) client.socket.write(post(''))
    for (const client of clients) assert.deepEqual((await client.answer()).body, Buffer.alloc(50_000, 'y'))
  })

  for (const size of [8_192, 8_193, 16_300, 5_000_000]) {
    test(`an answer of ${size} bytes to a slow reader is whole`, async (t) => {
      const body = randomBytes(size)
      const { port, waiting } = await start(t)
      const socket = await dialSlowly(t, port, get())
      const exchange = await arrival(waiting)
      exchange.answer('200 OK', { 'x-a': 'b' }, body)
      assert.equal(exchange.isOpen, false)
      const bytes = await readSlowly(socket, (first, _last, bytes) => {
        const end = first.indexOf('\r\n\r\n')
        return end >= 0 && bytes >= end + 4 + size
      })
      assert.ok(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4).equals(body))
      socket.write(get('?again'))
      const again = await until(() => waiting[1], { what: 'another request on the same connection' })
      assert.equal(again.query, 'again')
    })
  }
})

describe('streams of an exchange', () => {
  test('a stream gives each part when it is written, and ends when told', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write(post('{}'))
    const exchange = await arrival(waiting)
    exchange.startStream('200 OK', { 'content-type': 'text/event-stream' })
    for (const part of ['one', 'two', 'three']) {
      assert.equal(exchange.write(Buffer.from(part)), true)
      await until(() => client.received().includes(part))
    }
    assert.equal(exchange.isOpen, true)
    exchange.endStream()
    assert.equal(exchange.isOpen, false)
    await until(() => client.received().includes(END_OF_CHUNKS))
    assert.match(client.received().toString(), /^HTTP\/1\.1 200 OK\r\ncontent-type: text\/event-stream\r\n/)
    assert.equal(unchunked(client.received()).toString(), 'onetwothree')
  })

  test('a stream that is begun, filled and ended inside its request is whole', async (t) => {
    const parts = Array.from({ length: 20 }, () => randomBytes(3_000))
    const { port } = await start(t, {
      request(exchange) {
        exchange.startStream('200 OK', {})
        for (const part of parts) exchange.write(part)
        exchange.endStream()
      },
    })
    const client = await dial(t, port)
    client.socket.write(post('{}'))
    await until(() => client.received().includes(END_OF_CHUNKS))
    assert.ok(unchunked(client.received()).equals(Buffer.concat(parts)))
  })

  test('a stream without parts is an empty answer', async (t) => {
    const { port, waiting } = await start(t)
    const client = await dial(t, port)
    client.socket.write(get())
    const exchange = await arrival(waiting)
    exchange.startStream('200 OK', {})
    exchange.endStream()
    assert.equal((await client.answer()).headers.get('content-length'), '0')
  })

  for (const size of [300, 30_000, 200_000]) {
    const count = Math.max(200, Math.ceil(12_000_000 / size))
    test(`a stream of ${count} parts of ${size} bytes to a slow reader is whole, and waits for room`, async (t) => {
      const parts = Array.from({ length: count }, () => randomBytes(size))
      const { port, waiting } = await start(t)
      const socket = await dialSlowly(t, port, get())
      const exchange = await arrival(waiting)
      let next = 0
      let timesFull = 0
      const fill = () => {
        for (let part = parts[next++]; part !== undefined; part = parts[next++]) {
          if (!exchange.write(part)) {
            timesFull++
            return
          }
        }
        exchange.endStream()
      }
      exchange.onRoom(fill)
      exchange.startStream('200 OK', {})
      fill()
      const bytes = await readSlowly(socket, isEnded)
      assert.ok(timesFull > 0, 'it was full at some time')
      assert.ok(unchunked(bytes).equals(Buffer.concat(parts)))
    })
  }

  test('a full stream arrives to its last byte though nothing follows', async (t) => {
    const { port, waiting } = await start(t)
    const socket = await dialSlowly(t, port, get())
    const exchange = await arrival(waiting)
    exchange.startStream('200 OK', {})
    await nextTurn()
    const parts: Buffer[] = []
    do parts.push(randomBytes(5_000))
    while (exchange.write(parts.at(-1) ?? Buffer.alloc(0)))
    await readSlowly(socket, (_first, last) => parts.at(-1)?.subarray(-last.length).equals(last) ?? false)
  })

  test('parts written while the stream is full are held and arrive in order', async (t) => {
    const parts = Array.from({ length: 400 }, () => randomBytes(20_000))
    const { port, waiting } = await start(t)
    const socket = await dialSlowly(t, port, get())
    const exchange = await arrival(waiting)
    exchange.startStream('200 OK', {})
    for (const part of parts) exchange.write(part)
    exchange.endStream()
    const bytes = await readSlowly(socket, isEnded)
    assert.ok(unchunked(bytes).equals(Buffer.concat(parts)))
  })
})
