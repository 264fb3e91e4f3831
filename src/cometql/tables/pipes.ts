/**
 * pipes: how many sessions are on them.
 *
 * Owns CppComet's table of that; `channels` tells more and of all channels. Read only.
 */
import { scoped } from '../../core/tenants.ts'
import { lookup, rowsFrom } from './lookup.ts'
import { isPipe } from './names.ts'
import type { Table } from './table.ts'

export const pipes: Table = {
  name: 'pipes',
  columns: [
    { name: 'name', type: 'text', sqlType: 'varchar(64)' },
    { name: 'users', type: 'text', isNumber: true, sqlType: 'int(11)' },
  ],
  keys: ['name'],
  find: (keys, { broker, tenant }) =>
    lookup(keys, async (pipe) => {
      if (!isPipe(pipe)) return []
      const { subscribers } = await broker.channel(scoped(tenant, pipe))
      return [[pipe, String(subscribers)]]
    }),
  all: ({ broker, tenant }) =>
    rowsFrom(broker.channels(tenant), ({ channel, subscribers }) =>
      isPipe(channel) ? [channel, String(subscribers)] : null,
    ),
}
