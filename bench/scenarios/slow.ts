/**
 * Slow readers: whether they hold up the others, what they cost, and whether they are told the truth.
 *
 * 1. For each message size, start Encke and connect the others, which always read. Publish at a fixed rate and take
 *    their latency: the measure without slow readers.
 * 2. Connect slow readers of three kinds, each kind a process of its own: it stands still (SIGSTOP) for 1 s or for 10 s
 *    at a time, reading for `readMs` in between, or for ever. Publish again at the same rate.
 * 3. Let all of them go on, and wait until they have caught up, or were ended by the node.
 * 4. Check that what each reader received and the gaps it was told are all publications since it subscribed, by number;
 *    that the others lost nothing; that the books of the node balance; and what its memory was and is.
 *
 * Slow readers have small receive buffers and segments of 1,460 bytes: with those of loopback the kernel alone would hold
 * megabytes for each, and the node would hardly notice. Owns these steps and these tables. Bound: one node, four generators.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { deliveryFaults, sumOf } from '../support/deliveries.ts'
import { type Generator, openAll } from '../support/generator.ts'
import { imbalance, type NodeBooks, readBooks } from '../support/node-books.ts'
import { residentBytes, settledBytes } from '../support/process-status.ts'
import { startProgress } from '../support/progress.ts'
import { areCaughtUp, faultsOf } from '../support/reader-books.ts'
import type { Books, FanoutReport } from '../support/reports.ts'
import { conditions, type Rig, requireNative, type ScenarioResult } from '../support/rig.ts'
import { type EnckeServer, startEncke } from '../support/servers.ts'
import { type CpuShares, cpuShares, type Percentiles, percentiles } from '../support/statistics.ts'
import { formatCount, formatMs, formatPercent, formatRatio, type Table } from '../support/table.ts'
import { runTimes, type Timing } from '../support/timing.ts'

const channel = 'slow'
const segmentBytes = 1_460
const receiveBufferBytes = 32_768
const readMs = 2_000
const memoryEveryMs = 250
const catchUpLimitMs = 30_000
const askAgainMs = 200
const steadyMs = 2_000
const settleLimitMs = 15_000

const kinds = [
  { name: '1 s', stopMs: 1_000 },
  { name: '10 s', stopMs: 10_000 },
  { name: 'for ever', stopMs: Number.POSITIVE_INFINITY },
] as const
type KindName = (typeof kinds)[number]['name']

export interface SlowOptions extends Timing {
  readonly others: number
  /** Slow readers of each kind. */
  readonly slow: number
  readonly sizes: readonly number[]
  /** Publications per second, one for each size. */
  readonly rates: readonly number[]
  /** Publications the node keeps of the channel: few, so that readers who stop for long get gaps. */
  readonly ringSize: number
}

interface SlowKind {
  readonly name: KindName
  readonly stopMs: number
  readonly generator: Generator
}

interface KindFigures {
  readonly name: KindName
  readonly readers: number
  readonly received: number
  readonly gapped: number
  readonly ended: number
  readonly reasons: Readonly<Record<string, number>>
}

interface Figures {
  readonly size: number
  readonly publicationsPerSecond: number
  readonly others: number
  readonly alone: Percentiles
  readonly together: Percentiles
  /** p99 of the others with slow readers over that without. */
  readonly p99Ratio: number
  readonly cpuAlone: CpuShares
  readonly cpuTogether: CpuShares
  readonly bytesBefore: number
  readonly bytesMost: number
  readonly bytesAfter: number
  readonly kinds: readonly KindFigures[]
  readonly books: NodeBooks
}

export async function runSlow(rig: Rig, options: SlowOptions): Promise<ScenarioResult> {
  requireNative(rig, 'slow')
  const progress = startProgress(options.sizes.length * 3)
  const figures: Figures[] = []
  const problems: string[] = []
  try {
    for (const [index, size] of options.sizes.entries()) {
      const rate = options.rates[index] ?? options.rates.at(-1) ?? 1
      const server = await startEncke(rig.cores, ['--ring-size', String(options.ringSize)])
      try {
        figures.push(await runAtSize({ rig, options, server, step: progress.step }, size, rate, problems))
      } finally {
        await server.stop()
      }
    }
  } finally {
    progress.stop()
  }
  return {
    tables: [latencyTable(figures), readerTable(figures), memoryTable(figures)],
    notes: [
      ...conditions(rig),
      `The node keeps the latest ${options.ringSize} publications of the channel.`,
      ...notes,
    ],
    problems,
    figures,
  }
}

const notes = [
  'Latency of the others counts from when a publication was due, at the rate shown, not under saturation.',
  `Slow readers ask for segments of ${segmentBytes} bytes and have receive buffers of ${receiveBufferBytes / 1024} KB, as on a real network.`,
  'Received and gaps of every slow reader were added up against the offsets published since it subscribed.',
]

interface Run {
  readonly rig: Rig
  readonly options: SlowOptions
  readonly server: EnckeServer
  step(label: string): void
}

async function runAtSize(run: Run, size: number, rate: number, problems: string[]): Promise<Figures> {
  const { rig, options, server } = run
  const where = `${formatCount(size)} B`
  run.step(`${where}: ${formatCount(options.others)} readers, none of them slow`)
  const others = await openReaders(rig, server, options.others, {})
  const slow: SlowKind[] = []
  try {
    const alone = await pace(others, options, size, rate)
    const bytesBefore = residentBytes(server.pid)
    run.step(`${where}: ${options.slow} slow readers of each kind beside them`)
    for (const kind of kinds) slow.push({ ...kind, generator: await openSlow(rig, server, options.slow) })
    const { together, bytesMost } = await runTogether(run, others, slow, size, rate)
    run.step(`${where}: waiting for the slow ones`)
    const latest = alone.published + together.published
    const counted = await Promise.all(slow.map((kind) => settleBooks(kind, latest)))
    for (const [index, { name }] of slow.entries()) {
      const faults = faultsOf(counted[index] ?? noBooks, latest, name === 'for ever')
      problems.push(...faults.map((fault) => `${where}, stopped ${name}: ${fault}`))
    }
    await Promise.all(slow.map(({ generator }) => generator.stop()))
    const bytesAfter = await settledBytes(server.pid, steadyMs, settleLimitMs)
    const books = await readBooks(server)
    const told = sumOf(
      counted.flatMap(({ readers }) => readers),
      ({ gapped }) => gapped,
    )
    if (told > books.lost.gap) problems.push(`${where}: readers were told of gaps the node has no record of`)
    problems.push(...deliveryFaults(`${where}, the others`, [alone, together]))
    problems.push(...imbalance(books).map((one) => `${where}: ${one}`))
    return {
      size,
      publicationsPerSecond: rate,
      others: options.others,
      ...latencies(alone, together),
      bytesBefore,
      bytesMost,
      bytesAfter,
      kinds: slow.map(({ name }, index) => kindFigures(name, counted[index] ?? noBooks)),
      books,
    }
  } finally {
    for (const { generator } of slow) {
      generator.goOn()
      await generator.stop()
    }
    await others.stop()
  }
}

const noBooks: Books = { readers: [], breaks: 0, closed: 0, reasons: {} }

function openReaders(
  rig: Rig,
  server: EnckeServer,
  connections: number,
  beside: { readonly samples?: number; readonly segmentBytes?: number; readonly receiveBufferBytes?: number },
): Promise<Generator> {
  const flags = { ...server.flags, channel, connections, ...beside }
  return openAll(rig.generatorCommand(0), flags, 'readers')
}

function openSlow(rig: Rig, server: EnckeServer, connections: number): Promise<Generator> {
  return openReaders(rig, server, connections, { samples: connections, segmentBytes, receiveBufferBytes })
}

function pace(others: Generator, options: SlowOptions, size: number, rate: number): Promise<FanoutReport> {
  return others.pace({ dataBytes: size, publicationsPerSecond: rate, ...runTimes(options) })
}

/** The paced run with slow readers, and the most memory the node had meanwhile. */
async function runTogether(
  { options, server }: Run,
  others: Generator,
  slow: readonly SlowKind[],
  size: number,
  rate: number,
): Promise<{ together: FanoutReport; bytesMost: number }> {
  const over = new AbortController()
  const stalling = slow.map((kind) => stallUntil(kind, over.signal))
  const memory = mostMemory(server.pid, over.signal)
  try {
    const together = await pace(others, options, size, rate)
    over.abort()
    return { together, bytesMost: await memory }
  } finally {
    over.abort()
    await Promise.all(stalling)
  }
}

/** Stops and goes until `over`; it goes on afterwards. */
async function stallUntil({ generator, stopMs }: SlowKind, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    generator.standStill()
    await pauseUnless(over, stopMs)
    generator.goOn()
    await pauseUnless(over, readMs)
  }
}

/** @param ms Infinity = until `over` */
async function pauseUnless(over: AbortSignal, ms: number): Promise<void> {
  const longestMs = 2 ** 31 - 1
  await sleep(Math.min(ms, longestMs), undefined, { signal: over }).catch(() => {}) // over is what it waits for too
}

async function mostMemory(pid: number, over: AbortSignal): Promise<number> {
  let most = residentBytes(pid)
  while (!over.aborted) {
    await pauseUnless(over, memoryEveryMs)
    most = Math.max(most, residentBytes(pid))
  }
  return most
}

/** The books of a kind once its readers have caught up or are gone, or it takes too long. */
async function settleBooks({ generator }: SlowKind, latestOffset: number): Promise<Books> {
  const endMs = performance.now() + catchUpLimitMs
  let books = await generator.books()
  while (!areCaughtUp(books, latestOffset) && performance.now() < endMs) {
    await sleep(askAgainMs)
    books = await generator.books()
  }
  return books
}

function latencies(alone: FanoutReport, together: FanoutReport) {
  const before = percentiles([alone.latencyNs])
  const after = percentiles([together.latencyNs])
  return {
    alone: before,
    together: after,
    p99Ratio: after.p99Ms / before.p99Ms,
    cpuAlone: cpuShares([alone]),
    cpuTogether: cpuShares([together]),
  }
}

function kindFigures(name: KindName, { readers, closed, reasons }: Books): KindFigures {
  return {
    name,
    readers: readers.length,
    received: sumOf(readers, (reader) => reader.received),
    gapped: sumOf(readers, (reader) => reader.gapped),
    ended: closed,
    reasons,
  }
}

function latencyTable(figures: readonly Figures[]): Table {
  return {
    title: 'Latency of readers that always read, at a fixed rate',
    columns: ['size', 'readers', 'publications/s', 'slow readers', 'p50', 'p99', 'max', 'p99 ratio'].concat([
      'server CPU',
      'others',
    ]),
    rows: figures.flatMap((row) => {
      const cells = (slow: string, at: Percentiles, ratio: string, cpu: CpuShares) => [
        formatCount(row.size),
        formatCount(row.others),
        formatCount(row.publicationsPerSecond),
        slow,
        formatMs(at.p50Ms),
        formatMs(at.p99Ms),
        formatMs(at.maxMs),
        ratio,
        formatPercent(cpu.server),
        formatPercent(cpu.disturbance),
      ]
      const slow = sumOf(row.kinds, (kind) => kind.readers)
      return [
        cells('none', row.alone, '', row.cpuAlone),
        cells(formatCount(slow), row.together, formatRatio(row.p99Ratio), row.cpuTogether),
      ]
    }),
  }
}

function readerTable(figures: readonly Figures[]): Table {
  return {
    title: 'Slow readers: received and gaps add up to what was published, unless a problem is named below',
    columns: ['stopped', 'size', 'readers', 'received', 'in gaps', 'ended by the node', 'reasons'],
    rows: figures.flatMap((row) =>
      row.kinds.map((kind) => [
        kind.name,
        formatCount(row.size),
        formatCount(kind.readers),
        formatCount(kind.received),
        formatCount(kind.gapped),
        formatCount(kind.ended),
        Object.keys(kind.reasons).join('; '),
      ]),
    ),
  }
}

function memoryTable(figures: readonly Figures[]): Table {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
  return {
    title: 'Memory of the node, MB (RSS), and its books',
    columns: [
      'size',
      'before',
      'most',
      'after',
      'due',
      'delivered',
      'lost in gaps',
      'lost by ends',
      'balance',
    ],
    rows: figures.map(({ size, bytesBefore, bytesMost, bytesAfter, books }) => [
      formatCount(size),
      megabytes(bytesBefore),
      megabytes(bytesMost),
      megabytes(bytesAfter),
      formatCount(books.due),
      formatCount(books.delivered),
      formatCount(books.lost.gap),
      formatCount(books.lost.ended),
      String(books.balance),
    ]),
  }
}
