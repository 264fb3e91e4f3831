/**
 * Mixed load: how much a flood of one large channel delays a small one on the same node.
 *
 * 1. Start Encke; connect the subscribers of the large channel with one generator, those of the small one with another.
 * 2. Idle: publish to the small channel at a fixed rate, the large one silent; take the latency of all its subscribers.
 * 3. Flooded: for each burst size, keep the node busy with rounds to the large channel, paced by their receipt as in
 *    `fanout`, and publish to the small one at the same rate meanwhile.
 * 4. Repeat, put the latencies of all turns together, and hold p99 flooded against the budget of three times p99 idle and
 *    10 ms. The flood counts only if it did keep the node busy.
 *
 * Owns these steps, this table and the budget. The generator of the flood has the lowest priority, so that on a machine with
 * two cores it delays the other one's clock as little as can be. Bound: one node, two generators.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { loadCells, loadColumns, tailCells, tailColumns } from '../support/cells.ts'
import { deliveryFaults, sumOf } from '../support/deliveries.ts'
import { type Generator, openAll } from '../support/generator.ts'
import { startProgress } from '../support/progress.ts'
import type { FanoutReport } from '../support/reports.ts'
import { conditions, type Rig, requireNative, type ScenarioResult } from '../support/rig.ts'
import { type EnckeServer, startEncke } from '../support/servers.ts'
import {
  type CpuShares,
  cpuShares,
  judge,
  type Percentiles,
  percentiles,
  type Verdict,
} from '../support/statistics.ts'
import { formatCount, formatMs, formatRatio, type Table } from '../support/table.ts'
import { runTimes, type Turns } from '../support/timing.ts'

const lowestPriority = ['nice', '-n', '19']
const idleFactor = 3
const extraMs = 10
const floodBeforeMs = 500
const floodAfterMs = 500

export interface MixedOptions extends Turns {
  readonly subscribers: number
  readonly smallSubscribers: number
  readonly size: number
  /** Publications per write of the flood. */
  readonly bursts: readonly number[]
  /** Publications per second of the small channel. */
  readonly rate: number
}

interface Crowds {
  readonly large: Generator
  readonly small: Generator
}

/** One turn: latency of the small channel, and the flood meanwhile; null = idle. */
interface Turn {
  readonly small: FanoutReport
  readonly flood: FanoutReport | null
}

interface Figures {
  /** Publications per write of the flood; 0 = no flood */
  readonly burst: number
  readonly latency: Percentiles
  /** p99 over the idle p99. */
  readonly ratio: number
  readonly budgetMs: number
  readonly isWithinBudget: boolean
  readonly floodPerSecond: number
  readonly cpu: CpuShares
  readonly verdict: Verdict | 'idle'
}

export async function runMixed(rig: Rig, options: MixedOptions): Promise<ScenarioResult> {
  requireNative(rig, 'mixed')
  const kinds = [0, ...options.bursts]
  const progress = startProgress(kinds.length * options.repeats + 1)
  const server = await startEncke(rig.cores)
  try {
    progress.step(
      `connecting ${formatCount(options.subscribers)} and ${options.smallSubscribers} subscribers`,
    )
    const crowds = await openCrowds(rig, server, options)
    const turns = kinds.map(() => [] as Turn[])
    for (let turn = 0; turn < options.repeats; turn++) {
      for (const [index, burst] of kinds.entries()) {
        progress.step(
          burst === 0 ? `idle, turn ${turn + 1}` : `flooded in bursts of ${burst}, turn ${turn + 1}`,
        )
        turns[index]?.push(await runTurn(crowds, options, burst))
      }
    }
    await Promise.all([crowds.large.stop(), crowds.small.stop()])
    const figures = evaluate(kinds, turns)
    return {
      tables: [tableOf(options, figures)],
      notes: [...conditions(rig), ...notes],
      problems: turns.flatMap((taken, index) => taken.flatMap((turn) => problemsOf(kinds[index] ?? 0, turn))),
      figures,
    }
  } finally {
    await server.stop()
    progress.stop()
  }
}

const notes = [
  'Latency counts from when a publication to the small channel was due, to its receipt by every subscriber there.',
  'The flood is paced by receipt: the node always has the next round to do, and never more than one waiting.',
  'Both generators share the cores the node does not have; that of the flood runs at the lowest priority.',
]

async function openCrowds(rig: Rig, server: EnckeServer, options: MixedOptions): Promise<Crowds> {
  const { subscribers, smallSubscribers } = options
  const large = await openCrowd(server, 'large', subscribers, [...lowestPriority, ...rig.generatorCommand(0)])
  const small = await openCrowd(server, 'small', smallSubscribers, rig.generatorCommand(1))
  return { large, small }
}

function openCrowd(
  server: EnckeServer,
  channel: string,
  connections: number,
  command: readonly string[],
): Promise<Generator> {
  const samples = channel === 'small' ? connections : 0
  const flags = { ...server.flags, channel, connections, samples }
  return openAll(command, flags, `subscribers of the ${channel} channel`)
}

async function runTurn(crowds: Crowds, options: MixedOptions, burst: number): Promise<Turn> {
  const order = {
    dataBytes: options.size,
    publicationsPerSecond: options.rate,
    ...runTimes(options),
  }
  if (burst === 0) return { small: await crowds.small.pace(order), flood: null }
  const flooding = crowds.large.fanout({
    dataBytes: options.size,
    burst,
    roundsInFlight: 1,
    warmUpMs: floodBeforeMs + order.warmUpMs,
    measuredMs: order.measuredMs + floodAfterMs,
  })
  await sleep(floodBeforeMs)
  const [small, flood] = await Promise.all([crowds.small.pace(order), flooding])
  return { small, flood }
}

function evaluate(kinds: readonly number[], turns: readonly (readonly Turn[])[]): Figures[] {
  const latencies = turns.map((taken) => percentiles(taken.map(({ small }) => small.latencyNs)))
  const idleMs = latencies[0]?.p99Ms ?? Number.NaN
  return kinds.map((burst, index) => {
    const taken = turns[index] ?? []
    const floods = taken.flatMap(({ flood }) => (flood === null ? [] : [flood]))
    const latency = latencies[index] ?? percentiles([])
    const cpu = cpuShares(floods.length === 0 ? taken.map(({ small }) => small) : floods)
    return {
      burst,
      latency,
      ratio: latency.p99Ms / idleMs,
      budgetMs: budgetMs(idleMs),
      isWithinBudget: latency.p99Ms <= budgetMs(idleMs),
      floodPerSecond: sumOf(floods, (flood) => flood.deliveries) / sumOf(floods, (flood) => flood.seconds),
      cpu,
      verdict: floods.length === 0 ? 'idle' : judge(cpu),
    }
  })
}

/** What p99 of the small channel may be under the flood. */
export function budgetMs(idleP99Ms: number): number {
  return idleFactor * idleP99Ms + extraMs
}

function problemsOf(burst: number, { small, flood }: Turn): string[] {
  const where = burst === 0 ? 'idle' : `flooded in bursts of ${burst}`
  return [small, ...(flood === null ? [] : [flood])].flatMap((report) => deliveryFaults(where, [report]))
}

function tableOf(options: MixedOptions, figures: readonly Figures[]): Table {
  const { subscribers, smallSubscribers, size, rate } = options
  return {
    title: [
      `Small channel (${formatCount(smallSubscribers)} subscribers, ${rate}/s of ${size} B)`,
      `beside a large one (${formatCount(subscribers)} subscribers)`,
    ].join(' '),
    columns: ['large channel', ...tailColumns, '÷ idle p99', 'budget', 'within', 'flood/s', ...loadColumns],
    rows: figures.map((row) => [
      row.burst === 0 ? 'silent' : `bursts of ${row.burst}`,
      ...tailCells(row.latency),
      formatRatio(row.ratio),
      row.burst === 0 ? '' : formatMs(row.budgetMs),
      row.burst === 0 ? '' : row.isWithinBudget ? 'yes' : 'NO',
      formatCount(row.floodPerSecond),
      ...loadCells(row),
    ]),
  }
}
