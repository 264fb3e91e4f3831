/**
 * One plain HTTP request over a bare connection, and all of its answer.
 *
 * Owns just that: the head as it came, the body by its length, and whether the connection was closed after it. No HTTP
 * library is between. Must not know what is asked.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import type { Said } from './comet-same.ts'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'

/** Longer than a node holds a poll. */
const WITHIN_MS = 40_000

/** Sends the bytes of a request, resolves to the answer; `open` = it does not say that it closes, and did not. */
export async function sayHttp(t: TestContext, port: number, request: string): Promise<Said> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let bytes: Buffer = Buffer.alloc(0)
  let isClosed = false
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
  })
  socket.on('error', () => {}) // a reset is an end like any other here
  socket.on('close', () => {
    isClosed = true
  })
  atEnd(t, () => socket.destroy())
  await once(socket, 'connect')
  socket.write(request)
  const what = () => `a whole answer: ${bytes.toString('latin1', 0, 500)}`
  await until(() => isClosed || isWhole(bytes), { withinMs: WITHIN_MS, what })
  const end = bytes.indexOf('\r\n\r\n')
  const head = bytes.toString('latin1', 0, Math.max(end, 0))
  if (/^connection: close/im.test(head)) await until(() => isClosed, { what: 'the end it spoke of' })
  socket.destroy()
  const body = bytes.toString('latin1', end < 0 ? 0 : end + 4)
  return { head, body, frames: [], end: isClosed ? 'dropped' : 'open' }
}

function isWhole(bytes: Buffer): boolean {
  const end = bytes.indexOf('\r\n\r\n')
  if (end >= 0 && bytes.includes(' 204 ')) return true // it never has a body
  const length = /^content-length: (\d+)/im.exec(bytes.toString('latin1', 0, Math.max(end, 0)))?.[1]
  return length !== undefined && bytes.length >= end + 4 + Number(length)
}
