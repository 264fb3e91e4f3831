/**
 * What a subscriber gets who comes with a position: where to begin, and what can not be given any more.
 *
 * Owns that decision and nothing else: pure, no state, O(1).
 *
 * Nothing falls between history and live. The latest offset that goes in here counts the publications that were sent
 * to everyone. The joiner is given the held ones up to it and, in the same turn of the loop, put on the live topics,
 * before anything newer is sent. A publication that has its offset already but waits in the flush queue has a higher
 * one: it leaves for all who are on the topics by then, the joiner among them. So an offset is either up to the
 * latest and replayed, or above it and live; never both, never neither.
 */
import type { Gap, StreamPosition } from '../protocol/messages.ts'

export interface RecoveryPlan {
  /** The first offset to give; one above the latest when there is nothing to replay. */
  readonly next: number
  /** What is missing between the position and `next`; null = nothing, the subscriber has recovered. */
  readonly gap: Gap | null
}

/**
 * Compares a subscriber's position with what a channel holds.
 *
 * `{epoch: '', offset: 0}` is the position of one who wants all that is held, in any epoch.
 *
 * @param latest position of the last publication; one that was not sent to everyone yet is never called missing, as
 *   `firstRetained` is at most one above the last that was
 * @param firstRetained offset of the oldest publication held, ≥ 1; anything above `latest` means that none up to it is
 * @returns gap and replay together are the offsets after `since` up to the latest, each once; a position of another
 *   epoch counts as 0, one ahead of the channel is taken back to the latest by its gap
 */
export function planRecovery(
  latest: StreamPosition,
  firstRetained: number,
  since: StreamPosition,
): RecoveryPlan {
  const live = latest.offset + 1
  const held = Math.min(firstRetained, live)
  const isNew = since.epoch === '' && since.offset === 0
  if (since.epoch !== latest.epoch && !isNew) {
    // Told even when nothing of this epoch is missing: how the other one ended is unknown.
    return { next: held, gap: { from: 1, to: held - 1, reason: 'epoch', epoch: latest.epoch } }
  }
  if (since.offset >= live) return { next: live, gap: { from: live, to: since.offset, reason: 'future' } }
  const wanted = since.offset + 1
  if (wanted < held) return { next: held, gap: { from: wanted, to: held - 1, reason: 'trimmed' } }
  return { next: wanted, gap: null }
}
