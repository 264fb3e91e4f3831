/**
 * The way back to the transport the page prefers.
 *
 * Owns one timer and at most one connection beside that of a fallback. It is tried after a minute and then ever more seldom,
 * up to every ten, and at once on a new network; the page notices nothing before it is open. Must not touch the connection in use: its owner does that
 * once the probe is open.
 */
import type { Connection } from './connection.ts'
import type { Timers } from './timers.ts'

const MIN_WAIT_MS = 60_000
const MAX_WAIT_MS = 600_000

export interface ProbeOptions {
  readonly timers: Timers
  /** How long it may take to open */
  readonly timeoutMs: number
  /** Whether a fallback is in use */
  isNeeded(): boolean
  /** Opens a connection over the preferred transport; throws where the platform forbids it */
  open(): Connection
}

export class Probe {
  readonly #options: ProbeOptions
  #connection: Connection | null = null
  #waitMs = MIN_WAIT_MS
  #cancel: () => void = () => {}

  constructor(options: ProbeOptions) {
    this.#options = options
  }

  /** Tries after a while, where a fallback is in use. */
  later(): void {
    this.stop()
    if (!this.#options.isNeeded()) {
      this.#waitMs = MIN_WAIT_MS
      return
    }
    this.#cancel = this.#options.timers.after(this.#waitMs, () => this.now())
    this.#waitMs = Math.min(2 * this.#waitMs, MAX_WAIT_MS)
  }

  /** The next `later` is now: what kept the preferred transport away may be gone. */
  hurry(): void {
    this.#waitMs = 0
  }

  /** Tries at once, where a fallback is in use. */
  now(): void {
    if (!this.#options.isNeeded() || this.#connection !== null) return
    this.#waitMs = Math.max(this.#waitMs, MIN_WAIT_MS)
    this.#cancel()
    try {
      this.#connection = this.#options.open()
      this.#cancel = this.#options.timers.after(this.#options.timeoutMs, () => this.later())
    } catch {
      this.later() // forbidden here, perhaps not forever
    }
  }

  /** It is open: from now on it is its owner's. */
  release(): void {
    this.#cancel()
    this.#connection = null
  }

  stop(): void {
    this.#cancel()
    const connection = this.#connection
    this.#connection = null
    connection?.close()
  }
}
