/**
 * Outages of lines, and how long clients took to catch up after them.
 *
 * Owns the shape of an outage as it is reported, and the rule: a client has caught up once it holds the last publication
 * of each of its channels that was on its way when its line came back. Pure.
 */
import { type Line, numberIn } from './report-lines.ts'

/** What becomes of a connection whose line went dark. */
export const outageKinds = ['goes on', 'reset', 'half-open'] as const
export type OutageKind = (typeof outageKinds)[number]

/** Times are of the monotonic clock. */
export interface Outage {
  /** Number of the client */
  readonly line: number
  readonly kind: OutageKind
  readonly fromMs: number
  readonly toMs: number
}

/** @throws {Error} when it is no outage */
export function outageIn(report: Line): Outage {
  const kind = outageKinds.find((each) => each === report.kind)
  if (kind === undefined) throw new Error(`Outage of an unknown kind: ${String(report.kind)}`)
  return {
    line: numberIn(report, 'line'),
    kind,
    fromMs: numberIn(report, 'fromMs'),
    toMs: numberIn(report, 'toMs'),
  }
}

/** When publications of a channel were sent, or came: at index offset − 1; 0 or nothing = never. */
export type Times = ArrayLike<number>

/**
 * Time from the end of an outage until a client had what was published before it, 0 where it had that already.
 *
 * @param channels those of the client, with the times of publication (ascending) and of arrival
 * @returns ms; Infinity when something never came
 */
export function catchUpMs(
  outageEndMs: number,
  channels: readonly { readonly published: Times; readonly received: Times }[],
): number {
  let latest = outageEndMs
  for (const { published, received } of channels) {
    const last = countUpTo(published, outageEndMs)
    if (last > 0) latest = Math.max(latest, received[last - 1] || Number.POSITIVE_INFINITY)
  }
  return latest - outageEndMs
}

/** How many of the ascending times are at most `ms`. */
function countUpTo(times: Times, ms: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) <= ms) low = middle + 1
    else high = middle
  }
  return low
}
