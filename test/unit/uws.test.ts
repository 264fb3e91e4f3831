/**
 * Tests of src/uws.ts over real sockets: the traps of the library stay behind it.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { ListenError } from '../../src/errors.ts'
import { describeLoadFailure } from '../../src/uws/load-failure.ts'
import { loadUws, type PublicApp, type Socket, sendStatus, type WebSocketRoute } from '../../src/uws.ts'
import { callUrl } from '../support/local-api.ts'
import { until } from '../support/until.ts'

interface Client {
  readonly name: string
  socket: Socket<Client> | null
}

const uws = await loadUws()

/** An app that lives as long as the test, and the faults it reported. */
function start(t: TestContext) {
  const faults: unknown[] = []
  const app = uws.createApp((error) => faults.push(error))
  t.after(() => app.close())
  return { app, faults }
}

/** A route that takes everyone; parts of it are replaced by tests. */
function route(given: Partial<WebSocketRoute<Client>> = {}) {
  const events: string[] = []
  const clients: Client[] = []
  const own: WebSocketRoute<Client> = {
    path: '/ws',
    maxPayloadBytes: 1_024,
    maxBackpressureBytes: 65_536,
    idleTimeoutMs: 60_000,
    upgrade(request) {
      const client = { name: request.header('x-name'), socket: null }
      clients.push(client)
      return { accept: client, protocol: '' }
    },
    open(client, socket) {
      client.socket = socket
      events.push(`open ${client.name}`)
    },
    message: (client, bytes, isBinary) => void events.push(`message ${client.name} ${bytes} ${isBinary}`),
    dropped: (client) => void events.push(`dropped ${client.name}`),
    drain: () => {},
    close: (client, code, reason) => void events.push(`close ${client.name} ${code} ${reason}`),
    ...given,
  }
  return { own, events, clients }
}

/** A client that lives as long as the test. */
async function join(t: TestContext, port: number, name = 'a', protocols: string[] = []) {
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, protocols, { headers: { 'x-name': name } })
  t.after(() => client.terminate())
  const messages: string[] = []
  client.on('message', (data) => messages.push(String(data)))
  await once(client, 'open')
  return { client, messages }
}

describe('HTTP of the public port', () => {
  async function listenWithPages(t: TestContext) {
    const { app, faults } = start(t)
    app.get('/page', () => ({ status: '200 OK', headers: { 'x-a': 'b' }, body: 'hellö' }))
    app.get('/broken', () => {
      throw new Error('Broken page')
    })
    app.fallback((path) => ({ status: '404 Not Found', headers: {}, body: `Nothing at ${path}` }))
    const port = await app.listen('127.0.0.1', 0)
    return { url: `http://127.0.0.1:${port}`, faults }
  }

  test('GET is answered with status, headers and body', async (t) => {
    const { url } = await listenWithPages(t)
    const answer = await callUrl(`${url}/page?x=1`)
    assert.deepEqual([answer.status, answer.headers.get('x-a'), answer.text], [200, 'b', 'hellö'])
  })

  test('HEAD is answered with the length in bytes and no body', async (t) => {
    const { url } = await listenWithPages(t)
    const answer = await callUrl(`${url}/page`, { method: 'HEAD' })
    assert.deepEqual([answer.status, answer.headers.get('content-length'), answer.text], [200, '6', ''])
  })

  test('any other request gets the fallback', async (t) => {
    const { url } = await listenWithPages(t)
    for (const [path, method] of [
      ['/none', 'GET'],
      ['/page', 'POST'],
      ['/', 'DELETE'],
    ] as const) {
      const answer = await callUrl(url + path, { method })
      assert.deepEqual([answer.status, answer.text], [404, `Nothing at ${path}`])
    }
  })

  test('an exception in a page is a 500 and reported, and the next request is answered', async (t) => {
    const { url, faults } = await listenWithPages(t)
    assert.equal((await callUrl(`${url}/broken`)).status, 500)
    assert.deepEqual(faults.map(String), ['Error: Broken page'])
    assert.equal((await callUrl(`${url}/page`)).status, 200)
  })
})

describe('WebSocket route', () => {
  test('a WebSocket opens, talks and closes with its own data in hand', async (t) => {
    const { app } = start(t)
    const { own, events, clients } = route()
    app.webSocket(own)
    const port = await app.listen('127.0.0.1', 0)
    const { client, messages } = await join(t, port)
    client.send('text')
    client.send(Buffer.from('bytes'))
    await until(() => events.length === 3, { what: () => events.join() })
    assert.equal(sendStatus(clients[0]?.socket?.send('hi', false) ?? 2), 'sent')
    await until(() => messages.length === 1)
    client.close(4001, 'away')
    await until(() => events.length === 4)
    assert.deepEqual(events, ['open a', 'message a text false', 'message a bytes true', 'close a 4001 away'])
    assert.deepEqual(messages, ['hi'])
  })

  test('a refused upgrade is an HTTP answer', async (t) => {
    const { app } = start(t)
    const { own } = route({
      upgrade: (request) => ({
        refuse: { status: '403 Forbidden', headers: { 'x-peer': request.address() }, body: 'Not you' },
      }),
    })
    app.webSocket(own)
    const port = await app.listen('127.0.0.1', 0)
    const { status, headers, body } = await refusalBy(port)
    assert.deepEqual([status, headers['x-peer'], body], [403, '127.0.0.1', 'Not you'])
  })

  test('an upgrade is answered with the subprotocol chosen', async (t) => {
    const { app } = start(t)
    const { own } = route({
      upgrade: (request) => ({
        accept: { name: '', socket: null },
        protocol: request.header('sec-websocket-protocol').split(',')[1]?.trim() ?? '',
      }),
    })
    app.webSocket(own)
    const { client } = await join(t, await app.listen('127.0.0.1', 0), 'a', ['encke.json', 'encke.msgpack'])
    assert.equal(client.protocol, 'encke.msgpack')
  })

  test('an exception in a handler is reported and ends neither process nor connection', async (t) => {
    const { app, faults } = start(t)
    const { own, events } = route({
      message: (_client, bytes) => {
        events.push(String(bytes))
        throw new Error(`Broken by ${bytes}`)
      },
    })
    app.webSocket(own)
    const { client } = await join(t, await app.listen('127.0.0.1', 0))
    client.send('one')
    client.send('two')
    await until(() => events.length === 3)
    assert.deepEqual(faults.map(String), ['Error: Broken by one', 'Error: Broken by two'])
  })

  test('an exception in upgrade is a 500', async (t) => {
    const { app, faults } = start(t)
    const { own } = route({
      upgrade: () => {
        throw new Error('Broken upgrade')
      },
    })
    app.webSocket(own)
    assert.equal((await refusalBy(await app.listen('127.0.0.1', 0))).status, 500)
    assert.equal(faults.length, 1)
  })

  test('a message above the bound closes its connection', async (t) => {
    const { app } = start(t)
    const { own, events } = route()
    app.webSocket(own)
    const { client } = await join(t, await app.listen('127.0.0.1', 0))
    client.send('x'.repeat(1_024))
    client.send('x'.repeat(1_025))
    await once(client, 'close')
    await until(() => events.length === 3)
    assert.match(events[2] ?? '', /^close a 1006 .*too big/i)
  })
})

describe('publish', () => {
  test('publish without a WebSocket route reaches nobody and does not crash', (t) => {
    const { app } = start(t)
    assert.equal(app.publish('topic', Buffer.from('x'), false), false)
  })

  test('publish reaches every subscriber of the topic', async (t) => {
    const { app } = start(t)
    const { own, clients } = route()
    app.webSocket(own)
    const port = await app.listen('127.0.0.1', 0)
    const one = await join(t, port, 'one')
    const other = await join(t, port, 'other')
    assert.equal(app.publish('topic', Buffer.from('nobody'), false), false)
    for (const { socket } of clients) socket?.subscribe('topic')
    assert.equal(app.publish('topic', Buffer.from('all'), false), true)
    await until(() => one.messages.length + other.messages.length === 2)
    assert.deepEqual([one.messages, other.messages], [['all'], ['all']])
  })
})

describe('listening', () => {
  test('listening on port 0 picks a free one, and stopListening frees it while connections stay', async (t) => {
    const { app } = start(t)
    const { own, events } = route()
    app.webSocket(own)
    const port = await app.listen('127.0.0.1', 0)
    assert.ok(port > 0)
    const { client } = await join(t, port)
    app.stopListening()
    await assert.rejects(tryConnect(port), /ECONNREFUSED/)
    client.send('still here')
    await until(() => events.includes('message a still here false'))
  })

  test('listening on a port that is taken is refused, by whoever it is taken', async (t) => {
    const other = createServer()
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.after(() => other.close())
    const address = other.address()
    assert.ok(typeof address === 'object' && address !== null)
    await refusesPort(start(t).app, address.port)

    const first = start(t).app
    await refusesPort(start(t).app, await first.listen('127.0.0.1', 0))
  })

  test('close ends every connection', async (t) => {
    const { app } = start(t)
    const { own, events } = route()
    app.webSocket(own)
    const { client } = await join(t, await app.listen('127.0.0.1', 0))
    app.close()
    await once(client, 'close')
    assert.equal(events.length, 2)
  })
})

describe('the native library', () => {
  test('the native library is told by its abilities', () => {
    assert.match(uws.version, /^>=20\.\d+$/)
    assert.equal(typeof uws.capabilities.filter, 'boolean')
  })

  for (const [code, status] of [
    [0, 'buffered'],
    [1, 'sent'],
    [2, 'dropped'],
  ] as const) {
    test(`send status ${code} is ${status}`, () => assert.equal(sendStatus(code), status))
  }

  const failures: readonly [cause: string, expected: RegExp][] = [
    [
      "libc.so.6: version `GLIBC_2.38' not found (required by uws.node)",
      /its binary needs glibc 2\.38, this machine has /,
    ],
    ["Cannot find package 'uWebSockets.js' imported from main.js", /it is not installed \(TEST\)/],
    [
      "Cannot find module './uws_linux_x64_999.node'\nRequire stack:\n- a.js",
      /it has no binary for this machine \(TEST\)/,
    ],
    ['Something else\nerror on the last line', /: error on the last line \(TEST\)/],
  ]
  for (const [cause, expected] of failures) {
    test(`a library that does not load says why in one line: ${JSON.stringify(cause.slice(0, 40))}`, () => {
      const line = describeLoadFailure(cause, 'TEST')
      assert.match(line, /^Cannot load uWebSockets\.js: /)
      assert.match(line, expected)
      assert.match(line, /; install Node/, 'and what to do')
      assert.equal(line.includes('\n'), false)
    })
  }
})

/** What a client that wants to upgrade gets instead. */
async function refusalBy(port: number) {
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  const [request, response] = (await once(client, 'unexpected-response')) as [ClientRequest, IncomingMessage]
  const body = await text(response)
  request.destroy()
  return { status: response.statusCode, headers: response.headers, body }
}

async function refusesPort(app: PublicApp, port: number): Promise<void> {
  await assert.rejects(app.listen('127.0.0.1', port), (error) => {
    assert.ok(error instanceof ListenError)
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}: .*EADDRINUSE`))
    return true
  })
}

function tryConnect(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', reject)
    socket.on('connect', () => {
      socket.destroy()
      resolve()
    })
  })
}
