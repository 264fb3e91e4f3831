/**
 * Which channels the page wants, and what the node has been asked for.
 *
 * Owns callbacks by channel, any number on one wire subscription, and the place of each channel. Wishes change at once and
 * are brought to the node at the end of the turn, so fifty calls make one command and an unsubscribe taken back makes
 * none; after a reconnect the same step asks for everything again, from where the page had got to. Bound: what the page
 * subscribes to.
 */
import type {
  Gap,
  PresenceMessage,
  PresenceResult,
  PublicationMessage,
  RefusedMessage,
  StreamPosition,
  SubscribeRow,
} from '../protocol/messages.ts'
import type { Subscription, SubscriptionEvents } from './api.ts'
import { ClientError } from './client-error.ts'
import { type Connection, hasFailed } from './connection.ts'
import { callSafely, Emitter } from './emitter.ts'
import { Place } from './place.ts'
import { PresenceAsks } from './presence-asks.ts'

/** Channels named in one command. Nodes take 128 unless set to less; too many are halved and asked again. */
const CHANNELS_PER_COMMAND = 100

/** A channel with callbacks, or one that is about to be left. */
interface Channel {
  readonly name: string
  readonly members: Set<Member>
  /** asked: on the current connection; refused: not asked again on it */
  stage: 'wanted' | 'asked' | 'active' | 'refused'
  /** Refused, but the same may be granted later. */
  mayRetry: boolean
  /** Where the page has got to; kept over reconnects to go on from there. */
  readonly place: Place
}

/** One callback. */
interface Member {
  readonly callback: (publication: PublicationMessage) => void
  readonly events: Emitter<SubscriptionEvents>
}

export interface SubscriptionsListener {
  /** A failure that no listener of the subscription took. */
  failed(error: ClientError): void
  /** Asks who is on a channel. */
  presence(channel: string): Promise<PresenceResult>
  /** Calls `run` after a wait that grows with `refusals`; returns the function that cancels it. */
  later(refusals: number, run: () => void): () => void
  /** Calls `run` after a random moment that many clients do not share; returns the function that cancels it. */
  apart(run: () => void): () => void
}

export class Subscriptions {
  readonly #listener: SubscriptionsListener
  readonly #channels = new Map<string, Channel>()
  readonly #leaving = new Map<string, Channel>()
  readonly #presenceAsks: PresenceAsks
  #connection: Connection | null = null
  #isSyncDue = false
  /** Rounds of refusals in a row, for all channels together: it is the node that has no room. */
  #refusals = 0
  #cancelRetry: (() => void) | null = null

  constructor(listener: SubscriptionsListener) {
    this.#listener = listener
    this.#presenceAsks = new PresenceAsks({
      later: listener.apart,
      ask: listener.presence,
      answered: (result) => this.#tellPresence(result),
      failed: (name, error) => this.#presenceFailed(name, error),
    })
  }

  add(name: string, callback: (publication: PublicationMessage) => void): Subscription {
    const channel = this.#join(name)
    const member: Member = { callback, events: new Emitter() }
    channel.members.add(member)
    queueMicrotask(() => {
      // A channel that is active already sends no answer to this member.
      const { position } = channel.place
      if (channel.stage === 'active' && position !== null && channel.members.has(member)) {
        member.events.emit('subscribed', { ...position, recovered: undefined })
      }
    })
    this.#syncSoon()
    return {
      channel: name,
      get state() {
        if (!channel.members.has(member)) return 'ended'
        return channel.stage === 'active' || channel.stage === 'refused' ? channel.stage : 'waiting'
      },
      on: (event, listener) => member.events.on(event, listener),
      unsubscribe: () => this.#remove(channel, member),
    }
  }

  /** Asks for every channel over a connection that has just opened. */
  attach(connection: Connection): void {
    this.#connection = connection
    this.#presenceAsks.start()
    this.#sync()
  }

  /** The connection is over; nothing is asked any more. */
  detach(): void {
    this.#connection = null
    this.#leaving.clear()
    this.#presenceAsks.pause()
    this.#cancelRetry?.()
    this.#cancelRetry = null
    for (const channel of this.#channels.values()) channel.stage = 'wanted'
  }

  /** The node has been told everything the page wants. */
  get isSettled(): boolean {
    return !this.#isSyncDue
  }

  /** Where the page has got to in every channel the node streams to it. */
  positions(): Map<string, StreamPosition> {
    const positions = new Map<string, StreamPosition>()
    for (const { name, stage, place } of this.#channels.values()) {
      if (stage === 'active' && place.position !== null) positions.set(name, place.position)
    }
    return positions
  }

  publication(publication: PublicationMessage): void {
    const channel = this.#active(publication.channel)
    // Once only, also where a node sends again what the page got over its last connection.
    if (channel === undefined || !channel.place.take(publication.offset)) return
    for (const member of [...channel.members]) {
      if (channel.members.has(member)) callSafely(member.callback, publication)
    }
  }

  /** The page published this itself and is not sent it. */
  own(name: string, position: StreamPosition): void {
    this.#active(name)?.place.own(position)
  }

  /** Publications that will not come; false when only a new subscription can tell what follows them. */
  gap(name: string, gap: Gap): boolean {
    return this.#active(name)?.place.skip(gap) ?? true
  }

  /** Who came and left; what was not told is asked for. */
  presence({ channel: name, presence }: PresenceMessage): void {
    const channel = this.#active(name)
    if (channel === undefined) return
    const { count, join = [], leave = [], stale } = presence
    for (const present of join) emit(channel, 'join', present)
    for (const present of leave) emit(channel, 'leave', present)
    if (stale === true) this.#presenceAsks.stale(name)
    else emit(channel, 'presence', { channel: name, count, join, leave })
  }

  /** The node takes a subscription back, or refuses one it was asked for by position. */
  refusal({ channel: name, error }: RefusedMessage): void {
    const channel = this.#channels.get(name)
    if (channel !== undefined) this.#refused(channel, new ClientError(error))
  }

  #active(name: string): Channel | undefined {
    const channel = this.#channels.get(name)
    return channel?.stage === 'active' ? channel : undefined
  }

  #join(name: string): Channel {
    const channel = this.#channels.get(name) ?? this.#leaving.get(name) ?? createChannel(name)
    this.#leaving.delete(name)
    this.#channels.set(name, channel)
    return channel
  }

  #remove(channel: Channel, member: Member): void {
    if (!channel.members.delete(member) || channel.members.size > 0) return
    this.#channels.delete(channel.name)
    this.#presenceAsks.forget(channel.name)
    if (channel.stage === 'asked' || channel.stage === 'active') {
      this.#leaving.set(channel.name, channel)
      this.#syncSoon()
    }
  }

  #syncSoon(): void {
    if (this.#isSyncDue) return
    this.#isSyncDue = true
    queueMicrotask(() => {
      this.#isSyncDue = false
      this.#sync()
    })
  }

  /** Brings the node to what the page wants. Leaving comes first: it makes room under the node's limit. */
  #sync(): void {
    const connection = this.#connection
    if (connection === null) return
    for (const name of this.#leaving.keys()) {
      connection.send('unsubscribe', JSON.stringify({ channel: name }), () => {})
    }
    this.#leaving.clear()
    const wanted = [...this.#channels.values()].filter((channel) => channel.stage === 'wanted')
    for (let at = 0; at < wanted.length; at += CHANNELS_PER_COMMAND) {
      this.#ask(connection, wanted.slice(at, at + CHANNELS_PER_COMMAND))
    }
  }

  #ask(connection: Connection, channels: readonly Channel[]): void {
    for (const channel of channels) channel.stage = 'asked'
    const json = JSON.stringify({ channels: channels.map(requestOf) })
    connection.send('subscribe', json, (outcome) => {
      if (this.#connection !== connection) return
      if (!hasFailed(outcome)) {
        const rows = new Map(outcome.channels.map((row) => [row.channel, row]))
        for (const channel of channels) this.#answered(channel, rows.get(channel.name))
      } else if (outcome.name === 'CHANNEL_LIMIT' && channels.length > 1) {
        const half = channels.length >> 1
        this.#ask(connection, channels.slice(0, half))
        this.#ask(connection, channels.slice(half))
      } else if (outcome.name !== 'CONNECTION_LOST') {
        for (const channel of channels) this.#refused(channel, outcome)
      }
    })
  }

  #answered(channel: Channel, row: SubscribeRow | undefined): void {
    if (row === undefined || this.#channels.get(channel.name) !== channel) return
    if ('error' in row) {
      this.#refused(channel, new ClientError(row.error))
    } else {
      this.#refusals = 0
      channel.stage = 'active'
      channel.place.begin(row)
      emit(channel, 'subscribed', { ...(channel.place.position ?? row), recovered: row.recovered })
    }
  }

  #refused(channel: Channel, error: ClientError): void {
    channel.stage = 'refused'
    channel.mayRetry = error.retry
    this.#failed(channel, error)
    if (error.retry) this.#retryLater()
  }

  #failed(channel: Channel, error: ClientError): void {
    if (!emit(channel, 'error', error) && channel.members.size > 0) this.#listener.failed(error)
  }

  #retryLater(): void {
    this.#cancelRetry ??= this.#listener.later(this.#refusals++, () => {
      this.#cancelRetry = null
      for (const channel of this.#channels.values()) {
        if (channel.stage === 'refused' && channel.mayRetry) channel.stage = 'wanted'
      }
      this.#sync()
    })
  }

  #tellPresence(result: PresenceResult): void {
    const channel = this.#channels.get(result.channel)
    if (channel !== undefined) emit(channel, 'presence', result)
  }

  #presenceFailed(name: string, error: unknown): void {
    const channel = this.#channels.get(name)
    if (channel === undefined || !(error instanceof ClientError) || error.name === 'CLOSED') return
    this.#failed(channel, error)
  }
}

function createChannel(name: string): Channel {
  const channel: Channel = {
    name,
    members: new Set(),
    stage: 'wanted',
    mayRetry: false,
    place: new Place((gap) => emit(channel, 'gap', { channel: name, ...gap })),
  }
  return channel
}

/** A channel as subscribe names it: from where the page has got to, or from now on. */
function requestOf({ name, place }: Channel): string | { channel: string; since: StreamPosition } {
  return place.position === null ? name : { channel: name, since: place.position }
}

/** Tells all members; false when none of them listens. */
function emit<Name extends keyof SubscriptionEvents>(
  channel: Channel,
  name: Name,
  value: SubscriptionEvents[Name],
): boolean {
  let isHeard = false
  for (const member of [...channel.members]) isHeard = member.events.emit(name, value) || isHeard
  return isHeard
}
