/**
 * Answers as HTTP has them.
 *
 * Owns how a value, a text or a failure becomes status, headers and bytes, and the gentle end of a request whose body
 * is not wanted: the answer goes out, what still comes is thrown away for a moment, then the connection closes.
 * Must not know any route.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { codes, errorFace } from '../codes.ts'
import { type Failure, hasFailed } from '../core/broker.ts'
import type { Answer } from './route.ts'

/** Closing while the peer still sends resets the connection, and the answer may be lost with it. */
const LINGER_MS = 500

type Headers = Readonly<Record<string, string>>

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

/** The HTTP form of what an operation answered. */
export function httpAnswer(answer: Answer, headers: Headers = {}): HttpAnswer {
  if (hasFailed(answer)) return failureAnswer(answer, headers)
  if ('json' in answer) return made(200, 'application/json', JSON.stringify(answer.json), headers)
  return made(200, answer.contentType, answer.text, headers)
}

/** The HTTP form of a failure: its status and the `error` body. */
export function failureAnswer({ failed, message }: Failure, headers: Headers = {}): HttpAnswer {
  const body = JSON.stringify({ error: errorFace(failed, message) })
  const challenge = codes[failed].http === 401 ? { 'WWW-Authenticate': 'Bearer realm="encke"' } : {}
  return made(codes[failed].http, 'application/json', body, { ...challenge, ...headers })
}

/** Sends an answer; to HEAD without the body (RFC 9110 §9.3.2). Does nothing when the client has gone. */
export function send(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
  response.writeHead(answer.status, answer.headers)
  response.end(request.method === 'HEAD' ? undefined : answer.body)
}

/** Sends an answer to a request whose body is not read to its end, and closes the connection. */
export function sendAndClose(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
  response.writeHead(answer.status, { ...answer.headers, Connection: 'close' })
  response.write(answer.body)
  const finish = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(finish, LINGER_MS)
  request.once('end', finish).once('close', finish)
  request.resume()
}

/** The bytes of an answer for a socket that has no response object: the request could not be parsed. */
export function rawAnswer({ status, headers, body }: HttpAnswer): Buffer {
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} \r\n${lines.join('')}\r\n`), body])
}

function made(status: number, contentType: string, text: string | Buffer, headers: Headers): HttpAnswer {
  const body = typeof text === 'string' ? Buffer.from(text) : text
  const own = {
    'Content-Type': contentType,
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
  }
  return { status, headers: { ...own, ...headers }, body }
}
