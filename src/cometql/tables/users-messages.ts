/**
 * users_messages: messages to users, and those that wait for users who are away.
 *
 * Owns both: an INSERT is a publish to the channel of a user, a SELECT shows what waits there, a DELETE of a user forgets
 * it. The id of a message is in the column `index`.
 */
import { inBatches } from '../../core/batches.ts'
import { ownChannel, ownerOf } from '../../core/tenants.ts'
import { payloadIn, textIn } from './given.ts'
import { lookup } from './lookup.ts'
import { messageText } from './message-text.ts'
import { checkedEvent, checkedUser, userId, userIds } from './names.ts'
import { publishRows } from './publish-rows.ts'
import type { Table } from './table.ts'

/** Inboxes that are emptied together, which may hold a megabyte each. */
const CLEARED_AT_ONCE = 16

/** Above what an inbox holds by any sensible configuration; its bytes are bounded besides. */
const MAX_LISTED = 100_000

export const usersMessages: Table = {
  name: 'users_messages',
  columns: [
    { name: 'id', type: 'text', isNumber: true, sqlType: 'int(11)', isRequired: true },
    { name: 'index', type: 'text', sqlType: 'varchar(64)' },
    { name: 'event', type: 'text', sqlType: 'varchar(64)', isRequired: true },
    { name: 'message', type: 'text', sqlType: 'text', isRequired: true },
  ],
  keys: ['id'],
  find: (keys, { broker, tenant }) =>
    lookup(keys, async (key) => {
      const id = userId(key)
      if (id === null) return []
      const waiting = await broker.inbox(ownChannel(tenant, id), MAX_LISTED)
      return waiting.map((one) => [id, one.id, one.event, messageText(one.data.json().toString())])
    }),
  async insert(rows, { broker, tenant }) {
    const [first] = await publishRows(broker, rows, (row) => ({
      channel: ownChannel(tenant, checkedUser(textIn(row, 'id'))),
      event: checkedEvent(textIn(row, 'event')),
      data: payloadIn(row, 'message'),
      user: '',
      key: '',
    }))
    return { affected: 0, insertId: Number(ownerOf(first?.channel ?? '')) }
  },
  async remove(keys, { broker, tenant }) {
    for await (const ids of inBatches(userIds(keys), CLEARED_AT_ONCE)) {
      await Promise.all(ids.map((id) => broker.clearInbox(ownChannel(tenant, id))))
    }
  },
}
