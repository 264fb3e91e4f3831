/**
 * Fan-out: how many deliveries per second one core gives away, beside the most it could.
 *
 * 1. Start Encke, bare uWebSockets.js and the C ceiling; connect N subscribers of one channel to each.
 * 2. Give each a short run, which warms it up and tells how long its messages are; pad the ceilings to Encke's length.
 * 3. For each burst size, let them take turns, `repeats` times: rounds of `burst` publications leave in one write,
 *    paced by the receivers (bench/native/generator.c), for `seconds` after a warm-up. The order rotates.
 * 4. Report medians, the ratios of figures taken in the same turn, latencies, CPU shares, and the books.
 *
 * Owns these steps and this table. Bound: three servers and three generators at once, of which one pair is busy.
 */
import { loadCells, loadColumns, tailCells, tailColumns } from '../support/cells.ts'
import {
  type DeliveryFigures,
  deliveryFaults,
  deliveryFigures,
  perCpuSecond,
  perSecond,
  sumOf,
} from '../support/deliveries.ts'
import { type Generator, openAll } from '../support/generator.ts'
import type { Progress } from '../support/progress.ts'
import { startProgress } from '../support/progress.ts'
import type { FanoutReport } from '../support/reports.ts'
import { conditions, type Rig, type ScenarioResult } from '../support/rig.ts'
import { type BenchServer, startBareUws, startCeiling, startEncke } from '../support/servers.ts'
import { median } from '../support/statistics.ts'
import { formatCount, formatRatio, type Table } from '../support/table.ts'
import { rotate, runTimes, type Turns } from '../support/timing.ts'

const probe = { burst: 8, roundsInFlight: 1, warmUpMs: 300, measuredMs: 300 }

export interface FanoutOptions extends Turns {
  readonly subscribers: readonly number[]
  readonly sizes: readonly number[]
  readonly bursts: readonly number[]
  readonly roundsInFlight: number
  readonly withCeilings: boolean
}

type TargetName = 'encke' | 'bare uWS' | 'C ceiling'

interface Target {
  readonly name: TargetName
  readonly generator: Generator
  readonly server: BenchServer
  /** Bytes of a message of this target beside data and offset digits. */
  readonly overheadBytes: number
}

interface Case {
  readonly subscribers: number
  readonly size: number
  readonly burst: number
}

interface Figures extends Case, DeliveryFigures {
  readonly target: TargetName
  readonly bytesPerSecond: number
  readonly frameBytes: number
  /** Encke's deliveries/s over this target's, median over the turns; 1 for Encke itself. */
  readonly enckeRatio: number
  /** The same of deliveries per CPU second. */
  readonly enckeCpuRatio: number
}

export async function runFanout(rig: Rig, options: FanoutOptions): Promise<ScenarioResult> {
  const targetCount = options.withCeilings ? (rig.native === null ? 2 : 3) : 1
  const turns = options.sizes.length * options.bursts.length * options.repeats * targetCount
  const progress = startProgress(options.subscribers.length * (turns + targetCount))
  const figures: Figures[] = []
  const problems: string[] = []
  try {
    for (const subscribers of options.subscribers) {
      figures.push(...(await runAtSize(rig, options, subscribers, progress, problems)))
    }
  } finally {
    progress.stop()
  }
  return {
    tables: [rateTable(figures), latencyTable(figures)],
    notes: [...conditions(rig), ...notesOf(rig, options, figures)],
    problems,
    figures,
  }
}

async function runAtSize(
  rig: Rig,
  options: FanoutOptions,
  subscribers: number,
  progress: Progress,
  problems: string[],
): Promise<Figures[]> {
  const targets: Target[] = []
  const figures: Figures[] = []
  try {
    for (const start of startersOf(rig, options))
      targets.push(await start(subscribers, progress, targets.length))
    for (const size of options.sizes) {
      for (const burst of options.bursts) {
        const reports = await takeTurns(targets, { subscribers, size, burst }, options, progress)
        figures.push(...evaluate(reports, { subscribers, size, burst }, problems))
      }
    }
  } finally {
    for (const target of targets) await target.generator.stop()
    for (const target of targets) await target.server.stop()
  }
  return figures
}

type Starter = (subscribers: number, progress: Progress, index: number) => Promise<Target>

function startersOf(rig: Rig, options: FanoutOptions): Starter[] {
  const starter = (name: TargetName, start: () => Promise<BenchServer>): Starter => {
    return async (subscribers, progress, index) => {
      progress.step(`${name}: connecting ${formatCount(subscribers)} subscribers`)
      const server = await start()
      const flags = { ...server.flags, connections: subscribers }
      const generator = await openAll(rig.generatorCommand(index), flags, `subscribers of ${name}`)
      const { overheadBytes } = await generator.fanout({ ...probe, dataBytes: 100 })
      return { name, generator, server, overheadBytes }
    }
  }
  const ceiling = rig.native?.ceiling
  return [
    starter('encke', () => startEncke(rig.cores)),
    ...(options.withCeilings ? [starter('bare uWS', () => startBareUws(rig.cores))] : []),
    ...(options.withCeilings && ceiling !== undefined
      ? [starter('C ceiling', () => startCeiling(rig.cores, ceiling))]
      : []),
  ]
}

/** Reports by target; those at one index were taken in the same turn. */
async function takeTurns(
  targets: readonly Target[],
  { size, burst, subscribers }: Case,
  options: FanoutOptions,
  progress: Progress,
): Promise<ReadonlyMap<TargetName, FanoutReport[]>> {
  const reports = new Map<TargetName, FanoutReport[]>(targets.map(({ name }) => [name, []]))
  const enckeOverhead = targets.find(({ name }) => name === 'encke')?.overheadBytes ?? 0
  for (let turn = 0; turn < options.repeats; turn++) {
    for (const target of rotate(targets, turn)) {
      progress.step(`${target.name}: ${subscribers} × ${size} B in bursts of ${burst}, turn ${turn + 1}`)
      const report = await target.generator.fanout({
        dataBytes: size + enckeOverhead - target.overheadBytes,
        burst,
        roundsInFlight: options.roundsInFlight,
        ...runTimes(options),
      })
      reports.get(target.name)?.push(report)
    }
  }
  return reports
}

function evaluate(
  reports: ReadonlyMap<TargetName, FanoutReport[]>,
  shape: Case,
  problems: string[],
): Figures[] {
  const encke = reports.get('encke') ?? []
  return [...reports].map(([target, taken]) => {
    const ratio = (pick: (report: FanoutReport) => number) =>
      median(encke.map((each, turn) => pick(each) / pick(taken[turn] ?? each)))
    const where = `${target}, ${shape.subscribers} × ${shape.size} B, burst ${shape.burst}`
    problems.push(...deliveryFaults(where, taken))
    return {
      ...shape,
      target,
      ...deliveryFigures(taken),
      bytesPerSecond: median(taken.map((each) => each.bytes / each.seconds)),
      frameBytes: sumOf(taken, (each) => each.bytes) / sumOf(taken, (each) => each.deliveries),
      enckeRatio: ratio(perSecond),
      enckeCpuRatio: ratio(perCpuSecond),
    }
  })
}

const shapeColumns = ['target', 'subscribers', 'size', 'burst']

function shapeCells(row: Figures): string[] {
  return [row.target, formatCount(row.subscribers), String(row.size), String(row.burst)]
}

function rateTable(figures: readonly Figures[]): Table {
  return {
    title: 'Fan-out (medians; ratios are of figures taken in the same turn)',
    columns: [
      ...shapeColumns,
      'frame',
      'deliveries/s',
      'MB/s',
      'per CPU s',
      'encke ÷ it',
      '÷ per CPU s',
    ].concat('lost', loadColumns),
    rows: figures.map((row) => [
      ...shapeCells(row),
      row.frameBytes.toFixed(1),
      formatCount(row.deliveriesPerSecond),
      formatCount(row.bytesPerSecond / 1e6),
      formatCount(row.deliveriesPerCpuSecond),
      row.target === 'encke' ? '' : formatRatio(row.enckeRatio),
      row.target === 'encke' ? '' : formatRatio(row.enckeCpuRatio),
      formatCount(row.lost),
      ...loadCells(row),
    ]),
  }
}

function latencyTable(figures: readonly Figures[]): Table {
  return {
    title:
      'Latency from publish to receipt, under saturation: most of it is waiting for the turn of the subscriber',
    columns: [...shapeColumns, ...tailColumns, 'samples'],
    rows: figures.map((row) => [
      ...shapeCells(row),
      ...tailCells(row.latency),
      formatCount(row.latency.samples),
    ]),
  }
}

function notesOf(rig: Rig, options: FanoutOptions, figures: readonly Figures[]): string[] {
  const boundCeiling = figures.some(
    (row) => row.target !== 'encke' && row.verdict === 'INVALID: generator-bound',
  )
  return [
    `Rounds in flight: ${options.roundsInFlight} beyond the one being sent; ceilings answer a round when they have read it.`,
    ...(options.withCeilings && rig.native === null ? ['C ceiling: none, there is no C compiler.'] : []),
    '"others": share of the time in which other processes or the hypervisor had the server\'s core.',
    ...(boundCeiling
      ? ['A ceiling that is generator-bound is at least as high as shown: its ratio is an upper bound.']
      : []),
  ]
}
