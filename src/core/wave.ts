/**
 * Publications of one channel on their way through its shards, a few shards per turn of the loop.
 *
 * Owns the place of the wave: which fan-outs and shards have been given the messages. Each message is encoded once
 * per fan-out. A shard that is added while the wave is under way lies behind it and is reached; so every subscriber
 * gets every publication that followed its position, and none twice. Bound: the messages of one turn.
 */
import type { Publication } from './broker.ts'
import type { FanOut } from './fan-out.ts'
import { type Audience, type HubChannel, topicOf } from './hub-channel.ts'
import type { Observer } from './observer.ts'

/** Subscribers written to in one step: some 7 ms, the longest anyone else waits for them. */
export const STEP_SUBSCRIBERS = 1024

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

  /** Gives the messages to the next shards; false when there was none left. */
  step(observer: Observer): boolean {
    let given = 0
    let hasGiven = false
    for (let audience = this.#nextAudience(); audience !== null && given < STEP_SUBSCRIBERS; ) {
      given += this.#give(audience, this.#shardAt++, observer)
      hasGiven = true
      audience = this.#nextAudience()
    }
    return hasGiven
  }

  /** The audience whose shard is next, null behind the last. */
  #nextAudience(): Audience | null {
    for (;;) {
      const audience = this.channel.audiences[this.#audienceAt]
      if (audience === undefined) return null
      if (this.#shardAt < audience.shards) return audience
      this.#audienceAt++
      this.#shardAt = 0
    }
  }

  #give({ fanOut }: Audience, shard: number, observer: Observer): number {
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
    return subscribers
  }
}
