/**
 * Client tokens as an application would sign them, good and forged.
 *
 * Owns a JSON Web Token encoder made from node:crypto alone (RFC 7515 §3.1, RFC 7518 §3), independent of the library
 * the node checks them with. Pure.
 */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export type Signer =
  | { readonly alg: 'HS256'; readonly secret: string | Buffer }
  | { readonly alg: 'RS256' | 'ES256'; readonly key: KeyObject }
  | { readonly alg: 'none' }

/** A token with these claims; `alg` is what its header says and how it is signed. */
export function signToken(signer: Signer, claims: Readonly<Record<string, unknown>>): string {
  const input = `${part({ alg: signer.alg, typ: 'JWT' })}.${part(claims)}`
  return `${input}.${signature(signer, input)}`
}

/** A fresh key pair for RS256 or ES256 with its public half as PEM. */
export function keyPair(alg: 'RS256' | 'ES256'): { readonly signer: Signer; readonly publicPem: string } {
  const { privateKey, publicKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    signer: { alg, key: privateKey },
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

/** Seconds since 1970, `offset` seconds from now: the unit of `exp`. */
export function secondsFromNow(offset: number): number {
  return Math.floor(Date.now() / 1000) + offset
}

function signature(signer: Signer, input: string): string {
  switch (signer.alg) {
    case 'none':
      return ''
    case 'HS256':
      return createHmac('sha256', signer.secret).update(input).digest('base64url')
    case 'RS256':
      return sign('sha256', Buffer.from(input), signer.key).toString('base64url')
    case 'ES256':
      // RFC 7518 §3.4: r and s side by side, not DER.
      return sign('sha256', Buffer.from(input), { key: signer.key, dsaEncoding: 'ieee-p1363' }).toString(
        'base64url',
      )
  }
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
