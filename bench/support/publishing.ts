/**
 * What runs of publishing alone come to: acknowledged publications per second and their latency, over all turns.
 *
 * Owns the sum over publishers that publish at the same time, each a process of its own. Pure.
 */
import { sumOf } from './deliveries.ts'
import type { PublishReport } from './reports.ts'
import {
  type CpuShares,
  cpuShares,
  judge,
  median,
  type Percentiles,
  percentiles,
  type Verdict,
} from './statistics.ts'
import { formatCount } from './table.ts'

export interface PublishFigures {
  readonly publicationsPerSecond: number
  readonly perRepeat: readonly number[]
  /** Until a publication was acknowledged. */
  readonly latency: Percentiles
  readonly cpu: CpuShares
  readonly verdict: Verdict
}

/** @param turns reports of each turn, one for every publisher; at least one of each */
export function publishFigures(turns: readonly (readonly PublishReport[])[]): PublishFigures {
  const perRepeat = turns.map((taken) => sumOf(taken, (each) => each.acknowledged / each.seconds))
  const cpu = cpuShares(turns.map(together))
  return {
    publicationsPerSecond: median(perRepeat),
    perRepeat,
    latency: percentiles(turns.flat().map((each) => each.latencyNs)),
    cpu,
    verdict: judge(cpu),
  }
}

/** Publishers of one turn saw the same server in nearly the same window: its time counts once, theirs adds up. */
function together(taken: readonly PublishReport[]) {
  const middle = (pick: (report: PublishReport) => number) => median(taken.map(pick))
  return {
    seconds: middle((each) => each.seconds),
    generatorCpuSeconds: sumOf(taken, (each) => each.generatorCpuSeconds),
    serverCpuSeconds: middle((each) => each.serverCpuSeconds),
    serverWaitSeconds: middle((each) => each.serverWaitSeconds),
    stolenSeconds: middle((each) => each.stolenSeconds),
  }
}

/**
 * What must not happen; none in a sound run. Publishers count from when they began, so the last turn tells it all.
 *
 * @param where begins each sentence
 * @param turns as in `publishFigures`, of the same publishers
 */
export function publishFaults(where: string, turns: readonly (readonly PublishReport[])[]): string[] {
  const last = turns.at(-1) ?? []
  const refused = sumOf(last, (each) => each.refused)
  const unanswered = sumOf(last, (each) => each.unanswered)
  const reason = last.find((each) => each.refused > 0)?.firstRefusal
  return [
    ...(refused > 0 ? [`${where}: ${formatCount(refused)} publications refused: ${reason}`] : []),
    ...(unanswered > 0 ? [`${where}: ${formatCount(unanswered)} publications never answered`] : []),
  ]
}
