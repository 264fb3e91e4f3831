/**
 * What was thrown, as a failure to answer with.
 *
 * Owns the choice of the code: its own where it has one, else INTERNAL. Pure.
 */
import { EnckeError, errorText } from '../errors.ts'
import type { Failure } from './broker.ts'

export function failureOf(thrown: unknown): Failure {
  return { failed: thrown instanceof EnckeError ? thrown.code : 'INTERNAL', message: errorText(thrown) }
}
