/**
 * `encke stats`: the figures of a running node, for people.
 *
 * Owns the table and how often it is asked for. The table shows whatever figures the node gives, in the order it gives
 * them, so that a newer node needs no newer command. With --watch one request a second, no more.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Args, Command } from './command.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { askNode, nodeFlags } from './node-api.ts'
import { isOn } from './parse-args.ts'

const WATCH_EVERY_MS = 1_000
/** Cursor to the top left, erase all below (ECMA-48 CUP, ED). */
const CLEAR_SCREEN = '\u001b[H\u001b[J'

export const stats: Command = {
  name: 'stats',
  describe: 'Shows the figures of a running node: connections, channels, publications, deliveries.',
  positionals: [],
  flags: {
    ...nodeFlags,
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
  const isJson = isOn(args, 'json')
  const redraws = isOn(args, 'watch') && !isJson && process.stdout.isTTY === true
  let hasReader = true
  process.stdout.on('error', () => {
    hasReader = false
  })
  for (;;) {
    const { json: figures } = await askNode(args, '/api/stats')
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
