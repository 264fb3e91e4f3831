/**
 * Tokens that CppComet applications sign for their users.
 *
 * Owns their check: HS256 with the password followed by the number of the tenant, claims `user_id` (a positive integer)
 * and `exp`. A verifier is made once per tenant; at most `MAX_VERIFIERS` are kept.
 */
import { createVerifier } from 'fast-jwt'

const MAX_VERIFIERS = 1000

/** The user a token is for; null for any other text. */
export type UserOfToken = (tenant: number, token: string) => string | null

/** @param password not '' */
export function createUserTokens(password: string): UserOfToken {
  const verifiers = new Map<number, (token: string) => unknown>()

  function verifierOf(tenant: number): (token: string) => unknown {
    const known = verifiers.get(tenant)
    if (known !== undefined) return known
    if (verifiers.size === MAX_VERIFIERS) verifiers.clear()
    const key = `${password}${tenant}`
    const verify = createVerifier({ key, algorithms: ['HS256'], requiredClaims: ['exp', 'user_id'] })
    verifiers.set(tenant, verify)
    return verify
  }

  return (tenant, token) => {
    if (token.split('.').length !== 3) return null // a user's key
    try {
      const { user_id: user } = verifierOf(tenant)(token) as { user_id: unknown }
      return Number.isSafeInteger(user) && Number(user) > 0 ? String(user) : null
    } catch {
      return null // for whichever reason: the login is refused, without saying more
    }
  }
}
