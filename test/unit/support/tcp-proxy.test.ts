/**
 * Tests of test/support/tcp-proxy.ts: a bad network is only worth something if it is bad in the way it says.
 *
 * Owns an echo server behind the proxy and plain sockets before it. Times are compared with generous bounds upwards only;
 * no test waits for silence without something else that must happen meanwhile.
 */
import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'

test('proxy carries bytes both ways, whole and in order, and both ends of the stream', async (t) => {
  const { proxy, peer } = await rig(t)
  const sent = Buffer.alloc(3_000_000, 'encke!')
  peer.socket.end(sent)
  await until(() => peer.isEnded(), { withinMs: 20_000, what: 'the end of the echo' })
  assert.ok(peer.received().equals(sent))
  await until(() => proxy.connections().length === 0, { what: 'the connection to be over' })
})

test('proxy delays each direction by its own latency', async (t) => {
  const { proxy, peer } = await rig(t)
  proxy.shape('toClient', { latencyMs: 80 })
  proxy.shape('toNode', { latencyMs: 40 })
  assert.ok((await peer.roundTripMs()) >= 119)
  proxy.shape('toClient', { latencyMs: 0 })
  assert.ok((await peer.roundTripMs()) >= 39)
})

test('proxy gives later connections the latency of all', async (t) => {
  const { proxy, open } = await rig(t)
  proxy.shape('toNode', { latencyMs: 60 })
  assert.ok((await (await open()).roundTripMs()) >= 59)
})

test('proxy caps the bandwidth of a direction', async (t) => {
  const { proxy, peer } = await rig(t)
  proxy.shape('toClient', { bytesPerSecond: 200_000 })
  const startedMs = performance.now()
  peer.socket.write(Buffer.alloc(100_000))
  await until(() => peer.received().length === 100_000, { what: 'all of it' })
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs >= 450 && tookMs < 10_000, `100,000 bytes at 200,000 bytes/s took ${tookMs} ms`)
})

test('proxy that is paused lets the sender feel it, and nobody else', async (t) => {
  const { proxy, peer, open } = await rig(t)
  const other = await open()
  const line = await proxy.connection(0)
  line.pause('toNode')
  peer.socket.write(Buffer.alloc(32_000_000))
  await other.roundTripMs()
  assert.ok(peer.socket.writableLength > 1_000_000, 'what the kernel does not take stays with the sender')
  line.resume('toNode')
  await until(() => peer.received().length === 32_000_000, { withinMs: 30_000, what: 'all of it' })
})

test('proxy in a blackout keeps connections and bytes, and hands them on when it is over', async (t) => {
  const { proxy, peer, open } = await rig(t)
  await peer.roundTripMs()
  proxy.blackout()
  peer.socket.write('in the dark')
  const late = await open()
  late.socket.write('came late')
  await until(() => proxy.connections().length === 2, { what: 'the second connection' })
  // Another proxy lets a round trip pass by which this one had every chance to leak.
  await (await rig(t)).peer.roundTripMs()
  assert.equal(peer.received().length, 1)
  assert.equal(late.received().length, 0)
  proxy.restore()
  await until(() => peer.received().toString() === '.in the dark', { what: 'what was held' })
  await until(() => late.received().toString() === 'came late', { what: 'the new connection to work' })
})

test('proxy ends a blackout by itself after its time', async (t) => {
  const { proxy, peer } = await rig(t)
  await proxy.connection(0)
  const beganMs = performance.now()
  proxy.blackout(100)
  await peer.roundTripMs()
  assert.ok(performance.now() - beganMs >= 90)
})

test('proxy darkens one connection and leaves the others alone', async (t) => {
  const { proxy, peer, open } = await rig(t)
  const other = await open()
  const line = await proxy.connection(0)
  line.blackout()
  peer.socket.end('held')
  await other.roundTripMs()
  assert.equal(peer.received().length, 0)
  line.restore()
  await until(() => peer.isEnded() && peer.received().toString() === 'held', { what: 'bytes, then the end' })
})

test('proxy that is half-open tells neither side of the end of the other', async (t) => {
  const { proxy, peer, echoes, open } = await rig(t)
  await peer.roundTripMs()
  proxy.halfOpen()
  peer.socket.write('lost')
  echoes[0]?.resetAndDestroy()
  const later = await open()
  await later.roundTripMs()
  assert.equal(peer.received().length, 1)
  assert.equal(peer.isEnded() || peer.error() !== null, false)
  peer.socket.destroy()
})

test('proxy resets one connection on both sides', async (t) => {
  const { proxy, peer, echoes, open } = await rig(t)
  const other = await open()
  await peer.roundTripMs()
  const line = await proxy.connection(0)
  const echoClosed = new Promise((resolve) => echoes[0]?.once('close', resolve))
  line.reset()
  await until(() => peer.error() === 'ECONNRESET', { what: 'the reset' })
  await echoClosed
  assert.equal(line.isOpen(), false)
  await other.roundTripMs()
})

test('proxy resets all connections', async (t) => {
  const { proxy, peer, open } = await rig(t)
  const other = await open()
  await Promise.all([peer.roundTripMs(), other.roundTripMs()])
  proxy.reset()
  await until(() => peer.error() === 'ECONNRESET' && other.error() === 'ECONNRESET', { what: 'both resets' })
  assert.equal(proxy.connections().length, 0)
})

test('proxy resets after a number of bytes, in the middle of what is on its way', async (t) => {
  const { proxy, peer } = await rig(t)
  const line = await proxy.connection(0)
  line.resetAfter(1234)
  peer.socket.write(Buffer.alloc(5000, 'x'))
  await until(() => peer.error() === 'ECONNRESET', { what: 'the reset' })
  assert.equal(peer.received().length, 1234)
  assert.equal(line.passedBytes('toClient'), 1234)
})

test('proxy passes a reset on', async (t) => {
  const { peer, echoes } = await rig(t)
  await peer.roundTripMs()
  echoes[0]?.resetAndDestroy()
  await until(() => peer.error() === 'ECONNRESET', { what: 'the reset' })
})

test('proxy resets a client when nobody listens behind it', async (t) => {
  const nobody = createServer()
  await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve))
  const { port } = nobody.address() as AddressInfo
  await new Promise((resolve) => nobody.close(resolve))
  const peer = await openPeer(t, await startTcpProxy(t, port))
  await until(() => peer.error() === 'ECONNRESET', { what: 'the reset' })
})

interface Peer {
  readonly socket: Socket
  received(): Buffer
  isEnded(): boolean
  /** Code of the error that ended it; null = none */
  error(): string | null
  /** Sends one byte and waits for its echo. */
  roundTripMs(): Promise<number>
}

/** An echo server, a proxy before it and a first connection. */
async function rig(t: TestContext) {
  const echoes: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    echoes.push(socket)
    socket.on('error', () => {}) // resets are what these tests make
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    for (const socket of echoes) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const proxy = await startTcpProxy(t, (server.address() as AddressInfo).port)
  const open = () => openPeer(t, proxy)
  return { proxy, echoes, peer: await open(), open }
}

async function openPeer(t: TestContext, proxy: TcpProxy): Promise<Peer> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' })
  const chunks: Buffer[] = []
  let isEnded = false
  let error: string | null = null
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('end', () => {
    isEnded = true
  })
  socket.on('error', (cause: NodeJS.ErrnoException) => {
    error = cause.code ?? cause.message
  })
  t.after(() => socket.destroy())
  await until(() => !socket.connecting, { what: 'the connection' })
  const received = () => Buffer.concat(chunks)
  return {
    socket,
    received,
    isEnded: () => isEnded,
    error: () => error,
    async roundTripMs() {
      const before = received().length
      const startedMs = performance.now()
      socket.write('.')
      await until(() => received().length > before, { what: 'the echo' })
      return performance.now() - startedMs
    },
  }
}
