/**
 * What a question about history may hold, and how much one answer gives; the same on every port.
 *
 * Owns the bounds. A page is cut after MAX_PAGE_BYTES of messages, but never to nothing: whoever asked goes on from the
 * last offset that came. So an answer is at most that much more than one publication, however many were asked for. Pure.
 */

/** Publications that may be asked for at once; what is given is bounded by the configuration. */
export const MAX_HISTORY_LIMIT = 1_000_000

/** Characters of the epoch in a position. */
export const MAX_EPOCH_LENGTH = 64

/** Messages of one answer to a question about history, all together. */
export const MAX_PAGE_BYTES = 1_048_576

/** How many publications to ask the broker for: `asked`, 0 = as many as may be, and never more than `most`. */
export function historyLimit(asked: number, most: number): number {
  return asked === 0 ? most : Math.min(asked, most)
}
