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
import { loadCells, loadColumns } from '../support/cells.ts'
import { bookFigures, type DeliveryFigures, deliveryFaults } from '../support/deliveries.ts'
import { type Generator, openAll } from '../support/generator.ts'
import { type IdleMemory, idleTable, measureIdle } from '../support/idle-memory.ts'
import { deferredShare, imbalance, readBooks } from '../support/node-books.ts'
import { startProgress } from '../support/progress.ts'
import type { PollReport } from '../support/reports.ts'
import { conditions, type Rig, requireNative, type ScenarioResult } from '../support/rig.ts'
import { type EnckeServer, startEncke } from '../support/servers.ts'
import { cpuShares, judge, median, percentiles } from '../support/statistics.ts'
import { formatCount, formatMs, formatPercent, type Table } from '../support/table.ts'
import { runTimes, type Turns } from '../support/timing.ts'

const openingWindow = 256

export interface PollOptions extends Turns {
  readonly connections: number
  readonly size: number
  /** Publications per write of the runs in bursts. */
  readonly bursts: readonly number[]
  readonly roundsInFlight: number
  /** Longest wait for memory to stand still. */
  readonly settleSeconds: number
}

/** What a run counts: answers alone, answers and the polls that follow, or all there is time for. */
type Way = 'answers alone' | 'cycles' | 'sustained'

interface Shape {
  readonly way: Way
  readonly burst: number
}

/** Rates and latency count by what the way counts: of whole rounds, or of single deliveries where rounds overlap. */
interface Figures extends Shape, DeliveryFigures {
  readonly connections: number
  readonly size: number
  /** Deliveries to clients that had no poll waiting at that moment: their next one fetched them. */
  readonly deferredShare: number
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
      tables: [rateTable(rates), idleTable(memoryTitle, noColumns, [memory])],
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

const memoryTitle = 'Memory of waiting polls'
const noColumns = { columns: [], cells: () => [] }

function openPolls(rig: Rig, server: EnckeServer, connections: number): Promise<Generator> {
  const flags = { ...server.flags, transport: 'poll', connections, window: openingWindow } as const
  return openAll(rig.generatorCommand(0), flags, 'clients that poll')
}

async function measureMemory(rig: Rig, options: PollOptions, problems: string[]): Promise<IdleMemory> {
  const server = await startEncke(rig.cores)
  try {
    const open = async () => [await openPolls(rig, server, options.connections)]
    return await measureIdle([server], open, options.settleSeconds, problems)
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
    ...runTimes(options),
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
  const counted = taken.map((report) => countedBy(way, report, options.connections * burst))
  const perRepeat = counted.map((each) => each.deliveries / each.seconds)
  const cpu = {
    ...cpuShares(taken),
    server: median(counted.map((each) => each.cpuSeconds / each.seconds)),
  }
  problems.push(...deliveryFaults(`${way}, bursts of ${burst}`, taken))
  return {
    ...shape,
    connections: options.connections,
    size: options.size,
    deliveriesPerSecond: median(perRepeat),
    perRepeat,
    deliveriesPerCpuSecond: median(counted.map((each) => each.deliveries / each.cpuSeconds)),
    latency: percentiles(taken.map((report) => timesOf(way, report))),
    cpu,
    verdict: judge(cpu),
    deferredShare: median(taken.map((each) => each.deferredShare)),
    ...bookFigures(taken),
  }
}

function timesOf(way: Way, report: PollReport) {
  if (way === 'sustained') return report.latencyNs
  return way === 'cycles' ? report.cycleNs : report.answerNs
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
    ].concat('fetched', 'lost', loadColumns),
    rows: figures.map((row) => [
      row.way,
      formatCount(row.connections),
      String(row.size),
      String(row.burst),
      formatCount(row.deliveriesPerSecond),
      formatCount(row.deliveriesPerCpuSecond),
      formatMs(row.latency.p50Ms),
      formatMs(row.latency.p99Ms),
      formatPercent(row.deferredShare),
      formatCount(row.lost),
      ...loadCells(row),
    ]),
  }
}
