/**
 * Why a path can not name a user.
 *
 * Owns the sentence; the rule is that of core (names.ts). Bodies have a field for it (fields.ts). Pure.
 */
import type { Failure } from '../core/broker.ts'
import { shown, userIdFault } from '../core/names.ts'

/** Null when `id` may be a user id. */
export function userFailure(id: string): Failure | null {
  const fault = userIdFault(id)
  if (fault === null) return null
  return { failed: 'INVALID_ARGUMENT', message: `User id ${shown(id)} is not allowed: ${fault}` }
}
