/**
 * users_online: users with a session, as a view.
 *
 * Owns its columns. Every session of a user is on the channel of that user, so who is here is read off those. Read only.
 */
import { USER_CHANNEL_MARK } from '../../core/names.ts'
import { rowsFrom } from './lookup.ts'
import type { Table } from './table.ts'

export const usersOnline: Table = {
  name: 'users_online',
  columns: [
    { name: 'user_id', type: 'text', sqlType: 'varchar(128)' },
    { name: 'sessions', type: 'integer', sqlType: 'bigint(20)' },
  ],
  keys: [],
  all: ({ broker, tenant }) =>
    rowsFrom(broker.channels(tenant), ({ channel, subscribers }) => {
      const isHere = subscribers > 0 && channel.startsWith(USER_CHANNEL_MARK)
      return isHere ? [channel.slice(USER_CHANNEL_MARK.length), subscribers] : null
    }),
}
