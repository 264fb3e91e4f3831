/**
 * The command line as a real child process.
 *
 * Owns starting it, from where node.ts starts nodes, without any ENCKE_ variable of the person who runs the tests,
 * collecting what it prints, and making sure it has ended when the test has. Bound: a minute per process, then it is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { enckeCommand, ownEnv } from './node.ts'
import { until } from './until.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MAX_LIFE_MS = 60_000

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Text for stdin; undefined = stdin is closed at once */
  readonly input?: string
  /** Modules to import before the program. */
  readonly preload?: readonly string[]
}

export interface CliEnd {
  /** Exit code, or the signal that ended it */
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliProcess {
  readonly child: ChildProcess
  /** What it has printed so far */
  stdout(): string
  stderr(): string
  readonly ended: Promise<CliEnd>
}

/** Where a node that was started by `startServe` listens. */
export interface ServeProcess extends CliProcess {
  readonly ready: Readonly<
    Record<'public' | 'internal' | 'publish', { readonly host: string; readonly port: number }>
  >
  readonly readyFile: string
}

/** Starts `encke …args`; it is killed if it outlives the test. */
export function startCli(t: TestContext, args: readonly string[], options: CliOptions = {}): CliProcess {
  const [program = '', ...first] = enckeCommand
  const preload = (options.preload ?? []).flatMap((name) => ['--import', name])
  const child = spawn(program, [...preload, ...first, ...args], {
    cwd: ROOT,
    env: { ...ownEnv(), ...options.env },
    timeout: MAX_LIFE_MS,
    killSignal: 'SIGKILL',
  })
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text
    })
  }
  child.stdin.on('error', () => {}) // it ended without reading all of it, which its exit code tells
  child.stdin.end(options.input ?? '')
  const ended = new Promise<CliEnd>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code: code ?? signal, ...printed }))
  })
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, stdout: () => printed.stdout, stderr: () => printed.stderr, ended }
}

/** Runs `encke …args` to its end. */
export function runCli(t: TestContext, args: readonly string[], options: CliOptions = {}): Promise<CliEnd> {
  return startCli(t, args, options).ended
}

/** Starts a node on free ports of loopback and waits until it is ready. */
export async function startServe(
  t: TestContext,
  folder: string,
  args: readonly string[] = [],
  options: CliOptions = {},
): Promise<ServeProcess> {
  const readyFile = join(folder, 'ready.json')
  const ports = ['--port=0', '--internal-port=0', '--publish-port=0', '--cometql-port=0', '--host=127.0.0.1']
  const data = args.some((arg) => arg.startsWith('--data-dir')) ? [] : ['--data-dir=none']
  const node = startCli(t, ['serve', ...ports, ...data, `--ready-file=${readyFile}`, ...args], options)
  const { child } = node
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  await until(() => hasEnded() || node.stdout().includes('Encke is ready'), { withinMs: MAX_LIFE_MS })
  if (!existsSync(readyFile)) throw new Error(`The node did not start: ${node.stderr()}`)
  const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as ServeProcess['ready']
  return { ...node, ready, readyFile }
}
