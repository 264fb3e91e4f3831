/**
 * Who may use the internal HTTP API.
 *
 * Owns the bearer key check, in constant time, and the refusal of requests that a foreign web page makes a browser
 * send: without it any page open on a machine that reaches the port could publish while no key is set.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Failure } from '../core/broker.ts'
import { isSameKey } from '../core/keys.ts'
import { shown } from '../core/names.ts'

/**
 * Makes the check of the `Authorization` header; RFC 6750 §2.1, the scheme in any case.
 *
 * @param key '' = anyone may
 */
export function keyCheck(key: string): (headers: IncomingHttpHeaders) => Failure | null {
  if (key === '') return () => null
  return ({ authorization }) => {
    if (authorization === undefined) return refusal('Authorization header is missing')
    const given = /^bearer +(.*)$/i.exec(authorization)?.[1]
    if (given === undefined) return refusal('Authorization header must be "Bearer <key>"')
    // Node reads header bytes as Latin-1; a key is UTF-8.
    return isSameKey(Buffer.from(given, 'latin1').toString(), key) ? null : refusal('Key is wrong')
  }
}

/** Refuses what a page of another origin sends. Programs send no Origin header. */
export function originFailure({ origin, host }: IncomingHttpHeaders): Failure | null {
  if (origin === undefined || hostOf(origin) === host) return null
  const message = `Pages of ${shown(origin)} may not use the internal port: publish through your application`
  return { failed: 'ORIGIN_DENIED', message }
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}

function refusal(message: string): Failure {
  return { failed: 'KEY_INVALID', message }
}
