/**
 * users_time: who is here, and when others were last.
 *
 * Owns CppComet's way to say it: 0 = here now, -1 = nobody knows, else seconds since 1970. Read only.
 */
import { lookup } from './lookup.ts'
import { userId } from './names.ts'
import type { Table } from './table.ts'

const HERE = '0'
const UNKNOWN = '-1'

export const usersTime: Table = {
  name: 'users_time',
  columns: [
    { name: 'id', type: 'text', isNumber: true, sqlType: 'int(11)' },
    { name: 'time', type: 'text', isNumber: true, sqlType: 'int(11)' },
  ],
  keys: ['id'],
  find: (keys, { broker, tenant }) =>
    lookup(keys, async (key) => {
      const id = key === '0' ? key : userId(key) // nobody is user 0, and may be asked for
      if (id === null) return []
      const { online, lastSeen } = await broker.usersOnline(tenant, [id])
      const seenMs = lastSeen?.[id]
      const away = seenMs === undefined ? UNKNOWN : String(Math.floor(seenMs / 1000))
      return [[id, online.length > 0 ? HERE : away]]
    }),
}
