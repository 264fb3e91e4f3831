/**
 * CometQL: how many inserts per second programs written for CppComet get done, and what large results cost.
 *
 * 1. Start Encke twice, in memory and on a fresh folder with a rule that keeps the pipe on disk; insert into both for a while
 *    without measuring. MySQL clients insert into a pipe without subscribers in each way: one or 16 connections, each insert
 *    waiting for the answer of the one before or with a window full, as text or prepared (in memory only). The two nodes
 *    take turns; before each turn on disk the disk is measured by itself.
 * 2. Ten connections insert into the node in memory, windows full, for a minute. What they were told is done must be what
 *    the node counted.
 * 3. Start afresh, fill a table with 100,000 rows, select all of it again and again, as text and prepared, and look at the
 *    memory of the node meanwhile; then the same with clients that read slowly (cometql-rows.ts).
 *
 * Owns steps 1 and 2, their tables, and the figure of the original. Bound: two nodes and two generators, of which one pair
 * is busy; on disk what is inserted.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuCells, cpuColumns } from '../support/cells.ts'
import { measureSyncs, type SyncFigures } from '../support/disk.ts'
import { MysqlLoad } from '../support/mysql-load.ts'
import type { InsertOrder, InsertReport } from '../support/mysql-orders.ts'
import { readMetric } from '../support/node-metrics.ts'
import { type PeakMemory, peakDuring } from '../support/peak-memory.ts'
import { type Progress, startProgress } from '../support/progress.ts'
import { type PublishFigures, publishFaults, publishFigures } from '../support/publishing.ts'
import { conditions, type Rig, type ScenarioResult } from '../support/rig.ts'
import { type EnckeServer, startEncke } from '../support/servers.ts'
import { median } from '../support/statistics.ts'
import { formatCount, formatMs, formatRatio, type Table } from '../support/table.ts'
import { rotate, runTimes, type Turns } from '../support/timing.ts'
import { makeSecret } from '../support/tokens.ts'
import { measureRows, rowNotes, rowSteps, rowTables } from './cometql-rows.ts'

/**
 * CppComet 4.09, debug build as shipped: inserts/s over CometQL into a pipe without subscribers, each waiting for the answer
 * of the one before. Measured on this kind of machine, not in this run.
 */
export const original = { insertsPerSecond: 4_200 } as const

const pipe = 'web_bench'
const manyConnections = 16
const sustainedConnections = 10
/** Publications that the pipe on disk keeps. */
const kept = 10_000
const syncSeconds = 0.3
/** For answers that are missing when the time is over. */
const patienceMs = 5_000
const msPerSecond = 1_000
const insertsPerShare = 1_000
const counted = 'encke_publications_total{source="cometql"}'

export interface CometqlOptions extends Turns {
  /** Bytes of JSON data. */
  readonly size: number
  /** Inserts of one connection that wait for their answers where it does not wait for each. */
  readonly window: number
  readonly sustainedSeconds: number
  /** Of the table that is selected. */
  readonly rows: number
  /** Clients that read slowly, and what each of them reads. */
  readonly slowReaders: number
  readonly slowBytesPerSecond: number
  /** Where the folder of the node on disk is made; undefined = the system's folder for temporary files */
  readonly folder: string | undefined
}

const places = ['memory', 'disk'] as const
type Place = (typeof places)[number]

/** How inserts are made. */
interface Shape {
  readonly connections: number
  /** With a window full; else each waits for the answer of the one before. */
  readonly isPipelined: boolean
  readonly isPrepared: boolean
}

const ways = [
  { name: 'one, waits for each answer', connections: 1, isPipelined: false, isPrepared: false },
  { name: '16, wait for each answer', connections: manyConnections, isPipelined: false, isPrepared: false },
  { name: 'one, window full', connections: 1, isPipelined: true, isPrepared: false },
  { name: '16, windows full', connections: manyConnections, isPipelined: true, isPrepared: false },
  { name: 'one prepared, waits', connections: 1, isPipelined: false, isPrepared: true },
  { name: 'one prepared, window full', connections: 1, isPipelined: true, isPrepared: true },
] as const satisfies readonly (Shape & { readonly name: string })[]
type Way = (typeof ways)[number]

interface InsertFigures extends PublishFigures {
  readonly place: Place
  readonly way: Way['name']
  /** CPU seconds of the node per 1,000 inserts. */
  readonly cpuSecondsPer1000: number
  /** Inserts/s over those of the original, which kept nothing; NaN on disk. */
  readonly originalRatio: number
  /** On disk: inserts/s over those in memory, and over the pages the disk took per second; medians over the turns. */
  readonly memoryRatio: number
  readonly syncRatio: number
}

interface SustainedFigures extends PublishFigures, PeakMemory {
  readonly connections: number
  readonly seconds: number
  /** Inserts that were answered with OK, warm-up and end included, and what the node counted meanwhile. */
  readonly acknowledged: number
  readonly counted: number
  readonly cpuSecondsPer1000: number
}

interface Run {
  readonly rig: Rig
  readonly options: CometqlOptions
  readonly folder: string
  readonly problems: string[]
  readonly step: Progress['step']
}

export async function runCometql(rig: Rig, options: CometqlOptions): Promise<ScenarioResult> {
  const parent = options.folder ?? tmpdir()
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'encke-cometql-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.on('exit', removeFolder)
  const progress = startProgress(placedWays().length * options.repeats + 1 + rowSteps(options))
  const problems: string[] = []
  try {
    const { inserts, syncs, sustained } = await measureInserts({
      rig,
      options,
      folder,
      problems,
      step: progress.step,
    })
    const rows = await measureRows(rig, options, progress.step, problems)
    return {
      tables: [
        insertTable(inserts, options),
        sustainedTable(sustained, options),
        syncTable(syncs),
        ...rowTables(rows),
      ],
      notes: [...conditions(rig), ...notes, ...rowNotes, `The folder of the node was in ${parent}.`],
      problems,
      figures: { inserts, sustained, syncs, ...rows, original },
    }
  } finally {
    progress.stop()
    removeFolder()
    process.off('exit', removeFolder)
  }
}

const notes = [
  [
    `÷ original: CppComet did ${formatCount(original.insertsPerSecond)} inserts/s, each waiting for its answer, as shipped;`,
    'not measured in this run.',
  ].join(' '),
  '÷ memory, ÷ syncs: inserts/s over those in memory in the same turn, and over how often a page can be overwritten and be on disk.',
  'CPU per 1,000: CPU time of the node, all its threads, per 1,000 acknowledged inserts.',
  'Rows have no verdict: who waits for each answer saturates nothing, and a disk may be what is waited for. Mind the CPU columns.',
  'The clients are a Node program that makes its packets once and only counts answers.',
]

/** The ways of both places: prepared statements go to memory only. */
function placedWays(): { readonly place: Place; readonly way: Way }[] {
  return ways.flatMap((way) =>
    places.filter((place) => place === 'memory' || !way.isPrepared).map((place) => ({ place, way })),
  )
}

/** A node with the clients that are logged in to it. */
interface Crowd {
  readonly place: Place
  readonly server: EnckeServer
  readonly load: MysqlLoad
}

async function measureInserts(run: Run) {
  const crowds: Crowd[] = []
  try {
    for (const [index, place] of places.entries()) crowds.push(await openCrowd(run, place, index))
    const warming: Inserted[] = []
    for (const { place, load } of crowds) warming.push({ place, turns: await warmUp(load, run.options) })
    const taken: Taken[] = []
    for (const way of ways) taken.push(...(await takeTurns(run, crowds, way)))
    for (const crowd of crowds) await checkBooks(run, crowd, [...warming, ...taken])
    const inserts = evaluate(taken, run.problems)
    const sustained = await sustain(run, crowds)
    return { inserts, syncs: together(taken.flatMap(({ syncs }) => syncs)), sustained }
  } finally {
    for (const { load } of crowds) await load.stop()
    for (const { server } of crowds) await server.stop()
  }
}

async function openCrowd({ rig, folder }: Run, place: Place, index: number): Promise<Crowd> {
  const password = makeSecret()
  const rule = { match: pipe, historySize: kept, durable: true }
  const store = place === 'disk' ? ['--data-dir', folder, '--channels', JSON.stringify([rule])] : []
  const server = await startEncke(rig.cores, ['--cometql-password', password, ...store])
  try {
    const { serverPid, serverCore } = server.flags
    const pinned = serverCore === undefined ? {} : { serverCore }
    const flags = { port: server.cometqlPort, password, connections: manyConnections, serverPid, ...pinned }
    return { place, server, load: await MysqlLoad.start(rig.cores.generator(index), flags) }
  } catch (thrown) {
    await server.stop()
    throw thrown
  }
}

/** A node that has just been started runs code that V8 has not compiled, and the first ways would pay for all of them. */
async function warmUp(load: MysqlLoad, options: CometqlOptions): Promise<InsertReport[]> {
  const shape = { connections: manyConnections, isPipelined: true }
  const { measuredMs } = runTimes(options)
  return [
    await load.insert({ ...orderOf({ ...shape, isPrepared: false }, options), warmUpMs: 0, measuredMs }),
    await load.insert({ ...orderOf({ ...shape, isPrepared: true }, options), warmUpMs: 0, measuredMs }),
  ]
}

interface Inserted {
  readonly place: Place
  readonly turns: InsertReport[]
}

interface Taken extends Inserted {
  readonly way: Way
  /** The disk by itself, before each turn on disk. */
  readonly syncs: SyncFigures[]
}

async function takeTurns(run: Run, crowds: readonly Crowd[], way: Way): Promise<Taken[]> {
  const { options, folder, step } = run
  const kinds = crowds
    .filter(({ place }) => place === 'memory' || !way.isPrepared)
    .map((crowd) => ({ ...crowd, way, turns: [] as InsertReport[], syncs: [] as SyncFigures[] }))
  for (let turn = 0; turn < options.repeats; turn++) {
    for (const { place, load, turns, syncs } of rotate(kinds, turn)) {
      step(`${place}: ${way.name}, turn ${turn + 1}`)
      if (place === 'disk') syncs.push(measureSyncs(folder, syncSeconds))
      turns.push(await load.insert(orderOf(way, options)))
    }
  }
  return kinds
}

function orderOf({ connections, isPipelined, isPrepared }: Shape, options: CometqlOptions): InsertOrder {
  const window = isPipelined ? options.window : 1
  return { connections, isPrepared, pipe, dataBytes: options.size, window, ...runTimes(options), patienceMs }
}

/** What clients were told is done must be what the node counted. */
async function checkBooks(
  { problems }: Run,
  { place, server }: Crowd,
  inserted: readonly Inserted[],
): Promise<void> {
  const turns = inserted.filter((each) => each.place === place).flatMap((each) => each.turns)
  const told = turns.reduce((sum, { done }) => sum + done, 0)
  problems.push(...lossFaults(place, told, await readMetric(server, counted)))
}

/** @param told inserts that were answered with OK @param published publications that the node counted */
export function lossFaults(where: string, told: number, published: number): string[] {
  if (told === published) return []
  return [`${where}: ${formatCount(told)} inserts were acknowledged, ${formatCount(published)} published`]
}

function evaluate(taken: readonly Taken[], problems: string[]): InsertFigures[] {
  const figures = taken.map(({ place, way, turns, syncs }) => {
    for (const report of turns) problems.push(...publishFaults(`${place}, ${way.name}`, [[report]]))
    const figure = publishFigures(turns.map((report) => [report]))
    return { place, way: way.name, syncs, ...figure, cpuSecondsPer1000: cpuPer1000(turns) }
  })
  return figures.map(({ syncs, ...row }) => {
    const memory = figures.find(({ place, way }) => place === 'memory' && way === row.way)?.perRepeat ?? []
    const ratio = (to: readonly number[]) =>
      row.place === 'disk'
        ? median(row.perRepeat.map((rate, turn) => rate / (to[turn] ?? Number.NaN)))
        : Number.NaN
    return {
      ...row,
      originalRatio:
        row.place === 'memory' ? row.publicationsPerSecond / original.insertsPerSecond : Number.NaN,
      memoryRatio: ratio(memory),
      syncRatio: ratio(syncs.map(({ syncsPerSecond }) => syncsPerSecond)),
    }
  })
}

/** Median over the turns. */
function cpuPer1000(turns: readonly InsertReport[]): number {
  return median(
    turns.map(({ serverCpuSeconds, acknowledged }) => (serverCpuSeconds / acknowledged) * insertsPerShare),
  )
}

async function sustain(run: Run, crowds: readonly Crowd[]): Promise<SustainedFigures> {
  const { options, problems, step } = run
  const crowd = crowds.find(({ place }) => place === 'memory')
  if (crowd === undefined) throw new TypeError('A node in memory was started and none is there')
  const { server, load } = crowd
  const seconds = options.sustainedSeconds
  const name = `${sustainedConnections} connections for ${seconds} s`
  step(name)
  const way = { connections: sustainedConnections, isPipelined: true, isPrepared: false }
  const before = await readMetric(server, counted)
  const measured = await peakDuring(server.pid, () =>
    load.insert({ ...orderOf(way, options), measuredMs: seconds * msPerSecond }),
  )
  const { result: report, baseBytes, peakBytes } = measured
  const published = (await readMetric(server, counted)) - before
  problems.push(...publishFaults(name, [[report]]), ...lossFaults(name, report.done, published))
  return {
    connections: sustainedConnections,
    seconds,
    ...publishFigures([[report]]),
    cpuSecondsPer1000: cpuPer1000([report]),
    acknowledged: report.done,
    counted: published,
    baseBytes,
    peakBytes,
  }
}

/** Medians of all measurements of the disk. */
function together(syncs: readonly SyncFigures[]): SyncFigures {
  return {
    syncsPerSecond: median(syncs.map((each) => each.syncsPerSecond)),
    p50Ms: median(syncs.map((each) => each.p50Ms)),
    p99Ms: median(syncs.map((each) => each.p99Ms)),
  }
}

function insertTable(figures: readonly InsertFigures[], { size, window }: CometqlOptions): Table {
  const head = `INSERT INTO pipes_messages, ${size} B of JSON, nobody subscribed, window ${window}`
  const middle = ['÷ original', '÷ memory', '÷ syncs', 'p50', 'p99', 'CPU ms per 1,000']
  return {
    title: `${head} (medians)`,
    columns: ['connections', 'kept', 'inserts/s', ...middle, ...cpuColumns],
    rows: figures.map((row) => [
      row.way,
      row.place === 'disk' ? 'on disk' : 'in memory',
      formatCount(row.publicationsPerSecond),
      row.place === 'memory' ? formatRatio(row.originalRatio) : '',
      row.place === 'disk' ? formatRatio(row.memoryRatio) : '',
      row.place === 'disk' ? formatRatio(row.syncRatio) : '',
      formatMs(row.latency.p50Ms),
      formatMs(row.latency.p99Ms),
      formatCpu(row.cpuSecondsPer1000),
      ...cpuCells(row.cpu),
    ]),
  }
}

function sustainedTable(row: SustainedFigures, { size, window }: CometqlOptions): Table {
  const middle = ['acknowledged', 'counted by the node', 'p50', 'p99', 'CPU ms per 1,000']
  return {
    title: `${row.connections} connections for ${row.seconds} s, ${size} B of JSON, windows of ${window}`,
    columns: ['kept', 'inserts/s', ...middle, 'MB before', 'MB at most', ...cpuColumns],
    rows: [
      [
        'in memory',
        formatCount(row.publicationsPerSecond),
        formatCount(row.acknowledged),
        formatCount(row.counted),
        formatMs(row.latency.p50Ms),
        formatMs(row.latency.p99Ms),
        formatCpu(row.cpuSecondsPer1000),
        (row.baseBytes / 1e6).toFixed(1),
        (row.peakBytes / 1e6).toFixed(1),
        ...cpuCells(row.cpu),
      ],
    ],
  }
}

function syncTable({ syncsPerSecond, p50Ms, p99Ms }: SyncFigures): Table {
  return {
    title: 'The disk by itself: a page overwritten, then fdatasync (medians)',
    columns: ['syncs/s', 'p50', 'p99'],
    rows: [[formatCount(syncsPerSecond), formatMs(p50Ms), formatMs(p99Ms)]],
  }
}

function formatCpu(seconds: number): string {
  return (seconds * msPerSecond).toFixed(1)
}
