/**
 * Publishing: how many acknowledged publications per second one core takes on the publish port.
 *
 * 1. For each way of publishing (acknowledgements cumulative or each, JSON checked or trusted), start Encke afresh.
 * 2. One publisher on one connection keeps the window full of publications to a channel without subscribers.
 * 3. After a warm-up, count acknowledgements for `seconds`, `repeats` times; then wait for those still missing.
 *
 * Owns these steps and this table. Bound: one server and one generator at once.
 */
import { loadCells, loadColumns } from '../support/cells.ts'
import { type GeneratorFlags, openAll } from '../support/generator.ts'
import { startProgress } from '../support/progress.ts'
import { type PublishFigures, publishFaults, publishFigures } from '../support/publishing.ts'
import type { PublishReport } from '../support/reports.ts'
import { conditions, type Rig, type ScenarioResult } from '../support/rig.ts'
import { startEncke } from '../support/servers.ts'
import { formatCount, formatMs, type Table } from '../support/table.ts'
import { runTimes, type Turns } from '../support/timing.ts'
import { makeSecret } from '../support/tokens.ts'

export interface PublishOptions extends Turns {
  readonly sizes: readonly number[]
  /** Publications unanswered at once; 0 = what the node allows. */
  readonly window: number
}

type Acks = NonNullable<GeneratorFlags['acks']>

interface Way {
  readonly acks: Acks
  readonly isTrusted: boolean
}

const ways: readonly Way[] = [
  { acks: 'cumulative', isTrusted: false },
  { acks: 'each', isTrusted: false },
  { acks: 'cumulative', isTrusted: true },
]

interface Figures extends Way, PublishFigures {
  readonly size: number
}

export async function runPublish(rig: Rig, options: PublishOptions): Promise<ScenarioResult> {
  const progress = startProgress(options.sizes.length * ways.length)
  const figures: Figures[] = []
  const problems: string[] = []
  try {
    for (const size of options.sizes) {
      for (const way of ways) {
        progress.step(`publishing ${size} B, acks ${way.acks}, ${way.isTrusted ? 'trusted' : 'checked'}`)
        const turns = await publishOneWay(rig, options, size, way)
        figures.push({ ...way, size, ...publishFigures(turns) })
        problems.push(...publishFaults(`${size} B, acks ${way.acks}`, turns))
      }
    }
  } finally {
    progress.stop()
  }
  const window = options.window === 0 ? 'the window the node allows' : `a window of ${options.window}`
  const notes = [`One publisher, one connection, ${window}. Time to the ack is under a full window.`]
  return { tables: [tableOf(figures)], notes: [...conditions(rig), ...notes], problems, figures }
}

async function publishOneWay(
  rig: Rig,
  options: PublishOptions,
  size: number,
  way: Way,
): Promise<PublishReport[][]> {
  const key = makeSecret()
  const server = await startEncke(rig.cores, way.isTrusted ? ['--trusted-key', key] : ['--key', key])
  try {
    const flags = { ...server.flags, connections: 0, key, acks: way.acks }
    const generator = await openAll(rig.generatorCommand(0), flags, 'publishers')
    const turns: PublishReport[][] = []
    for (let turn = 0; turn < options.repeats; turn++) {
      const { window } = options
      turns.push([await generator.publish({ dataBytes: size, window, ...runTimes(options) })])
    }
    await generator.stop()
    return turns
  } finally {
    await server.stop()
  }
}

function tableOf(figures: readonly Figures[]): Table {
  return {
    title: 'Publish port, no subscribers (medians)',
    columns: ['acks', 'JSON', 'size', 'publications/s', 'ack p50', 'ack p99', ...loadColumns],
    rows: figures.map((row) => [
      row.acks,
      row.isTrusted ? 'trusted' : 'checked',
      String(row.size),
      formatCount(row.publicationsPerSecond),
      formatMs(row.latency.p50Ms),
      formatMs(row.latency.p99Ms),
      ...loadCells(row),
    ]),
  }
}
