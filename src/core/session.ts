/**
 * The logical client.
 *
 * Owns the state of one session. There is one object per client, so its size counts: fixed fields in a fixed order,
 * small integers instead of timestamps, arrays without spare room, nothing that can be derived. Behaviour is in
 * hub (channels) and commands (what a client asks for).
 */
import type { CodeName } from '../codes.ts'
import type { Identity } from './access.ts'
import type { FanOut } from './fan-out.ts'
import type { HubChannel } from './hub-channel.ts'
import { FIRST_TENANT, ownChannel } from './tenants.ts'

/** What a browser says about itself; many sessions share one. '' = not known. */
export interface ClientAgent {
  readonly userAgent: string
  readonly origin: string
  readonly language: string
}

/** Of those of whom nothing is kept. */
export const UNKNOWN_AGENT: ClientAgent = { userAgent: '', origin: '', language: '' }

/** A live transport connection, opaque to core: only the fan-out that made it looks inside. */
export type Connection = object

export type SessionPhase = 'opening' | 'connected' | 'ended'

/** Place of a session in a channel that it is not sent live: it is being caught up. */
export const LAGGING = -1

/** Place of a session in its channel's first topic, or as its only subscriber. */
export const FIRST_PLACE = 0

/** One channel of a session that is behind: what it gets next comes from the channel's log. */
export class Lag {
  readonly channel: HubChannel
  /** Offset of the next publication to send. */
  next: number
  /** Monotonic time since which it is behind, ms. */
  readonly sinceMs: number
  /** Somebody came or left meanwhile, which this session was not told. */
  hasMissedNotice: boolean
  /** Offsets of what it published itself and is not to be sent; null = none. */
  own: number[] | null

  constructor(channel: HubChannel, next: number, sinceMs: number) {
    this.channel = channel
    this.next = next
    this.sinceMs = sinceMs
    this.hasMissedNotice = false
    this.own = null
  }

  /** The session is not to be sent this one, should it still come. */
  skip(offset: number): void {
    if (offset < this.next) return
    if (this.own === null) this.own = [offset]
    else this.own.push(offset)
  }

  /** Those that lie behind are not asked for again. */
  forgetOwn(): void {
    const left = this.own?.filter((offset) => offset >= this.next) ?? []
    this.own = left.length === 0 ? null : left
  }

  isOwn(offset: number): boolean {
    return this.own?.includes(offset) === true
  }
}

/** Replies and notices that wait for a connection that takes nothing. */
export interface Held {
  readonly messages: Buffer[]
  bytes: number
}

/** A direct message of the current turn. */
export interface Direct {
  readonly channel: HubChannel
  readonly offset: number
  readonly message: Buffer
  /** The session published it itself and is not sent it. */
  readonly isOwn: boolean
}

const NO_CHANNELS: readonly HubChannel[] = []
const NO_GRANTS: readonly string[] = []

const NO_PLACES: readonly number[] = []

/** Lists of places up to so long are shared between sessions that have the same: there are few different ones. */
const SHARED_LENGTH = 4
const MAX_SHARED = 4096
const sharedPlaces = new Map<string, readonly number[]>()

/** A list equal to `places` that others may hold as well; never written to. */
function shared(places: readonly number[]): readonly number[] {
  if (places.length > SHARED_LENGTH) return places
  const key = places.join()
  const known = sharedPlaces.get(key)
  if (known !== undefined) return known
  if (sharedPlaces.size < MAX_SHARED) sharedPlaces.set(key, places)
  return places
}

/** Above this many channels an array grows in steps instead of fitting exactly. */
const EXACT_FIT = 16

export class Session implements Identity {
  readonly fanOut: FanOut
  /** Null until the transport has opened it. */
  connection: Connection | null
  /** Number within this node; public ids are made from it when asked for. */
  readonly number: number
  phase: SessionPhase
  /** Why the node ended it; null while it lives or when the client left. */
  endedBy: CodeName | null
  tenant: number
  /** '' = anonymous */
  user: string
  grants: readonly string[]
  /** Number of the second (since 1970) from which on its token is no good; 0 = it has none that runs out. */
  untilSecond: number
  /** Public id that it brought along or that a capsule was made for; '' = derived from the number. */
  id: string
  /** Second since 1970 in which the capsule its client holds was sealed; 0 = it has none. */
  sealedSecond: number
  channels: readonly HubChannel[]
  /** For each of `channels`: the number of the topic that reaches the session, or `LAGGING`. */
  places: readonly number[]
  /** Channels it is behind in; null = none. */
  lags: Lag[] | null
  /** Entry of the turn's log from which on it lost everything; -1 = nothing. */
  lostAt: number
  /** Address of the client; '' = not known, or its connection knows */
  readonly address: string
  agent: ClientAgent
  lastCommandId: number
  /** The second (modulo 2^30) in which `commandsInSecond` were counted. */
  rateSecond: number
  commandsInSecond: number
  /** Messages of the current turn that go to this session alone. */
  outbox: Direct[] | null
  /** Replies and notices that its connection could not take yet; null = none. */
  held: Held | null

  constructor(number: number, fanOut: FanOut, address: string) {
    this.fanOut = fanOut
    this.connection = null
    this.number = number
    this.phase = 'opening'
    this.endedBy = null
    this.tenant = FIRST_TENANT
    this.user = ''
    this.grants = NO_GRANTS
    this.untilSecond = 0
    this.id = ''
    this.sealedSecond = 0
    this.channels = NO_CHANNELS
    this.places = NO_PLACES
    this.lags = null
    this.lostAt = -1
    this.address = address
    this.agent = UNKNOWN_AGENT
    this.lastCommandId = 0
    this.rateSecond = 0
    this.commandsInSecond = 0
    this.outbox = null
    this.held = null
  }

  identify(identity: Identity): void {
    this.tenant = identity.tenant
    this.user = identity.user
    this.untilSecond = identity.untilSecond
    this.grants = identity.grants.length > 0 ? identity.grants : NO_GRANTS
  }

  /** The channel that carries messages to its user; null when it has none. */
  ownChannel(): string | null {
    return this.user === '' ? null : ownChannel(this.tenant, this.user)
  }

  /** @param place the number of its topic there, or `LAGGING` */
  addChannel(channel: HubChannel, place: number): void {
    const { channels, places } = this
    this.places = shared(places.concat(place))
    const [first] = channels
    // Literals and concat allocate what is needed; push and spread make room for many more.
    if (first === undefined) this.channels = [channel]
    else if (channels.length === 1) this.channels = [first, channel]
    else if (channels.length < EXACT_FIT) this.channels = channels.concat(channel)
    else (channels as HubChannel[]).push(channel)
  }

  removeChannel(channel: HubChannel): void {
    const at = this.channels.indexOf(channel)
    if (at === -1) return
    this.channels =
      this.channels.length === 1 ? NO_CHANNELS : this.channels.filter((held) => held !== channel)
    this.places = shared(this.places.filter((_, index) => index !== at))
    this.dropLag(channel)
  }

  clearChannels(): void {
    this.channels = NO_CHANNELS
    this.places = NO_PLACES
    this.lags = null
  }

  /** The number of its topic, or `LAGGING`; also when it is not subscribed. */
  placeOf(channel: HubChannel): number {
    return this.places[this.channels.indexOf(channel)] ?? LAGGING
  }

  setPlace(channel: HubChannel, place: number): void {
    const at = this.channels.indexOf(channel)
    if (at === -1 || this.places[at] === place) return
    this.places = shared(this.places.map((old, index) => (index === at ? place : old)))
  }

  lagOf(channel: HubChannel): Lag | undefined {
    return this.lags?.find((lag) => lag.channel === channel)
  }

  addLag(lag: Lag): void {
    this.lags = this.lags === null ? [lag] : [...this.lags, lag]
  }

  dropLag(channel: HubChannel): void {
    const left = this.lags?.filter((lag) => lag.channel !== channel) ?? []
    this.lags = left.length === 0 ? null : left
  }
}
