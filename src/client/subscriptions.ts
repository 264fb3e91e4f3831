/**
 * Which channels the page wants, and what the node has been asked for.
 *
 * Owns callbacks by channel, any number on one wire subscription. Wishes change at once and are brought to the node at the
 * end of the turn, so fifty calls make one command and an unsubscribe taken back makes none; after a reconnect the same
 * step asks for everything again. Bound: what the page subscribes to.
 */
import type { PublicationMessage, StreamPosition, SubscribeRow } from '../protocol/messages.ts'
import type { Gap, Subscription, SubscriptionEvents } from './api.ts'
import { ClientError } from './client-error.ts'
import { type Connection, hasFailed } from './connection.ts'
import { callSafely, Emitter } from './emitter.ts'

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
  /** Where the page has got to; kept over reconnects to know what was missed. */
  position: StreamPosition | null
}

/** One callback. */
interface Member {
  readonly callback: (publication: PublicationMessage) => void
  readonly events: Emitter<SubscriptionEvents>
}

export interface SubscriptionsListener {
  /** A refusal that no listener of the subscription took. */
  failed(error: ClientError): void
  /** Calls `run` after a wait that grows with `refusals`; returns the function that cancels it. */
  later(refusals: number, run: () => void): () => void
}

export class Subscriptions {
  readonly #listener: SubscriptionsListener
  readonly #channels = new Map<string, Channel>()
  readonly #leaving = new Map<string, Channel>()
  #connection: Connection | null = null
  #isSyncDue = false
  /** Rounds of refusals in a row, for all channels together: it is the node that has no room. */
  #refusals = 0
  #cancelRetry: (() => void) | null = null

  constructor(listener: SubscriptionsListener) {
    this.#listener = listener
  }

  add(name: string, callback: (publication: PublicationMessage) => void): Subscription {
    const channel = this.#join(name)
    const member: Member = { callback, events: new Emitter() }
    channel.members.add(member)
    queueMicrotask(() => {
      // A channel that is active already sends no answer to this member.
      if (channel.stage === 'active' && channel.position !== null && channel.members.has(member)) {
        member.events.emit('subscribed', channel.position)
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
    this.#sync()
  }

  /** The connection is over; nothing is asked any more. */
  detach(): void {
    this.#connection = null
    this.#leaving.clear()
    this.#cancelRetry?.()
    this.#cancelRetry = null
    for (const channel of this.#channels.values()) channel.stage = 'wanted'
  }

  deliver(publication: PublicationMessage): void {
    const channel = this.#channels.get(publication.channel)
    if (channel === undefined) return
    const had = channel.position
    if (had !== null) {
      // A node that spreads a publication over time may begin a new subscription before one this page has already.
      if (publication.offset <= had.offset) return
      channel.position = { epoch: had.epoch, offset: publication.offset }
      if (publication.offset > had.offset + 1) {
        const gap = {
          channel: channel.name,
          from: had.offset + 1,
          to: publication.offset - 1,
          isNewEpoch: false,
        }
        for (const member of [...channel.members]) member.events.emit('gap', gap)
      }
    }
    for (const member of [...channel.members]) {
      if (channel.members.has(member)) callSafely(member.callback, publication)
    }
  }

  #join(name: string): Channel {
    const channel = this.#channels.get(name) ??
      this.#leaving.get(name) ?? {
        name,
        members: new Set(),
        stage: 'wanted',
        mayRetry: false,
        position: null,
      }
    this.#leaving.delete(name)
    this.#channels.set(name, channel)
    return channel
  }

  #remove(channel: Channel, member: Member): void {
    if (!channel.members.delete(member) || channel.members.size > 0) return
    this.#channels.delete(channel.name)
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
    const json = JSON.stringify({ channels: channels.map((channel) => channel.name) })
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
      accepted(channel, { epoch: row.epoch, offset: row.offset })
    }
  }

  #refused(channel: Channel, error: ClientError): void {
    channel.stage = 'refused'
    channel.mayRetry = error.retry
    let isHeard = false
    for (const member of [...channel.members]) {
      isHeard = member.events.emit('error', error) || isHeard
    }
    if (!isHeard && channel.members.size > 0) this.#listener.failed(error)
    if (error.retry) this.#retryLater()
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
}

function accepted(channel: Channel, position: StreamPosition): void {
  const gap = missed(channel, position)
  channel.stage = 'active'
  channel.position = later(channel.position, position)
  for (const member of [...channel.members]) {
    if (gap !== null) member.events.emit('gap', gap)
    member.events.emit('subscribed', channel.position)
  }
}

/** Where the page is: it may have got more than the node begins with. */
function later(had: StreamPosition | null, now: StreamPosition): StreamPosition {
  return had !== null && had.epoch === now.epoch && had.offset > now.offset ? had : now
}

/** What was published between the position the page had got to and the one its new subscription begins after. */
function missed(channel: Channel, now: StreamPosition): Gap | null {
  const had = channel.position
  if (had === null) return null
  const isNewEpoch = had.epoch !== now.epoch
  const from = isNewEpoch ? 1 : had.offset + 1
  return isNewEpoch || now.offset >= from ? { channel: channel.name, from, to: now.offset, isNewEpoch } : null
}
