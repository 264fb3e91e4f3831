/**
 * Keys by which a node knows a publish that is sent twice.
 *
 * Owns their uniqueness: some hundred random bits per client, and a count. Bound: a number.
 */

/** Creates a source of keys, each at most 40 bytes. */
export function createKeys(random: () => number): () => string {
  const prefix = Array.from({ length: 2 }, () => random().toString(36).slice(2)).join('')
  let count = 0
  return () => `${prefix}.${++count}`
}
