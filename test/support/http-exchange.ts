/**
 * One HTTP request of a raw client, and its whole answer or its stream.
 *
 * Owns `exchange` and `openExchange`, over node:http and an agent of the caller, so that a test decides which requests
 * share a connection. The body goes out as text/plain, as a page sends it to do without a preflight. Knows no protocol.
 */
import { type Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { WireError } from './wire.ts'

/** Where the public port of a node, or a proxy before it, is on 127.0.0.1. */
export interface PublicPort {
  readonly publicPort: number
}

export interface ExchangeOptions {
  readonly agent: Agent
  readonly signal?: AbortSignal
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Sends a request; resolves to the answer as soon as its head is there. @param body undefined = none */
export function openExchange(
  where: PublicPort,
  path: string,
  body: unknown,
  options: ExchangeOptions,
): Promise<IncomingMessage> {
  const { method = 'POST', headers = {}, ...rest } = options
  const content = body === undefined ? '' : JSON.stringify(body)
  const sent = { 'content-type': 'text/plain', 'content-length': String(Buffer.byteLength(content)) }
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: where.publicPort,
      path,
      method,
      headers: body === undefined ? headers : { ...sent, ...headers },
      ...rest,
    })
    outgoing.on('response', resolve)
    outgoing.on('error', reject)
    outgoing.end(content)
  })
}

/** Sends a request; resolves to the answer once all of it is there. */
export async function exchange(
  where: PublicPort,
  path: string,
  body: unknown,
  options: ExchangeOptions,
): Promise<HttpAnswer> {
  return readAnswer(await openExchange(where, path, body, options))
}

/** Reads the rest of an answer. */
export async function readAnswer(incoming: IncomingMessage): Promise<HttpAnswer> {
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: await text(incoming) }
}

/** The `error` member of an answer that refuses; one made up from the status where there is none. */
export function errorOf({ status, body }: HttpAnswer): WireError {
  try {
    const { error } = JSON.parse(body) as { error?: WireError }
    if (error !== undefined) return error
  } catch {
    // not JSON: the status has to do
  }
  return { code: status, name: `HTTP_${status}`, message: body.slice(0, 200), retry: false }
}
