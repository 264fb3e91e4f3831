/**
 * The three servers a bench may measure: Encke, bare uWebSockets.js, and the C ceiling.
 *
 * Owns how each is started, pinned and asked where it listens. All are separate processes that listen on loopback
 * at ports the system picks. Encke is the real product: `dist/main.js serve` with a ready file.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild, stopChild } from './children.ts'
import type { Cores } from './cores.ts'
import type { GeneratorFlags } from './generator.ts'
import { enckeProgram, repository, temporaryFile } from './paths.ts'
import { numberIn, readReportLines } from './report-lines.ts'

const startDeadlineMs = 20_000
const pollMs = 5
const bareProgram = join(repository, 'bench', 'support', 'bare-uws.ts')

export interface BenchServer {
  readonly pid: number
  /** What a generator needs to know to talk to this server. */
  readonly flags: Pick<
    GeneratorFlags,
    'transport' | 'publisher' | 'port' | 'publishPort' | 'serverPid' | 'serverCore'
  >
  stop(): Promise<void>
}

export interface EnckeServer extends BenchServer {
  readonly publicPort: number
  readonly internalPort: number
  readonly publishPort: number
  readonly cometqlPort: number
}

let enckeCount = 0

/** Starts Encke, in memory unless `options` name a folder. @param options flags of `serve` beyond the addresses */
export async function startEncke(cores: Cores, options: readonly string[] = []): Promise<EnckeServer> {
  const readyFile = temporaryFile(`ready-${enckeCount++}.json`)
  const listeners = [
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--internal-port',
    '0',
    '--publish-port',
    '0',
    '--cometql-port',
    '0',
  ]
  const store = options.includes('--data-dir') ? [] : ['--data-dir', 'none']
  const rest = ['--ready-file', readyFile, '--log-level', 'warn', ...store, ...options]
  const child = await startChild([
    ...cores.server,
    process.execPath,
    enckeProgram,
    'serve',
    ...listeners,
    ...rest,
  ])
  child.process.stdout?.resume()
  const ready = await readWhenThere(child, readyFile)
  const publicPort = portOf(ready, 'public')
  const publishPort = portOf(ready, 'publish')
  const flags = {
    transport: 'websocket',
    publisher: 'encke',
    port: publicPort,
    publishPort,
    ...whereItRuns(child, cores),
  } as const
  const ports = {
    publicPort,
    publishPort,
    internalPort: portOf(ready, 'internal'),
    cometqlPort: portOf(ready, 'cometql'),
  }
  return { pid: child.pid, flags, ...ports, stop: () => stopChild(child) }
}

export async function startBareUws(cores: Cores): Promise<BenchServer> {
  const child = await startChild([...cores.server, process.execPath, '--import', 'tsx', bareProgram])
  return takeReady(child, cores, 'bare uWebSockets.js', 'websocket')
}

/** @param program path of the compiled ceiling */
export async function startCeiling(cores: Cores, program: string): Promise<BenchServer> {
  const child = await startChild([...cores.server, program])
  return takeReady(child, cores, 'C ceiling', 'tcp')
}

async function takeReady(
  child: Child,
  cores: Cores,
  name: string,
  transport: 'websocket' | 'tcp',
): Promise<BenchServer> {
  const line = await readReportLines(child, name).next('ready', startDeadlineMs)
  const flags = {
    transport,
    publisher: 'rounds',
    port: numberIn(line, 'port'),
    publishPort: numberIn(line, 'controlPort'),
    ...whereItRuns(child, cores),
  } as const
  return { pid: child.pid, flags, stop: () => stopChild(child) }
}

/** What a generator reads the server's CPU time by. */
function whereItRuns(child: Child, cores: Cores) {
  return cores.isPinned ? { serverPid: child.pid, serverCore: cores.serverCore } : { serverPid: child.pid }
}

async function readWhenThere(child: Child, path: string): Promise<unknown> {
  const endMs = performance.now() + startDeadlineMs
  while (performance.now() < endMs) {
    if (child.process.exitCode !== null) break
    if (existsSync(path)) {
      const text = readFileSync(path, 'utf8')
      if (text.trimEnd().endsWith('}')) return JSON.parse(text)
    }
    await sleep(pollMs)
  }
  throw new Error(`Encke did not become ready: ${child.complaint().trim() || 'it said nothing'}`)
}

function portOf(ready: unknown, listener: string): number {
  const found = typeof ready === 'object' && ready !== null ? Reflect.get(ready, listener) : undefined
  const port: unknown = typeof found === 'object' && found !== null ? Reflect.get(found, 'port') : undefined
  if (typeof port !== 'number') throw new Error(`The ready file names no port for "${listener}"`)
  return port
}
