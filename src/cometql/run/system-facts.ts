/**
 * The machine the node runs on, as `SHOW … STATUS` tells of it.
 *
 * Owns the questions to the operating system and the reading of its small files. What a platform does not have is left
 * out of the answer, never guessed and never an error. Nothing is kept. Must not know of SQL.
 */
import { readFile, statfs } from 'node:fs/promises'
import { cpus, loadavg, uptime } from 'node:os'

/** A name and what it is, in the order in which they are shown. */
export type Fact = readonly [name: string, value: string]

const MS_PER_SECOND = 1000

/** Seconds since the machine started, and seconds that its processors did nothing, added up. */
export function uptimeFacts(): Fact[] {
  const idleMs = cpus().reduce((sum, { times }) => sum + times.idle, 0)
  return [
    ['os_uptime', String(Math.floor(uptime()))],
    ['os_idle', String(Math.floor(idleMs / MS_PER_SECOND))],
  ]
}

/**
 * Processes that ran on average over 1, 5 and 15 minutes, and those there are now.
 *
 * @param file another one than the kernel's, for tests
 */
export async function loadFacts(file = '/proc/loadavg'): Promise<Fact[]> {
  const averages = loadavg().map((average, at): Fact => [`load_avg_${at + 1}`, average.toFixed(2)])
  // 0.52 0.58 0.59 2/1083 27401
  const [, running, total] = /(\d+)\/(\d+)/.exec(await textOf(file)) ?? []
  if (running === undefined || total === undefined) return averages
  return [...averages, ['running_processes', running], ['total_processes', total]]
}

/** The lines of /proc/meminfo. */
export async function memoryFacts(file = '/proc/meminfo'): Promise<Fact[]> {
  const lines = (await textOf(file)).split('\n')
  return lines.flatMap((line) => {
    // MemTotal:       16318052 kB
    const [, name, value] = /^(\S+):\s+(.*\S)/.exec(line) ?? []
    return name === undefined || value === undefined ? [] : [[name, value] as const]
  })
}

/** Size and use of the file system that holds `path`, bytes; as `df` counts, what only root may use is not available. */
export async function filesystemFacts(path = '/'): Promise<Fact[]> {
  try {
    const { bsize, blocks, bfree, bavail } = await statfs(path)
    const used = blocks - bfree
    const share = used + bavail === 0 ? 0 : Math.ceil((used / (used + bavail)) * 100)
    return [
      ['filesystem', path],
      ['size', String(blocks * bsize)],
      ['used', String(used * bsize)],
      ['available', String(bavail * bsize)],
      ['use', `${share}%`],
    ]
  } catch {
    return [] // no such path, or a platform that does not tell
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    return '' // a platform without it
  }
}
