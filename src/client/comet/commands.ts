/**
 * What a page asks of a node, however the connection is.
 *
 * Owns the commands that wait: those given before there is a connection, and those whose answer got lost or that the node
 * had no room for, which take their places again before what was asked later. They leave one after the other, at a pace
 * nodes allow. A publish has a key, so to send it again does no harm as long as nodes remember keys. Bound: `MAX_WAITING`;
 * the next one fails.
 */
import type { Client } from '../api.ts'
import { ClientError, localError } from '../client-error.ts'
import type { Timers } from '../timers.ts'

const MAX_WAITING = 1_000
/** Half of the hundred commands per second that nodes allow. */
const PACE_MS = 20
/** Nodes count the commands of a second; a whole one later it is another, whenever it began. */
const RATE_PAUSE_MS = 1_000
/** For how long a command is sent again; nodes remember keys for five minutes unless set otherwise. */
const MAX_AGE_MS = 240_000

export interface Command {
  /** Sends it, and rejects with what the node answered. */
  run(client: Client): Promise<void>
  /** It will not be sent again. */
  failed(error: ClientError): void
}

interface Waiting {
  readonly command: Command
  /** Of all that were ever asked */
  readonly number: number
  /** Null = it has not been sent */
  sentMs: number | null
}

export class Commands {
  readonly #timers: Timers
  /** In the order asked. */
  readonly #waiting: Waiting[] = []
  #asked = 0
  #client: Client | null = null
  #cancelPump: (() => void) | null = null

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Sends a command; false when it has to wait for that. */
  send(command: Command): boolean {
    const waiting: Waiting = { command, number: this.#asked++, sentMs: null }
    if (this.#client !== null && this.#waiting.length === 0) {
      void this.#try(this.#client, waiting)
      return true
    }
    this.#keep(waiting)
    return false
  }

  /** There is a connection: what waits goes out. */
  attach(client: Client): void {
    this.#client = client
    this.#pumpIn(0)
  }

  /** There is none. */
  detach(): void {
    this.#client = null
    this.#stopPump()
  }

  #keep(waiting: Waiting): void {
    if (this.#waiting.length >= MAX_WAITING) {
      waiting.command.failed(localError('QUEUE_FULL', `${MAX_WAITING} commands wait for a connection`))
      return
    }
    const later = this.#waiting.findIndex(({ number }) => number > waiting.number)
    this.#waiting.splice(later < 0 ? this.#waiting.length : later, 0, waiting)
  }

  #stopPump(): void {
    this.#cancelPump?.()
    this.#cancelPump = null
  }

  #pumpIn(delayMs: number): void {
    this.#cancelPump ??= this.#timers.after(delayMs, () => {
      this.#cancelPump = null
      const next = this.#client === null ? undefined : this.#waiting.shift()
      if (this.#client === null || next === undefined) return
      void this.#try(this.#client, next)
      if (this.#waiting.length > 0) this.#pumpIn(PACE_MS)
    })
  }

  async #try(client: Client, waiting: Waiting): Promise<void> {
    const { command } = waiting
    waiting.sentMs ??= this.#timers.nowMs()
    try {
      await command.run(client)
    } catch (thrown) {
      if (!(thrown instanceof ClientError)) throw thrown
      const isLate = this.#timers.nowMs() - waiting.sentMs > MAX_AGE_MS
      // A client that was closed may be opened again, or another takes its place.
      const mayRetry = thrown.retry || thrown.name === 'CLOSED'
      if (isLate || !mayRetry) return command.failed(thrown)
      this.#keep(waiting)
      if (this.#client === null) return
      const isTooFast = thrown.name === 'COMMAND_RATE'
      if (isTooFast) this.#stopPump()
      this.#pumpIn(isTooFast ? RATE_PAUSE_MS : PACE_MS)
    }
  }
}
