/**
 * What a page's developer reads in the console.
 *
 * Owns the level, which outlives the page as `comet_LogLevel`, and the mark before every line. Mistakes in calls are told at
 * every level, what happens only above 0.
 */
import { createStorage, type PageStorage } from './storage.ts'

const LEVEL = 'comet_LogLevel'
const MARK = '[CometServerApi]'

export class PageLog {
  readonly #storage: PageStorage = createStorage()
  #level: number

  constructor() {
    this.#level = Number(this.#storage.get(LEVEL)) || 0
  }

  get level(): number {
    return this.#level
  }

  set level(level: number) {
    this.#level = level
    this.#storage.set(LEVEL, String(level))
  }

  /** A mistake of the page, or what it has to know. */
  complain(...said: readonly unknown[]): void {
    // biome-ignore lint/suspicious/noConsole: the console of the page is where its developer looks
    console.error(MARK, ...said)
  }

  /** What happens, for those who asked for it. */
  note(...said: readonly unknown[]): void {
    // biome-ignore lint/suspicious/noConsole: asked for by the level
    if (this.#level > 0) console.log(MARK, ...said)
  }
}
