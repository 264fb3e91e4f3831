/**
 * The part of a channel's history that somebody asked for.
 *
 * Owns the choice of offsets: what follows a position, the oldest or the newest of it, at most so many. What was asked
 * for and is not held is a gap, as at recovery. Bound: `limit` messages, and MAX_PAGE_BYTES of them unless one alone is more.
 */
import { MAX_PAGE_BYTES } from '../protocol/history-bounds.ts'
import type { StreamPosition } from '../protocol/messages.ts'
import type { HistoryPage, HistoryQuery } from './broker.ts'
import { planRecovery } from './recovery.ts'

/**
 * @param first offset of the oldest publication the rule of the channel promises
 * @param read gives a held publication as its JSON message
 */
export function historyPage(
  latest: StreamPosition,
  first: number,
  read: (offset: number) => Buffer | null,
  query: HistoryQuery,
): HistoryPage {
  const plan = query.since === null ? null : planRecovery(latest, first, query.since)
  const from = plan?.next ?? Math.min(first, latest.offset + 1)
  const count = Math.min(query.limit, latest.offset - from + 1)
  const messages: Buffer[] = []
  let bytes = 0
  for (let step = 0; step < count; step++) {
    const message = read(query.isReverse ? latest.offset - step : from + step)
    if (message === null) continue
    bytes += message.length
    if (messages.length > 0 && bytes > MAX_PAGE_BYTES) break
    messages.push(message)
  }
  return { position: { epoch: latest.epoch, offset: latest.offset }, messages, gap: plan?.gap ?? null }
}
