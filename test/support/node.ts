/**
 * Real nodes for tests: `encke serve` as a child process on free ports.
 *
 * Owns `startNode` and `runEncke`. From source by default, the built dist/ with environment variable ENCKE_TEST_DIST. A node
 * that does not get ready in time, or dies, fails the test with what it said; none outlives its test.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'

/** Longer than the 300 ms a node takes: tests share the machine, and tsx compiles on the way. */
const READY_WITHIN_MS = 30_000
/** Longer than the drain of a node. */
const STOP_WITHIN_MS = 15_000

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface TestNode {
  /** Such as http://127.0.0.1:40001 */
  readonly publicUrl: string
  readonly wsUrl: string
  readonly internalUrl: string
  readonly publicPort: number
  readonly internalPort: number
  readonly publishPort: number
  /** 0 = there is none */
  readonly cometqlPort: number
  readonly pid: number
  stdout(): string
  stderr(): string
  /** Sends `signal` (default SIGTERM) and resolves to the exit code; null when the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

interface ReadyFile {
  readonly pid: number
  readonly public: { readonly port: number }
  readonly internal: { readonly port: number }
  readonly publish: { readonly port: number }
  readonly cometql?: { readonly port: number }
}

/** Command and first arguments that mean `encke`. */
export const enckeCommand: readonly string[] = process.env.ENCKE_TEST_DIST
  ? [process.execPath, join(ROOT, 'dist', 'main.js')]
  : [process.execPath, '--import', 'tsx', join(ROOT, 'src', 'main.ts')]

/**
 * Starts a node on free ports of 127.0.0.1 that lives no longer than the test.
 *
 * @param t the test that owns it; it is stopped when the test ends
 * @param flags further flags of `serve`; a later flag wins, so `--port 8080` is possible too
 * @param env environment variables on top of this process's own, of which ENCKE_… are not handed on
 */
export async function startNode(
  t: TestContext,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<TestNode> {
  const folder = mkdtempSync(join(tmpdir(), 'encke-node-'))
  const readyFile = join(folder, 'ready.json')
  const child = runEncke(['serve', ...withDefaults(flags), '--ready-file', readyFile], env)
  atEnd(t, async () => {
    await stop(child.process, 'SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  })
  await until(() => isReady(child, readyFile), {
    withinMs: READY_WITHIN_MS,
    what: () => `a node to be ready; it said:\n${child.stderr()}`,
  })
  if (child.process.exitCode !== null || child.process.signalCode !== null) {
    throw new Error(`The node ended with ${child.process.exitCode} before it was ready:\n${child.stderr()}`)
  }
  const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as ReadyFile
  return {
    publicUrl: `http://127.0.0.1:${ready.public.port}`,
    wsUrl: `ws://127.0.0.1:${ready.public.port}/ws`,
    internalUrl: `http://127.0.0.1:${ready.internal.port}`,
    publicPort: ready.public.port,
    internalPort: ready.internal.port,
    publishPort: ready.publish.port,
    cometqlPort: ready.cometql?.port ?? 0,
    pid: ready.pid,
    stdout: child.stdout,
    stderr: child.stderr,
    stop: (signal = 'SIGTERM') => stop(child.process, signal),
  }
}

export interface RunningCommand {
  readonly process: ChildProcess
  stdout(): string
  stderr(): string
  /** Resolves to the exit code once it has ended and all it wrote has been read. */
  readonly ended: Promise<number | null>
}

/** Runs `encke` with `args`. */
export function runEncke(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningCommand {
  const [command = '', ...first] = enckeCommand
  return runCommand(command, [...first, ...args], env)
}

/** Runs any command in the root of the repository, its output collected. */
export function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): RunningCommand {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...ownEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
    })
  }
  return {
    process: child,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    ended: once(child, 'close').then(([code]) => code as number | null),
  }
}

/** The environment of this process without what would configure a node. */
export function ownEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ENCKE_')))
}

/** Free ports and short drains, unless the flags say otherwise. */
function withDefaults(flags: readonly string[]): string[] {
  const defaults = {
    '--host': '127.0.0.1',
    '--port': '0',
    '--internal-port': '0',
    '--publish-port': '0',
    '--cometql-port': '0',
    '--drain-ms': '100',
    '--data-dir': 'none',
  }
  const missing = Object.entries(defaults).filter(([name]) => !flags.includes(name))
  return [...missing.flat(), ...flags]
}

/** True as well when the child has ended: waiting any longer is no use then. */
function isReady({ process }: RunningCommand, readyFile: string): boolean {
  if (process.exitCode !== null || process.signalCode !== null) return true
  try {
    JSON.parse(readFileSync(readyFile, 'utf8'))
    return true
  } catch {
    return false // not written yet
  }
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const ended = once(child, 'close')
  child.kill(signal)
  const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  await ended
  clearTimeout(deadline)
  return child.exitCode
}
