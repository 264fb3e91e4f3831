/**
 * Comparing the keys of the internal ports.
 *
 * Owns that one comparison, which takes as long for a wrong key as for the right one.
 */
import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether `given` is `key`; an empty key is nobody's. */
export function isSameKey(given: string, key: string): boolean {
  return key !== '' && timingSafeEqual(digest(given), digest(key))
}

/** Of one length for keys of any length. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
