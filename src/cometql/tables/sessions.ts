/**
 * sessions: every session on the node, as a view.
 *
 * Owns its columns. What the client says about itself is known of sessions over WebSocket. Read only.
 */
import type { SessionState } from '../../core/broker.ts'
import type { Row } from '../answer.ts'
import { rowsFrom } from './lookup.ts'
import type { Table } from './table.ts'

export const sessions: Table = {
  name: 'sessions',
  columns: [
    { name: 'session', type: 'text', sqlType: 'varchar(64)' },
    { name: 'user_id', type: 'text', sqlType: 'varchar(128)' },
    { name: 'transport', type: 'text', sqlType: 'varchar(16)' },
    { name: 'ip', type: 'text', sqlType: 'varchar(64)' },
    { name: 'user_agent', type: 'text', sqlType: 'varchar(256)' },
    { name: 'origin', type: 'text', sqlType: 'varchar(256)' },
    { name: 'language', type: 'text', sqlType: 'varchar(256)' },
    { name: 'channels', type: 'integer', sqlType: 'bigint(20)' },
    { name: 'channels_behind', type: 'integer', sqlType: 'bigint(20)' },
  ],
  keys: [],
  all: ({ broker, tenant }) => rowsFrom(broker.sessions(tenant, null), rowOf),
}

function rowOf(state: SessionState): Row {
  const { session, user, transport, address, userAgent, origin, language, channels, channelsBehind } = state
  return [session, user, transport, address, userAgent, origin, language, channels.length, channelsBehind]
}
