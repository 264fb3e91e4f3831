/**
 * Programs of tests that run in a process of their own, because what they do to a store may end it.
 *
 * Owns starting store-program.ts and reading its lines. Bound: a child that is not told to end is killed with its test.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../../../support/until.ts'

const PROGRAM = fileURLToPath(new URL('./store-program.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** The unprivileged user of every Linux: what tests become that root would pass. */
export const NOBODY = 65_534

export interface Child {
  readonly pid: number
  /** Lines of stdout so far, each a JSON value. */
  readonly lines: readonly unknown[]
  readonly stderr: string
  /** Sends a line to its stdin. */
  tell(line: string): void
  kill(signal: NodeJS.Signals): void
  /** Waits for so many lines, and gives the last of them. */
  line(count: number): Promise<unknown>
  /** How it ended: its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
}

export interface ChildOptions {
  /** Bytes that no file may pass; a write beyond fails instead of ending the process */
  readonly maxFileBytes?: number
  /** Runs as a user without privileges; nothing changes for who has none */
  readonly isNobody?: boolean
}

export function startChild(t: TestContext, args: readonly string[], options: ChildOptions = {}): Child {
  const command = [process.execPath, '--import', 'tsx', PROGRAM, ...args]
  const limit = options.maxFileBytes
  // Of `ulimit -f` a unit is 1,024 bytes.
  const limited =
    limit === undefined
      ? command
      : ['bash', '-c', `trap '' XFSZ; ulimit -f ${Math.ceil(limit / 1_024)}; exec "$@"`, 'bash', ...command]
  const asNobody = options.isNobody && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  const [program = '', ...rest] = limited
  const child = spawn(program, rest, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'], ...asNobody })
  t.after(() => child.kill('SIGKILL'))
  return watch(child)
}

function watch(child: ChildProcess): Child {
  const lines: unknown[] = []
  let stderr = ''
  const { stdin, stdout } = child
  if (stdin === null || stdout === null || child.pid === undefined) throw new Error('No child')
  createInterface(stdout).on('line', (line) => lines.push(parsed(line)))
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  stdin.on('error', () => stdin.destroy())
  const ended = new Promise<number | NodeJS.Signals>((resolve) =>
    child.on('close', (code, signal) => resolve(signal ?? code ?? -1)),
  )
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  return {
    pid: child.pid,
    lines,
    get stderr() {
      return stderr
    },
    tell: (line) => void stdin.write(`${line}\n`),
    kill: (signal) => void child.kill(signal),
    async line(count) {
      await until(() => lines.length >= count || isOver, {
        withinMs: 30_000,
        what: () => `${count} lines, have ${lines.length}: ${stderr}`,
      })
      return lines[count - 1]
    },
    ended,
  }
}

/** A line that was cut by the end of the process is none. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null // The end of the process cut it.
  }
}
