/**
 * Durable channels: how many acknowledged publications per second, and how soon a node that was killed is back.
 *
 * 1. Start Encke on a fresh folder, with two rules that keep the same: one on disk, one in memory. Publish to a channel
 *    of each by one publisher that waits for every answer, by one with its window full, by four with their windows full.
 *    They take turns, and before each turn the disk is measured by itself: how often per second one page can be
 *    overwritten and be there for certain.
 * 2. Start afresh and fill one durable channel. Kill the node (SIGKILL), start it again on the same folder, and take the
 *    time until it is ready, until the first page of history is there, and until a page with an old position has
 *    everything it missed; `repeats` times. The position must be the one from before.
 *
 * Owns these steps and these tables. Bound: one node, and eight generators of which four are busy; on disk what is filled in.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuCells, cpuColumns } from '../support/cells.ts'
import { bytesOnDisk, measureSyncs, type SyncFigures } from '../support/disk.ts'
import { type Generator, openAll } from '../support/generator.ts'
import { historyPage, type Position, type Recovery, recoverFrom } from '../support/page.ts'
import { startProgress } from '../support/progress.ts'
import { type PublishFigures, publishFaults, publishFigures } from '../support/publishing.ts'
import type { PublishReport } from '../support/reports.ts'
import { conditions, type Rig, type ScenarioResult } from '../support/rig.ts'
import { type EnckeServer, startEncke } from '../support/servers.ts'
import { median } from '../support/statistics.ts'
import { formatCount, formatMs, formatRatio, type Table } from '../support/table.ts'
import { rotate, runTimes, type Turns } from '../support/timing.ts'

const manyPublishers = 4
/** Publications the channels of step 1 keep: once they are full, what is published pushes something out. */
const ratesKept = 10_000
const syncSeconds = 0.3
const pageLimit = 1_000
const fillSliceMs = 1_000
const recoverDeadlineMs = 60_000

export interface DurableOptions extends Turns {
  /** Bytes of JSON data. */
  readonly size: number
  /** Publications in the channel of step 2. */
  readonly fill: number
  /** Publications the page missed that comes back. */
  readonly missed: number
  /** Where the folders of the nodes are made; undefined = the system's folder for temporary files */
  readonly folder: string | undefined
}

const places = ['disk', 'memory'] as const
type Place = (typeof places)[number]

const ways = [
  { name: 'one, waits for each answer', publishers: 1, window: 1 },
  { name: 'one, window full', publishers: 1, window: 0 },
  { name: 'four, windows full', publishers: manyPublishers, window: 0 },
] as const
type Way = (typeof ways)[number]

interface RateFigures extends PublishFigures {
  readonly place: Place
  readonly way: Way['name']
  /** Publications/s over those to memory in the same way, median over the turns. */
  readonly memoryRatio: number
  /** Publications/s over the pages the disk took per second, median over the turns. */
  readonly syncRatio: number
}

interface RestartFigures {
  readonly publications: number
  readonly filledPerSecond: number
  readonly diskBytes: number
  /** Medians over the restarts. */
  readonly readyMs: number
  readonly firstPageMs: number
  readonly missed: number
  readonly recoveryMs: number
}

export async function runDurable(rig: Rig, options: DurableOptions): Promise<ScenarioResult> {
  const parent = options.folder ?? tmpdir()
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'encke-durable-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.on('exit', removeFolder)
  const progress = startProgress(ways.length * places.length * options.repeats + options.repeats + 1)
  const problems: string[] = []
  try {
    const run = { rig, options, folder, problems, step: progress.step }
    const taken = await measureRates(run)
    const rates = evaluate(taken, problems)
    const syncs = together(taken.flatMap((each) => each.syncs))
    const restart = await measureRestart(run)
    return {
      tables: [rateTable(rates, options), syncTable(syncs), restartTable(restart)],
      notes: [...conditions(rig), ...notes, `The folders of the nodes were in ${parent}.`],
      problems,
      figures: { syncs, rates, restart },
    }
  } finally {
    progress.stop()
    removeFolder()
    process.off('exit', removeFolder)
  }
}

const notes = [
  '÷ memory: publications/s over those to a channel in memory that keeps as many, in the same run.',
  '÷ syncs: publications/s over how often a page can be overwritten and fdatasync be answered, one after the other.',
  `Channels of the first table keep ${formatCount(ratesKept)} publications; nobody is subscribed.`,
  'There is no verdict: a publisher that waits for its answers saturates nothing, and a disk may be what is waited for.',
  'Time to the ack under a full window is window ÷ rate, more or less.',
  'Ready: from exec to the ready file. First page: from then until a page of history has been read over HTTP.',
]

interface Run {
  readonly rig: Rig
  readonly options: DurableOptions
  /** Of this run; each node gets one of its own in it. */
  readonly folder: string
  readonly problems: string[]
  step(label: string): void
}

/** A node with a rule for each place; both keep `size` publications. */
function startOn(rig: Rig, dataDir: string, size: number): Promise<EnckeServer> {
  const rules = places.map((place) => ({ match: `${place}*`, historySize: size, durable: place === 'disk' }))
  return startEncke(rig.cores, ['--data-dir', dataDir, '--channels', JSON.stringify(rules)])
}

interface Taken {
  readonly place: Place
  readonly way: Way
  readonly turns: PublishReport[][]
  /** The disk by itself, before each turn. */
  readonly syncs: SyncFigures[]
}

async function measureRates({ rig, options, folder, step }: Run): Promise<Taken[]> {
  const server = await startOn(rig, join(folder, 'rates'), ratesKept)
  const taken: Taken[] = []
  try {
    for (const way of ways) {
      const kinds = await Promise.all(
        places.map(async (place) => {
          const publishers = await openPublishers(rig, server, place, way.publishers)
          return { place, way, publishers, turns: [] as PublishReport[][], syncs: [] as SyncFigures[] }
        }),
      )
      for (let turn = 0; turn < options.repeats; turn++) {
        for (const { place, publishers, turns, syncs } of rotate(kinds, turn)) {
          step(`${place}: ${way.name}, turn ${turn + 1}`)
          syncs.push(measureSyncs(folder, syncSeconds))
          const order = { dataBytes: options.size, window: way.window, ...runTimes(options) }
          turns.push(await Promise.all(publishers.map((publisher) => publisher.publish(order))))
        }
      }
      await Promise.all(kinds.flatMap(({ publishers }) => publishers.map((each) => each.stop())))
      taken.push(...kinds)
    }
  } finally {
    await server.stop()
  }
  return taken
}

function openPublishers(rig: Rig, server: EnckeServer, channel: string, count: number): Promise<Generator[]> {
  const flags = { ...server.flags, channel, connections: 0 }
  return Promise.all(
    Array.from({ length: count }, (_, index) => openAll(rig.generatorCommand(index), flags, 'publishers')),
  )
}

function evaluate(taken: readonly Taken[], problems: string[]): RateFigures[] {
  const figures = taken.map(({ place, way, turns, syncs }) => {
    problems.push(...publishFaults(`${place}, ${way.name}`, turns))
    return { place, way: way.name, syncs, ...publishFigures(turns) }
  })
  return figures.map(({ syncs, ...row }) => {
    const memory = figures.find(({ place, way }) => place === 'memory' && way === row.way)?.perRepeat ?? []
    const ratio = (to: readonly number[]) =>
      median(row.perRepeat.map((rate, turn) => rate / (to[turn] ?? Number.NaN)))
    return { ...row, memoryRatio: ratio(memory), syncRatio: ratio(syncs.map((each) => each.syncsPerSecond)) }
  })
}

/** Medians of all measurements of the disk. */
function together(syncs: readonly SyncFigures[]): SyncFigures {
  return {
    syncsPerSecond: median(syncs.map((each) => each.syncsPerSecond)),
    p50Ms: median(syncs.map((each) => each.p50Ms)),
    p99Ms: median(syncs.map((each) => each.p99Ms)),
  }
}

async function measureRestart(run: Run): Promise<RestartFigures> {
  const { rig, options, folder, step, problems } = run
  const dataDir = join(folder, 'restart')
  step(`filling a channel with ${formatCount(options.fill)} publications`)
  let server = await startOn(rig, dataDir, options.fill)
  const starts: Start[] = []
  try {
    const filledPerSecond = await fill(run, server)
    const { position } = await historyPage(server.internalPort, 'disk', 1)
    for (let turn = 0; turn < options.repeats; turn++) {
      step(`killing the node and starting it again, turn ${turn + 1}`)
      process.kill(server.pid, 'SIGKILL')
      await server.stop()
      const beganMs = performance.now()
      server = await startOn(rig, dataDir, options.fill)
      const readyMs = performance.now() - beganMs
      starts.push({ readyMs, ...(await lookAround(run, server, position)) })
    }
    return {
      publications: Math.min(options.fill, position.offset),
      filledPerSecond,
      diskBytes: bytesOnDisk(dataDir),
      readyMs: median(starts.map((each) => each.readyMs)),
      firstPageMs: median(starts.map((each) => each.firstPageMs)),
      missed: options.missed,
      recoveryMs: median(starts.map((each) => each.recovery.ms)),
    }
  } finally {
    problems.push(...new Set(starts.flatMap((each) => each.faults)))
    await server.stop()
  }
}

/** Publishes until the channel holds what it should; a slice of time goes too far now and then. @returns publications/s */
async function fill({ rig, options, problems }: Run, server: EnckeServer): Promise<number> {
  const [publisher] = await openPublishers(rig, server, 'disk', 1)
  if (publisher === undefined) throw new TypeError('One publisher was opened and none is there')
  const turns: PublishReport[][] = []
  const order = { dataBytes: options.size, window: 0, warmUpMs: 0, measuredMs: fillSliceMs }
  let held = 0
  while (held < options.fill) {
    const report = await publisher.publish(order)
    turns.push([report])
    held = (await historyPage(server.internalPort, 'disk', 1)).position.offset
    if (report.acknowledged === 0) throw new Error(`The node stopped taking publications at ${held}`)
  }
  await publisher.stop()
  problems.push(...publishFaults('filling', turns))
  return publishFigures(turns).publicationsPerSecond
}

interface Start {
  readonly readyMs: number
  readonly firstPageMs: number
  readonly recovery: Recovery
  readonly faults: readonly string[]
}

/** What a node that is back holds, and how soon. @param before the position when it was killed */
async function lookAround(
  { options }: Run,
  server: EnckeServer,
  before: Position,
): Promise<Omit<Start, 'readyMs'>> {
  const readMs = performance.now()
  const { position, publications } = await historyPage(server.internalPort, 'disk', pageLimit)
  const firstPageMs = performance.now() - readMs
  const missed = Math.min(options.missed, before.offset)
  const since = { ...before, offset: before.offset - missed }
  const recovery = await recoverFrom(server.publicPort, 'disk', since, before.offset, recoverDeadlineMs)
  return {
    firstPageMs,
    recovery,
    faults: faultsOf({ before, after: position, publications, recovery, missed }),
  }
}

interface Return {
  readonly before: Position
  readonly after: Position
  /** On the first page of history. */
  readonly publications: number
  readonly recovery: Recovery
  readonly missed: number
}

/** What is wrong with a node that came back: publications that were acknowledged are gone, or a page was told wrong. */
export function faultsOf({ before, after, publications, recovery, missed }: Return): string[] {
  return [
    ...(after.epoch === before.epoch ? [] : ['after the kill the channel had another epoch']),
    ...(after.offset === before.offset
      ? []
      : [`after the kill the channel was at ${after.offset} instead of ${before.offset}`]),
    ...(publications > 0 ? [] : ['the first page of history was empty']),
    ...(recovery.received === missed && recovery.breaks === 0
      ? []
      : [`a page that missed ${missed} got ${recovery.received}, with ${recovery.breaks} breaks`]),
  ]
}

function rateTable(figures: readonly RateFigures[], { size }: DurableOptions): Table {
  return {
    title: `Acknowledged publications of ${size} B (medians)`,
    columns: [
      'publishers',
      'kept',
      'publications/s',
      '÷ memory',
      '÷ syncs',
      'ack p50',
      'ack p99',
      ...cpuColumns,
    ],
    rows: figures.map((row) => [
      row.way,
      row.place === 'disk' ? 'on disk' : 'in memory',
      formatCount(row.publicationsPerSecond),
      row.place === 'disk' ? formatRatio(row.memoryRatio) : '',
      row.place === 'disk' ? formatRatio(row.syncRatio) : '',
      formatMs(row.latency.p50Ms),
      formatMs(row.latency.p99Ms),
      ...cpuCells(row.cpu),
    ]),
  }
}

function syncTable({ syncsPerSecond, p50Ms, p99Ms }: SyncFigures): Table {
  return {
    title: 'The disk by itself: a page overwritten, then fdatasync (medians)',
    columns: ['syncs/s', 'p50', 'p99'],
    rows: [[formatCount(syncsPerSecond), formatMs(p50Ms), formatMs(p99Ms)]],
  }
}

function restartTable(row: RestartFigures): Table {
  return {
    title: 'Killed and started again (medians)',
    columns: [
      'publications',
      'filled/s',
      'MB on disk',
      'bytes each',
      'ready',
      'first page',
      'missed',
      'recovered',
    ],
    rows: [
      [
        formatCount(row.publications),
        formatCount(row.filledPerSecond),
        (row.diskBytes / 1e6).toFixed(1),
        formatCount(row.diskBytes / row.publications),
        formatMs(row.readyMs),
        formatMs(row.firstPageMs),
        formatCount(row.missed),
        formatMs(row.recoveryMs),
      ],
    ],
  }
}
