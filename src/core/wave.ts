/**
 * Publications of one channel on their way through its shards, one shard per turn of the loop.
 *
 * Owns the place of the wave: which fan-outs and shards have been given the messages. Each message is encoded once
 * per fan-out. A shard that is added while the wave is under way lies behind it and is reached; so every subscriber
 * gets every publication that followed its position, and none twice. Bound: the messages of one turn.
 */
import type { Publication } from './broker.ts'
import type { FanOut } from './fan-out.ts'
import { type Audience, type HubChannel, topicOf } from './hub-channel.ts'
import type { Observer } from './observer.ts'

export class Wave {
  readonly channel: HubChannel
  readonly publications: readonly Publication[]
  #audienceAt: number
  #shardAt: number
  #encodedFor: FanOut | null
  #messages: readonly Buffer[]
  #messageBytes: number

  /** @param publications at least one, in order, few enough for one turn */
  constructor(channel: HubChannel, publications: readonly Publication[]) {
    this.channel = channel
    this.publications = publications
    this.#audienceAt = 0
    this.#shardAt = 0
    this.#encodedFor = null
    this.#messages = []
    this.#messageBytes = 0
  }

  get lastOffset(): number {
    return this.publications.at(-1)?.offset ?? 0
  }

  /** Whether the subscribers of a shard have been given the messages already. */
  hasPassed(audience: Audience, shard: number): boolean {
    const at = this.channel.audiences.indexOf(audience)
    return at < this.#audienceAt || (at === this.#audienceAt && shard < this.#shardAt)
  }

  /** Gives the messages to the next shard; false when there was none left. */
  step(observer: Observer): boolean {
    const audience = this.channel.audiences[this.#audienceAt]
    if (audience === undefined) return false
    if (this.#shardAt >= audience.shards) {
      this.#audienceAt++
      this.#shardAt = 0
      return this.step(observer)
    }
    this.#give(audience, this.#shardAt++, observer)
    return true
  }

  #give({ fanOut }: Audience, shard: number, observer: Observer): void {
    if (this.#encodedFor !== fanOut) {
      this.#messages = this.publications.map((publication) => fanOut.encode(publication))
      this.#messageBytes = this.#messages.reduce((sum, message) => sum + message.length, 0)
      this.#encodedFor = fanOut
    }
    const topic = topicOf(this.channel.name, shard)
    for (const message of this.#messages) fanOut.publish(topic, message)
    const subscribers = fanOut.subscribers(topic)
    observer.delivered(
      fanOut.transport,
      subscribers * this.#messages.length,
      subscribers * this.#messageBytes,
    )
  }
}
