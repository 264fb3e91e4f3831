/**
 * MySQL clients over TLS: real nodes with a certificate made for the test.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { type Certificate, makeCertificate, needsOpenssl } from '../support/cometql-certificate.ts'
import { loginPacket, openCometql, PING, query, saltOf, splitPackets } from '../support/cometql-line.ts'
import { isOk, refusalOf } from '../support/cometql-packets.ts'
import { hex } from '../support/hex.ts'
import { packet } from '../support/mysql-bytes.ts'
import { startNode, type TestNode } from '../support/node.ts'
import { atEnd } from '../support/teardown.ts'
import { until } from '../support/until.ts'
import { counter } from '../support/wire.ts'

const PASSWORD = 'secret'
/** A login that ends behind its charset, with the bit for TLS. */
const TLS_REQUEST = packet(1, hex('0d aa 08 00 00 00 00 01 21', '00'.repeat(23)))

test('MySQL clients over TLS', { skip: needsOpenssl }, async (t) => {
  const certificate = makeCertificate(t)
  const node = await startNode(t, ['--cometql-password', PASSWORD, ...certificate.flags])

  for (const plugin of ['mysql_native_password', 'caching_sha2_password'] as const) {
    await t.test(`mysql2 logs in by ${plugin}, and trusts the certificate`, async (inner) => {
      const client = await createConnection({
        host: '127.0.0.1',
        port: node.cometqlPort,
        user: '1',
        password: PASSWORD,
        ssl: { ca: certificate.text, rejectUnauthorized: true },
      })
      atEnd(inner, () => client.end())
      const text = 'it\'s "quoted"\n😀'
      await client.execute('INSERT INTO users_data (id, data) VALUES (?, ?)', ['7', text])
      const [[row] = []] = await client.query<RowDataPacket[]>('SELECT data FROM users_data WHERE id = 7')
      assert.equal(row?.data, text)
    })
  }

  await t.test(
    'client whose handshake is in the segment of its wish for TLS is understood',
    async (inner) => {
      const { tls, salt } = await greetedTls(inner, node, certificate, { isOneSegment: true })
      assert.ok(isOk(await answerTo(tls, loginPacket(salt, { password: PASSWORD }, 2))))
      assert.ok(isOk(await answerTo(tls, PING)))
    },
  )

  await t.test('client whose handshake comes byte by byte is understood', async (inner) => {
    const { tls, salt } = await greetedTls(inner, node, certificate, { isByteByByte: true })
    assert.ok(isOk(await answerTo(tls, loginPacket(salt, { password: PASSWORD }, 2))))
  })

  await t.test('wrong password is refused inside', async (inner) => {
    const { tls, salt } = await greetedTls(inner, node, certificate)
    const answer = await answerTo(tls, loginPacket(salt, { password: 'wrong' }, 2))
    assert.equal(refusalOf(answer)?.code, 16)
    assert.equal(answer[3], 3)
    await until(() => tls.readableEnded, { what: 'the end' })
  })

  await t.test('large result comes whole', async (inner) => {
    const line = await openCometql(inner, node.cometqlPort, { password: PASSWORD })
    const texts = Array.from({ length: 15 }, (_, n) => `(${n + 100}, '${String(n).repeat(30_000)}')`)
    await line.ask(query(`INSERT INTO users_data (id, data) VALUES ${texts.join(', ')}`))
    const client = await createConnection({
      host: '127.0.0.1',
      port: node.cometqlPort,
      user: '1',
      password: PASSWORD,
      ssl: { rejectUnauthorized: false },
    })
    atEnd(inner, () => client.end())
    const [rows] = await client.query<RowDataPacket[]>(
      'SELECT id, data FROM users_data WHERE id BETWEEN 100 AND 114 ORDER BY id',
    )
    assert.deepEqual(
      rows.map(({ id, data }) => [Number(id), data === String(Number(id) - 100).repeat(30_000)]),
      texts.map((_, n) => [n + 100, true]),
    )
  })

  await t.test('client without TLS is served as before', async (inner) => {
    const line = await openCometql(inner, node.cometqlPort, { password: PASSWORD })
    assert.ok(isOk((await line.ask(PING)).packets[0] ?? hex('00')))
    line.destroy()
  })

  await t.test('what is no TLS behind the wish for it ends that connection and no other', async (inner) => {
    const { socket } = await greeted(inner, node)
    socket.write(
      Buffer.concat([TLS_REQUEST, Buffer.from('no handshake at all, but long enough for a record')]),
    )
    socket.resume()
    await until(() => socket.readableEnded || socket.destroyed, { what: 'the end' })
    socket.destroy()
    const line = await openCometql(inner, node.cometqlPort, { password: PASSWORD })
    assert.ok(isOk((await line.ask(PING)).packets[0] ?? hex('00')))
    line.destroy()
  })

  await t.test('client that leaves in the middle of the handshake is forgotten', async (inner) => {
    const { socket } = await greeted(inner, node)
    socket.write(Buffer.concat([TLS_REQUEST, hex('16 03 01 02 00 01')]))
    socket.destroy()
    const isNobody = async () => (await counter(node.internalUrl, 'encke_cometql_connections')) === 0
    await until(isNobody, { what: 'no MySQL connection to be open' })
  })
})

interface Greeted {
  readonly socket: Socket
  readonly salt: Buffer
}

/** A TCP connection that was greeted; nothing reads it. */
async function greeted(t: TestContext, { cometqlPort }: TestNode): Promise<Greeted> {
  const socket = connect({ port: cometqlPort, host: '127.0.0.1', noDelay: true })
  atEnd(t, () => socket.destroy())
  socket.on('error', () => {}) // a reset is an end like any other here
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  socket.pause()
  return { socket, salt: saltOf(greeting) }
}

interface Way {
  /** The wish for TLS goes with the first bytes of the handshake. */
  readonly isOneSegment?: boolean
  readonly isByteByByte?: boolean
}

/** A TLS connection in the place of a plain one. */
async function greetedTls(
  t: TestContext,
  node: TestNode,
  { text: ca }: Certificate,
  { isOneSegment = false, isByteByByte = false }: Way = {},
): Promise<{ tls: TLSSocket; salt: Buffer }> {
  const { socket, salt } = await greeted(t, node)
  let isFirst = isOneSegment
  if (!isOneSegment) socket.write(TLS_REQUEST)
  // Between TLS and TCP, to put bytes together or apart.
  const between = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      const bytes = isFirst ? Buffer.concat([TLS_REQUEST, chunk]) : chunk
      isFirst = false
      if (isByteByByte) for (const byte of bytes) socket.write(Buffer.from([byte]))
      else socket.write(bytes)
      done()
    },
    final(done) {
      socket.end()
      done()
    },
  })
  socket.on('data', (chunk) => void between.push(chunk))
  socket.on('end', () => void between.push(null))
  const tls = connectTls({ socket: between, ca, host: '127.0.0.1' })
  atEnd(t, () => tls.destroy())
  await once(tls, 'secureConnect')
  return { tls, salt }
}

/** Writes a packet and resolves to the next one that comes. */
async function answerTo(tls: TLSSocket, bytes: Buffer): Promise<Buffer> {
  tls.write(bytes)
  const [chunk] = (await once(tls, 'data')) as [Buffer]
  return splitPackets(chunk).packets[0] ?? Buffer.alloc(0)
}
