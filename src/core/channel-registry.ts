/**
 * The channels a broker knows.
 *
 * Owns which channels exist, under which rule and epoch: a channel is opened by its first publication or attachment;
 * one that is idle is forgotten. Offsets start again only under a new epoch: whenever a position that somebody may
 * remember is forgotten, later channels get an epoch never used before. What is on disk of a durable channel is found
 * again when it is opened, so nothing has to be read at start.
 *
 * Memory: one small object per channel, at most `maxChannels`.
 */
import type { Failure } from './broker.ts'
import { BrokerChannel, type Retention } from './broker-channel.ts'
import type { ChannelRules, EffectiveRule } from './channel-rules.ts'
import { channelNameFailure, shown, USER_CHANNEL_MARK } from './names.ts'
import type { Change, Store } from './store.ts'
import {
  type ChannelSettings,
  decodePosition,
  decodeSettings,
  encodePosition,
  encodeSettings,
} from './stored-forms.ts'
import { StoredHistory } from './stored-history.ts'
import { bare, tenantOf } from './tenants.ts'

/** How many channels are looked at in one sweep. */
const SWEEP_CHANNELS = 20_000

export interface RegistryLimits {
  /** 0 = no limit */
  readonly maxChannels: number
  readonly channelIdleMs: number
}

export interface ChannelRegistry {
  readonly size: number
  get(name: string): BrokerChannel | undefined
  /** The channel, opened if it was not; a failure when it can't be. */
  open(name: string): BrokerChannel | Failure
  /** The channel to read from, which does not stay open for that. */
  look(name: string): BrokerChannel
  forget(name: string): void
  /** Names of the channels that are open now; some of those that go meanwhile may be among them. */
  names(): Iterable<string>
  /** The rule of a channel, with what the application set for it. */
  ruleOf(name: string): EffectiveRule
  settings(name: string): ChannelSettings | null
  /**
   * Sets or takes away settings, of all channels or none; nothing may be published to them meanwhile. Rejects as
   * `Store.write`.
   */
  configure(settings: ReadonlyMap<BrokerChannel, ChannelSettings | null>): Promise<void>
  /** Looks for idle channels; to be called every `everyMs`. */
  sweep(everyMs: number): void
}

/** @param nodeEpoch differs at every start of a node; 1–16 characters */
export function createChannelRegistry(
  deps: { readonly rules: ChannelRules; readonly store: Store; readonly retention: Retention },
  limits: RegistryLimits,
  nodeEpoch: string,
): ChannelRegistry {
  const { rules, store, retention } = deps
  const channels = new Map<string, BrokerChannel>()
  let generation = 0
  let epoch = nodeEpoch
  let sweepAt = channels.entries()

  function settingsOf(name: string): ChannelSettings | null {
    const text = store.get('channelSettings', tenantOf(name), bare(name))
    return text === null ? null : decodeSettings(text)
  }

  /** The rule for a channel, and what the application set over it. */
  function ruleWith(name: string, settings: ChannelSettings | null): EffectiveRule {
    const rule = rules.ruleFor(name)
    if (settings === null) return rule
    return { ...rule, historySize: settings.historySize, durable: store.isDurable }
  }

  function ruleOf(name: string): EffectiveRule {
    return ruleWith(name, settingsOf(name))
  }

  /** User channels have their inbox instead. */
  function isOnDisk(name: string, { durable, historySize }: EffectiveRule): boolean {
    return durable && historySize > 0 && store.isDurable && !bare(name).startsWith(USER_CHANNEL_MARK)
  }

  function make(name: string): BrokerChannel {
    const rule = ruleOf(name)
    if (!isOnDisk(name, rule)) return new BrokerChannel(name, epoch, rule, retention)
    const text = store.get('channels', tenantOf(name), bare(name))
    const known = text === null ? null : decodePosition(text)
    const channel = new BrokerChannel(name, known?.epoch ?? epoch, rule, retention)
    const range = store.range('history', tenantOf(name), bare(name))
    channel.offset = Math.max(known?.offset ?? 0, range?.last ?? 0)
    channel.stored = historyOf(channel, known !== null)
    return channel
  }

  function historyOf({ name, offset, rule }: BrokerChannel, isNamed: boolean): StoredHistory {
    const limits = { size: rule.historySize, maxAgeMs: rule.historyTtlMs }
    return new StoredHistory(store, name, { offset, isNamed }, limits)
  }

  function open(name: string): BrokerChannel | Failure {
    const failure = channelNameFailure(bare(name))
    if (failure !== null) return failure
    if (limits.maxChannels > 0 && channels.size >= limits.maxChannels) {
      const message = `Cannot open channel ${shown(bare(name))}: the node already keeps ${channels.size} of ${limits.maxChannels} channels`
      return { failed: 'NODE_CHANNEL_LIMIT', message }
    }
    const channel = make(name)
    channels.set(name, channel)
    return channel
  }

  function settingsChange({ name }: BrokerChannel, settings: ChannelSettings | null): Change {
    const at = { tenant: tenantOf(name), key: bare(name) } as const
    return settings === null
      ? { remove: 'channelSettings', ...at }
      : { put: 'channelSettings', ...at, value: encodeSettings(settings) }
  }

  /** What has to be written so that an open channel is kept as its rule now says. */
  function changesFor(channel: BrokerChannel): Change[] {
    const { name, epoch, offset } = channel
    const at = { tenant: tenantOf(name), key: bare(name) } as const
    const isKept = isOnDisk(name, channel.rule)
    if (isKept && channel.stored !== null) return []
    const all = { tenant: at.tenant, owner: at.key, from: 0, to: Number.MAX_SAFE_INTEGER }
    // Its epoch goes with its position: what comes later under another rule must not be taken for the same.
    const row: Change = isKept
      ? { put: 'channels', ...at, value: encodePosition({ epoch, offset }) }
      : { remove: 'channels', ...at }
    return [{ cut: 'history', ...all }, row]
  }

  return {
    get size() {
      return channels.size
    },
    get: (name) => channels.get(name),
    open: (name) => channels.get(name) ?? open(name),
    look: (name) => channels.get(name) ?? make(name),
    forget: (name) => void channels.delete(name),
    *names() {
      let left = channels.size
      for (const name of channels.keys()) {
        if (left-- === 0) return
        yield name
      }
    },
    ruleOf,
    settings: settingsOf,
    async configure(all) {
      const before = new Map(Array.from(all.keys(), (channel) => [channel, channel.rule]))
      const changes: Change[] = []
      for (const [channel, settings] of all) {
        channel.rule = ruleWith(channel.name, settings)
        changes.push(settingsChange(channel, settings), ...changesFor(channel))
      }
      try {
        await store.write(changes)
      } catch (error) {
        for (const [channel, rule] of before) channel.rule = rule
        throw error
      }
      for (const channel of all.keys()) {
        // Settings of a channel that nobody has published to leave it as unknown to the store as it was.
        const isNamed = channel.stored?.isNamed ?? true
        channel.stored = isOnDisk(channel.name, channel.rule) ? historyOf(channel, isNamed) : null
      }
    },
    sweep(everyMs) {
      const now = retention.clock.nowMs()
      const rounds = Math.max(1, Math.ceil(channels.size / SWEEP_CHANNELS))
      const idleSweeps = Math.max(1, Math.ceil(limits.channelIdleMs / (everyMs * rounds)))
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
        if (channel.isBusy) continue
        channels.delete(name)
        lostPosition ||= channel.offset > 0 && channel.stored === null
      }
      if (lostPosition) {
        generation++
        epoch = `${nodeEpoch}.${generation.toString(36)}`
      }
    },
  }
}
