/**
 * The first frame of a publisher: which version it speaks, whether its key is good, how it wants its answers.
 *
 * Owns the checks of a hello, each with a message that names the field. Pure.
 */
import type { Failure } from '../core/broker.ts'
import { isSameKey } from '../core/keys.ts'
import { isTenant, MAX_TENANT } from '../core/tenants.ts'
import { type AckMode, PROTOCOL_VERSION } from '../protocol/publish-frames.ts'

export interface HelloKeys {
  /** Of publishers who name none */
  readonly tenant: number
  /** '' = no key is asked for */
  readonly key: string
  /** '' = none */
  readonly trustedKey: string
}

export interface Hello {
  readonly acks: AckMode
  readonly isTrusted: boolean
  readonly tenant: number
}

/** As decoded: nothing is known of them. */
interface HelloFields {
  readonly version?: unknown
  readonly key?: unknown
  readonly acks?: unknown
  readonly tenant?: unknown
}

/** @param fields what the frame holds, as decoded */
export function readHello(fields: unknown, keys: HelloKeys): Hello | Failure {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    return { failed: 'INVALID_ARGUMENT', message: 'A hello holds a map' }
  }
  const { version, key = '', acks = 'each', tenant = keys.tenant } = fields as HelloFields
  if (version !== PROTOCOL_VERSION) {
    const message = `Field "version" must be ${PROTOCOL_VERSION}: it is ${JSON.stringify(version)}`
    return { failed: 'INVALID_ARGUMENT', message }
  }
  if (acks !== 'each' && acks !== 'cumulative') {
    return { failed: 'INVALID_ARGUMENT', message: 'Field "acks" must be "each" or "cumulative"' }
  }
  if (typeof key !== 'string') return { failed: 'INVALID_ARGUMENT', message: 'Field "key" must be a string' }
  if (!isTenant(tenant)) {
    const message = `Field "tenant" must be an integer from 0 to ${MAX_TENANT}`
    return { failed: 'INVALID_ARGUMENT', message }
  }
  if (isSameKey(key, keys.trustedKey)) return { acks, isTrusted: true, tenant }
  if (keys.key === '' || isSameKey(key, keys.key)) return { acks, isTrusted: false, tenant }
  return {
    failed: 'KEY_INVALID',
    message: key === '' ? 'Field "key" is missing' : 'Field "key" is not the key',
  }
}
