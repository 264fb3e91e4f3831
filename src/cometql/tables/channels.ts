/**
 * channels: every channel the node has in memory, as a view.
 *
 * Owns its columns. Channels of users (`@17`) are among them; those whose history lies on disk and that nobody uses are
 * not. Read only.
 */
import type { ChannelState } from '../../core/broker.ts'
import { channelNameFailure } from '../../core/names.ts'
import { scoped } from '../../core/tenants.ts'
import type { Row } from '../answer.ts'
import { lookup, rowsFrom } from './lookup.ts'
import type { Table } from './table.ts'

export const channels: Table = {
  name: 'channels',
  columns: [
    { name: 'name', type: 'text', sqlType: 'varchar(255)' },
    { name: 'subscribers', type: 'integer', sqlType: 'bigint(20)' },
    { name: 'epoch', type: 'text', sqlType: 'varchar(64)' },
    { name: 'offset', type: 'integer', sqlType: 'bigint(20)' },
  ],
  keys: ['name'],
  find: (keys, { broker, tenant }) =>
    lookup(keys, async (name) => {
      if (channelNameFailure(name) !== null) return []
      return [rowOf(await broker.channel(scoped(tenant, name)))]
    }),
  all: ({ broker, tenant }) => rowsFrom(broker.channels(tenant), rowOf),
}

function rowOf({ channel, subscribers, position }: ChannelState): Row {
  return [channel, subscribers, position.epoch, position.offset]
}
