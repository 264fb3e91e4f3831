/**
 * Which transport to use next.
 *
 * Owns the list the page prefers and the rule to move on: a transport over which nothing at all was heard, two attempts in a
 * row, yields to the next one, round and round. One that has worked before is given more time, because then it is rather
 * the network or the node that is away. Bound: two counters.
 */
import type { TransportName } from './api.ts'
import type { HttpSession } from './http-socket.ts'
import { openLongPoll } from './long-poll.ts'
import { besideSocket, type SocketConstructor, type SocketLike } from './socket.ts'
import { openSse } from './sse.ts'

/** Attempts after which the next transport is tried. */
const PATIENCE = 2
const PROVEN_PATIENCE = 6

export interface TransportOptions {
  /** Address of the WebSocket; the others are beside it */
  readonly url: string
  readonly names: readonly TransportName[]
  readonly WebSocket: SocketConstructor | undefined
  readonly session: HttpSession
}

export class Transports {
  readonly #options: TransportOptions
  #current = 0
  #failures = 0
  readonly #proven = new Set<TransportName>()

  constructor(options: TransportOptions) {
    this.#options = options
  }

  get name(): TransportName {
    return this.#at(this.#current)
  }

  /** There is one the page would rather have. */
  get isFallback(): boolean {
    return this.#current > 0
  }

  /**
   * Opens the current transport, or the one the page prefers.
   *
   * @throws what the platform throws when it forbids the address
   */
  open(isPreferred = false): SocketLike {
    const { url, WebSocket, session } = this.#options
    const name = isPreferred ? this.#at(0) : this.name
    switch (name) {
      case 'websocket':
        if (WebSocket === undefined) throw new TypeError('No WebSocket here')
        return new WebSocket(url)
      case 'long-poll':
        return openLongPoll(besideSocket(url, 'poll'), session)
      case 'sse':
        return openSse({ stream: besideSocket(url, 'sse'), command: besideSocket(url, 'command') }, session)
    }
  }

  /** The node has accepted the session over the current transport, or over the preferred one. */
  worked(isPreferred: boolean): void {
    if (isPreferred) this.#current = 0
    this.#failures = 0
    this.#proven.add(this.name)
  }

  /** Nothing was heard over the current transport. */
  failed(): void {
    this.#failures++
    if (this.#failures >= (this.#proven.has(this.name) ? PROVEN_PATIENCE : PATIENCE)) this.#yield()
  }

  /** The platform forbids the current transport; false when there is none after it. */
  forbidden(): boolean {
    const isLast = this.#current >= this.#options.names.length - 1
    this.#yield()
    return !isLast
  }

  /** The network is another one: what worked before may not work here. */
  forget(): void {
    this.#proven.clear()
    this.#failures = 0
  }

  #yield(): void {
    this.#failures = 0
    this.#current = (this.#current + 1) % this.#options.names.length
  }

  #at(index: number): TransportName {
    return this.#options.names[index] ?? 'websocket'
  }
}
