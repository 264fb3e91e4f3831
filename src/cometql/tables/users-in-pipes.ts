/**
 * users_in_pipes: who is on a pipe.
 *
 * Owns CppComet's table of that: a row per session and pipe, anonymous ones too. The uuid is what the page calls its
 * browser; of sessions that did not come with one it is the id. Rows come pipe by pipe where those are named, else session
 * by session. Read only.
 */
import { inBatches } from '../../core/batches.ts'
import type { SessionState } from '../../core/broker.ts'
import { UUID_MARK } from '../../core/names.ts'
import { scoped } from '../../core/tenants.ts'
import type { Batches, Row } from '../answer.ts'
import { rowsFrom } from './lookup.ts'
import { ANONYMOUS, isPipe } from './names.ts'
import type { Table, TableContext } from './table.ts'

export const usersInPipes: Table = {
  name: 'users_in_pipes',
  columns: [
    { name: 'name', type: 'text', sqlType: 'varchar(64)' },
    { name: 'user_id', type: 'text', sqlType: 'varchar(128)' },
    { name: 'user_uuid', type: 'text', sqlType: 'varchar(64)' },
    { name: 'user_agent', type: 'text', sqlType: 'varchar(256)' },
    { name: 'ip', type: 'text', sqlType: 'varchar(64)' },
    { name: 'origin', type: 'text', sqlType: 'varchar(256)' },
    { name: 'language', type: 'text', sqlType: 'varchar(256)' },
  ],
  keys: ['name'],
  async *find({ keys }, context) {
    for await (const pipes of inBatches(keys)) {
      for (const pipe of pipes) if (isPipe(pipe)) yield* sessionsOn(pipe, context)
    }
  },
  async *all({ broker, tenant }) {
    for await (const sessions of broker.sessions(tenant, null)) yield* inBatches(rowsOfAll(sessions))
  },
}

/** One pass over the sessions, however many pipes there are; null for a channel that is none. */
function* rowsOfAll(sessions: readonly SessionState[]): Iterable<Row | null> {
  for (const session of sessions) {
    for (const channel of session.channels) yield isPipe(channel) ? rowOf(channel, session) : null
  }
}

function sessionsOn(pipe: string, { broker, tenant }: TableContext): Batches {
  const sessions = broker.sessions(tenant, scoped(tenant, pipe))
  return rowsFrom(sessions, (session) => rowOf(pipe, session))
}

function rowOf(pipe: string, { session, user, userAgent, address, origin, language }: SessionState): Row {
  const [uuid = ''] = session.split(UUID_MARK, 1)
  return [pipe, user === '' ? ANONYMOUS : user, uuid, userAgent, address, origin, language]
}
