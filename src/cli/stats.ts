/**
 * `encke stats`: the figures of a running node, for people.
 *
 * Owns the request to the internal HTTP port and the table. The table shows whatever figures the node gives, in the
 * order it gives them, so that a newer node needs no newer command. With --watch one request a second, no more.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { errorText } from '../errors.ts'
import type { Args, Command } from './command.ts'
import { CommandError, type ExitCode, exitCodes, usageError } from './exit.ts'
import { isOn, textOf } from './parse-args.ts'

const DEFAULT_URL = 'http://127.0.0.1:8081'
const REQUEST_TIMEOUT_MS = 5_000
const WATCH_EVERY_MS = 1_000
/** Cursor to the top left, erase all below (ECMA-48 CUP, ED). */
const CLEAR_SCREEN = '\u001b[H\u001b[J'

export const stats: Command = {
  name: 'stats',
  describe: 'Shows the figures of a running node: connections, channels, publications, deliveries.',
  positionals: [],
  flags: {
    url: { kind: 'text', describe: 'Internal HTTP address of the node', defaultText: DEFAULT_URL },
    key: { kind: 'text', describe: 'Key of the internal ports. Also ENCKE_KEY', defaultText: 'none' },
    json: { kind: 'switch', describe: 'Print the JSON of the node, one object per line' },
    watch: { kind: 'switch', describe: 'Show them anew every second, until interrupted' },
  },
  examples: [
    ['stats', 'The node on this machine'],
    ['stats --watch', 'Keep watching it'],
    ['stats --json --url http://10.0.0.5:8081', 'Another node, for scripts'],
  ],
  run,
}

async function run(args: Args): Promise<ExitCode> {
  const base = textOf(args, 'url', DEFAULT_URL)
  if (!URL.canParse('/api/stats', base))
    throw usageError(`Flag --url takes an address such as ${DEFAULT_URL}: got "${base}"`)
  const url = new URL('/api/stats', base)
  const key = textOf(args, 'key', process.env.ENCKE_KEY)
  const isJson = isOn(args, 'json')
  const redraws = isOn(args, 'watch') && !isJson && process.stdout.isTTY === true
  let hasReader = true
  process.stdout.on('error', () => {
    hasReader = false
  })
  for (;;) {
    const figures = await fetchFigures(url, key)
    const text = isJson ? JSON.stringify(figures) : figureTable(figures)
    console.log(`${redraws ? CLEAR_SCREEN : ''}${text}`)
    if (!isOn(args, 'watch')) return exitCodes.done
    await delay(WATCH_EVERY_MS)
    if (!hasReader) return exitCodes.done
  }
}

/**
 * Lays figures out as two columns; a nested object becomes a group with its name above.
 *
 * Numbers get separators of thousands, names in camel case become words.
 */
export function figureTable(figures: Readonly<Record<string, unknown>>): string {
  const rows = rowsOf(figures, '')
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows
    .map(([name, value]) => (value === '' ? name : `${name.padEnd(width)}  ${value.padStart(14)}`))
    .join('\n')
}

async function fetchFigures(url: URL, key: string): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = key === '' ? {} : { authorization: `Bearer ${key}` }
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) }).catch(
    (error) => {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
      throw new CommandError(
        exitCodes.unavailable,
        `Cannot reach a node at ${url.origin}: ${errorText(cause)}`,
      )
    },
  )
  const body: unknown = await response.json().catch(() => null)
  if (response.status === 401) {
    throw new CommandError(
      exitCodes.config,
      `The node at ${url.origin} does not take this key: give --key or ENCKE_KEY`,
    )
  }
  if (!response.ok || typeof body !== 'object' || body === null) {
    throw new CommandError(
      exitCodes.unavailable,
      `No figures from ${url.origin}: it answered with status ${response.status}`,
    )
  }
  return body as Record<string, unknown>
}

type Row = readonly [name: string, value: string]

function rowsOf(figures: Readonly<Record<string, unknown>>, indent: string): Row[] {
  return Object.entries(figures).flatMap(([name, value]): Row[] => {
    const label = indent + wordsOf(name)
    if (typeof value !== 'object' || value === null) return [[label, shown(value)]]
    return [[label, ''], ...rowsOf(value as Record<string, unknown>, `${indent}  `)]
  })
}

/** `uptimeSeconds` → `uptime seconds` */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function shown(value: unknown): string {
  return typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 1 }) : String(value)
}
