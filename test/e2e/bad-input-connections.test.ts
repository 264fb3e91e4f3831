/**
 * What can be wrong before a client has said anything: the upgrade, the HTTP request, the WebSocket framing.
 *
 * Owns raw requests to the public port. Whatever comes, the answer is a named error or a closed connection, and a witness
 * on the same node notices nothing. Can not show what a proxy in front would make of such requests.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startNode, type TestNode } from '../support/node.ts'
import { until } from '../support/until.ts'
import { openClient, openSocket, RefusedUpgrade } from '../support/wire.ts'
import { startWitness } from '../support/witness.ts'

const REFUSED = 'encke_connections_refused_total'
const ERRORS = 'encke_command_errors_total'
const CLOSED = 'encke_connections_closed_total'
/** Sent away one after the other, which takes a node some seconds: time to ask it for something meanwhile. */
const DRAINED_CLIENTS = 100

test('pages of other origins are refused, those of a listed one come in', async (t) => {
  const node = await startNode(t, ['--origins', 'https://example.com,http://localhost:3000'])
  const from = (origin: string) => (origin === '' ? {} : { headers: { origin } })
  const witness = await startWitness(t, node, from('https://example.com'))
  for (const origin of ['http://localhost:3000', 'HTTPS://Example.com']) {
    const client = await openClient(node.wsUrl, from(origin))
    await client.close()
  }
  const wrong = [
    'https://example.com.evil.test',
    'http://example.com',
    'https://example.com:8443',
    'null',
    '',
  ]
  for (const origin of wrong) {
    const refusal = await witness.sees(REFUSED, 'ORIGIN_DENIED', () =>
      openSocket(node.wsUrl, from(origin)).catch((error: unknown) => error),
    )
    assert.ok(refusal instanceof RefusedUpgrade, origin)
    assert.equal(refusal.status, 403)
    assert.equal(JSON.parse(refusal.body).error.name, 'ORIGIN_DENIED')
  }
})

test('bad requests to the public port', async (t) => {
  const node = await startNode(t, ['--no-comet']) // which has pages of its own
  const witness = await startWitness(t, node)

  await t.test('a path where nothing is answers 404 with a named error', async () => {
    for (const path of [
      '/',
      '/nothing',
      '/ws/',
      '/api/publish',
      '/metrics',
      '/encke.js/..',
      '/%00',
      '/demo/',
    ]) {
      const response = await witness.sees(ERRORS, 'NOT_FOUND', () => fetch(`${node.publicUrl}${path}`))
      assert.equal(response.status, 404, path)
      const { error } = (await response.json()) as { error: { name: string; message: string } }
      assert.equal(error.name, 'NOT_FOUND')
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      assert.equal((await fetch(`${node.publicUrl}/nothing`, { method })).status, 404, method)
    }
    assert.equal((await fetch(`${node.publicUrl}/nothing`, { method: 'HEAD' })).status, 404)
    await witness.unharmed()
  })

  await t.test('a request to /ws that is no upgrade answers with an error', async () => {
    const response = await fetch(`${node.publicUrl}/ws`)
    assert.equal(response.status, 404)
    await witness.unharmed()
  })

  const heads: Readonly<Record<string, string>> = {
    'that is not HTTP': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'of another HTTP version': 'GET / HTTP/0.9\r\n\r\n',
    'without a host': 'GET / HTTP/1.1\r\n\r\n',
    'with a header of 100 KB': `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
    'with a thousand headers': `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(1000)}\r\n`,
    'with a path of 100 KB': `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    'with a length that is none': 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n',
    'with two bodies':
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'to upgrade without a key':
      'GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  }
  for (const [what, head] of Object.entries(heads)) {
    await t.test(`a request ${what} is answered or cut off`, async (t) => {
      const { socket, text, isClosed } = await rawConnection(t, node)
      socket.write(Buffer.from(head, 'latin1'))
      socket.end()
      await until(() => isClosed() || /^HTTP\/1\.1 [345]/.test(text()), {
        what: () => `an answer: ${text()}`,
      })
      assert.doesNotMatch(text(), /^HTTP\/1\.1 (101|2)/)
      await witness.unharmed()
    })
  }
})

test('bad WebSocket frames', async (t) => {
  const node = await startNode(t)
  const witness = await startWitness(t, node)
  // A frame without a mask is missing here: the library reads it as if it had one.
  const frames: Readonly<Record<string, string>> = {
    'a reserved bit set (RFC 6455 §5.2)': 'c18200000000 7b7d',
    'a reserved opcode (RFC 6455 §5.2)': '838200000000 7b7d',
    'a fragmented ping (RFC 6455 §5.5)': '098000000000',
    'a ping of 126 bytes (RFC 6455 §5.5)': `89fe007e00000000${'00'.repeat(126)}`,
    'a continuation of nothing (RFC 6455 §5.4)': '808200000000 7b7d',
    'a new message inside a fragmented one (RFC 6455 §5.4)': '018100000000 7b 818100000000 7d',
    'a length of 2^63 bytes': '81ffffffffffffffffff00000000',
    'a length of 1 GB': '81ff000000004000000000000000',
    'random bytes': randomBytes(4096).toString('hex'),
  }
  for (const [what, hex] of Object.entries(frames)) {
    await t.test(`${what} ends the connection`, async (t) => {
      const { socket, isClosed } = await rawWebSocket(t, node)
      socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
      await until(isClosed, { what: 'the connection to close' })
      await witness.unharmed()
    })
  }

  await t.test('a frame that declares too much is counted', async (t) => {
    await witness.sees(CLOSED, 'MESSAGE_TOO_LARGE', async () => {
      const { socket, isClosed } = await rawWebSocket(t, node)
      socket.write(Buffer.from('81ff000000004000000000000000', 'hex'))
      await until(isClosed, { what: 'the connection to close' })
    })
  })

  await t.test('a thousand connections that break off at once leave nothing behind', async (t) => {
    for (let round = 0; round < 10; round++) {
      const all = await Promise.all(Array.from({ length: 100 }, () => rawWebSocket(t, node)))
      for (const { socket } of all) socket.resetAndDestroy()
    }
    const open = /^encke_connections\{transport="websocket"\} 1$/m
    await until(async () => open.test(await (await fetch(`${node.internalUrl}/metrics`)).text()), {
      what: 'only the witness to be left',
    })
    await witness.unharmed()
  })
})

test('an upgrade is refused while the node drains', async (t) => {
  const node = await startNode(t, ['--drain-ms', '20000'])
  const clients = await Promise.all(Array.from({ length: DRAINED_CLIENTS }, () => openClient(node.wsUrl)))
  t.after(() => Promise.all(clients.map((client) => client.close())))
  const early = await rawConnection(t, node)
  // Bytes of a request that began before the drain.
  early.socket.write('GET /ws HTTP/1.1\r\nHost: a\r\n')
  const stopped = node.stop()
  await until(() => clients.some((client) => client.ended() !== null), { what: 'the first to be sent away' })
  early.socket.write(upgradeHead.slice(upgradeHead.indexOf('Upgrade')))
  await until(() => early.text().includes('\r\n\r\n'), { what: () => `an answer: ${early.text()}` })
  assert.match(early.text(), /^HTTP\/1\.1 503 [\s\S]*"name":"DRAINING"/)
  assert.equal(await stopped, 0)
})

const upgradeHead = [
  'GET /ws HTTP/1.1',
  'Host: a',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n')

interface RawConnection {
  readonly socket: Socket
  text(): string
  isClosed(): boolean
}

/** A TCP connection to the public port, and what came on it. */
async function rawConnection(t: TestContext, node: TestNode): Promise<RawConnection> {
  const socket = connect({ port: node.publicPort, host: '127.0.0.1', allowHalfOpen: true })
  let text = ''
  let isClosed = false
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {}) // a reset; a close event follows
  socket.on('end', () => socket.end())
  socket.on('close', () => {
    isClosed = true
  })
  t.after(() => {
    socket.destroy()
  })
  await until(() => !socket.connecting, { what: 'a connection' })
  return { socket, text: () => text, isClosed: () => isClosed }
}

/** A TCP connection that is a WebSocket by now. */
async function rawWebSocket(t: TestContext, node: TestNode): Promise<RawConnection> {
  const raw = await rawConnection(t, node)
  raw.socket.write(upgradeHead)
  await until(() => raw.text().startsWith('HTTP/1.1 101'), { what: () => `an upgrade: ${raw.text()}` })
  return raw
}
