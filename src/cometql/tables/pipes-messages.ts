/**
 * pipes_messages: messages to pipes, and what is kept of them.
 *
 * Owns both: an INSERT is a publish, a SELECT reads the history of a pipe, oldest first, a page of it at a time. The id of
 * a message names its place for good, `EPOCH-OFFSET-PIPE`; a DELETE takes whole histories by their name, or messages by
 * their ids. Its `index` is its place among those that are there now, which only reading them all tells.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { inBatches } from '../../core/batches.ts'
import {
  type Broker,
  type Failure,
  type HeldPublication,
  type HistoryPage,
  hasFailed,
} from '../../core/broker.ts'
import { scoped } from '../../core/tenants.ts'
import { decodePublication, readPublication } from '../../protocol/json-codec.ts'
import type { StreamPosition } from '../../protocol/messages.ts'
import type { Batches, Row } from '../answer.ts'
import { payloadIn, textIn } from './given.ts'
import { forEach, lookup } from './lookup.ts'
import { messageText } from './message-text.ts'
import { ANONYMOUS, checkedEvent, checkedPipe, isPipe } from './names.ts'
import { publishRows } from './publish-rows.ts'
import type { Keys, Table, TableContext } from './table.ts'

/** Publications of one read; their bytes are bounded by the broker. */
const PAGE = 500

/** Pipes whose histories are begun between two rests: to look one up on disk takes some tenth of a millisecond. */
const PIPES_AT_ONCE = 64

/** Publications that are taken out in one write; a cut takes some twenty microseconds. */
const REMOVED_AT_ONCE = 250

export const pipesMessages: Table = {
  name: 'pipes_messages',
  columns: [
    { name: 'id', type: 'text', sqlType: 'varchar(128)' },
    { name: 'time', type: 'text', isNumber: true, sqlType: 'int(11)' },
    { name: 'name', type: 'text', sqlType: 'varchar(64)', isRequired: true },
    { name: 'index', type: 'text', isNumber: true, sqlType: 'int(11)', onlyBy: 'name' },
    { name: 'event', type: 'text', sqlType: 'varchar(64)', isRequired: true },
    { name: 'message', type: 'text', sqlType: 'text', isRequired: true },
    { name: 'user_id', type: 'text', sqlType: 'varchar(128)' },
  ],
  keys: ['name', 'id'],
  identity: 'id',
  find: (keys, context) => (keys.by === 'name' ? histories(keys.keys, context) : messagesOf(keys, context)),
  async insert(rows, { broker, tenant }) {
    await publishRows(broker, rows, (row) => ({
      channel: scoped(tenant, checkedPipe(textIn(row, 'name'))),
      event: checkedEvent(textIn(row, 'event')),
      data: payloadIn(row, 'message'),
      user: '',
      key: '',
    }))
    return { affected: 0, insertId: 0 }
  },
  async remove({ by, keys }, { broker, tenant }) {
    if (by === 'name') {
      return forEach(keys.filter(isPipe), (pipe) => broker.clearHistory(scoped(tenant, pipe)))
    }
    const byPipe = await placesByPipe(keys)
    await forEach(byPipe, ([pipe, places]) => removeMessages(broker, scoped(tenant, pipe), places))
  },
}

/** Where a message is, as its id says. */
interface Place {
  readonly pipe: string
  readonly epoch: string
  readonly offset: number
}

async function* histories(pipes: readonly string[], { broker, tenant }: TableContext): Batches {
  for await (const some of inBatches(pipes, PIPES_AT_ONCE)) {
    for (const pipe of some) if (isPipe(pipe)) yield* historyOf(pipe, scoped(tenant, pipe), broker)
  }
}

/** Page by page, with a rest between them: a pipe may keep a million. */
async function* historyOf(pipe: string, channel: string, broker: Broker): Batches {
  let since: StreamPosition = { epoch: '', offset: 0 } // all that is held; what is missing is told as a gap
  let index = 0
  while (true) {
    const page: HistoryPage | Failure = await broker.history(channel, {
      since,
      limit: PAGE,
      isReverse: false,
    })
    if (hasFailed(page)) return // nothing is kept of it
    const rows = rowsOf(pipe, page, index)
    if (rows.length > 0) yield rows
    index += rows.length
    const last = lastOffset(page)
    if (last === 0 || last >= page.position.offset) return
    since = { epoch: page.position.epoch, offset: last }
    await turnOfTheLoop()
  }
}

/** Up to where a page reaches; 0 = it is the end. */
function lastOffset({ messages, gap }: HistoryPage): number {
  const last = messages.at(-1)
  return last === undefined ? (gap?.to ?? 0) : decodePublication(last).offset
}

function messagesOf(ids: Keys, { broker, tenant }: TableContext): Batches {
  return lookup(ids, async (id) => {
    const place = placeOf(id)
    if (place === null) return []
    const { pipe, epoch } = place
    const held = await broker.publication(scoped(tenant, pipe), place)
    return held === null ? [] : [rowOf({ pipe, epoch, index: '' }, held)]
  })
}

function rowsOf(pipe: string, { position, messages, timesMs }: HistoryPage, firstIndex: number): Row[] {
  const { epoch } = position
  return messages.map((message, at) => {
    const held = { message, timeMs: timesMs[at] ?? 0 }
    return rowOf({ pipe, epoch, index: String(firstIndex + at) }, held)
  })
}

/** @param at where it was found */
function rowOf(
  { pipe, epoch, index }: { pipe: string; epoch: string; index: string },
  held: HeldPublication,
): Row {
  const { message, json } = readPublication(held.message)
  const { offset, event = '', user = ANONYMOUS } = message
  const second = String(Math.floor(held.timeMs / 1000))
  return [`${epoch}-${offset}-${pipe}`, second, pipe, index, event, messageText(json ?? 'null'), user]
}

/** Null when a text is no id of a message. */
function placeOf(id: string): Place | null {
  const [, epoch, offset, pipe] = /^([\w.]{1,64})-([1-9]\d{0,14})-([\w-]{2,64})$/.exec(id) ?? []
  if (epoch === undefined || offset === undefined || pipe === undefined) return null
  return { pipe, epoch, offset: Number(offset) }
}

async function placesByPipe(ids: readonly string[]): Promise<Map<string, Place[]>> {
  const byPipe = new Map<string, Place[]>()
  await forEach(ids, (id) => {
    const place = placeOf(id)
    if (place === null) return
    const places = byPipe.get(place.pipe)
    if (places === undefined) byPipe.set(place.pipe, [place])
    else places.push(place)
  })
  return byPipe
}

/** Ids of an epoch that is over name nothing any more. */
async function removeMessages(broker: Broker, channel: string, places: readonly Place[]): Promise<void> {
  const { position } = await broker.channel(channel)
  const offsets = places.filter(({ epoch }) => epoch === position.epoch).map(({ offset }) => offset)
  offsets.sort((one, other) => one - other) // neighbours go together
  for await (const some of inBatches(offsets, REMOVED_AT_ONCE)) await broker.removeFromHistory(channel, some)
}
