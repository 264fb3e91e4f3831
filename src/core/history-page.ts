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

/** Where publications are read from; its own position is that of the latest. */
export interface HistorySource extends StreamPosition {
  /** A held publication as its JSON message; null when it is not held */
  retained(offset: number): Buffer | null
  /** When it was published, ms since 1970 */
  retainedAtMs(offset: number): number
}

/** @param first offset of the oldest publication the rule of the channel promises */
export function historyPage(latest: HistorySource, first: number, query: HistoryQuery): HistoryPage {
  const plan = query.since === null ? null : planRecovery(latest, first, query.since)
  const from = plan?.next ?? Math.min(first, latest.offset + 1)
  const count = Math.min(query.limit, latest.offset - from + 1)
  const messages: Buffer[] = []
  const timesMs: number[] = []
  let bytes = 0
  for (let step = 0; step < count; step++) {
    const offset = query.isReverse ? latest.offset - step : from + step
    const message = latest.retained(offset)
    if (message === null) continue
    bytes += message.length
    if (messages.length > 0 && bytes > MAX_PAGE_BYTES) break
    messages.push(message)
    timesMs.push(latest.retainedAtMs(offset))
  }
  const position = { epoch: latest.epoch, offset: latest.offset }
  return { position, messages, timesMs, gap: plan?.gap ?? null }
}
