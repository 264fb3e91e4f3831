/**
 * A set of texts in order, that changes all the time.
 *
 * Owns runs of at most `MAX_RUN` texts, in order within and among each other; one that grows beyond is cut in two, one that
 * is empty goes. To add, to delete and to look up are O(log n) and a move of one run, where a plain array would move
 * everything; nothing is sorted when it is asked for. Bound: none of its own.
 */

const MAX_RUN = 512

export class SortedTexts {
  readonly #runs: string[][]

  constructor() {
    this.#runs = []
  }

  /** Adds a text that may be there. */
  add(text: string): void {
    const at = Math.max(0, this.#runOf(text))
    const run = this.#runs[at]
    if (run === undefined) {
      this.#runs.push([text])
      return
    }
    const index = placeOf(run, text)
    if (run[index] === text) return
    run.splice(index, 0, text)
    if (run.length > MAX_RUN) this.#runs.splice(at + 1, 0, run.splice(MAX_RUN >>> 1))
  }

  /** Takes out a text that may be missing. */
  delete(text: string): void {
    const at = this.#runOf(text)
    const run = this.#runs[at]
    if (run === undefined) return
    const index = placeOf(run, text)
    if (run[index] !== text) return
    run.splice(index, 1)
    if (run.length === 0) this.#runs.splice(at, 1)
  }

  /** The first text that is not before `text`; null = there is none. */
  atLeast(text: string): string | null {
    const at = Math.max(0, this.#runOf(text))
    const run = this.#runs[at]
    return run?.[placeOf(run, text)] ?? this.#runs[at + 1]?.[0] ?? null
  }

  /** The last run that begins with `text` or one before it; −1 = there is none. */
  #runOf(text: string): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#runs[middle]?.[0] ?? '') <= text) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** Where a text is in a run, or would be. */
function placeOf(run: readonly string[], text: string): number {
  let low = 0
  let high = run.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((run[middle] ?? '') < text) low = middle + 1
    else high = middle
  }
  return low
}
