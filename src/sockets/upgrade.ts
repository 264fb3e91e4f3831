/**
 * What every protocol over WebSockets does at both ends of a connection.
 *
 * Owns the answer to an upgrade that is refused, and why a connection ended as far as the library can tell. Pure.
 */
import { type CodeName, codes, errorFace } from '../codes.ts'
import type { Failure } from '../core/broker.ts'
import type { Session } from '../core/session.ts'
import type { HttpAnswer } from '../uws.ts'
import { statusText } from './http-answers.ts'

/** Refusal before the upgrade: browsers can't see why, everything else can. */
export function upgradeRefusal({ failed, message }: Failure): HttpAnswer {
  const { http, retry } = codes[failed]
  return {
    status: statusText(http),
    headers: { 'content-type': 'application/json', ...(retry ? { 'retry-after': '5' } : {}) },
    body: JSON.stringify({ error: errorFace(failed, message) }),
  }
}

/** Why a connection ended, where it was not the client's wish. The texts are the library's own for code 1006. */
export function closeCause({ endedBy }: Session, code: number, reason: string): CodeName | null {
  if (endedBy !== null) return endedBy
  if (code !== 1006) return null
  if (/too big/i.test(reason)) return 'MESSAGE_TOO_LARGE'
  if (/timed out/i.test(reason)) return 'IDLE_TIMEOUT'
  // The library finds codes 3000 to 3999 in a client's close frame invalid, which they are not.
  if (/invalid/i.test(reason) && !/close payload/i.test(reason)) return 'BAD_MESSAGE'
  return null
}
