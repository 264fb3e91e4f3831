/**
 * Who runs on which core: the servers on the first one allowed, the generators on the others.
 *
 * Owns the reading of the allowed cores and the `taskset` prefix. With one core or without `taskset` nothing is
 * pinned, and the report says so. Bound: reads two things once.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Cores {
  readonly isPinned: boolean
  /** Number of the servers' core; -1 when nothing is pinned. */
  readonly serverCore: number
  /** Words to put before a server's command. */
  readonly server: readonly string[]
  /** Words to put before the command of generator `index`; generators share cores when there are too few. */
  generator(index: number): readonly string[]
}

export function assignCores(): Cores {
  const [first, ...others] = hasTaskset() ? allowedCores() : []
  if (first === undefined || others.length === 0) {
    return { isPinned: false, serverCore: -1, server: [], generator: () => [] }
  }
  return {
    isPinned: true,
    serverCore: first,
    server: pin(first),
    generator: (index) => pin(others[index % others.length] ?? first),
  }
}

/** Numbers of a list such as `0-2,5`, as Linux writes sets of cores. */
export function parseCoreList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [from = 0, to = from] = part.split('-').map(Number)
      return Array.from({ length: to - from + 1 }, (_, step) => from + step)
    })
}

function pin(core: number): string[] {
  return ['taskset', '-c', String(core)]
}

function allowedCores(): number[] {
  try {
    const list = /^Cpus_allowed_list:(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return parseCoreList(list ?? '')
  } catch {
    return [] // no /proc: not Linux
  }
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false // not installed
  }
}
