/**
 * Channels that carry the number of subscribers of other channels, as it changes.
 *
 * Owns the channels named `$count:` and a channel's name: while one has subscribers, the number of those of the channel
 * it counts is published to it, at most once per `TICK_MS`, when it has changed or somebody new wants to know it. Whom a
 * count channel may be shown to is the rule of the channel it counts. Memory: one entry per count channel in use.
 */
import type { Clock } from '../clock.ts'
import { Payload } from '../protocol/payload.ts'
import type { PublishRequest } from './broker.ts'
import { bare, scoped, tenantOf } from './tenants.ts'

export const COUNT_PREFIX = '$count:'

/** Counts change all the time: often enough to look live. */
const TICK_MS = 500

/** What was published last. */
interface Counted {
  /** The channel that is counted, as the node knows it */
  readonly of: string
  subscribers: number
  /** Subscribers of the count channel itself: one more is one who does not know the number yet. */
  listeners: number
}

export interface CountChannels {
  /** A channel has subscribers. Does nothing when it counts none. */
  attached(channel: string): void
  detached(channel: string): void
  stop(): void
}

/** @param channel as its tenant knows it */
export function isCountChannel(channel: string): boolean {
  return channel.startsWith(COUNT_PREFIX)
}

/** The channel that a count channel counts; both as their tenant knows them. */
export function countedChannel(countChannel: string): string {
  return countChannel.slice(COUNT_PREFIX.length)
}

/** Channels are named as the node knows them. */
export function createCountChannels(
  clock: Clock,
  subscribersOf: (channel: string) => number,
  publish: (request: PublishRequest) => void,
): CountChannels {
  const counted = new Map<string, Counted>()
  const stop = clock.every(TICK_MS, tick)

  function tick(): void {
    for (const [channel, last] of counted) {
      const subscribers = subscribersOf(last.of)
      const listeners = subscribersOf(channel)
      const isNews = subscribers !== last.subscribers || listeners > last.listeners
      last.subscribers = subscribers
      last.listeners = listeners
      if (isNews) publish({ channel, data: dataOf(subscribers), event: '', user: '', key: '' })
    }
  }

  return {
    attached(channel) {
      const name = bare(channel)
      if (!isCountChannel(name)) return
      const of = scoped(tenantOf(channel), countedChannel(name))
      counted.set(channel, { of, subscribers: -1, listeners: 0 })
    },
    detached: (channel) => void counted.delete(channel),
    stop,
  }
}

function dataOf(subscribers: number): Payload {
  return Payload.trustJson(Buffer.from(`{"subscribers":${subscribers}}`))
}
