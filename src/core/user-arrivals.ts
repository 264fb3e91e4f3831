/**
 * Users who come and go.
 *
 * Owns what happens then: what waited for a user is published to their channel when the first of their sessions comes,
 * in order, before anything newer, and stays in the inbox until a session says that it arrived; the time of leaving is
 * remembered; and whoever watches the user's status channel is told. What the store can't tell now comes when the user
 * comes again. Memory: the messages of an inbox that were published and not acknowledged yet, two numbers each, and at
 * most twice as many as may wait.
 */
import type { Clock } from '../clock.ts'
import type { StreamPosition } from '../protocol/messages.ts'
import { Payload } from '../protocol/payload.ts'
import { type Origin, ownOrigin, type PublishRequest } from './broker.ts'
import type { BrokerChannel } from './broker-channel.ts'
import type { Inboxes, Waiting } from './inbox.ts'
import type { LastSeen } from './last-seen.ts'
import { ownerOf, scoped, tenantOf } from './tenants.ts'

/** Channels that tell when a user comes and goes: this and the user. */
export const STATUS_PREFIX = 'user_status_'

type Delivered = NonNullable<BrokerChannel['delivered']>

export interface UserArrivalsDeps {
  readonly clock: Clock
  readonly inboxes: Inboxes
  readonly lastSeen: LastSeen
  channel(name: string): BrokerChannel | undefined
  /** Publishes to a channel, whoever is there. */
  publish(request: PublishRequest, origin: Origin): void
  /** Whether anybody would get or could read what is published to a channel. */
  isHeard(channel: string): boolean
  /** Runs what may throw because the store can't be read, where there is nobody to be told. */
  attempt(task: () => void): void
}

export interface UserArrivalsLimits {
  readonly inboxSize: number
  readonly userOnlineEvents: boolean
  readonly userOfflineEvents: boolean
}

export interface UserArrivals {
  /** The first session of a user has joined their channel; returns how many messages went unread. */
  came(channel: string, since: StreamPosition | null): number
  /** The last one has left. */
  left(channel: string): void
  /** Publishes what was put into the inbox of a user who is here. */
  deliver(channel: string): void
  acknowledge(channel: string, position: StreamPosition): Promise<void>
}

export function createUserArrivals(deps: UserArrivalsDeps, limits: UserArrivalsLimits): UserArrivals {
  const { clock, inboxes, lastSeen } = deps

  function tellStatus(channel: string, status: 'online' | 'offline'): void {
    const watched = scoped(tenantOf(channel), `${STATUS_PREFIX}${ownerOf(channel)}`)
    const isWanted = status === 'online' ? limits.userOnlineEvents : limits.userOfflineEvents
    if (!isWanted || !deps.isHeard(watched)) return
    deps.publish(
      { channel: watched, data: Payload.fromText(status), event: status, user: '', key: '' },
      ownOrigin,
    )
  }

  /** Those that were published under this epoch and that the session will get from the channel's log. */
  function coming(channel: BrokerChannel, since: StreamPosition | null): Delivered {
    if (since === null || since.epoch !== channel.epoch) return []
    const first = channel.firstRetained()
    const due = (channel.delivered ?? []).filter(({ offset }) => offset > since.offset)
    // All or none: what is published anew must not come behind what was published after it.
    return due.every(({ offset }) => offset >= first) ? due : []
  }

  function publishWaiting(channel: BrokerChannel, messages: readonly Waiting[]): void {
    const delivered = channel.delivered ?? []
    for (const { seq, timeMs, id, event, user, data, fromClient } of messages) {
      const request = { channel: channel.name, data, event, user, key: '' }
      deps.publish(request, { fromClient, inbox: { id, timeMs } })
      delivered.push({ offset: channel.offset, seq })
      inboxes.given(channel.name, seq)
    }
    // Those that nobody acknowledges have gone from the inbox for want of room.
    if (delivered.length > 2 * limits.inboxSize) delivered.splice(0, delivered.length - limits.inboxSize)
    channel.delivered = orNull(delivered)
  }

  /** All that waits, oldest first, without what the session gets from the channel's log. */
  function publishAll(channel: BrokerChannel): void {
    const published = new Set((channel.delivered ?? []).map(({ seq }) => seq))
    const waiting = inboxes.list(channel.name, Number.POSITIVE_INFINITY)
    publishWaiting(
      channel,
      waiting.filter(({ seq }) => !published.has(seq)),
    )
  }

  async function acknowledge(name: string, { epoch, offset }: StreamPosition): Promise<void> {
    const channel = deps.channel(name)
    if (channel === undefined || channel.epoch !== epoch || channel.delivered === null) return
    const arrived = channel.delivered.filter((one) => one.offset <= offset)
    if (arrived.length === 0) return
    const left = channel.delivered.filter((one) => one.offset > offset)
    channel.delivered = orNull(left)
    await inboxes.remove(name, Math.max(...arrived.map(({ seq }) => seq)))
  }

  return {
    came(name, since) {
      deps.attempt(() => tellStatus(name, 'online'))
      const channel = deps.channel(name)
      if (channel === undefined) return 0
      // First of all: what arrived is neither too old nor too much.
      if (since !== null) acknowledge(name, since).catch(() => {}) // it comes again, with the same id
      let unread = 0
      deps.attempt(() => {
        unread = inboxes.takeLost(name)
      })
      channel.delivered = orNull(coming(channel, since))
      deps.attempt(() => {
        if (!inboxes.isEmpty(name)) publishAll(channel)
      })
      return unread
    },
    left(name) {
      lastSeen.left(scoped(tenantOf(name), ownerOf(name)), clock.wallMs())
      deps.attempt(() => tellStatus(name, 'offline'))
    },
    deliver(name) {
      const channel = deps.channel(name)
      if (channel !== undefined) deps.attempt(() => publishWaiting(channel, inboxes.fresh(name)))
    },
    acknowledge,
  }
}

function orNull(delivered: Delivered): Delivered | null {
  return delivered.length === 0 ? null : delivered
}
