/**
 * Client tokens: JSON Web Tokens that the application signs and clients show when they connect.
 *
 * Owns turning a token into an `Identity` or a named failure. Synchronous, because it stands in the connect path.
 * Algorithms are fixed by the configuration (HS256 by a secret, RS256 or ES256 by a public key), never by the token.
 * Bound: verified tokens are not kept.
 */
import { createPublicKey } from 'node:crypto'
import { createDecoder, createVerifier } from 'fast-jwt'
import { errorText } from '../errors.ts'
import type { Identity } from './access.ts'
import type { Failure } from './broker.ts'
import { userIdFault } from './names.ts'
import { isTenant, MAX_TENANT } from './tenants.ts'

/** Grants a token may list; more make it invalid. */
const MAX_GRANTS = 1000

/** Clocks of two machines differ a little. */
const CLOCK_TOLERANCE_MS = 1000

type Algorithm = 'HS256' | 'RS256' | 'ES256'

export interface TokenKeys {
  /** HS256 secret; '' = none */
  readonly secret: string
  /** PEM public key for RS256 (RSA) or ES256 (P-256); '' = none */
  readonly publicKey: string
}

export type VerifyToken = (token: string) => Identity | Failure

/** The algorithm a public key is for. @throws {Error} when it is neither RSA nor P-256, or no key at all */
export function algorithmOfKey(pem: string): 'RS256' | 'ES256' {
  const key = createPublicKey(pem)
  if (key.asymmetricKeyType === 'rsa') return 'RS256'
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256'
  throw new Error(`The key is ${key.asymmetricKeyType}, not RSA or P-256`)
}

/**
 * A verifier for the configured keys; null when there are none.
 *
 * @param tenant of tokens that name none
 */
export function createTokenVerifier(keys: TokenKeys, tenant: number): VerifyToken | null {
  const verifiers = new Map<Algorithm, (token: string) => unknown>()
  const add = (algorithm: Algorithm, key: string) => {
    const verify = createVerifier({ key, algorithms: [algorithm], clockTolerance: CLOCK_TOLERANCE_MS })
    verifiers.set(algorithm, verify)
  }
  if (keys.secret !== '') add('HS256', keys.secret)
  if (keys.publicKey !== '') add(algorithmOfKey(keys.publicKey), keys.publicKey)
  if (verifiers.size === 0) return null
  const header = createDecoder({ complete: true })

  return (token) => {
    try {
      const algorithm: unknown = header(token).header.alg
      const verify = verifiers.get(algorithm as Algorithm)
      if (verify === undefined) {
        const allowed = [...verifiers.keys()].join(', ')
        return invalid(`its algorithm is ${JSON.stringify(algorithm)}, allowed: ${allowed}`)
      }
      return identityOf(verify(token), tenant)
    } catch (error) {
      return failureOf(error)
    }
  }
}

function identityOf(payload: unknown, ownTenant: number): Identity | Failure {
  const {
    sub = '',
    channels = [],
    exp = 0,
    tenant = ownTenant,
  } = payload as Readonly<Record<'sub' | 'channels' | 'exp' | 'tenant', unknown>>
  const user = typeof sub === 'number' && Number.isSafeInteger(sub) ? String(sub) : sub
  if (typeof user !== 'string') return invalid('its claim "sub" is neither a string nor an integer')
  if (user !== '') {
    const fault = userIdFault(user)
    if (fault !== null) return invalid(`its claim "sub" can not be a user id: ${fault}`)
  }
  if (!Array.isArray(channels) || !channels.every((glob) => typeof glob === 'string')) {
    return invalid('its claim "channels" is not a list of strings')
  }
  if (channels.length > MAX_GRANTS) {
    return invalid(`its claim "channels" lists ${channels.length} of at most ${MAX_GRANTS} globs`)
  }
  if (!isTenant(tenant)) return invalid(`its claim "tenant" is no integer from 0 to ${MAX_TENANT}`)
  return { tenant, user, grants: channels, untilSecond: typeof exp === 'number' ? Math.floor(exp) : 0 }
}

function failureOf(error: unknown): Failure {
  const code = (error as { code?: unknown }).code
  if (code === 'FAST_JWT_EXPIRED') return { failed: 'TOKEN_EXPIRED', message: 'The token has expired' }
  if (code === 'FAST_JWT_INACTIVE') return { failed: 'TOKEN_EXPIRED', message: 'The token is not valid yet' }
  return invalid(errorText(error).replace(/\.$/, ''))
}

function invalid(reason: string): Failure {
  return { failed: 'TOKEN_INVALID', message: `The token can not be trusted: ${reason}` }
}
