/**
 * What is taken out of the histories on disk, besides what newer publications push out.
 *
 * Owns when that happens: between two writes of publications, on a channel that stays open meanwhile. So nobody who comes
 * to the channel takes what is about to go for being there, and settings are not changed in the middle. Bound: one cut per
 * channel for being too old; those who clear wait for their answers.
 */
import { LimitError } from '../errors.ts'
import type { BrokerChannel } from './broker-channel.ts'
import type { ChannelRegistry } from './channel-registry.ts'
import type { DurableWriter } from './durable-writer.ts'

export interface HistoryCuts {
  /**
   * Forgets all that is kept of a channel, in memory or on disk; its position stays.
   *
   * Rejects as `Store.write`, or with a `LimitError` when the channel can't be opened: then all is as it was.
   */
  clear(name: string): Promise<void>
  /** Takes single publications out of what is kept; those that are not held are none. Rejects as `clear` does. */
  remove(name: string, offsets: readonly number[]): Promise<void>
  /** Somebody looked at a channel: what is too old to be seen goes from the disk, now or another time. */
  looked(channel: BrokerChannel): void
}

export function createHistoryCuts(
  channels: Pick<ChannelRegistry, 'look' | 'open'>,
  writer: Pick<DurableWriter, 'between'>,
): HistoryCuts {
  async function cut(name: string, task: (channel: BrokerChannel) => Promise<void>): Promise<void> {
    const channel = channels.open(name)
    if ('failed' in channel) throw new LimitError(channel.failed, channel.message)
    channel.underWay++
    try {
      await writer.between(() => task(channel))
    } finally {
      channel.underWay--
    }
  }

  return {
    async clear(name) {
      const looked = channels.look(name)
      const { stored } = looked
      if (stored === null || (stored.isEmpty(looked.offset) && !looked.isBusy)) return looked.clear()
      await cut(name, async (channel) => {
        await channel.stored?.clear(channel.epoch, channel.offset)
        channel.clear()
      })
    },
    async remove(name, offsets) {
      const looked = channels.look(name)
      const { stored } = looked
      if (stored === null) return looked.remove(offsets)
      // No channel is opened for what was never there; what is being written may be among it.
      if (!looked.isBusy && stored.within(offsets, looked.offset).length === 0) return
      await cut(name, async (channel) => {
        await channel.stored?.remove(offsets, channel.epoch, channel.offset)
        channel.remove(offsets)
      })
    },
    looked({ name, stored, isBusy }) {
      if (stored?.hasExcess !== true || isBusy) return
      cut(name, async (channel) => {
        channel.firstInHistory() // it may just have been opened, and not know yet
        await channel.stored?.cut(channel.epoch, channel.offset)
      }).catch(() => {}) // it is not shown any more, and goes with a later look or write
    },
  }
}
