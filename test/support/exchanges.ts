/**
 * HTTP exchanges of a real listener, and bare sockets to talk to them, for tests about which bytes go when.
 *
 * Owns an app with one route, a client that takes answers off its connection one by one, a client that reads slowly, and
 * the undoing of chunked bodies. A slow reader takes its time in turns of the loop, not in sleeps. Everything lives as
 * long as the test. Must not check more of HTTP than these tests need.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Exchange, ExchangeRoute } from '../../src/uws/exchange.ts'
import { loadUws } from '../../src/uws.ts'
import { until } from './until.ts'

export const MAX_BODY_BYTES = 1_000
const READ_WITHIN_MS = 15_000
/** What a chunked body ends with. */
export const END_OF_CHUNKS = '\r\n0\r\n\r\n'

const uws = await loadUws()

/** An app with one route that lives as long as the test; what arrived, and what went wrong. */
export async function start(t: TestContext, given: Partial<ExchangeRoute> = {}) {
  const faults: unknown[] = []
  const waiting: Exchange[] = []
  const app = uws.createApp((error) => faults.push(error))
  t.after(() => app.close())
  app.exchange({
    path: '/poll',
    methods: ['GET', 'POST', 'OPTIONS'],
    maxBodyBytes: MAX_BODY_BYTES,
    headers: ['x-kept'],
    keepsAddress: false,
    request: (exchange) => waiting.push(exchange),
    tooLarge: (exchange) => exchange.answer('413 Payload Too Large', {}, 'Too large'),
    ...given,
  })
  app.fallback(() => ({ status: '404 Not Found', headers: {}, body: 'Nothing' }))
  return { port: await app.listen('127.0.0.1', 0), waiting, faults }
}

/** Answers with what came. */
export function echo(exchange: Exchange): void {
  exchange.answer('200 OK', {}, Buffer.concat([Buffer.from(`${exchange.method} `), exchange.body]))
}

export interface Answer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** A connection that collects what comes, and takes answers off it one by one. */
export async function dial(t: TestContext, port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  t.after(() => socket.destroy())
  socket.on('error', () => {}) // a reset is an end like any other here
  let received = Buffer.alloc(0)
  let isClosed = false
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
  })
  socket.on('close', () => {
    isClosed = true
  })
  await once(socket, 'connect')
  return {
    socket,
    received: () => received,
    isClosed: () => isClosed,
    async answer(): Promise<Answer> {
      const { answer, bytes } = await until(() => firstAnswer(received), { what: 'an answer' })
      received = received.subarray(bytes)
      return answer
    },
  }
}

export function firstAnswer(received: Buffer): { answer: Answer; bytes: number } | null {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return null
  const head = parseHead(received.subarray(0, end))
  const bytes = end + 4 + Number(head.headers.get('content-length') ?? 0)
  return received.length < bytes
    ? null
    : { answer: { ...head, body: received.subarray(end + 4, bytes) }, bytes }
}

export function parseHead(bytes: Buffer) {
  const [first = '', ...lines] = bytes.toString('latin1').split('\r\n')
  const headers = new Map(
    lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.split(': ')[1] ?? '']),
  )
  return { status: Number(first.split(' ')[1]), headers }
}

export function post(body: Buffer | string, headers = ''): Buffer {
  const head = `POST /poll HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

export function get(query = '', headers = '', method = 'GET'): string {
  return `${method} /poll${query} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
}

/** The one exchange that waits. */
export async function arrival(waiting: readonly Exchange[]): Promise<Exchange> {
  return until(() => waiting[0], { what: 'a request' })
}

/**
 * Reads until `isWhole`, a few KB at a time with turns of the loop in between, so that both sides' buffers are full most
 * of the time.
 *
 * @param isWhole given the first chunk, the last bytes and how many there were
 */
export async function readSlowly(
  socket: Socket,
  isWhole: (first: Buffer, last: Buffer, bytes: number) => boolean,
) {
  const chunks: Buffer[] = []
  let last: Buffer = Buffer.alloc(0)
  let bytes = 0
  const deadline = performance.now() + READ_WITHIN_MS
  for (;;) {
    const chunk: Buffer | null = socket.read()
    if (chunk !== null) {
      chunks.push(chunk)
      bytes += chunk.length
      last = Buffer.concat([last, chunk.subarray(-END_OF_CHUNKS.length)]).subarray(-END_OF_CHUNKS.length)
    }
    if (chunks[0] !== undefined && isWhole(chunks[0], last, bytes)) return Buffer.concat(chunks)
    assert.ok(!socket.destroyed || chunk !== null, `the connection closed after ${bytes} bytes`)
    assert.ok(performance.now() < deadline, `nothing whole after ${bytes} bytes and ${READ_WITHIN_MS} ms`)
    for (let i = 0; i < 5; i++) await nextTurn()
  }
}

export function isEnded(_first: Buffer, last: Buffer): boolean {
  return last.toString('latin1') === END_OF_CHUNKS
}

/** A client that reads nothing until told to. */
export async function dialSlowly(t: TestContext, port: number, request: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  t.after(() => socket.destroy())
  socket.pause()
  await once(socket, 'connect')
  socket.write(request)
  return socket
}

/** The content of a chunked body. @throws when its framing is broken */
export function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  let at = bytes.indexOf('\r\n\r\n') + 4
  for (;;) {
    const end = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16)
    assert.ok(size >= 0, `no chunk size at ${at}`)
    if (size === 0) return Buffer.concat(parts)
    parts.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 2 + size
    assert.equal(bytes.toString('latin1', at, at + 2), '\r\n', `no end of chunk at ${at}`)
    at += 2
  }
}
