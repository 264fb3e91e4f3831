/**
 * CppComet's browser protocol: how many deliveries per second one core gives to its pages, and what an idle page costs.
 *
 * 1. Start Encke three times; connect N pages of version 4, N of version 3, and N subscribers in Encke's own protocol, one
 *    kind to each node, all to one pipe.
 * 2. Publish a payload text of 171 bytes in each way: over the publish port and as a page does (`web_pipe2`), by one
 *    publisher and by four at once, each with one publication at a time and with bursts. Rounds are paced by their receipt
 *    as in `fanout`; with four publishers a round is one write of each. The kinds take turns, and the order rotates.
 * 3. Report medians, the ratio to Encke's own protocol in the same turn, and the ratio to what the original did.
 * 4. Memory: start afresh, connect idle pages from several processes, wait until memory stands still.
 *
 * Owns these steps, these tables, and the figures of the original. Bound: three nodes and three generators at once, of which
 * one pair is busy.
 */
import { loadCells, loadColumns } from '../support/cells.ts'
import {
  type DeliveryFigures,
  deliveryFaults,
  deliveryFigures,
  perCpuSecond,
  perSecond,
} from '../support/deliveries.ts'
import { type Generator, openAll, type PublisherKind } from '../support/generator.ts'
import { type IdleMemory, idleTable, measureIdle } from '../support/idle-memory.ts'
import { imbalance, readBooks } from '../support/node-books.ts'
import { startProgress } from '../support/progress.ts'
import type { FanoutReport } from '../support/reports.ts'
import { conditions, type Rig, requireNative, type ScenarioResult } from '../support/rig.ts'
import { type EnckeServer, startEncke } from '../support/servers.ts'
import { sharesOf } from '../support/shares.ts'
import { median } from '../support/statistics.ts'
import { formatCount, formatMs, formatRatio, type Table } from '../support/table.ts'
import { rotate, runTimes, type Turns } from '../support/timing.ts'

/**
 * CppComet 4.09 with 1,000 pages on one pipe and a payload text of 171 bytes: deliveries/s as shipped, and built with -O2;
 * resident bytes per idle page. Measured on this kind of machine, see docs/cppcomet.md.
 */
export const original = {
  deliveriesPerSecondAsShipped: 57_600,
  deliveriesPerSecondOptimised: 99_300,
  bytesPerIdleConnection: 3_900,
} as const

const pipe = 'web_bench'
/** A page that publishes is a session like others, and would be stopped at 100 commands per second. */
const unlimited = ['--max-commands-per-second', '0']
const manyPublishers = 4
const idleProcesses = 4
const idleVersion = '4.08'

export interface CometOptions extends Turns {
  readonly subscribers: number
  /** Bytes of payload text. */
  readonly size: number
  /** Publications per write of one publisher. */
  readonly bursts: readonly number[]
  readonly idleConnections: number
  /** Longest wait for memory to stand still. */
  readonly settleSeconds: number
}

const kinds = [
  { name: 'native', flags: { transport: 'websocket' } },
  { name: 'comet 4.08', flags: { transport: 'comet', cometVersion: '4.08' } },
  { name: 'comet 3.25', flags: { transport: 'comet', cometVersion: '3.25' } },
] as const
type KindName = (typeof kinds)[number]['name']

const doors = [
  { name: 'publish port', publisher: 'encke' },
  { name: 'web_pipe2', publisher: 'comet' },
] as const satisfies readonly { name: string; publisher: PublisherKind }[]
type Door = (typeof doors)[number]

interface Way {
  readonly door: Door
  readonly publishers: number
  readonly burst: number
}

interface Crowd {
  readonly name: KindName
  readonly server: EnckeServer
  readonly subscribers: Generator
}

interface Figures extends DeliveryFigures {
  readonly receivers: KindName
  readonly subscribers: number
  readonly size: number
  readonly door: Door['name']
  readonly publishers: number
  readonly burst: number
  /** Deliveries/s over those in Encke's own protocol, median over the turns. */
  readonly nativeRatio: number
  /** The same of deliveries per CPU second. */
  readonly nativeCpuRatio: number
  /** Deliveries/s over those of the original; NaN for Encke's own protocol. */
  readonly shippedRatio: number
  readonly optimisedRatio: number
}

export async function runComet(rig: Rig, options: CometOptions): Promise<ScenarioResult> {
  requireNative(rig, 'comet')
  const ways = waysOf(options)
  const progress = startProgress(kinds.length * (ways.length * options.repeats + 1) + 1)
  const problems: string[] = []
  try {
    const rates = await measureRates(rig, options, ways, progress.step, problems)
    progress.step(`memory of ${formatCount(options.idleConnections)} idle pages`)
    const memory = await measureMemory(rig, options, problems)
    return {
      tables: [rateTable(rates, options), idleTable(memoryTitle, memoryColumns, [memory])],
      notes: [...conditions(rig), ...notes],
      problems,
      figures: { rates, memory, original },
    }
  } finally {
    progress.stop()
  }
}

const notes = [
  [
    `The original: ${formatCount(original.deliveriesPerSecondAsShipped)} deliveries/s as shipped,`,
    `${formatCount(original.deliveriesPerSecondOptimised)} built with -O2,`,
    `${formatCount(original.bytesPerIdleConnection)} bytes per idle page; not measured in this run.`,
  ].join(' '),
  'burst: publications per write of each publisher. A round is one write of every publisher.',
  'Pages that publish are connections of their own that receive nothing but the answers to what they publish.',
  'The nodes have no limit of commands per second, which would stop a page that publishes.',
  'Order is checked by numbers in the payload: the protocol has no offsets.',
]

function waysOf({ bursts }: CometOptions): Way[] {
  return doors.flatMap((door) =>
    [1, manyPublishers].flatMap((publishers) => bursts.map((burst) => ({ door, publishers, burst }))),
  )
}

async function measureRates(
  rig: Rig,
  options: CometOptions,
  ways: readonly Way[],
  step: (label: string) => void,
  problems: string[],
): Promise<Figures[]> {
  const crowds: Crowd[] = []
  const figures: Figures[] = []
  try {
    for (const [index, { name, flags }] of kinds.entries()) {
      step(`${name}: connecting ${formatCount(options.subscribers)} subscribers`)
      const server = await startEncke(rig.cores, unlimited)
      const all = { ...server.flags, ...flags, channel: pipe, connections: options.subscribers }
      const subscribers = await openAll(rig.generatorCommand(index), all, `${name} subscribers`)
      crowds.push({ name, server, subscribers })
    }
    for (const way of ways)
      figures.push(...evaluate(await takeTurns(crowds, way, options, step), way, options, problems))
    for (const { name, subscribers, server } of crowds) {
      await subscribers.stop()
      problems.push(...imbalance(await readBooks(server)).map((fault) => `${name}: ${fault}`))
    }
  } finally {
    for (const { subscribers } of crowds) await subscribers.stop()
    for (const { server } of crowds) await server.stop()
  }
  return figures
}

type Reports = ReadonlyMap<KindName, FanoutReport[]>

async function takeTurns(
  crowds: readonly Crowd[],
  { door, publishers, burst }: Way,
  options: CometOptions,
  step: (label: string) => void,
): Promise<Reports> {
  const reports = new Map<KindName, FanoutReport[]>(crowds.map(({ name }) => [name, []]))
  for (const { subscribers } of crowds) await subscribers.publishers(door.publisher, publishers)
  for (let turn = 0; turn < options.repeats; turn++) {
    for (const { name, subscribers } of rotate(crowds, turn)) {
      step(`${name}: ${publishers} × ${door.name} in bursts of ${burst}, turn ${turn + 1}`)
      const order = { dataBytes: options.size, burst: burst * publishers, roundsInFlight: 1 }
      reports.get(name)?.push(await subscribers.fanout({ ...order, ...runTimes(options) }))
    }
  }
  return reports
}

function evaluate(reports: Reports, way: Way, options: CometOptions, problems: string[]): Figures[] {
  const { door, publishers, burst } = way
  const native = reports.get('native') ?? []
  const ratio = (taken: readonly FanoutReport[], pick: (report: FanoutReport) => number) =>
    median(taken.map((each, turn) => pick(each) / pick(native[turn] ?? each)))
  return [...reports].map(([receivers, taken]) => {
    problems.push(...deliveryFaults(`${receivers}, ${publishers} × ${door.name}, bursts of ${burst}`, taken))
    const figures = deliveryFigures(taken)
    const perOriginal = (rate: number) =>
      receivers === 'native' ? Number.NaN : figures.deliveriesPerSecond / rate
    return {
      receivers,
      subscribers: options.subscribers,
      size: options.size,
      door: door.name,
      publishers,
      burst,
      ...figures,
      nativeRatio: ratio(taken, perSecond),
      nativeCpuRatio: ratio(taken, perCpuSecond),
      shippedRatio: perOriginal(original.deliveriesPerSecondAsShipped),
      optimisedRatio: perOriginal(original.deliveriesPerSecondOptimised),
    }
  })
}

async function measureMemory(rig: Rig, options: CometOptions, problems: string[]): Promise<IdleMemory> {
  const server = await startEncke(rig.cores)
  const open = () =>
    Promise.all(
      sharesOf(options.idleConnections, idleProcesses).map(({ first, count }, index) => {
        const flags = {
          ...server.flags,
          transport: 'comet',
          cometVersion: idleVersion,
          channel: pipe,
        } as const
        const share = { ...flags, connections: count, firstNumber: first }
        return openAll(rig.generatorCommand(index), share, 'idle pages')
      }),
    )
  try {
    return await measureIdle([server], open, options.settleSeconds, problems)
  } finally {
    await server.stop()
  }
}

function rateTable(figures: readonly Figures[], { subscribers, size }: CometOptions): Table {
  const head = `Fan-out to ${formatCount(subscribers)} receivers, ${size} B of payload`
  return {
    title: `${head} (medians; ÷ native: of figures taken in the same turn)`,
    columns: [
      'receivers',
      'published by',
      'burst',
      'deliveries/s',
      'per CPU s',
      '÷ native',
      '÷ per CPU s',
    ].concat(['÷ original', '÷ original -O2', 'p50', 'p99', 'lost'], loadColumns),
    rows: figures.map((row) => [
      row.receivers,
      `${row.publishers} × ${row.door}`,
      String(row.burst),
      formatCount(row.deliveriesPerSecond),
      formatCount(row.deliveriesPerCpuSecond),
      ...(row.receivers === 'native' ? ['', '', '', ''] : ratiosOf(row).map(formatRatio)),
      formatMs(row.latency.p50Ms),
      formatMs(row.latency.p99Ms),
      formatCount(row.lost),
      ...loadCells(row),
    ]),
  }
}

function ratiosOf({ nativeRatio, nativeCpuRatio, shippedRatio, optimisedRatio }: Figures): number[] {
  return [nativeRatio, nativeCpuRatio, shippedRatio, optimisedRatio]
}

const memoryTitle = 'Memory of idle pages (anonymous, one pipe)'
const memoryColumns = {
  columns: ['version', '÷ original'],
  cells: ({ bytesPerConnection }: IdleMemory) => [
    idleVersion,
    formatRatio(bytesPerConnection / original.bytesPerIdleConnection),
  ],
}
