/**
 * What an application may say when it ends a session.
 *
 * Owns the bounds that every port checks and the transport relies on.
 */

/** RFC 6455 §7.4.2: close codes an application may use, both ends included. */
export const GOODBYE_CODES = { min: 3000, max: 4999 } as const

/** RFC 6455 §5.5: a control frame has at most 125 bytes, two of which are the code. */
export const MAX_REASON_BYTES = 123

/** Whether a code says that the client is to stay away: 3500–3999 (the node's) and 4500–4999 (the application's). */
export function isFinal(code: number): boolean {
  return (code >= 3500 && code <= 3999) || (code >= 4500 && code <= 4999)
}
