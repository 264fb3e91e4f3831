/**
 * The broker in this process.
 *
 * Owns channels and their positions: the offset a publication gets here is its order for ever. A channel exists from
 * its first publication or attachment; one without attachments and history that saw no publication for
 * `channelIdleMs` is forgotten. Offsets start again only under a new epoch: whenever a position that somebody may
 * remember is forgotten, later channels get an epoch never used before.
 *
 * Memory: one small object per channel, at most `maxChannels`; retained publications, at most `maxHistoryBytes`.
 */
import type { Clock } from '../clock.ts'
import { encodePublication } from '../protocol/json-codec.ts'
import { type Present, type StreamPosition, userChannel } from '../protocol/messages.ts'
import { MAX_JSON_DEPTH } from '../protocol/payload.ts'
import type {
  Broker,
  Edge,
  Failure,
  NodeCounts,
  Publication,
  PublishOutcome,
  PublishRequest,
  PublishSource,
} from './broker.ts'
import { BrokerChannel } from './broker-channel.ts'
import type { ChannelRules, EffectiveRule } from './channel-rules.ts'
import { createCountChannels, isCountChannel } from './count-channels.ts'
import { historyPage } from './history-page.ts'
import { createIdempotency } from './idempotency.ts'
import { createLastSeen } from './last-seen.ts'
import { channelNameFailure, shown } from './names.ts'
import type { Observer } from './observer.ts'
import { createRingMemory } from './ring.ts'

/** How often idle channels are looked for, and how many are looked at each time. */
const SWEEP_MS = 1000
const SWEEP_CHANNELS = 20_000

export interface LocalBrokerDeps {
  readonly rules: ChannelRules
  readonly clock: Clock
  readonly observer: Observer
}

export interface LocalBrokerLimits {
  /** 0 = no limit */
  readonly maxChannels: number
  readonly channelIdleMs: number
  readonly ringSize: number
  readonly ringMs: number
  readonly maxHistoryBytes: number
  readonly idempotencyMs: number
  readonly maxIdempotencyKeys: number
  readonly maxLastSeen: number
}

export interface LocalBroker extends Broker {
  /** Channels a position is kept for. */
  channelCount(): number
  /** Bytes of all that is retained. */
  historyBytes(): number
  stop(): void
}

/** @param nodeEpoch differs at every start of a node; 1–16 characters */
export function createLocalBroker(
  deps: LocalBrokerDeps,
  limits: LocalBrokerLimits,
  nodeEpoch: string,
): LocalBroker {
  const { rules, clock, observer } = deps
  const channels = new Map<string, BrokerChannel>()
  /** Edges, each with a list of itself that all channels share that only it is attached to. */
  const edges = new Map<Edge, readonly Edge[]>()
  const memory = createRingMemory(limits.maxHistoryBytes, observer.historyShrunk)
  const short = { size: limits.ringSize, bytes: 0, maxAgeMs: limits.ringMs }
  const retention = { short, memory, clock }
  const forgotten = () => observer.keysForgotten(1)
  /** Clients can't use up the keys of the application. */
  const keys = {
    application: createIdempotency(clock, limits, forgotten),
    clients: createIdempotency(clock, limits, forgotten),
  }
  const lastSeen = createLastSeen(limits.maxLastSeen)
  const counts = createCountChannels(clock, subscribersOf, publishCount)
  let generation = 0
  let epoch = nodeEpoch
  let sweepAt = channels.entries()
  const stopSweep = clock.every(SWEEP_MS, sweep)

  function sweep(): void {
    const now = clock.nowMs()
    const rounds = Math.max(1, Math.ceil(channels.size / SWEEP_CHANNELS))
    const idleSweeps = Math.max(1, Math.ceil(limits.channelIdleMs / (SWEEP_MS * rounds)))
    let lostPosition = false
    for (let looked = 0; looked < SWEEP_CHANNELS; looked++) {
      const step = sweepAt.next()
      if (step.done === true) {
        sweepAt = channels.entries()
        break
      }
      const [name, channel] = step.value
      channel.trim(now)
      if (channel.edges !== null || !channel.isEmpty || channel.idleSweeps++ < idleSweeps) continue
      channels.delete(name)
      lostPosition ||= channel.offset > 0
    }
    if (lostPosition) {
      generation++
      epoch = `${nodeEpoch}.${generation.toString(36)}`
    }
  }

  function subscribersOf(name: string): number {
    return sum(channels.get(name)?.edges ?? [], (edge) => edge.subscribers(name))
  }

  /** Members of a channel: those that are away for a moment count where there is a list. */
  function membersOf(name: string, isListed: boolean): number {
    const attached = channels.get(name)?.edges ?? []
    return isListed ? sum(attached, (edge) => edge.memberCount(name)) : subscribersOf(name)
  }

  function soloOf(edge: Edge): readonly Edge[] {
    return edges.get(edge) ?? [edge]
  }

  /** The count of a channel, as a publication on the channel made for it. */
  function publishCount(request: PublishRequest): void {
    place(request, clock.nowMs())
  }

  function open(name: string): BrokerChannel | Failure {
    const failure = channelNameFailure(name)
    if (failure !== null) return failure
    if (limits.maxChannels > 0 && channels.size >= limits.maxChannels) {
      const message = `Cannot open channel ${shown(name)}: the node already keeps ${channels.size} of ${limits.maxChannels} channels`
      return { failed: 'NODE_CHANNEL_LIMIT', message }
    }
    const channel = new BrokerChannel(name, epoch, rules.ruleFor(name), retention)
    channels.set(name, channel)
    return channel
  }

  function place(request: PublishRequest, arrivedMs: number): PublishOutcome {
    const found = channels.get(request.channel)
    const channel = found ?? open(request.channel)
    if ('failed' in channel) return channel
    const failure = dataFailure(request, channel.rule)
    if (failure !== null) {
      if (found === undefined) channels.delete(channel.name) // a refused publication opens no channel
      return failure
    }
    channel.offset++
    channel.idleSweeps = 0
    const position = { epoch: channel.epoch, offset: channel.offset }
    if (channel.edges !== null || channel.isRetaining) stream(channel, request, position, arrivedMs)
    return position
  }

  /** Encodes once, for those who are here and those who will ask. */
  function stream(
    channel: BrokerChannel,
    request: PublishRequest,
    position: StreamPosition,
    arrivedMs: number,
  ): void {
    const { data, event, user } = request
    const parts = { channel: channel.name, offset: position.offset, data, event, user }
    const message = encodePublication(parts)
    if (channel.isRetaining) channel.retain(message, arrivedMs)
    if (channel.edges === null) return
    const end = message.length - 1 // the brace behind the data
    const moved = data.movedTo(message.subarray(end - data.bytes, end))
    const publication: Publication = { ...parts, data: moved, epoch: position.epoch, message, arrivedMs }
    for (const edge of channel.edges) edge.deliver([publication])
  }

  /** Publishes unless the key says that it was published before. */
  function placeOnce(request: PublishRequest, source: PublishSource, arrivedMs: number): PublishOutcome {
    if (isCountChannel(request.channel)) return countsAreOurs(request.channel)
    if (request.key === '') return place(request, arrivedMs)
    const isClient = source === 'client'
    const known = isClient ? keys.clients : keys.application
    const scope = isClient ? request.user : '' // users can't guess each other's
    const before = known.find(scope, request.channel, request.key)
    if (before !== null) {
      observer.duplicatePublish()
      return before
    }
    const outcome = place(request, arrivedMs)
    if (!('failed' in outcome)) known.remember(scope, request.channel, request.key, outcome)
    return outcome
  }

  return {
    async publish(requests, source) {
      const arrivedMs = clock.nowMs()
      const outcomes: PublishOutcome[] = []
      let accepted = 0
      for (const request of requests) {
        const outcome = placeOnce(request, source, arrivedMs)
        outcomes.push(outcome)
        if (!('failed' in outcome)) accepted++
      }
      observer.published(source, accepted)
      for (const edge of edges.keys()) {
        const room = edge.room()
        if (room !== null) await room
      }
      return outcomes
    },

    join: (edge) => void edges.set(edge, [edge]),
    leave: (edge) => void edges.delete(edge),

    async attach(edge, name) {
      const channel = channels.get(name) ?? open(name)
      if ('failed' in channel) return channel
      if (channel.edges === null) channel.edges = soloOf(edge)
      else if (!channel.edges.includes(edge)) channel.edges = [...channel.edges, edge]
      channel.idleSweeps = 0
      counts.attached(name)
      return { position: { epoch: channel.epoch, offset: channel.offset }, log: channel }
    },
    detach(edge, name) {
      const channel = channels.get(name)
      if (channel === undefined || channel.edges === null) return
      const others = channel.edges.filter((one) => one !== edge)
      const [one] = others
      channel.edges = one === undefined ? null : others.length === 1 ? soloOf(one) : others
      if (others.length > 0) return
      counts.detached(name)
      channel.trim(clock.nowMs())
      if (channel.offset === 0) channels.delete(name)
    },

    async channel(name) {
      const channel = channels.get(name)
      const position: StreamPosition = channel ?? { epoch, offset: 0 }
      return {
        channel: name,
        subscribers: subscribersOf(name),
        position: { epoch: position.epoch, offset: position.offset },
      }
    },
    async history(name, query) {
      const failure = channelNameFailure(name)
      if (failure !== null) return failure
      const rule = channels.get(name)?.rule ?? rules.ruleFor(name)
      if (rule.historySize === 0) {
        return {
          failed: 'HISTORY_OFF',
          message: `Channel ${shown(name)} has no history: its rule keeps none`,
        }
      }
      const channel = channels.get(name) ?? new BrokerChannel(name, epoch, rule, retention)
      const first = channel.firstInHistory(clock.nowMs())
      return historyPage(channel, first, (offset) => channel.retained(offset), query)
    },

    async presence(name, limit) {
      const clients: Present[] = []
      let isListed = false
      for (const edge of channels.get(name)?.edges ?? []) {
        const present = edge.present(name, limit - clients.length)
        if (present === null) continue
        isListed = true
        clients.push(...present)
      }
      isListed ||= (channels.get(name)?.rule ?? rules.ruleFor(name)).presence === 'list'
      return { count: membersOf(name, isListed), clients: isListed ? clients : null }
    },
    presenceChanged(name, change) {
      const attached = channels.get(name)?.edges ?? []
      for (const edge of attached) edge.tellPresence(name, change, membersOf(name, true))
    },
    async usersOnline(ids) {
      const online = ids.filter((id) => subscribersOf(userChannel(id)) > 0)
      const here = new Set(online)
      const times: Record<string, number> = {}
      for (const id of ids) {
        const seenMs = here.has(id) ? null : lastSeen.seenAt(id)
        if (seenMs !== null) times[id] = seenMs
      }
      return { online, lastSeen: times }
    },
    userLeft(user) {
      if (subscribersOf(userChannel(user)) === 0) lastSeen.left(user, clock.wallMs())
    },
    async disconnect(target, goodbye) {
      return sum([...edges.keys()], (edge) => edge.disconnect(target, goodbye))
    },
    async counts() {
      return totals([...edges.keys()], channels.size)
    },
    channelCount: () => channels.size,
    historyBytes: () => memory.bytes,
    stop() {
      stopSweep()
      counts.stop()
    },
  }
}

function countsAreOurs(channel: string): Failure {
  return {
    failed: 'INVALID_CHANNEL',
    message: `Channel name ${shown(channel)} is reserved: the node publishes there`,
  }
}

function dataFailure(
  { channel, data }: PublishRequest,
  { maxPublicationBytes }: EffectiveRule,
): Failure | null {
  if (data.bytes > maxPublicationBytes) {
    const message = `Publication for ${shown(channel)} is too large: ${data.bytes} of at most ${maxPublicationBytes} bytes`
    return { failed: 'PUBLICATION_TOO_LARGE', message }
  }
  if (data.isTooDeep()) {
    const message = `Publication for ${shown(channel)} is nested more than ${MAX_JSON_DEPTH} deep`
    return { failed: 'INVALID_DATA', message }
  }
  return null
}

function sum(edges: readonly Edge[], count: (edge: Edge) => number): number {
  return edges.reduce((total, edge) => total + count(edge), 0)
}

function totals(edges: readonly Edge[], channels: number): NodeCounts {
  const counts = edges.map((edge) => edge.counts())
  const total = (pick: (one: NodeCounts) => number) => counts.reduce((all, one) => all + pick(one), 0)
  return {
    connections: total((one) => one.connections),
    sessions: total((one) => one.sessions),
    subscriptions: total((one) => one.subscriptions),
    channels,
  }
}
