/**
 * A page behind a bad line: the browser client, with books of what it handed on.
 *
 * Owns one client, its subscriptions, and when each publication came. It counts what a page would see: publications
 * missing, twice, or out of order, and gaps it was told of. Bound: eight bytes per publication expected.
 */
import { WebSocket } from 'ws'
import { type Client, createClient, type SocketConstructor } from '../../src/client/client.ts'
import { monotonicMs } from './monotonic.ts'

/** The typings of ws end with an overload for servers, which hides that it is constructed as in a browser. */
const NodeSocket = WebSocket as unknown as SocketConstructor

export class LineClient {
  /** Times of arrival by channel, at index offset − 1; 0 = not yet. */
  readonly received: ReadonlyMap<string, Float64Array>
  receivedCount = 0
  twice = 0
  /** Publications that came after one with a higher offset. */
  late = 0
  /** Gaps told, and publications nobody can have: offsets beyond what is expected. */
  gaps = 0
  /** Times the client was accepted by the node. */
  connections = 0
  readonly failures = new Map<string, number>()
  readonly #client: Client
  readonly #lastOffsets = new Map<string, number>()

  /** @param capacity publications expected on a channel at most */
  constructor(port: number, channels: readonly string[], capacity: number) {
    this.received = new Map(channels.map((channel) => [channel, new Float64Array(capacity)]))
    this.#client = createClient({ url: `ws://127.0.0.1:${port}/ws`, WebSocket: NodeSocket })
    this.#client.on('error', (error) => this.#count(error.name))
    this.#client.on('state', (state) => {
      if (state.state === 'connected') this.connections++
      if (state.state === 'closed' && state.code !== 0) this.#count(`closed with ${state.code}`)
    })
  }

  /** Connects; resolves once all channels are subscribed to. */
  async open(): Promise<void> {
    this.#client.connect()
    await Promise.all([...this.received.keys()].map((channel) => this.#follow(channel)))
  }

  /** Whether everything has come: `published` counts by channel. */
  hasAll(published: ReadonlyMap<string, number>): boolean {
    return [...this.received.keys()].every(
      (channel) => (this.#lastOffsets.get(channel) ?? 0) >= (published.get(channel) ?? 0),
    )
  }

  close(): void {
    this.#client.disconnect()
  }

  #follow(channel: string): Promise<void> {
    const subscription = this.#client.subscribe(channel, ({ offset }) => this.#take(channel, offset))
    subscription.on('gap', () => {
      this.gaps++
    })
    return new Promise((resolve) => {
      subscription.on('subscribed', () => resolve())
    })
  }

  #take(channel: string, offset: number): void {
    const times = this.received.get(channel)
    if (times === undefined || offset > times.length) this.gaps++
    else if (times[offset - 1] !== 0) this.twice++
    else {
      times[offset - 1] = monotonicMs()
      this.receivedCount++
    }
    const last = this.#lastOffsets.get(channel) ?? 0
    if (offset < last) this.late++
    else this.#lastOffsets.set(channel, offset)
  }

  #count(failure: string): void {
    this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1)
  }
}
