/**
 * Connections: how fast they are taken, and what one costs in memory while it idles.
 *
 * 1. Rate: start the servers needed, let a generator per server open its share with a bounded number under way;
 *    a connection counts once connect and subscribe are answered. All leave and come once more: the first rush meets a
 *    process whose code has not been compiled yet, the second one that has run. Repeat; with --compare take turns with
 *    bare uWebSockets.js, which upgrades and answers two messages.
 * 2. Memory: start afresh, read the servers' resident memory, connect (by default each connection as a user of its
 *    own, with a token: session, shared channel, user channel), wait until memory stands still, read it again.
 * 3. Check that the connections are all still there.
 *
 * Owns these steps and these tables. Bound: one server and one generator process per `perProcess` connections.
 */
import { loadCells, loadColumns } from '../support/cells.ts'
import { sumOf } from '../support/deliveries.ts'
import { Generator } from '../support/generator.ts'
import { type IdleMemory, idleTable, measureIdle } from '../support/idle-memory.ts'
import { descriptorsBelow, openDescriptors } from '../support/process-status.ts'
import { type Progress, startProgress } from '../support/progress.ts'
import type { ConnectReport } from '../support/reports.ts'
import { conditions, type Rig, type ScenarioResult } from '../support/rig.ts'
import { type BenchServer, startBareUws, startEncke } from '../support/servers.ts'
import { type Share, sharesOf } from '../support/shares.ts'
import {
  type CpuShares,
  cpuShares,
  judge,
  median,
  type Percentiles,
  percentiles,
  type Verdict,
} from '../support/statistics.ts'
import { formatCount, formatMs, formatRatio, type Table } from '../support/table.ts'
import { makeSecret, writeTokens } from '../support/tokens.ts'

/** Descriptors of a process are limited (20,000 on common test machines) and it needs some for itself. */
const perProcess = 19_000
const nsPerSecond = 1e9
/** Time for a server to close what a generator left, and descriptors it may keep beyond those it had. */
const leaveMs = 20_000
const spareDescriptors = 8
const idleServerBytes = 'RSS of the server process, kernel socket buffers not included'

export interface ConnectionsOptions {
  readonly connections: number
  /** Connections being opened at once, per generator. */
  readonly window: number
  readonly repeats: number
  /** Connect without tokens in the memory measurement too. */
  readonly anonymous: boolean
  /** Connect with tokens in the rate measurement too. */
  readonly rateWithUsers: boolean
  readonly compare: boolean
  /** Longest wait for memory to stand still. */
  readonly settleSeconds: number
}

type TargetName = 'encke' | 'bare uWS'
const rushes = ['first', 'second'] as const
type Rush = (typeof rushes)[number]

interface RateFigures {
  readonly target: TargetName
  readonly rush: Rush
  readonly connections: number
  readonly users: boolean
  readonly connectionsPerSecond: number
  readonly perRepeat: readonly number[]
  /** Connections over CPU time of the servers. */
  readonly connectionsPerCpuSecond: number
  /** From connect() to the last reply. */
  readonly opening: Percentiles
  readonly cpu: CpuShares
  readonly verdict: Verdict
}

interface MemoryFigures extends IdleMemory {
  readonly target: TargetName
  readonly users: boolean
}

export async function runConnections(rig: Rig, options: ConnectionsOptions): Promise<ScenarioResult> {
  const targets: TargetName[] = options.compare ? ['encke', 'bare uWS'] : ['encke']
  const progress = startProgress(targets.length * (options.repeats + 1))
  const problems: string[] = []
  try {
    const rates = await measureRates(rig, options, targets, progress, problems)
    const memory: MemoryFigures[] = []
    for (const target of targets) {
      progress.step(`${target}: memory of ${formatCount(options.connections)} connections`)
      memory.push(await measureMemory(rig, options, target, problems))
    }
    const processes = sharesOfServers(options.connections).length
    const notes = [`${processes} server process(es) of at most ${formatCount(perProcess)} connections each.`]
    return {
      tables: [rateTable(rates), idleTable('Memory of idle connections', memoryColumns, memory)],
      notes: [...conditions(rig), ...notes, `Memory is ${idleServerBytes}.`],
      problems,
      figures: { rates, memory },
    }
  } finally {
    progress.stop()
  }
}

/** What each server gets, and its generator. */
function sharesOfServers(connections: number): Share[] {
  return sharesOf(connections, Math.max(1, Math.ceil(connections / perProcess)))
}

async function measureRates(
  rig: Rig,
  options: ConnectionsOptions,
  targets: readonly TargetName[],
  progress: Progress,
  problems: string[],
): Promise<RateFigures[]> {
  const kinds = targets.flatMap((target) =>
    rushes.map((rush) => ({ target, rush, turns: [] as ConnectReport[][] })),
  )
  for (let turn = 0; turn < options.repeats; turn++) {
    for (const target of targets) {
      progress.step(`${target}: connecting ${formatCount(options.connections)} twice, turn ${turn + 1}`)
      const secret = options.rateWithUsers && target === 'encke' ? makeSecret() : undefined
      const servers = await startServers(rig, options, target, secret)
      for (const kind of kinds.filter((one) => one.target === target)) {
        const taken = await rush(rig, options, servers, secret)
        problems.push(...failuresOf(target, taken))
        kind.turns.push(taken)
      }
      await Promise.all(servers.map((server) => server.stop()))
    }
  }
  return kinds.map((kind) => rateFigures(kind.target, kind.rush, kind.turns, options))
}

/** All connect, then all leave; over when the servers have closed their sides. */
async function rush(
  rig: Rig,
  options: ConnectionsOptions,
  servers: readonly BenchServer[],
  secret: string | undefined,
): Promise<ConnectReport[]> {
  const idle = servers.map((server) => openDescriptors(server.pid))
  const generators = await gather(rig, options, servers, secret)
  await Promise.all(generators.map((generator) => generator.stop()))
  for (const [index, server] of servers.entries()) {
    await descriptorsBelow(server.pid, (idle[index] ?? 0) + spareDescriptors, leaveMs)
  }
  return generators.map((generator) => generator.connected)
}

function rateFigures(
  target: TargetName,
  rush: Rush,
  turns: readonly ConnectReport[][],
  options: ConnectionsOptions,
): RateFigures {
  const perRepeat = turns.map((taken) => {
    const seconds = wallSeconds(taken)
    return sumOf(taken, (each) => each.established) / seconds
  })
  const cpu = turns.map((taken) => ({
    seconds: wallSeconds(taken),
    serverCpuSeconds: sumOf(taken, (each) => each.serverCpuSeconds),
    generatorCpuSeconds: sumOf(taken, (each) => each.generatorCpuSeconds),
    serverWaitSeconds: Math.max(...taken.map((each) => each.serverWaitSeconds)),
    stolenSeconds: Math.max(...taken.map((each) => each.stolenSeconds)),
  }))
  const shares = cpuShares(cpu)
  return {
    target,
    rush,
    connections: options.connections,
    users: options.rateWithUsers && target === 'encke',
    connectionsPerSecond: median(perRepeat),
    perRepeat,
    connectionsPerCpuSecond: median(cpu.map((each) => options.connections / each.serverCpuSeconds)),
    opening: percentiles(turns.flat().map((each) => each.openingNs)),
    cpu: shares,
    verdict: judge(shares),
  }
}

/** From the first connect() of any generator to the last connection that became ready. */
function wallSeconds(taken: readonly ConnectReport[]): number {
  const first = Math.min(...taken.map((each) => each.firstNs))
  const last = Math.max(...taken.map((each) => each.lastNs))
  return (last - first) / nsPerSecond
}

async function measureMemory(
  rig: Rig,
  options: ConnectionsOptions,
  target: TargetName,
  problems: string[],
): Promise<MemoryFigures> {
  const users = !options.anonymous && target === 'encke'
  const secret = users ? makeSecret() : undefined
  const servers = await startServers(rig, options, target, secret)
  const open = async () => {
    const generators = await gather(rig, options, servers, secret)
    const taken = generators.map((generator) => generator.connected)
    problems.push(...failuresOf(target, taken))
    return generators
  }
  try {
    return { target, users, ...(await measureIdle(servers, open, options.settleSeconds, problems)) }
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
  }
}

async function startServers(
  rig: Rig,
  options: ConnectionsOptions,
  target: TargetName,
  secret: string | undefined,
): Promise<BenchServer[]> {
  const flags = secret === undefined ? [] : ['--token-secret', secret]
  const start = () => (target === 'encke' ? startEncke(rig.cores, flags) : startBareUws(rig.cores))
  const servers: BenchServer[] = []
  for (const _ of sharesOfServers(options.connections)) servers.push(await start())
  return servers
}

/** Connects a generator to each server, all at the same time. */
async function gather(
  rig: Rig,
  options: ConnectionsOptions,
  servers: readonly BenchServer[],
  secret: string | undefined,
): Promise<Generator[]> {
  const shares = sharesOfServers(options.connections).map(({ first, count }) => ({
    connections: count,
    ...(secret === undefined ? {} : { tokens: writeTokens(secret, 1 + first, count) }),
  }))
  return Promise.all(
    servers.map((server, index) =>
      Generator.start(rig.generatorCommand(index), {
        ...server.flags,
        connections: 0,
        ...shares[index],
        window: options.window,
      }),
    ),
  )
}

function failuresOf(target: TargetName, taken: readonly ConnectReport[]): string[] {
  return taken
    .filter((each) => each.failed > 0)
    .map(
      (each) => `${target}: ${formatCount(each.failed)} connections failed: ${JSON.stringify(each.reasons)}`,
    )
}

function rateTable(figures: readonly RateFigures[]): Table {
  const bare = (rush: Rush) =>
    figures.find((row) => row.target === 'bare uWS' && row.rush === rush)?.connectionsPerSecond ?? Number.NaN
  return {
    title: 'Connection rate (medians; connected and subscribed)',
    columns: [
      'target',
      'rush',
      'connections',
      'users',
      'connections/s',
      '÷ bare',
      'per CPU s',
      'p50',
      'p99',
      ...loadColumns,
    ],
    rows: figures.map((row) => [
      row.target,
      row.rush,
      formatCount(row.connections),
      row.users ? 'distinct' : 'none',
      formatCount(row.connectionsPerSecond),
      formatRatio(row.connectionsPerSecond / bare(row.rush)),
      formatCount(row.connectionsPerCpuSecond),
      formatMs(row.opening.p50Ms),
      formatMs(row.opening.p99Ms),
      ...loadCells(row),
    ]),
  }
}

const memoryColumns = {
  columns: ['target', 'users'],
  cells: (row: MemoryFigures) => [row.target, row.users ? 'distinct' : 'none'],
}
