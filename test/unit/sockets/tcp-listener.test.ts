/**
 * Listening over plain sockets, and when a socket is read: on real ports of the system.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ListenError } from '../../../src/errors.ts'
import { createReadGate, listen } from '../../../src/sockets/tcp-listener.ts'
import { until } from '../../support/until.ts'

const LOOPBACK = '127.0.0.1'
const BOUND = 1_000

test('port 0 becomes a port of the system', async (t) => {
  const port = await listen(serverFor(t), { host: LOOPBACK, port: 0 }, 'test')
  assert.ok(port > 0)
  await openSocket(t, port)
})

test('port that is taken is refused with place, purpose and cause', async (t) => {
  const port = await listen(serverFor(t), { host: LOOPBACK, port: 0 }, 'test')
  await assert.rejects(listen(serverFor(t), { host: LOOPBACK, port }, 'second'), (error: unknown) => {
    assert.ok(error instanceof ListenError)
    assert.ok(error.message.startsWith(`Cannot listen on ${LOOPBACK}:${port} (second): `), error.message)
    assert.match(error.message, /EADDRINUSE/)
    return true
  })
})

test('path that can not be a Unix socket is refused with its name', async (t) => {
  const path = '/nowhere/at/all.sock'
  await assert.rejects(
    listen(serverFor(t), { path }, 'test'),
    /^ListenError: Cannot listen on \/nowhere\/at\/all\.sock/,
  )
})

test('held socket is not read until it is let go', async (t) => {
  const { own, peer } = await pair(t)
  const gate = createReadGate(() => own, BOUND)
  const came = collect(own)
  gate.hold(true)
  assert.equal(own.isPaused(), true)
  peer.write('hello')
  gate.update()
  assert.equal(own.isPaused(), true)
  gate.hold(false)
  await until(() => came() === 'hello', { what: 'what was written meanwhile' })
})

test('socket with too much unread is not read until that has left', async (t) => {
  const { own, peer } = await pair(t)
  const gate = createReadGate(() => own, BOUND)
  const came = collect(own)
  own.on('drain', gate.update)
  peer.pause()
  own.cork() // what is written waits in the process
  own.write(Buffer.alloc(BOUND))
  gate.update()
  assert.equal(own.isPaused(), false)
  own.write(Buffer.alloc(1_000_000))
  gate.update()
  assert.equal(own.isPaused(), true)
  gate.hold(false)
  assert.equal(own.isPaused(), true)
  peer.write('later')
  own.uncork()
  peer.resume()
  await until(() => came() === 'later', { what: 'reading to go on' })
})

function serverFor(t: TestContext): Server {
  const server = createServer()
  t.after(() => server.close())
  return server
}

async function openSocket(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ host: LOOPBACK, port })
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Both ends of a connection. */
async function pair(t: TestContext): Promise<{ own: Socket; peer: Socket }> {
  const server = serverFor(t)
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const peer = await openSocket(t, await listen(server, { host: LOOPBACK, port: 0 }, 'test'))
  const [own] = await accepted
  t.after(() => own.destroy())
  return { own, peer }
}

function collect(socket: Socket): () => string {
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  return () => text
}
