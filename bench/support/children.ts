/**
 * The processes a bench starts, and the promise that none outlives it.
 *
 * Owns the list of children that are alive: they are killed when the bench exits, however it exits, save SIGKILL.
 * Every wait on a child has a deadline. Bound: the children of one scenario. Must not know what the children do.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const stopMs = 3_000
const stderrKept = 4_000
const alive = new Set<ChildProcess>()

export interface Child {
  readonly process: ChildProcess
  readonly pid: number
  /** The end of what the child wrote to stderr. */
  complaint(): string
}

/** Starts a program with pipes for its standard streams. The first word of `command` is found on PATH. */
export async function startChild(command: readonly string[]): Promise<Child> {
  const [program = '', ...rest] = command
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  let complaint = ''
  child.stderr.on('data', (bytes: Buffer) => {
    complaint = (complaint + bytes.toString()).slice(-stderrKept)
  })
  child.stdin.on('error', () => {}) // a child that is gone shows as its exit
  await once(child, 'spawn')
  return { process: child, pid: child.pid ?? 0, complaint: () => complaint }
}

/** Asks a child to end, and ends it after `stopMs`. Resolves once it is gone. */
export async function stopChild(child: Child): Promise<void> {
  const { process: running } = child
  if (running.exitCode !== null || running.signalCode !== null) return
  const gone = once(running, 'exit')
  const impatient = setTimeout(() => running.kill('SIGKILL'), stopMs)
  running.kill('SIGTERM')
  await gone
  clearTimeout(impatient)
}

/** Makes sure that children die with this process. Call once. */
export function killChildrenAtExit(): void {
  process.on('exit', killAll)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143))
  }
}

/**
 * Resolves like `promise`, or rejects once `deadlineMs` have passed.
 *
 * @param what for the message: `No <what> within …`
 */
export async function within<T>(deadlineMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No ${what} within ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function killAll(): void {
  for (const child of alive) child.kill('SIGKILL')
}
