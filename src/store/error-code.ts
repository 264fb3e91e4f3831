/**
 * The code of a system error.
 *
 * Owns the one look into what was thrown that this part needs in several places. Pure.
 */

/** ENOENT, say; '' for what has none. */
export function errorCode(thrown: unknown): string {
  if (!(thrown instanceof Error) || !('code' in thrown)) return ''
  return typeof thrown.code === 'string' ? thrown.code : ''
}
