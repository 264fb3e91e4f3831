/**
 * Who may use the internal HTTP API, and for which tenant.
 *
 * Owns the check of the key, in constant time: as a bearer key, or as the password of a tenant (Basic, `TENANT:KEY`, as
 * `curl -u 5:KEY` sends it). And the refusal of requests that a foreign web page makes a browser send: without it any
 * page open on a machine that reaches the port could publish while no key is set.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { type Failure, hasFailed } from '../core/broker.ts'
import { isSameKey } from '../core/keys.ts'
import { shown } from '../core/names.ts'
import { MAX_TENANT } from '../core/tenants.ts'

/** Whom a request is from. */
export interface Caller {
  readonly tenant: number
}

interface Credentials extends Caller {
  readonly key: string
}

/**
 * Makes the check of the `Authorization` header; RFC 6750 §2.1 and RFC 7617 §2, the schemes in any case.
 *
 * @param key '' = anyone may, and Basic names the tenant with any password
 * @param tenant of those who name none
 */
export function callerCheck(key: string, tenant: number): (headers: IncomingHttpHeaders) => Caller | Failure {
  return ({ authorization }) => {
    const given = credentials(authorization, tenant)
    if (given === null) return key === '' ? { tenant } : refusal(missing(authorization))
    if (hasFailed(given)) return given
    return key === '' || isSameKey(given.key, key) ? { tenant: given.tenant } : refusal('Key is wrong')
  }
}

/** Refuses what a page of another origin sends. Programs send no Origin header. */
export function originFailure({ origin, host }: IncomingHttpHeaders): Failure | null {
  if (origin === undefined || hostOf(origin) === host) return null
  const message = `Pages of ${shown(origin)} may not use the internal port: publish through your application`
  return { failed: 'ORIGIN_DENIED', message }
}

/** Null when the header is missing or of another scheme. */
function credentials(authorization: string | undefined, tenant: number): Credentials | Failure | null {
  const [, scheme = '', given = ''] = /^(bearer|basic) +(.*)$/i.exec(authorization ?? '') ?? []
  if (scheme === '') return null
  // Node reads header bytes as Latin-1; a key is UTF-8.
  if (scheme.toLowerCase() === 'bearer') return { tenant, key: Buffer.from(given, 'latin1').toString() }
  return basicCredentials(Buffer.from(given, 'base64').toString())
}

function basicCredentials(text: string): Credentials | Failure {
  const [, digits = '', key = ''] = /^(\d{1,10}):(.*)$/s.exec(text) ?? []
  if (digits !== '' && Number(digits) <= MAX_TENANT) return { tenant: Number(digits), key }
  return refusal(`Basic authorization must be a tenant from 0 to ${MAX_TENANT}, a colon and the key`)
}

function missing(authorization: string | undefined): string {
  if (authorization === undefined) return 'Authorization header is missing'
  return 'Authorization header must be "Bearer <key>", or "Basic" with tenant and key'
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}

function refusal(message: string): Failure {
  return { failed: 'KEY_INVALID', message }
}
