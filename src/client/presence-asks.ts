/**
 * Asks who is on a channel, where a node has not told all who came and left.
 *
 * Owns the when: after a random moment, because everybody on the channel was told the same at the same time; and one
 * question at a time per channel, however often it was told. What is told while a question is under way makes one more,
 * as the answer may be older. A question that was not asked yet outlives a connection. Bound: the channels of the page.
 */
import type { PresenceResult } from '../protocol/messages.ts'

export interface PresenceAsksOptions {
  /** Calls `run` after a random moment; returns the function that cancels it. */
  later(run: () => void): () => void
  ask(channel: string): Promise<PresenceResult>
  answered(result: PresenceResult): void
  failed(channel: string, thrown: unknown): void
}

interface Ask {
  cancel: () => void
  isAsked: boolean
  /** Told once more since it was asked. */
  isStale: boolean
}

export class PresenceAsks {
  readonly #options: PresenceAsksOptions
  readonly #asks = new Map<string, Ask>()

  constructor(options: PresenceAsksOptions) {
    this.#options = options
  }

  /** What is known of the channel is not all there is. */
  stale(channel: string): void {
    const ask = this.#asks.get(channel)
    if (ask === undefined) this.#wait(channel)
    else ask.isStale = ask.isAsked
  }

  /** There is a connection (again). */
  start(): void {
    for (const [channel, { isAsked }] of this.#asks) if (!isAsked) this.#wait(channel)
  }

  /** Sets no timer and leaves none, until the next start. */
  pause(): void {
    for (const { cancel } of this.#asks.values()) cancel()
  }

  /** Nobody wants to know any more. */
  forget(channel: string): void {
    this.#asks.get(channel)?.cancel()
    this.#asks.delete(channel)
  }

  #wait(channel: string): void {
    const ask: Ask = { cancel: () => {}, isAsked: false, isStale: false }
    this.#asks.set(channel, ask)
    ask.cancel = this.#options.later(() => void this.#ask(channel, ask))
  }

  async #ask(channel: string, ask: Ask): Promise<void> {
    ask.isAsked = true
    const outcome = await this.#options.ask(channel).catch((thrown: unknown) => ({ thrown }))
    if (this.#asks.get(channel) !== ask) return
    this.#asks.delete(channel)
    if (ask.isStale) this.#wait(channel)
    if ('thrown' in outcome) this.#options.failed(channel, outcome.thrown)
    else this.#options.answered(outcome)
  }
}
