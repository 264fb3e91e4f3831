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
import type { Ledger } from './ledger.ts'
import type { Session } from './session.ts'
import type { TurnEntry, TurnLog } from './turn-log.ts'

/** Subscribers written to in one step: some 7 ms, the longest anyone else waits for them. */
export const STEP_SUBSCRIBERS = 1024

export class Wave {
  readonly channel: HubChannel
  readonly publications: readonly Publication[]
  /** Offset of the last publication; the channel's own where there are only notices. */
  readonly lastOffset: number
  readonly hasNotice: boolean
  #audienceAt: number
  #shardAt: number
  #encodedFor: FanOut | null
  #messages: readonly Buffer[]
  /** Entries of the turn's log that this step added, to be widened from shard to shard. */
  #entries: TurnEntry[]

  /** @param publications at least one, in order, few enough for one turn */
  constructor(channel: HubChannel, publications: readonly Publication[]) {
    this.channel = channel
    this.publications = publications
    this.lastOffset = publications.reduce((last, { offset }) => Math.max(last, offset), channel.offset)
    this.hasNotice = publications.some(({ offset }) => offset === 0)
    this.#audienceAt = 0
    this.#shardAt = 0
    this.#encodedFor = null
    this.#messages = []
    this.#entries = []
  }

  /** Whether the subscribers of a shard have been given the messages already. */
  hasPassed(audience: Audience, shard: number): boolean {
    const at = this.channel.audiences.indexOf(audience)
    return at < this.#audienceAt || (at === this.#audienceAt && shard < this.#shardAt)
  }

  /** Gives the messages to the next shards; false when there was none left. */
  step(ledger: Ledger, log: TurnLog): boolean {
    let given = 0
    let hasGiven = false
    this.#entries = []
    for (let audience = this.#nextAudience(); audience !== null && given < STEP_SUBSCRIBERS; ) {
      given += this.#give(audience, this.#shardAt++, ledger, log)
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
      if (this.#shardAt < audience.members.length) return audience
      this.#audienceAt++
      this.#shardAt = 0
    }
  }

  #give({ fanOut, members }: Audience, shard: number, ledger: Ledger, log: TurnLog): number {
    if (this.#encodedFor !== fanOut) {
      this.#messages = this.publications.map((publication) => encodeFor(fanOut, publication))
      this.#encodedFor = fanOut
      this.#entries = []
    }
    this.#note(fanOut, shard, log)
    const subscribers = members[shard] ?? 0
    const { channel } = this
    const place = { channel, fanOut, shard, topic: topicOf(channel.name, shard) }
    for (const [at, publication] of this.publications.entries()) {
      const message = this.#messages[at]
      if (message === undefined) continue
      const { offset, except } = publication
      const given =
        except === null
          ? fanOut.publish(place.topic, message, offset)
          : publishPast(except, place, { message, offset }, ledger)
      if (offset === 0) continue
      ledger.due(subscribers)
      ledger.give(fanOut, given, given * message.length)
    }
    return subscribers
  }

  /** Before anything is published: what is lost at once must be found in the log. */
  #note(fanOut: FanOut, shard: number, log: TurnLog): void {
    if (this.#entries.length > 0) {
      for (const entry of this.#entries) entry.lastPlace = shard
      return
    }
    const { channel } = this
    for (const [at, { offset, except }] of this.publications.entries()) {
      const message = this.#messages[at]
      if (message === undefined) continue
      const places = { firstPlace: shard, lastPlace: shard }
      const entry = { channel, fanOut, offset, message, ...places, session: null, except, isTaken: false }
      this.#entries.push(entry)
      log.add(entry)
    }
  }
}

/** One topic of a channel. */
export interface TopicPlace {
  readonly channel: HubChannel
  readonly fanOut: FanOut
  readonly shard: number
  readonly topic: string
}

/**
 * Publishes to a topic, but not to `except`: it leaves for as long as that takes. What it was sent before stays sent.
 *
 * @returns to how many it was given, as `FanOut.publish`
 */
export function publishPast(
  except: Session,
  { channel, fanOut, shard, topic }: TopicPlace,
  { message, offset }: { readonly message: Buffer; readonly offset: number },
  ledger: Ledger,
): number {
  const isThere = except.fanOut === fanOut && except.placeOf(channel) === shard
  if (!isThere) return fanOut.publish(topic, message, offset)
  fanOut.unsubscribe(except, topic)
  const given = fanOut.publish(topic, message, offset)
  fanOut.subscribe(except, topic)
  ledger.deferred(1)
  return given
}

/** A publication in the format of a fan-out; a notice is a JSON message and nothing else. */
export function encodeFor(fanOut: FanOut, publication: Publication): Buffer {
  return publication.offset === 0 ? fanOut.recode(publication.message) : fanOut.encode(publication)
}
