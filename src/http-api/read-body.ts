/**
 * The body of a request, within a bound.
 *
 * Owns the reading: nothing is kept beyond `maxBytes`, a declared length above it is refused before the first byte, and
 * a client that leaves half-way is told apart from one that is wrong. Bound: `maxBytes` per request being read.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Failure } from '../core/broker.ts'
import { shown } from '../core/names.ts'

/** `gone`: the client left before the end; nobody is there to answer. */
export type BodyOutcome = Buffer | Failure | 'gone'

/**
 * Reads the body of a request.
 *
 * After a failure the rest of the body has not been read.
 *
 * @param maxBytes a longer body is MESSAGE_TOO_LARGE
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
): Promise<BodyOutcome> {
  const failure = mediaTypeFailure(request) ?? lengthFailure(request, maxBytes)
  if (failure !== null) return failure
  // RFC 9110 §10.1.1: the client waits for this before it sends the body.
  if (request.headers.expect !== undefined) response.writeContinue()
  return collect(request, maxBytes)
}

/** JSON has one media type; a missing header is taken for it, `text/plain` is what a foreign page could send. */
function mediaTypeFailure({ headers }: IncomingMessage): Failure | null {
  const given = headers['content-type']
  if (given === undefined) return null
  const [type = '', ...parameters] = given.split(';').map((part) => part.trim().toLowerCase())
  const charset = parameters.find((part) => part.startsWith('charset='))
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset)
  if (type === 'application/json' && isUtf8) return null
  const message = `Content-Type must be application/json in UTF-8: ${shown(given)} given`
  return { failed: 'INVALID_ARGUMENT', message }
}

function lengthFailure({ headers }: IncomingMessage, maxBytes: number): Failure | null {
  const bytes = Number(headers['content-length'] ?? 0)
  return bytes > maxBytes ? tooLarge(`has ${bytes} bytes`, maxBytes) : null
}

function collect(request: IncomingMessage, maxBytes: number): Promise<BodyOutcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const settle = (outcome: BodyOutcome) => {
      request.off('data', take).off('end', finish).off('close', leave)
      resolve(outcome)
    }
    const take = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) {
        chunks.push(chunk)
        return
      }
      request.pause()
      settle(tooLarge('is too large', maxBytes))
    }
    const finish = () => settle(Buffer.concat(chunks))
    const leave = () => settle('gone')
    request.on('data', take).once('end', finish).once('close', leave)
  })
}

function tooLarge(what: string, maxBytes: number): Failure {
  return { failed: 'MESSAGE_TOO_LARGE', message: `Body ${what}: at most ${maxBytes} bytes are allowed` }
}
