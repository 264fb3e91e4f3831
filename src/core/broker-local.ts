/**
 * The broker in this process.
 *
 * Owns the way of a publication: refused, found to be a repetition, put into the inbox of an absent user, written to
 * disk first where its channel is durable, or given its offset and shown at once. The offset is its order for ever.
 * Which channels there are is the registry's business, what users have waiting is the inboxes'.
 *
 * Memory: the registry's channels; retained publications, at most `maxHistoryBytes`.
 */
import type { Clock } from '../clock.ts'
import { encodePublication } from '../protocol/json-codec.ts'
import type { Present } from '../protocol/messages.ts'
import { announcement } from './announcement.ts'
import {
  type Broker,
  type ChannelState,
  type Edge,
  type Origin,
  ownOrigin,
  type Publication,
  type PublishOutcome,
  type PublishRequest,
  type PublishSource,
} from './broker.ts'
import type { BrokerChannel } from './broker-channel.ts'
import { createBrokerWalks } from './broker-walks.ts'
import { createChannelRegistry, type RegistryLimits } from './channel-registry.ts'
import type { ChannelRules } from './channel-rules.ts'
import { createCountChannels } from './count-channels.ts'
import { createDurableWriter, type Written } from './durable-writer.ts'
import { sum, totals } from './edge-sums.ts'
import { endingStore } from './ending-store.ts'
import type { Eventually } from './eventually.ts'
import { failureOf } from './failure-of.ts'
import { createHistoryCuts } from './history-cuts.ts'
import { heldPublication, historyPage } from './history-page.ts'
import type { IdempotencyLimits } from './idempotency.ts'
import { createInboxes, type InboxLimits } from './inbox.ts'
import { createMemoryLastSeen, createStoredLastSeen } from './last-seen.ts'
import { channelNameFailure, shown, USER_CHANNEL_MARK, userIdFault } from './names.ts'
import type { Observer } from './observer.ts'
import { createPlaceOnce } from './place-once.ts'
import { dataFailure } from './publication-check.ts'
import { createRingMemory } from './ring.ts'
import { createSettingsChange } from './settings-change.ts'
import type { Store } from './store.ts'
import { bare, ownChannel, scoped } from './tenants.ts'
import { createUserArrivals, type UserArrivalsLimits } from './user-arrivals.ts'

/** How often idle channels, old messages and the like are looked for. */
const SWEEP_MS = 1000

export interface LocalBrokerDeps {
  readonly rules: ChannelRules
  readonly clock: Clock
  readonly observer: Observer
  readonly store: Store
}

export interface LocalBrokerLimits
  extends RegistryLimits,
    IdempotencyLimits,
    InboxLimits,
    UserArrivalsLimits {
  readonly ringSize: number
  readonly ringMs: number
  readonly maxHistoryBytes: number
  readonly maxLastSeen: number
}

export interface LocalBroker extends Broker {
  /** Channels a position is kept for. */
  channelCount(): number
  /** Bytes of all that is retained. */
  historyBytes(): number
  /** Resolves when nothing is on its way to the store, and nothing will be read from it. */
  stop(): Promise<void>
}

/** @param nodeEpoch differs at every start of a node; 1–16 characters */
export function createLocalBroker(
  deps: LocalBrokerDeps,
  limits: LocalBrokerLimits,
  nodeEpoch: string,
): LocalBroker {
  const { rules, clock, observer } = deps
  const { store, end } = endingStore(deps.store)
  /** Edges, each with a list of itself that all channels share that only it is attached to. */
  const edges = new Map<Edge, readonly Edge[]>()
  const memory = createRingMemory(limits.maxHistoryBytes, observer.historyShrunk)
  const short = { size: limits.ringSize, bytes: 0, maxAgeMs: limits.ringMs }
  const retention = { short, memory, clock }
  const channels = createChannelRegistry({ rules, store, retention }, limits, nodeEpoch)
  const placeOnce = createPlaceOnce({ clock, observer, place }, limits)
  const writer = createDurableWriter(store, showWritten)
  const cuts = createHistoryCuts(channels, writer)
  const isHere = (name: string) => subscribersOf(name) > 0
  const inboxes = createInboxes({ store, clock, observer, isHere, settled: deliverKept }, limits)
  const { maxLastSeen } = limits
  const lastSeen = store.isDurable
    ? createStoredLastSeen(store, maxLastSeen)
    : createMemoryLastSeen(maxLastSeen)
  const isHeard = (name: string) => channels.get(name) !== undefined || channels.ruleOf(name).historySize > 0
  const arrivals = createUserArrivals(
    { clock, inboxes, lastSeen, channel: channels.get, publish: publishNow, isHeard, attempt },
    limits,
  )
  const counts = createCountChannels(clock, subscribersOf, publishNow)
  const walks = createBrokerWalks({ channels, stateOf, edges, store })
  const changeSettings = createSettingsChange(channels, writer)
  let messageNumber = 0
  const stopSweep = clock.every(SWEEP_MS, () => {
    attempt(() => channels.sweep(SWEEP_MS))
    attempt(inboxes.sweep)
  })

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

  /** What the node itself has to say, or had kept: it is not refused, counted or looked up again. */
  function publishNow(request: PublishRequest, origin = ownOrigin): void {
    const channel = channels.open(request.channel)
    if (!('failed' in channel)) void append(channel, request, origin)
  }

  function place(request: PublishRequest, source: PublishSource): Eventually<PublishOutcome> {
    const found = channels.get(request.channel)
    const channel = found ?? channels.open(request.channel)
    if ('failed' in channel) return channel
    const failure = dataFailure(request, channel.rule)
    if (failure !== null) {
      if (found === undefined) channels.forget(channel.name) // a refused publication opens no channel
      return failure
    }
    const fromClient = source === 'client'
    if (isAbsentUser(channel)) return keep(channel, request, fromClient)
    return append(channel, request, { fromClient, inbox: null })
  }

  function isAbsentUser(channel: BrokerChannel): boolean {
    if (!inboxes.isOn || !isOfUser(channel)) return false
    const { name } = channel
    return !isHere(name) || inboxes.isWriting(name) // what came before is still on its way
  }

  /** Puts a publication into the inbox of its user. */
  async function keep(
    { name, epoch }: BrokerChannel,
    { data, event, user }: PublishRequest,
    fromClient: boolean,
  ): Promise<PublishOutcome> {
    messageNumber++
    const id = `${nodeEpoch}-${messageNumber.toString(36)}`
    try {
      await inboxes.put(name, { id, event, user, fromClient, data })
      return { epoch, offset: 0 }
    } catch (error) {
      return failureOf(error)
    }
  }

  /** Its user came while it was being written. */
  function deliverKept(name: string): void {
    if (isHere(name)) arrivals.deliver(name)
  }

  /** For what nobody waits for: a store that can't be read is counted, and the next time will do. */
  function attempt(task: () => void): void {
    try {
      task()
    } catch {
      observer.storeFailed()
    }
  }

  /** Gives a publication its place: at once, or once it is on disk. */
  function append(
    channel: BrokerChannel,
    request: PublishRequest,
    origin: Origin,
  ): Eventually<PublishOutcome> {
    channel.idleSweeps = 0
    const arrivedMs = clock.nowMs()
    if (channel.stored !== null || channel.underWay > 0) return write(channel, request, origin, arrivedMs)
    channel.offset++
    const { epoch, offset } = channel
    if (channel.edges !== null || channel.isRetaining) {
      const message = encodePublication({
        ...request,
        channel: bare(channel.name),
        offset,
        inbox: origin.inbox,
      })
      show(channel, { request, origin, offset, message, arrivedMs })
    }
    return { epoch, offset }
  }

  async function write(
    channel: BrokerChannel,
    request: PublishRequest,
    origin: Origin,
    arrivedMs: number,
  ): Promise<PublishOutcome> {
    channel.underWay++
    const outcome = await writer.append({ channel, request, origin, arrivedMs, timeMs: clock.wallMs() })
    channel.underWay--
    return outcome
  }

  function showWritten(written: Written): void {
    const { channel, offset } = written
    channel.offset = offset
    channel.stored?.wrote(offset)
    if (channel.edges !== null || channel.isRetaining) show(channel, written)
  }

  /** For those who are here and those who will ask. */
  function show(channel: BrokerChannel, { request, origin, offset, message, arrivedMs }: Shown): void {
    if (channel.isRetaining) channel.retain(message, clock.nowMs())
    if (channel.edges === null) return
    const { data, event, user, except = null } = request
    const end = message.length - 1 // the brace behind the data
    const publication: Publication = {
      scoped: channel.name,
      channel: bare(channel.name),
      offset,
      data: data.movedTo(message.subarray(end - data.bytes, end)),
      event,
      user,
      epoch: channel.epoch,
      message,
      fromClient: origin.fromClient,
      inbox: origin.inbox,
      except,
      arrivedMs,
    }
    for (const edge of channel.edges) edge.deliver([publication])
  }

  function stateOf(name: string): ChannelState {
    const { epoch, offset } = channels.look(name)
    return { channel: bare(name), subscribers: subscribersOf(name), position: { epoch, offset } }
  }

  return {
    async publish(requests, source) {
      const placed = requests.map((request) => placeOnce(request, source))
      const outcomes = placed.every(isSettled) ? placed : await Promise.all(placed)
      let accepted = 0
      for (const outcome of outcomes) if (!('failed' in outcome)) accepted++
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
      const channel = channels.open(name)
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
      if (channel.offset === 0 && !channel.isBusy) channels.forget(name)
    },

    channel: async (name) => stateOf(name),
    async history(name, query) {
      const failure = channelNameFailure(bare(name))
      if (failure !== null) return failure
      const channel = channels.look(name)
      if (channel.rule.historySize === 0) {
        const message = `Channel ${shown(bare(name))} has no history: its rule keeps none`
        return { failed: 'HISTORY_OFF', message }
      }
      const first = channel.firstInHistory()
      cuts.looked(channel)
      return historyPage(channel, first, query)
    },
    async publication(name, position) {
      if (channelNameFailure(bare(name)) !== null) return null
      const channel = channels.look(name)
      return channel.rule.historySize === 0
        ? null
        : heldPublication(channel, channel.firstInHistory(), position)
    },
    clearHistory: cuts.clear,
    removeFromHistory: cuts.remove,
    ...walks,
    settings: async (name) => channels.settings(name),
    configure: (name, settings) => changeSettings(new Map([[name, settings]])),
    configureAll: changeSettings,

    async presence(name, limit) {
      const clients: Present[] = []
      let isListed = false
      for (const edge of channels.get(name)?.edges ?? []) {
        const present = edge.present(name, limit - clients.length)
        if (present === null) continue
        isListed = true
        clients.push(...present)
      }
      isListed ||= channels.ruleOf(name).presence === 'list'
      return { count: membersOf(name, isListed), clients: isListed ? clients : null }
    },
    presenceChanged(name, change) {
      const attached = channels.get(name)?.edges ?? []
      for (const edge of attached) edge.tellPresence(name, change, membersOf(name, true))
    },
    announce(name, { join, leave }, except) {
      const tell = (request: PublishRequest) => publishNow(except === null ? request : { ...request, except })
      for (const present of leave) tell(announcement(name, 'unsubscription', present))
      for (const present of join) tell(announcement(name, 'subscription', present))
    },
    async usersOnline(tenant, asked) {
      const ids = asked.filter((id) => userIdFault(id) === null) // others could name another tenant's
      const online = ids.filter((id) => subscribersOf(ownChannel(tenant, id)) > 0)
      const here = new Set(online)
      const times: Record<string, number> = {}
      for (const id of ids) {
        const seenMs = here.has(id) ? null : lastSeen.seenAt(scoped(tenant, id))
        if (seenMs !== null) times[id] = seenMs
      }
      return { online, lastSeen: times }
    },
    userCame: async (channel, since) => (subscribersOf(channel) === 1 ? arrivals.came(channel, since) : 0),
    userLeft(channel) {
      if (subscribersOf(channel) === 0) arrivals.left(channel)
    },
    acknowledge: arrivals.acknowledge,
    inbox: async (channel, limit) => inboxes.list(channel, limit),
    clearInbox: (channel) => inboxes.remove(channel, Number.MAX_SAFE_INTEGER),
    async disconnect(target, goodbye) {
      return sum([...edges.keys()], (edge) => edge.disconnect(target, goodbye))
    },
    async counts() {
      return totals([...edges.keys()], channels.size)
    },
    channelCount: () => channels.size,
    historyBytes: () => memory.bytes,
    async stop() {
      stopSweep()
      counts.stop()
      await writer.idle()
      await end()
    },
  }
}

/** What a publication is shown as. */
type Shown = Pick<Written, 'request' | 'origin' | 'offset' | 'message' | 'arrivedMs'>

function isOfUser({ name }: BrokerChannel): boolean {
  return bare(name).startsWith(USER_CHANNEL_MARK)
}

function isSettled(outcome: Eventually<PublishOutcome>): outcome is PublishOutcome {
  return !(outcome instanceof Promise)
}
