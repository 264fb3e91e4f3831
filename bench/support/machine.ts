/**
 * What the figures were taken on and of: machine, kernel, Node, uWebSockets.js and commit.
 *
 * Owns the `machine` member of a bench's JSON. Reads once; what cannot be read is 'unknown'. Names no host.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { repository } from './paths.ts'

const bytesPerGb = 1024 ** 3

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  /** TCP congestion control: some pace what they send, even on loopback. */
  readonly congestionControl: string
  readonly node: string
  readonly uws: string
  /** Short commit, with `+` when the working tree differs from it. */
  readonly commit: string
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / bytesPerGb),
    kernel: `${process.platform} ${release()}`,
    congestionControl: congestionControl(),
    node: process.version,
    uws: uwsVersion(),
    commit: commit(),
  }
}

function congestionControl(): string {
  try {
    return readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim()
  } catch {
    return 'unknown' // not Linux
  }
}

/** Name and version of the package that stands behind `uWebSockets.js`. */
function uwsVersion(): string {
  const path = join(repository, 'node_modules', 'uWebSockets.js', 'package.json')
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof found !== 'object' || found === null) return 'unknown'
    const { name, version } = { name: 'unknown', version: '', ...found }
    return `${name}@${version}`
  } catch {
    return 'unknown' // not installed
  }
}

function commit(): string {
  try {
    const git = (...words: string[]) =>
      execFileSync('git', words, { cwd: repository, encoding: 'utf8' }).trim()
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+')
  } catch {
    return 'unknown' // no git, or not a clone
  }
}
