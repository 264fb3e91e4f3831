/**
 * Drops: whether anything is lost or comes twice when lines fail, and how soon clients have caught up.
 *
 * 1. Start Encke, and a proxy with a line for every client (bench/support/lines.ts); connect the clients, which are the
 *    browser client with its recovery, and wait until all are subscribed.
 * 2. Publish at a fixed rate, to a few channels in turn, while every line goes dark now and then.
 * 3. Stop publishing, wait until all clients have everything or `drainMs` have passed.
 * 4. Compare what each client got with what was published; time to catch up counts from the end of each outage.
 *
 * Owns these steps, this table, and what must hold: everything received, nothing twice, and 99 of 100 outages made up for
 * within `catchUpBoundMs`. Bound: one node, one proxy process; the clients live in this process.
 */
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPublisher } from '../../src/publish-port/publisher.ts'
import { type Child, startChild, stopChild } from '../support/children.ts'
import { LineClient } from '../support/line-client.ts'
import { monotonicMs } from '../support/monotonic.ts'
import { imbalance, readBooks } from '../support/node-books.ts'
import { catchUpMs, type Outage, type OutageKind, outageIn, outageKinds } from '../support/outages.ts'
import { repository } from '../support/paths.ts'
import { startProgress } from '../support/progress.ts'
import { type ReportLines, readReportLines } from '../support/report-lines.ts'
import type { Buckets } from '../support/reports.ts'
import { conditions, type Rig, type ScenarioResult } from '../support/rig.ts'
import { type EnckeServer, startEncke } from '../support/servers.ts'
import { type Percentiles, percentiles } from '../support/statistics.ts'
import { formatCount, formatMs, type Table } from '../support/table.ts'

const linesProgram = join(repository, 'bench', 'support', 'lines.ts')
const readyDeadlineMs = 60_000
const openDeadlineMs = 60_000
const marginMs = 30_000
const drainMs = 30_000
const askAgainMs = 20
const nsPerMs = 1e6
/** How soon a line that is dark is noticed: a ping is sent this often, and may take as long. */
const pingMs = 1_000
/** The clients of one page: channels that each of them follows. */
const channelsPerClient = 2
const catchUpBoundMs = 2_000
/** The time between two looks at how late the clients' own process is. */
const lagEveryMs = 10
/** Lateness of clients or proxy above which the times to catch up are rather theirs than the node's. */
const lagBoundMs = 100
/** Room for publications beyond the planned ones, should the clock run ahead. */
const spare = 16

export interface DropsOptions {
  readonly clients: number
  readonly channels: number
  readonly publicationsPerSecond: number
  readonly seconds: number
  readonly outageSeconds: number
  /** Mean time from one outage of a line to its next. */
  readonly everySeconds: number
  readonly seed: number
}

interface Lines {
  readonly child: Child
  readonly reports: ReportLines
  readonly ports: readonly number[]
}

interface Figures {
  readonly clients: number
  readonly published: number
  readonly expected: number
  readonly received: number
  readonly twice: number
  readonly late: number
  readonly gaps: number
  /** Connections beyond the first of every client. */
  readonly reconnects: number
  readonly outages: number
  readonly catchUp: Percentiles
  readonly catchUpByKind: readonly { readonly kind: OutageKind; readonly catchUp: Percentiles }[]
  /** Outages after which something never came. */
  readonly neverCaughtUp: number
  /** How late things happened in the process of the clients, and in that of the proxy: 99 of 100 were sooner. */
  readonly clientsLateMs: number
  readonly proxyLateMs: number
  readonly failures: Readonly<Record<string, number>>
}

/** What a run was: times are of the monotonic clock. */
interface Run {
  readonly published: Published
  readonly outages: readonly Outage[]
  readonly clientsLateMs: number
}

/** Times of publication by channel. */
type Published = ReadonlyMap<string, number[]>

export async function runDrops(rig: Rig, options: DropsOptions): Promise<ScenarioResult> {
  const progress = startProgress(3)
  const server = await startEncke(rig.cores, ['--ping-ms', String(pingMs)])
  let lines: Lines | undefined
  const clients: LineClient[] = []
  try {
    progress.step(`connecting ${formatCount(options.clients)} clients, each over a line of its own`)
    lines = await startLines(rig, options, server)
    clients.push(...(await openClients(options, lines)))
    progress.step(`publishing for ${options.seconds} s while lines fail`)
    const run = await runOutages(options, server, lines)
    progress.step('waiting for the last publications')
    await drain(clients, run.published)
    const figures = evaluate(clients, run, options)
    const problems = [...problemsOf(figures), ...imbalance(await readBooks(server))]
    return { tables: [tableOf(figures)], notes: notesOf(rig, options, figures), problems, figures }
  } finally {
    for (const client of clients) client.close()
    if (lines !== undefined) await stopChild(lines.child)
    await server.stop()
    progress.stop()
  }
}

async function startLines(rig: Rig, options: DropsOptions, server: EnckeServer): Promise<Lines> {
  const words = {
    lines: options.clients,
    'node-port': server.publicPort,
    'outage-ms': options.outageSeconds * 1000,
    'every-ms': options.everySeconds * 1000,
    seed: options.seed,
  }
  const flags = Object.entries(words).flatMap(([name, value]) => [`--${name}`, String(value)])
  const program = [process.execPath, '--import', 'tsx', linesProgram]
  const child = await startChild([...rig.cores.generator(0), ...program, ...flags])
  const reports = readReportLines(child, 'proxy')
  const { ports } = await reports.next('ready', readyDeadlineMs)
  return { child, reports, ports: Array.isArray(ports) ? ports.map(Number) : [] }
}

async function openClients(options: DropsOptions, lines: Lines): Promise<LineClient[]> {
  const perChannel = Math.ceil((options.publicationsPerSecond * options.seconds) / options.channels) + spare
  const clients = lines.ports.map(
    (port, index) => new LineClient(port, channelsOf(index, options), perChannel),
  )
  const late = sleep(openDeadlineMs, 'late' as const, { ref: false })
  const first = await Promise.race([Promise.all(clients.map((client) => client.open())), late])
  if (first === 'late') throw new Error(`Not all clients were subscribed within ${openDeadlineMs} ms`)
  return clients
}

/** Neighbours share channels, so every channel has the same number of followers. */
function channelsOf(client: number, { channels }: DropsOptions): string[] {
  const count = Math.min(channels, channelsPerClient)
  return Array.from({ length: count }, (_, index) => channelName((client + index) % channels))
}

function channelName(index: number): string {
  return `drops-${index}`
}

async function runOutages(options: DropsOptions, server: EnckeServer, lines: Lines): Promise<Run> {
  const lag = monitorEventLoopDelay({ resolution: lagEveryMs })
  lag.enable()
  const runMs = options.seconds * 1000
  const outages: Outage[] = []
  lines.child.process.stdin?.write(`begin ${runMs}\n`)
  const over = lines.reports.next('over', runMs + marginMs, (report) => outages.push(outageIn(report)))
  const published = await publishAtRate(options, server)
  await over
  lag.disable()
  return { published, outages, clientsLateMs: Math.max(0, lag.percentile(99) / nsPerMs - lagEveryMs) }
}

/** Publishes on a fixed schedule; one that was missed is made up for at once. */
async function publishAtRate(options: DropsOptions, server: EnckeServer): Promise<Published> {
  const publisher = createPublisher({ port: server.publishPort })
  await publisher.ready()
  const published = new Map<string, number[]>()
  const answers: Promise<unknown>[] = []
  const beganMs = monotonicMs()
  const total = options.publicationsPerSecond * options.seconds
  for (let sent = 0; sent < total; sent++) {
    const dueMs = beganMs + (sent * 1000) / options.publicationsPerSecond
    if (dueMs > monotonicMs()) await sleep(dueMs - monotonicMs())
    const channel = channelName(sent % options.channels)
    const times = published.get(channel) ?? []
    published.set(channel, times)
    answers.push(publisher.publish(channel, { number: times.push(monotonicMs()) }))
  }
  await Promise.all(answers)
  await publisher.close()
  return published
}

async function drain(clients: readonly LineClient[], published: Published): Promise<void> {
  const counts = new Map([...published].map(([channel, times]) => [channel, times.length]))
  const endMs = monotonicMs() + drainMs
  while (monotonicMs() < endMs && !clients.every((client) => client.hasAll(counts))) await sleep(askAgainMs)
}

function evaluate(clients: readonly LineClient[], run: Run, options: DropsOptions): Figures {
  const { published, outages, clientsLateMs } = run
  const sum = (pick: (client: LineClient) => number) => clients.reduce((total, each) => total + pick(each), 0)
  const caughtUp = outages.map((outage) => ({
    kind: outage.kind,
    ms: catchUpMs(outage.toMs, timesOf(clients[outage.line], published)),
  }))
  const percentilesOf = (kind?: OutageKind) =>
    percentiles([bucketsOf(caughtUp.filter((each) => kind === undefined || each.kind === kind))])
  return {
    clients: clients.length,
    published: [...published.values()].reduce((total, times) => total + times.length, 0),
    expected: sum((client) =>
      [...client.received.keys()].reduce(
        (total, channel) => total + (published.get(channel)?.length ?? 0),
        0,
      ),
    ),
    received: sum((client) => client.receivedCount),
    twice: sum((client) => client.twice),
    late: sum((client) => client.late),
    gaps: sum((client) => client.gaps),
    reconnects: sum((client) => client.connections - 1),
    outages: outages.length,
    catchUp: percentilesOf(),
    catchUpByKind: outageKinds.map((kind) => ({ kind, catchUp: percentilesOf(kind) })),
    neverCaughtUp: caughtUp.filter(({ ms }) => !Number.isFinite(ms)).length,
    clientsLateMs,
    proxyLateMs: percentiles([bucketsOf(outages.map((outage) => ({ ms: latenessOf(outage, options) })))])
      .p99Ms,
    failures: failuresOf(clients),
  }
}

/** How much longer an outage took than it should have. */
function latenessOf({ fromMs, toMs }: Outage, { outageSeconds }: DropsOptions): number {
  return Math.max(0, toMs - fromMs - outageSeconds * 1000)
}

function timesOf(client: LineClient | undefined, published: Published) {
  return [...(client?.received ?? [])].map(([channel, received]) => ({
    published: published.get(channel) ?? [],
    received,
  }))
}

function bucketsOf(caughtUp: readonly { readonly ms: number }[]): Buckets {
  return caughtUp
    .filter(({ ms }) => Number.isFinite(ms))
    .map(({ ms }) => [Math.round(ms * nsPerMs), 1] as const)
}

function failuresOf(clients: readonly LineClient[]): Record<string, number> {
  const all = new Map<string, number>()
  for (const { failures } of clients) {
    for (const [name, count] of failures) all.set(name, (all.get(name) ?? 0) + count)
  }
  return Object.fromEntries(all)
}

function problemsOf(figures: Figures): string[] {
  const { expected, received, twice, late, gaps, neverCaughtUp, catchUp, outages, failures } = figures
  const isSlow = catchUp.p99Ms >= catchUpBoundMs
  return [
    ...(received !== expected ? [`${formatCount(expected - received)} publications never came`] : []),
    ...(twice > 0 ? [`${formatCount(twice)} publications came twice`] : []),
    ...(late > 0 ? [`${formatCount(late)} publications came out of order`] : []),
    ...(gaps > 0 ? [`${formatCount(gaps)} gaps`] : []),
    ...(outages === 0 ? ['there was no outage at all'] : []),
    ...(neverCaughtUp > 0 ? [`${neverCaughtUp} outages were never made up for`] : []),
    ...(isSlow ? [`catching up took ${formatMs(catchUp.p99Ms)} (p99), ${catchUpBoundMs} ms allowed`] : []),
    ...(Object.keys(failures).length > 0 ? [`clients failed: ${JSON.stringify(failures)}`] : []),
  ]
}

function tableOf(figures: Figures): Table {
  const { catchUp, catchUpByKind, outages } = figures
  const rows = [{ kind: 'all', catchUp }, ...catchUpByKind]
  const share = figures.received / figures.expected
  return {
    title: [
      `Drops: ${formatCount(figures.clients)} clients, ${formatCount(figures.published)} publications,`,
      `received ${formatCount(figures.received)} of ${formatCount(figures.expected)} (${(share * 100).toFixed(4)} %),`,
      `twice ${figures.twice}, gaps ${figures.gaps}; ${formatCount(outages)} outages,`,
      `${formatCount(figures.reconnects)} reconnects`,
    ].join(' '),
    columns: ['line afterwards', 'outages', 'caught up p50', 'p99', 'max'],
    rows: rows.map((row) => [
      row.kind,
      formatCount(row.catchUp.samples),
      formatMs(row.catchUp.p50Ms),
      formatMs(row.catchUp.p99Ms),
      formatMs(row.catchUp.maxMs),
    ]),
  }
}

function notesOf(rig: Rig, options: DropsOptions, figures: Figures): string[] {
  const { channels, publicationsPerSecond, outageSeconds, everySeconds, seed } = options
  const { clientsLateMs, proxyLateMs } = figures
  const isDisturbed = Math.max(clientsLateMs, proxyLateMs) > lagBoundMs
  const lateness = `clients ${formatMs(clientsLateMs)}, proxy ${formatMs(proxyLateMs)}`
  const rate = `${publicationsPerSecond} publications/s to ${channels} channels, ${channelsPerClient} of them per client`
  return [
    ...(rig.cores.isPinned
      ? ['The server and the proxy are pinned to cores of their own.']
      : conditions(rig)),
    `${rate}; a line is dark for ${outageSeconds} s, every ${everySeconds} s or so; seed ${seed}.`,
    `The node asks for a ping every ${pingMs} ms: at its default of 25 s a half-open line goes unnoticed for longer.`,
    `Late by themselves (p99): ${lateness}${isDisturbed ? ". Disturbed: the times are rather theirs than the node's." : '.'}`,
    `Time counts from the end of an outage until the client has all that was published before it; ${figures.outages} outages.`,
  ]
}
