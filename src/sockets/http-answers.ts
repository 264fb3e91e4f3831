/**
 * What the HTTP transports answer with: headers that let pages of other origins read it, JSON bodies, refusals.
 *
 * Owns CORS (WHATWG Fetch §3.2): with no list of origins any page may read; else the origin, which the gate has
 * checked, is named. No credentials are involved: a capsule in the body says who it is. Headers are built once per
 * origin.
 */
import { type CodeName, codes, errorFace } from '../codes.ts'
import type { Exchange } from '../uws/exchange.ts'

type Headers = Readonly<Record<string, string>>

/** A day: how long a browser may remember what it is allowed. */
const MAX_AGE_SECONDS = '86400'

/** What `retry-after` says of refusals that pass. */
const RETRY_AFTER_SECONDS = '5'

/** Origins whose headers are kept. */
const MAX_KEPT_ORIGINS = 100

const statusTexts: Readonly<Record<number, string>> = {
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  409: '409 Conflict',
  413: '413 Content Too Large',
  429: '429 Too Many Requests',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
}

export function statusText(http: number): string {
  return statusTexts[http] ?? '400 Bad Request'
}

export interface HttpAnswers {
  /** 200 with a JSON body. */
  json(exchange: Exchange, body: Buffer | string): void
  /** The status of a code and `{"error":…}`. */
  refuse(exchange: Exchange, code: CodeName, message: string): void
  /** The answer to a preflight. */
  preflight(exchange: Exchange): void
  /** Headers of a stream of events. */
  streamHeaders(exchange: Exchange): Headers
}

/** @param hasOrigins whether only some origins are allowed */
export function createHttpAnswers(hasOrigins: boolean): HttpAnswers {
  const kept = new Map<string, Headers>()

  function corsOf(exchange: Exchange): Headers {
    if (!hasOrigins) return anyOrigin
    const origin = exchange.header('origin')
    let headers = kept.get(origin)
    if (headers === undefined) {
      headers = { 'access-control-allow-origin': origin, vary: 'origin' }
      if (kept.size < MAX_KEPT_ORIGINS) kept.set(origin, headers)
    }
    return headers
  }

  return {
    json(exchange, body) {
      const headers = hasOrigins ? { ...jsonHeaders, ...corsOf(exchange) } : openJsonHeaders
      exchange.answer('200 OK', headers, body)
    },
    refuse(exchange, code, message) {
      const { http, retry } = codes[code]
      const retryAfter = retry && http === 503 ? { 'retry-after': RETRY_AFTER_SECONDS } : {}
      const headers = { ...jsonHeaders, ...corsOf(exchange), ...exposed, ...retryAfter }
      exchange.answer(statusText(http), headers, JSON.stringify({ error: errorFace(code, message) }))
    },
    preflight(exchange) {
      exchange.answer('204 No Content', { ...corsOf(exchange), ...preflightHeaders }, '')
    },
    streamHeaders: (exchange) => ({ ...corsOf(exchange), ...streamHeaders }),
  }
}

/** What pages may read of a refusal besides its body. */
const exposed: Headers = { 'access-control-expose-headers': 'retry-after' }
const anyOrigin: Headers = { 'access-control-allow-origin': '*' }
const jsonHeaders: Headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
const openJsonHeaders: Headers = { ...jsonHeaders, ...anyOrigin }
const preflightHeaders: Headers = {
  'access-control-allow-methods': 'POST, GET, OPTIONS',
  'access-control-allow-headers': 'content-type, last-event-id',
  'access-control-max-age': MAX_AGE_SECONDS,
}
/** Proxies must neither keep nor collect what is meant to arrive now. */
const streamHeaders: Headers = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}
