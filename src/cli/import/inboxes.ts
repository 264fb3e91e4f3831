/**
 * Messages that waited for users in a CppComet, into their inboxes.
 *
 * Owns their order and that none comes twice: a message keeps its id, and one that is in the inbox is left alone. What
 * was in an inbox before stays, and the imported ones stand behind it. Holds the ids of one inbox at a time.
 */
import type { Change, Store } from '../../core/store.ts'
import { inboxEntry, readInboxEntry } from '../../core/stored-forms.ts'
import { dataOf, eventOf, RowFault, tenantOf, textOf, timeOf, userOf } from './cells.ts'
import type { Cells } from './database.ts'

/** As in the broker: numbers of messages are times, with room for so many in a millisecond. */
const SEQS_PER_MS = 1_000

export const INBOX_TABLE = 'users_messages'
export const inboxColumns: readonly string[] = ['id', 'time', 'user_id', 'event', 'message']
/** One inbox after the other, each from its oldest message on. */
export const inboxOrder: readonly string[] = ['user_id', 'time', 'id']

/** The inbox whose rows are being read. */
interface OpenInbox {
  readonly tenant: number
  readonly user: string
  readonly ids: Set<string>
  last: number
}

/**
 * Turns rows, sorted by tenant and `inboxOrder`, into changes.
 *
 * @param otherwise tenant of rows without `dev_id`
 * @returns what to do with one row
 */
export function createInboxImport(
  store: Pick<Store, 'entries'>,
  otherwise: number,
): (row: Cells) => Change | RowFault {
  let open: OpenInbox | null = null
  return (row) => {
    const tenant = tenantOf(row, otherwise)
    if (tenant instanceof RowFault) return tenant
    const user = userOf(row)
    if (user instanceof RowFault) return user
    if (open === null || open.tenant !== tenant || open.user !== user) open = openInbox(store, tenant, user)
    return append(open, row)
  }
}

function openInbox(store: Pick<Store, 'entries'>, tenant: number, user: string): OpenInbox {
  const ids = new Set<string>()
  let last = 0
  for (const entry of store.entries('inbox', tenant, user, 0)) {
    ids.add(readInboxEntry(entry).id)
    last = entry.seq
  }
  return { tenant, user, ids, last }
}

function append(inbox: OpenInbox, row: Cells): Change | RowFault {
  const id = textOf(row.id)
  if (id instanceof RowFault) return id
  if (id === '') return new RowFault('id is empty')
  if (inbox.ids.has(id)) return new RowFault('already in the inbox')
  const timeMs = timeOf(row)
  if (timeMs instanceof RowFault) return timeMs
  const event = eventOf(row)
  if (event instanceof RowFault) return event
  const data = dataOf(row)
  if (data instanceof RowFault) return data
  inbox.last = Math.max(inbox.last + 1, timeMs * SEQS_PER_MS)
  const entry = inboxEntry(inbox.last, timeMs, { id, event, user: '', fromClient: false, data })
  return { append: 'inbox', tenant: inbox.tenant, owner: inbox.user, entry }
}
