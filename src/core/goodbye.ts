/**
 * What an application may say when it ends a session.
 *
 * Owns the bounds that every port checks and the transport relies on; which codes are final is the registry's.
 */

/** RFC 6455 §7.4.2: close codes an application may use, both ends included. */
export const GOODBYE_CODES = { min: 3000, max: 4999 } as const

/** RFC 6455 §5.5: a control frame has at most 125 bytes, two of which are the code. */
export const MAX_REASON_BYTES = 123
