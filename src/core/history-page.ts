/**
 * The part of a channel's history that somebody asked for.
 *
 * Owns the choice of offsets: what follows a position, the oldest or the newest of it, at most so many. What was asked
 * for and is not held is a gap, as at recovery; so is what should be held and can't be read, as from a damaged disk: a page
 * ends in front of it, and the next begins with the gap. In reverse there is no next page: the gap reaches from the first to
 * the last that is missing, and what is held in between comes all the same. Who names no position is told of no gap.
 *
 * Bound: `limit` messages, and MAX_PAGE_BYTES of them unless one alone is more; `MAX_MISSING` that can't be read.
 */
import { MAX_PAGE_BYTES } from '../protocol/history-bounds.ts'
import type { Gap, StreamPosition } from '../protocol/messages.ts'
import type { HeldPublication, HistoryPage, HistoryQuery } from './broker.ts'
import { planRecovery } from './recovery.ts'

/** Looked for in vain, for one page. */
const MAX_MISSING = 10_000

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
  const messages: Buffer[] = []
  const timesMs: number[] = []
  let gap = plan?.gap ?? null
  let bytes = 0
  let missing = 0
  for (let step = 0; from + step <= latest.offset && messages.length < query.limit; step++) {
    const offset = query.isReverse ? latest.offset - step : from + step
    const message = latest.retained(offset)
    if (message === null) {
      const isCut = plan !== null && !query.isReverse && messages.length > 0
      if (isCut || missing++ === MAX_MISSING) break
      if (plan !== null) gap = widened(gap, offset)
      continue
    }
    bytes += message.length
    if (messages.length > 0 && bytes > MAX_PAGE_BYTES) break
    messages.push(message)
    timesMs.push(latest.retainedAtMs(offset))
  }
  return { position: { epoch: latest.epoch, offset: latest.offset }, messages, timesMs, gap }
}

/**
 * One publication by its place; null when it is not held.
 *
 * @param first as for a page
 */
export function heldPublication(
  latest: HistorySource,
  first: number,
  { epoch, offset }: StreamPosition,
): HeldPublication | null {
  if (epoch !== latest.epoch || offset < first || offset > latest.offset) return null
  const message = latest.retained(offset)
  return message === null ? null : { message, timeMs: latest.retainedAtMs(offset) }
}

/** A gap that reaches to `offset` as well. */
function widened(gap: Gap | null, offset: number): Gap {
  if (gap === null) return { from: offset, to: offset, reason: 'trimmed' }
  return { ...gap, from: Math.min(gap.from, offset), to: Math.max(gap.to, offset) }
}
