/**
 * Messages that a page sends several times to be sure of them, and another handles once.
 *
 * Owns the mark in their data and the marks that were seen, for three minutes. Bound: those of three minutes, and at most
 * `MAX_MARKS`.
 */
import { tabName } from './random-text.ts'

/** The member of the data that is the same in all of them. */
const MARK = '_cometApi_uuid'
const KEEP_MS = 180_000
const MAX_MARKS = 10_000

/** The same data with a mark; null when it is nothing that can carry one. */
export function marked(data: unknown): object | null {
  if (!isFields(data)) return null
  return { ...data, [MARK]: `jsapi${tabName()}` }
}

export class Repeats {
  readonly #seen = new Map<string, number>()

  /**
   * Takes the mark off `data`, in place.
   *
   * @returns false when data of that mark came before
   */
  admit(data: unknown, nowMs: number): boolean {
    if (!isFields(data) || !(MARK in data)) return true
    const mark = data[MARK]
    if (typeof mark !== 'string') return true // nothing that an API of pages has put there
    delete data[MARK]
    this.#forget(nowMs)
    if (this.#seen.has(mark)) return false
    this.#seen.set(mark, nowMs)
    return true
  }

  /** The oldest are first. */
  #forget(nowMs: number): void {
    for (const [mark, sinceMs] of this.#seen) {
      if (sinceMs + KEEP_MS > nowMs && this.#seen.size < MAX_MARKS) return
      this.#seen.delete(mark)
    }
  }
}

function isFields(data: unknown): data is Record<string, unknown> {
  return typeof data === 'object' && data !== null && !Array.isArray(data)
}
