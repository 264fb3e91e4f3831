/**
 * Long polling: what a waiting poll costs, and how many deliveries per second one core gives to clients that poll.
 *
 * 1. Memory: start Encke, read its resident memory, let N clients poll, wait until memory stands still, read it again.
 * 2. Start afresh with N clients whose polls wait. One publication at a time: a cycle is over when every client has its
 *    answer and the server has read every client's next poll (bench/native/cycle.c tells how that is known).
 *    Once with clients that poll again only when all have their answers: so the time to answer stands alone. Once with
 *    clients that poll again at once.
 * 3. Bursts: rounds of `burst` publications leave in one write, paced by the receivers, without waiting for the polls.
 * 4. Report medians over the turns, figures per CPU second of the server, and the books.
 *
 * Owns these steps and these tables. Bound: one server and one generator at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Generator, type PollReport } from '../support/generator.ts'
import { deferredShare, imbalance, readBooks } from '../support/node-books.ts'
import { residentBytes, settledBytes } from '../support/process-status.ts'
import { startProgress } from '../support/progress.ts'
import { conditions, type Rig, requireNative, type ScenarioResult } from '../support/rig.ts'
import { type EnckeServer, startEncke } from '../support/servers.ts'
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

const beforeSettleMs = 1_000
const steadyMs = 3_000
const openingWindow = 256

export interface PollOptions {
  readonly connections: number
  readonly size: number
  /** Publications per write of the runs in bursts. */
  readonly bursts: readonly number[]
  readonly roundsInFlight: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly repeats: number
  /** Longest wait for memory to stand still. */
  readonly settleSeconds: number
}

/** What a run counts: answers alone, answers and the polls that follow, or all there is time for. */
type Way = 'answers alone' | 'cycles' | 'sustained'

interface Shape {
  readonly way: Way
  readonly burst: number
}

interface Figures extends Shape {
  readonly connections: number
  readonly size: number
  readonly deliveriesPerSecond: number
  readonly perRepeat: readonly number[]
  /** By the clock of the server's core: deliveries over its CPU time. */
  readonly deliveriesPerCpuSecond: number
  /** Of whole rounds: to the last answer, or to the last poll; of single deliveries where rounds overlap. */
  readonly time: Percentiles
  readonly cpu: CpuShares
  readonly verdict: Verdict
  /** Deliveries to clients that had no poll waiting at that moment: their next one fetched them. */
  readonly deferredShare: number
  readonly lost: number
  readonly surplus: number
  readonly gaps: number
}

interface MemoryFigures {
  readonly connections: number
  readonly bytesPerPoll: number
  readonly bytesPerPollAtOnce: number
  readonly baseBytes: number
}

export async function runPoll(rig: Rig, options: PollOptions): Promise<ScenarioResult> {
  requireNative(rig, 'poll')
  const shapes = shapesOf(options)
  const progress = startProgress(shapes.length * options.repeats + 2)
  const problems: string[] = []
  try {
    progress.step(`memory of ${formatCount(options.connections)} waiting polls`)
    const memory = await measureMemory(rig, options, problems)
    progress.step(`connecting ${formatCount(options.connections)} clients that poll`)
    const rates = await measureRates(rig, options, shapes, progress.step, problems)
    return {
      tables: [rateTable(rates), memoryTable(memory)],
      notes: [...conditions(rig), ...notes],
      problems,
      figures: { rates, memory },
    }
  } finally {
    progress.stop()
  }
}

const notes = [
  'Requests carry the headers HTTP needs, a capsule and one position; browsers send some 500 bytes more.',
  '"per CPU s": deliveries over the CPU time the server used for them, in the same window as deliveries/s.',
  '"time" is that of a whole round; where rounds are sustained, from publish to receipt by a sampled client.',
  '"fetched": deliveries whose client had no poll waiting just then; its next poll asked for them.',
  'Memory is RSS of the server process, kernel socket buffers not included; anonymous sessions, one channel.',
]

function shapesOf(options: PollOptions): Shape[] {
  return [
    { way: 'answers alone', burst: 1 },
    { way: 'cycles', burst: 1 },
    ...options.bursts.map((burst): Shape => ({ way: 'sustained', burst })),
  ]
}

async function openPolls(rig: Rig, server: EnckeServer, connections: number): Promise<Generator> {
  const flags = { ...server.flags, transport: 'poll', connections, window: openingWindow } as const
  const generator = await Generator.start(rig.generatorCommand(0), flags)
  const { established, reasons } = generator.connected
  if (established === connections) return generator
  await generator.stop()
  throw new Error(`Only ${established} of ${connections} clients could poll: ${JSON.stringify(reasons)}`)
}

async function measureMemory(rig: Rig, options: PollOptions, problems: string[]): Promise<MemoryFigures> {
  const server = await startEncke(rig.cores)
  try {
    await sleep(beforeSettleMs)
    const baseBytes = residentBytes(server.pid)
    const generator = await openPolls(rig, server, options.connections)
    const atOnce = residentBytes(server.pid)
    const settled = await settledBytes(server.pid, steadyMs, options.settleSeconds * 1000)
    const { established, closed, reasons } = await generator.status()
    if (closed > 0) problems.push(`${closed} waiting polls were closed: ${JSON.stringify(reasons)}`)
    await generator.stop()
    return {
      connections: established,
      bytesPerPoll: (settled - baseBytes) / established,
      bytesPerPollAtOnce: (atOnce - baseBytes) / established,
      baseBytes,
    }
  } finally {
    await server.stop()
  }
}

async function measureRates(
  rig: Rig,
  options: PollOptions,
  shapes: readonly Shape[],
  step: (label: string) => void,
  problems: string[],
): Promise<Figures[]> {
  const server = await startEncke(rig.cores)
  const taken = shapes.map(() => [] as Taken[])
  try {
    const generator = await openPolls(rig, server, options.connections)
    for (let turn = 0; turn < options.repeats; turn++) {
      for (const [index, shape] of shapes.entries()) {
        step(`${shape.way}, bursts of ${shape.burst}, turn ${turn + 1}`)
        taken[index]?.push(await runOnce(generator, server, options, shape))
      }
    }
    await generator.stop()
    problems.push(...imbalance(await readBooks(server)))
  } finally {
    await server.stop()
  }
  return shapes.map((shape, index) => evaluate(shape, taken[index] ?? [], options, problems))
}

interface Taken extends PollReport {
  readonly deferredShare: number
}

async function runOnce(
  generator: Generator,
  server: EnckeServer,
  options: PollOptions,
  { way, burst }: Shape,
): Promise<Taken> {
  const before = await readBooks(server)
  const report = await generator.poll({
    dataBytes: options.size,
    burst,
    roundsInFlight: way === 'sustained' ? options.roundsInFlight : 0,
    isHeld: way === 'answers alone',
    warmUpMs: options.warmUpSeconds * 1000,
    measuredMs: options.seconds * 1000,
  })
  return { ...report, deferredShare: deferredShare(before, await readBooks(server)) }
}

/** Deliveries of a run, and the time and CPU time they took, by what the way counts. */
export function countedBy(way: Way, report: PollReport, deliveriesPerCycle: number) {
  const deliveries = way === 'sustained' ? report.deliveries : report.cycles * deliveriesPerCycle
  if (way === 'sustained') return { deliveries, seconds: report.seconds, cpuSeconds: report.serverCpuSeconds }
  const isAlone = way === 'answers alone'
  return {
    deliveries,
    seconds: isAlone ? report.answerSeconds : report.cycleSeconds,
    cpuSeconds: isAlone ? report.answerCpuSeconds : report.cycleCpuSeconds,
  }
}

function evaluate(shape: Shape, taken: readonly Taken[], options: PollOptions, problems: string[]): Figures {
  const { way, burst } = shape
  const sum = (pick: (report: Taken) => number) => taken.reduce((total, each) => total + pick(each), 0)
  const counted = taken.map((report) => countedBy(way, report, options.connections * burst))
  const perRepeat = counted.map((each) => each.deliveries / each.seconds)
  const cpu = {
    ...cpuShares(taken),
    server: median(counted.map((each) => each.cpuSeconds / each.seconds)),
  }
  const figures = {
    ...shape,
    connections: options.connections,
    size: options.size,
    deliveriesPerSecond: median(perRepeat),
    perRepeat,
    deliveriesPerCpuSecond: median(counted.map((each) => each.deliveries / each.cpuSeconds)),
    time: percentiles(taken.map((report) => timesOf(way, report))),
    cpu,
    verdict: judge(cpu),
    deferredShare: median(taken.map((each) => each.deferredShare)),
    lost: sum((each) => each.lost),
    surplus: sum((each) => each.surplus),
    gaps: sum((each) => each.gaps),
  }
  problems.push(...problemsOf(figures, taken))
  return figures
}

function timesOf(way: Way, report: PollReport) {
  if (way === 'sustained') return report.latencyNs
  return way === 'cycles' ? report.cycleNs : report.answerNs
}

function problemsOf(figures: Figures, taken: readonly Taken[]): string[] {
  const where = `${figures.way}, bursts of ${figures.burst}`
  return [
    ...(figures.lost > 0 ? [`${where}: ${formatCount(figures.lost)} deliveries lost`] : []),
    ...(figures.surplus > 0 ? [`${where}: ${formatCount(figures.surplus)} deliveries too many`] : []),
    ...(figures.gaps > 0 ? [`${where}: ${formatCount(figures.gaps)} breaks in the order of offsets`] : []),
    ...(taken.some((each) => each.refused > 0) ? [`${where}: publications were refused`] : []),
    ...(taken.some((each) => each.closed > 0) ? [`${where}: clients were refused or lost`] : []),
    ...(taken.some((each) => each.stalled) ? [`${where}: deliveries stopped`] : []),
  ]
}

function rateTable(figures: readonly Figures[]): Table {
  return {
    title: 'Long polling (medians)',
    columns: [
      'counted',
      'polls',
      'size',
      'burst',
      'deliveries/s',
      'per CPU s',
      'time p50',
      'time p99',
    ].concat(['server CPU', 'generator CPU', 'others', 'fetched', 'lost', 'verdict']),
    rows: figures.map((row) => [
      row.way,
      formatCount(row.connections),
      String(row.size),
      String(row.burst),
      formatCount(row.deliveriesPerSecond),
      formatCount(row.deliveriesPerCpuSecond),
      formatMs(row.time.p50Ms),
      formatMs(row.time.p99Ms),
      formatPercent(row.cpu.server),
      formatPercent(row.cpu.generator),
      formatPercent(row.cpu.disturbance),
      formatPercent(row.deferredShare),
      formatCount(row.lost),
      row.verdict,
    ]),
  }
}

function memoryTable(row: MemoryFigures): Table {
  return {
    title: 'Memory of waiting polls',
    columns: ['polls', 'bytes/poll', 'right after connecting', 'MB before'],
    rows: [
      [
        formatCount(row.connections),
        formatCount(row.bytesPerPoll),
        formatCount(row.bytesPerPollAtOnce),
        (row.baseBytes / 1e6).toFixed(1),
      ],
    ],
  }
}
