/**
 * What the key of a publication may be, on every port.
 *
 * Owns the one rule: at most 128 bytes of UTF-8 without control characters, '' = none. Broken Unicode is refused, as
 * two different keys could become the same by it, and the second publication would vanish. Pure.
 */
export const MAX_KEY_BYTES = 128

/** C0 and C1 control characters, DEL, halves of surrogate pairs, and what broken UTF-8 decodes to. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\ufffd]/u

/** Null when `key` may be the key of a publication; '' = none. */
export function publicationKeyFault(key: string): string | null {
  if (key === '') return null
  const bytes = Buffer.byteLength(key)
  if (bytes > MAX_KEY_BYTES) return `it has ${bytes} of at most ${MAX_KEY_BYTES} bytes`
  return FORBIDDEN.test(key) ? 'it holds control characters or broken Unicode' : null
}
