/**
 * Publishing: how many acknowledged publications per second one core takes on the publish port.
 *
 * 1. For each way of publishing (acknowledgements cumulative or each, JSON checked or trusted), start Encke afresh.
 * 2. One publisher on one connection keeps the window full of publications to a channel without subscribers.
 * 3. After a warm-up, count acknowledgements for `seconds`, `repeats` times; then wait for those still missing.
 *
 * Owns these steps and this table. Bound: one server and one generator at once.
 */
import { Generator, type GeneratorFlags, type PublishReport } from '../support/generator.ts'
import { startProgress } from '../support/progress.ts'
import { conditions, type Rig, type ScenarioResult } from '../support/rig.ts'
import { startEncke } from '../support/servers.ts'
import {
  type CpuShares,
  cpuShares,
  judge,
  median,
  type Percentiles,
  percentiles,
  type Verdict,
} from '../support/statistics.ts'
import { formatCount, formatMs, formatPercent, type Table } from '../support/table.ts'
import { makeSecret } from '../support/tokens.ts'

export interface PublishOptions {
  readonly sizes: readonly number[]
  /** Publications unanswered at once; 0 = what the node allows. */
  readonly window: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly repeats: number
}

type Acks = NonNullable<GeneratorFlags['acks']>

interface Way {
  readonly acks: Acks
  readonly isTrusted: boolean
}

const ways: readonly Way[] = [
  { acks: 'cumulative', isTrusted: false },
  { acks: 'each', isTrusted: false },
  { acks: 'cumulative', isTrusted: true },
]

interface Figures extends Way {
  readonly size: number
  readonly publicationsPerSecond: number
  readonly perRepeat: readonly number[]
  readonly latency: Percentiles
  readonly cpu: CpuShares
  readonly verdict: Verdict
  readonly refused: number
  readonly unanswered: number
}

export async function runPublish(rig: Rig, options: PublishOptions): Promise<ScenarioResult> {
  const progress = startProgress(options.sizes.length * ways.length)
  const figures: Figures[] = []
  const problems: string[] = []
  try {
    for (const size of options.sizes) {
      for (const way of ways) {
        progress.step(`publishing ${size} B, acks ${way.acks}, ${way.isTrusted ? 'trusted' : 'checked'}`)
        figures.push(evaluate(await publishOneWay(rig, options, size, way), size, way, problems))
      }
    }
  } finally {
    progress.stop()
  }
  const window = options.window === 0 ? 'the window the node allows' : `a window of ${options.window}`
  const notes = [`One publisher, one connection, ${window}. Time to the ack is under a full window.`]
  return { tables: [tableOf(figures)], notes: [...conditions(rig), ...notes], problems, figures }
}

async function publishOneWay(
  rig: Rig,
  options: PublishOptions,
  size: number,
  way: Way,
): Promise<PublishReport[]> {
  const key = makeSecret()
  const server = await startEncke(rig.cores, way.isTrusted ? ['--trusted-key', key] : ['--key', key])
  try {
    const flags = { ...server.flags, connections: 0, key, acks: way.acks }
    const generator = await Generator.start(rig.generatorCommand(0), flags)
    const reports: PublishReport[] = []
    for (let turn = 0; turn < options.repeats; turn++) {
      const report = await generator.publish({
        dataBytes: size,
        window: options.window,
        warmUpMs: options.warmUpSeconds * 1000,
        measuredMs: options.seconds * 1000,
      })
      reports.push(report)
    }
    await generator.stop()
    return reports
  } finally {
    await server.stop()
  }
}

function evaluate(reports: readonly PublishReport[], size: number, way: Way, problems: string[]): Figures {
  const perRepeat = reports.map((each) => each.acknowledged / each.seconds)
  const refused = Math.max(...reports.map((each) => each.refused))
  const unanswered = reports.at(-1)?.unanswered ?? 0
  const reason = reports.find((each) => each.refused > 0)?.firstRefusal
  if (refused > 0) problems.push(`${formatCount(refused)} publications refused: ${reason}`)
  if (unanswered > 0) problems.push(`${formatCount(unanswered)} publications never answered`)
  const cpu = cpuShares(reports)
  return {
    ...way,
    size,
    publicationsPerSecond: median(perRepeat),
    perRepeat,
    latency: percentiles(reports.map((each) => each.latencyNs)),
    cpu,
    verdict: judge(cpu),
    refused,
    unanswered,
  }
}

function tableOf(figures: readonly Figures[]): Table {
  return {
    title: 'Publish port, no subscribers (medians)',
    columns: [
      'acks',
      'JSON',
      'size',
      'publications/s',
      'ack p50',
      'ack p99',
      'server CPU',
      'generator CPU',
      'others',
      'verdict',
    ],
    rows: figures.map((row) => [
      row.acks,
      row.isTrusted ? 'trusted' : 'checked',
      String(row.size),
      formatCount(row.publicationsPerSecond),
      formatMs(row.latency.p50Ms),
      formatMs(row.latency.p99Ms),
      formatPercent(row.cpu.server),
      formatPercent(row.cpu.generator),
      formatPercent(row.cpu.disturbance),
      row.verdict,
    ]),
  }
}
