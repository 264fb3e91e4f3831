/**
 * One channel as an edge sees it: who is subscribed here, and up to where it has been sent.
 *
 * Owns the counting of subscribers per fan-out and their division into topics. A channel with a single subscriber has
 * no topic at all, it is handed its messages directly; the second subscriber turns it into topics, and it stays that
 * until the last one left. Most user channels have one subscriber, so this saves 0.6 KB each. A channel with very
 * many is divided into shards, a topic each, so that a publication can be spread over turns of the loop.
 */
import type { Failure, Publication } from './broker.ts'
import type { FanOut } from './fan-out.ts'
import type { Session } from './session.ts'
import type { Wave } from './wave.ts'

/**
 * Subscribers of one topic at the most. Small, because the library walks a topic in the order of a hash table: in small
 * topics those who came after each other, and lie near each other in memory, are still written to one after the other.
 */
export const SHARD_SUBSCRIBERS = 256

export interface Audience {
  readonly fanOut: FanOut
  count: number
  /** Topics in use; grows, and starts again at 1 when the last subscriber has left. */
  shards: number
  /** Subscribers the last topic has been given: at least as many as it has. */
  lastFilled: number
}

const NO_AUDIENCES: Audience[] = []

export class HubChannel {
  readonly name: string
  /** Epoch and offset of the latest publication that was sent (not merely received) to all. */
  epoch: string
  offset: number
  /** Subscribed sessions on this edge. */
  count: number
  /** The only subscriber, while there are no topics. */
  only: Session | null
  /** Subscribers by fan-out, once there are topics. */
  audiences: Audience[]
  /** Pending while the broker is asked; null once attached. */
  attachment: Promise<Failure | null> | null
  readonly flushMs: number
  /** Publications that wait for `flushMs` to pass; null when none do. */
  held: Publication[] | null
  /** Publications on their way through the shards; null when there are none. */
  wave: Wave | null

  constructor(name: string, flushMs: number) {
    this.name = name
    this.epoch = ''
    this.offset = 0
    this.count = 0
    this.only = null
    this.audiences = NO_AUDIENCES
    this.attachment = null
    this.flushMs = flushMs
    this.held = null
    this.wave = null
  }

  /** Whether a publication has to go through more than one topic of some fan-out, or follow one that does. */
  get isSharded(): boolean {
    return this.wave !== null || this.audiences.some((audience) => audience.shards > 1)
  }

  /**
   * Adds a subscriber; the caller adds the channel to the session.
   *
   * @returns offset of the latest publication it will not get
   */
  add(session: Session): number {
    this.count++
    if (this.count === 1 && this.wave === null) {
      this.only = session
      return this.offset
    }
    const first = this.only
    if (first !== null) {
      this.only = null
      this.#enrol(first)
    }
    return this.#enrol(session)
  }

  /** Removes a subscriber; `isOpen` false when its connection is gone and has left the topics by itself. */
  remove(session: Session, isOpen: boolean): void {
    this.count--
    if (this.only === session) {
      this.only = null
      return
    }
    const audience = this.audiences.find((one) => one.fanOut === session.fanOut)
    if (audience === undefined) return
    audience.count--
    if (isOpen) {
      for (let shard = 0; shard < audience.shards; shard++) {
        session.fanOut.unsubscribe(session, topicOf(this.name, shard))
      }
    }
    this.dropEmpty()
  }

  /** Forgets fan-outs without subscribers, unless a wave counts on their places. */
  dropEmpty(): void {
    if (this.wave !== null || this.audiences.every((audience) => audience.count > 0)) return
    this.audiences = this.count === 0 ? NO_AUDIENCES : this.audiences.filter((audience) => audience.count > 0)
  }

  #enrol(session: Session): number {
    const { fanOut } = session
    let audience = this.audiences.find((one) => one.fanOut === fanOut)
    if (audience === undefined) {
      audience = { fanOut, count: 0, shards: 1, lastFilled: 0 }
      this.audiences = [...this.audiences, audience]
    }
    const shard = this.#shardWithRoom(audience)
    audience.count++
    fanOut.subscribe(session, topicOf(this.name, shard))
    return this.wave?.hasPassed(audience, shard) === true ? this.wave.lastOffset : this.offset
  }

  /** The last topic as long as it surely has room; then one that was left by others, else a new one. */
  #shardWithRoom(audience: Audience): number {
    audience.lastFilled++
    if (audience.lastFilled <= SHARD_SUBSCRIBERS) return audience.shards - 1
    for (let shard = audience.shards - 1; shard >= 0; shard--) {
      if (audience.fanOut.subscribers(topicOf(this.name, shard)) < SHARD_SUBSCRIBERS) return shard
    }
    audience.lastFilled = 1
    audience.shards++
    return audience.shards - 1
  }
}

/** The topic of a shard: the first has the channel's name, the others a mark no name may hold. */
export function topicOf(channel: string, shard: number): string {
  return shard === 0 ? channel : `${shard}\u0000${channel}`
}
