/**
 * One channel as an edge sees it: who is subscribed here, and up to where it has been sent.
 *
 * Owns the division of its live subscribers into topics. A channel with a single one has no topic at all, it is handed
 * its messages directly; the second turns it into topics, and it stays that until the last one left. Most user
 * channels have one subscriber, so this saves 0.6 KB each. A channel with very many is divided into shards, a topic
 * each, so that a publication can be spread over turns of the loop. Subscribers that lag behind are in no topic: they
 * are counted here and fed by replay.
 */
import type { ChannelLog, Failure, Publication } from './broker.ts'
import type { EffectiveRule } from './channel-rules.ts'
import type { FanOut } from './fan-out.ts'
import { Members } from './members.ts'
import { FIRST_PLACE, type Session } from './session.ts'
import type { Wave } from './wave.ts'

/**
 * Subscribers of one topic at the most. Small, because the library walks a topic in the order of a hash table: in small
 * topics those who came after each other, and lie near each other in memory, are still written to one after the other.
 */
export const SHARD_SUBSCRIBERS = 256

/** The live subscribers of one fan-out. */
export interface Audience {
  readonly fanOut: FanOut
  count: number
  /** Subscribers of each topic; topics are never taken away while there is any subscriber. */
  readonly members: number[]
  /** A topic that had room when it was last looked at. */
  roomAt: number
}

/** What of a channel's rule an edge follows. */
export type HubRule = Pick<EffectiveRule, 'flushMs' | 'presence' | 'announce'>

const NO_AUDIENCES: Audience[] = []

export class HubChannel {
  /** As the node knows it. */
  readonly name: string
  /** Epoch and offset of the latest publication that was sent (not merely received) to all. */
  epoch: string
  offset: number
  /** Offset of the latest publication received from the broker: it may wait for its turn. */
  received: number
  /** Subscribed sessions on this edge, live and lagging. */
  count: number
  /** Those of them that lag behind. */
  lagging: number
  /** The only live subscriber, while there are no topics. */
  only: Session | null
  /** Live subscribers by fan-out, once there are topics. */
  audiences: Audience[]
  /** Pending while the broker is asked; null once attached. */
  attachment: Promise<Failure | null> | null
  /** What the channel still holds; null until attached. */
  log: ChannelLog | null
  readonly flushMs: number
  /** Publications that wait for `flushMs` to pass; null when none do. */
  held: Publication[] | null
  /** Publications on their way through the shards; null when there are none. */
  wave: Wave | null
  /** Who is here, where the rule says `list`; else null. */
  readonly members: Members | null
  /** Who comes and goes is published on the channel itself. */
  readonly announces: boolean

  /** @param rule its rule, as far as an edge follows it */
  constructor(name: string, { flushMs, presence, announce }: HubRule) {
    this.name = name
    this.epoch = ''
    this.offset = 0
    this.received = 0
    this.count = 0
    this.lagging = 0
    this.only = null
    this.audiences = NO_AUDIENCES
    this.attachment = null
    this.log = null
    this.flushMs = flushMs
    this.held = null
    this.wave = null
    this.announces = announce
    this.members = presence === 'list' || announce ? new Members() : null
  }

  /** Whether a publication has to go through more than one topic of some fan-out, or follow one that does. */
  get isSharded(): boolean {
    return this.wave !== null || this.audiences.some((audience) => audience.members.length > 1)
  }

  /** Puts a session among those that are sent what comes; returns its place, the number of its topic. */
  goLive(session: Session): number {
    if (this.only === null && this.audiences.length === 0 && this.wave === null) {
      this.only = session
      return FIRST_PLACE
    }
    const first = this.only
    if (first !== null) {
      this.only = null
      this.#enrol(first) // the first of its topic: its place stays what it was
    }
    return this.#enrol(session)
  }

  /** Takes a session off; `isOpen` false when its connection is gone and has left the topics by itself. */
  leaveLive(session: Session, place: number, isOpen: boolean): void {
    if (this.only === session) {
      this.only = null
      return
    }
    const audience = this.audienceOf(session.fanOut)
    if (audience === undefined) return
    audience.count--
    audience.members[place] = (audience.members[place] ?? 0) - 1
    audience.roomAt = place
    if (isOpen) session.fanOut.unsubscribe(session, topicOf(this.name, place))
    this.dropEmpty()
  }

  audienceOf(fanOut: FanOut): Audience | undefined {
    return this.audiences.find((one) => one.fanOut === fanOut)
  }

  /** How many publications a live subscriber at `place` has been sent beyond the channel's offset. */
  aheadAt(fanOut: FanOut, place: number): number {
    const { wave } = this
    if (wave === null) return 0
    const audience = this.audienceOf(fanOut)
    return audience !== undefined && wave.hasPassed(audience, place) ? wave.lastOffset - this.offset : 0
  }

  /** Offset up to which live subscribers at `place` have been sent the channel. */
  sentAt(fanOut: FanOut, place: number): number {
    return this.offset + this.aheadAt(fanOut, place)
  }

  /** Offset up to which a session that holds the channel was sent it, live or lagging. */
  sentTo(session: Session): number {
    const lag = session.lagOf(this)
    return lag === undefined ? this.sentAt(session.fanOut, session.placeOf(this)) : lag.next - 1
  }

  /** Whether the wave that is under way has brought a notice to those at `place` already. */
  wasNoticed(fanOut: FanOut, place: number): boolean {
    const { wave } = this
    const audience = this.audienceOf(fanOut)
    return wave !== null && audience !== undefined && wave.hasNotice && wave.hasPassed(audience, place)
  }

  /** Forgets fan-outs without subscribers, unless a wave counts on their places. */
  dropEmpty(): void {
    if (this.wave !== null || this.audiences.every((audience) => audience.count > 0)) return
    const left = this.audiences.filter((audience) => audience.count > 0)
    this.audiences = left.length === 0 ? NO_AUDIENCES : left
  }

  #enrol(session: Session): number {
    const { fanOut } = session
    let audience = this.audienceOf(fanOut)
    if (audience === undefined) {
      audience = { fanOut, count: 0, members: [0], roomAt: 0 }
      this.audiences = [...this.audiences, audience]
    }
    const place = placeWithRoom(audience)
    audience.count++
    audience.members[place] = (audience.members[place] ?? 0) + 1
    fanOut.subscribe(session, topicOf(this.name, place))
    return place
  }
}

function placeWithRoom(audience: Audience): number {
  const { members } = audience
  if ((members[audience.roomAt] ?? 0) >= SHARD_SUBSCRIBERS) {
    audience.roomAt = members.findIndex((count) => count < SHARD_SUBSCRIBERS)
    if (audience.roomAt === -1) audience.roomAt = members.push(0) - 1
  }
  return audience.roomAt
}

/** The topic of a shard: the first has the channel's name, the others a mark no name may hold. */
export function topicOf(channel: string, shard: number): string {
  return shard === 0 ? channel : `${shard}\u0000${channel}`
}
