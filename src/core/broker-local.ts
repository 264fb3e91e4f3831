/**
 * The broker in this process.
 *
 * Owns channels and their positions: the offset a publication gets here is its order for ever. A channel exists from
 * its first publication or attachment; one without attachments that saw no publication for `channelIdleMs` is
 * forgotten. Offsets start again only under a new epoch: whenever a position that somebody may remember is forgotten,
 * later channels get an epoch never used before.
 *
 * Memory: one small object per channel, at most `maxChannels`.
 */
import type { Clock } from '../clock.ts'
import { type StreamPosition, userChannel } from '../protocol/messages.ts'
import { MAX_JSON_DEPTH } from '../protocol/payload.ts'
import type {
  Broker,
  Edge,
  Failure,
  NodeCounts,
  Publication,
  PublishOutcome,
  PublishRequest,
} from './broker.ts'
import type { ChannelRules, EffectiveRule } from './channel-rules.ts'
import { channelNameFailure, shown } from './names.ts'
import type { Observer } from './observer.ts'

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
}

export interface LocalBroker extends Broker {
  /** Channels a position is kept for. */
  channelCount(): number
  stop(): void
}

/** Kept small: there may be a million. */
class Channel {
  readonly name: string
  readonly epoch: string
  readonly rule: EffectiveRule
  offset: number
  /** Attached edges; null = none. */
  edges: readonly Edge[] | null
  /** Sweeps since the last publication or attachment. */
  idleSweeps: number

  constructor(name: string, epoch: string, rule: EffectiveRule) {
    this.name = name
    this.epoch = epoch
    this.rule = rule
    this.offset = 0
    this.edges = null
    this.idleSweeps = 0
  }
}

/** @param nodeEpoch differs at every start of a node; 1–16 characters */
export function createLocalBroker(
  deps: LocalBrokerDeps,
  limits: LocalBrokerLimits,
  nodeEpoch: string,
): LocalBroker {
  const { rules, clock, observer } = deps
  const channels = new Map<string, Channel>()
  const edges = new Set<Edge>()
  let generation = 0
  let epoch = nodeEpoch
  let sweepAt = channels.entries()
  const stopSweep = clock.every(SWEEP_MS, sweep)

  function sweep(): void {
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
      if (channel.edges !== null || channel.idleSweeps++ < idleSweeps) continue
      channels.delete(name)
      lostPosition ||= channel.offset > 0
    }
    if (lostPosition) {
      generation++
      epoch = `${nodeEpoch}.${generation.toString(36)}`
    }
  }

  function open(name: string): Channel | Failure {
    const failure = channelNameFailure(name)
    if (failure !== null) return failure
    if (limits.maxChannels > 0 && channels.size >= limits.maxChannels) {
      const message = `Cannot open channel ${shown(name)}: the node already keeps ${channels.size} of ${limits.maxChannels} channels`
      return { failed: 'NODE_CHANNEL_LIMIT', message }
    }
    const channel = new Channel(name, epoch, rules.ruleFor(name))
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
    if (channel.edges !== null) stream(channel.edges, request, position, arrivedMs)
    return position
  }

  return {
    async publish(requests, source) {
      const arrivedMs = clock.nowMs()
      const outcomes: PublishOutcome[] = []
      let accepted = 0
      for (const request of requests) {
        const outcome = place(request, arrivedMs)
        outcomes.push(outcome)
        if (!('failed' in outcome)) accepted++
      }
      observer.published(source, accepted)
      for (const edge of edges) {
        const room = edge.room()
        if (room !== null) await room
      }
      return outcomes
    },

    join: (edge) => void edges.add(edge),
    leave: (edge) => void edges.delete(edge),

    async attach(edge, name) {
      const channel = channels.get(name) ?? open(name)
      if ('failed' in channel) return channel
      if (channel.edges === null) channel.edges = [edge]
      else if (!channel.edges.includes(edge)) channel.edges = [...channel.edges, edge]
      channel.idleSweeps = 0
      return { epoch: channel.epoch, offset: channel.offset }
    },
    detach(edge, name) {
      const channel = channels.get(name)
      if (channel === undefined || channel.edges === null) return
      const others = channel.edges.filter((one) => one !== edge)
      if (others.length > 0) channel.edges = others
      else if (channel.offset === 0) channels.delete(name)
      else channel.edges = null
    },

    async channel(name) {
      const channel = channels.get(name)
      const position: StreamPosition = channel ?? { epoch, offset: 0 }
      return {
        channel: name,
        subscribers: sum(channel?.edges ?? [], (edge) => edge.subscribers(name)),
        position: { epoch: position.epoch, offset: position.offset },
      }
    },
    async usersOnline(ids) {
      return ids.filter((id) => {
        const name = userChannel(id)
        return (channels.get(name)?.edges ?? []).some((edge) => edge.subscribers(name) > 0)
      })
    },
    async disconnect(target, goodbye) {
      return sum([...edges], (edge) => edge.disconnect(target, goodbye))
    },
    async counts() {
      return totals([...edges], channels.size)
    },
    channelCount: () => channels.size,
    stop: stopSweep,
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

function stream(
  edges: readonly Edge[],
  request: PublishRequest,
  position: StreamPosition,
  arrivedMs: number,
): void {
  const { channel, data, event, user } = request
  const publication: Publication = { channel, data, event, user, ...position, arrivedMs }
  for (const edge of edges) edge.deliver([publication])
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
