/**
 * What the application sets for channels.
 *
 * Owns when that takes effect: between two writes of publications, on channels that stay open meanwhile, for all that are
 * named or for none. Channels are opened for it, and left again where one of them can't be. Bound: that of one write; who
 * names very many does so in parts.
 */
import type { Broker, Failure } from './broker.ts'
import type { BrokerChannel } from './broker-channel.ts'
import type { ChannelRegistry } from './channel-registry.ts'
import type { DurableWriter } from './durable-writer.ts'
import { USER_CHANNEL_MARK } from './names.ts'
import type { ChannelSettings } from './stored-forms.ts'
import { bare } from './tenants.ts'

/** Settings by the names of channels; null = as the rule says. */
export type SettingsByName = ReadonlyMap<string, ChannelSettings | null>

export function createSettingsChange(
  channels: Pick<ChannelRegistry, 'get' | 'open' | 'forget' | 'configure'>,
  writer: Pick<DurableWriter, 'between'>,
): Broker['configureAll'] {
  return async (settings) => {
    const opened = openAll(channels, settings)
    if ('failed' in opened) return opened
    const waiting = [...opened.keys()].filter((channel) => !isOfUser(channel))
    for (const channel of waiting) channel.underWay++
    try {
      await writer.between(() => channels.configure(opened))
    } finally {
      for (const channel of waiting) channel.underWay--
    }
    return null
  }
}

/** Those that were opened before one can't be are forgotten again. */
function openAll(
  channels: Pick<ChannelRegistry, 'get' | 'open' | 'forget'>,
  settings: SettingsByName,
): Map<BrokerChannel, ChannelSettings | null> | Failure {
  const opened = new Map<BrokerChannel, ChannelSettings | null>()
  const fresh: string[] = []
  for (const [name, one] of settings) {
    const isKnown = channels.get(name) !== undefined
    const channel = channels.open(name)
    if ('failed' in channel) {
      for (const other of fresh) channels.forget(other)
      return channel
    }
    if (!isKnown) fresh.push(name)
    opened.set(channel, one)
  }
  return opened
}

/** Those are never on disk. */
function isOfUser({ name }: BrokerChannel): boolean {
  return bare(name).startsWith(USER_CHANNEL_MARK)
}
