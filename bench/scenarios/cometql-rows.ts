/**
 * Large results over CometQL: step 3 of the scenario `cometql`.
 *
 * 1. Start Encke in memory and fill users_auth, 1,000 rows to an INSERT.
 * 2. One client selects the table again and again, as text and by a prepared statement in turn. Rows are counted as they
 *    arrive, and the node's resident memory is looked at meanwhile. Each result must have every row.
 * 3. Some clients select at once, with the longest column many times over, and read slowly for a while, then to the end.
 *    The node must not hold for them what they do not take.
 *
 * Owns these steps, these tables, and the bound on what slow readers may cost. Bound: one node, one generator.
 */
import { cpuCells, cpuColumns, loadCells, loadColumns } from '../support/cells.ts'
import { MysqlClient } from '../support/mysql-client.ts'
import { MysqlLoad } from '../support/mysql-load.ts'
import type { SelectReport } from '../support/mysql-orders.ts'
import { type PeakMemory, peakDuring } from '../support/peak-memory.ts'
import type { Rig } from '../support/rig.ts'
import { type EnckeServer, startEncke } from '../support/servers.ts'
import { type CpuShares, cpuShares, judge, median, type Verdict } from '../support/statistics.ts'
import { formatCount, formatRatio, type Table } from '../support/table.ts'
import { rotate, runTimes, type Turns } from '../support/timing.ts'
import { makeSecret } from '../support/tokens.ts'

const host = '127.0.0.1'
const user = 'root'
const rowsPerInsert = 1_000
/** As long as the table takes. */
const hashLength = 32
const wideColumns = 20
const rowsPerShare = 1_000
/** For results that are not whole when the time is over. */
const patienceMs = 5_000
const msPerSecond = 1_000
const bytesPerMb = 1e6
/** Slow readers cost too much when memory grows by this share of their results, and by more than its usual ups and downs. */
const heldShare = 0.5
const usualGrowthBytes = 64e6

const forms = ['text', 'prepared'] as const
type Form = (typeof forms)[number]

export interface RowOptions extends Turns {
  readonly rows: number
  readonly slowReaders: number
  readonly slowBytesPerSecond: number
}

interface SelectFigures extends PeakMemory {
  readonly form: Form
  /** Medians over the turns; memory is the largest of them. */
  readonly rowsPerSecond: number
  readonly bytesPerSecond: number
  readonly perRepeat: readonly number[]
  /** CPU seconds of the node per 1,000 rows. */
  readonly cpuSecondsPer1000: number
  /** Rows/s as a prepared statement over those as text, median over the turns; 1 for text. */
  readonly textRatio: number
  readonly cpu: CpuShares
  readonly verdict: Verdict
}

interface SlowFigures extends PeakMemory {
  readonly readers: number
  readonly bytesPerSecondEach: number
  readonly results: number
  readonly rows: number
  /** Of all results together. */
  readonly resultBytes: number
  readonly growthRatio: number
  readonly cpu: CpuShares
}

export interface RowFigures {
  readonly selects: readonly SelectFigures[]
  readonly slow: SlowFigures
}

export const rowNotes = [
  'MB before, at most: resident memory of the node right before and while the results went out, looked at every 10 ms.',
  'It includes garbage that V8 had no reason to collect yet; what counts with slow readers is its growth over their results.',
]

/** Steps of progress that `measureRows` takes. */
export function rowSteps({ repeats }: Turns): number {
  return forms.length * repeats + 2
}

export async function measureRows(
  rig: Rig,
  options: RowOptions,
  step: (label: string) => void,
  problems: string[],
): Promise<RowFigures> {
  step(`filling a table with ${formatCount(options.rows)} rows`)
  const password = makeSecret()
  const server = await startEncke(rig.cores, ['--cometql-password', password])
  try {
    await fill(server, password, options.rows)
    const { serverPid, serverCore } = server.flags
    const pinned = serverCore === undefined ? {} : { serverCore }
    const connections = Math.max(1, options.slowReaders)
    const flags = { port: server.cometqlPort, password, connections, serverPid, ...pinned }
    const load = await MysqlLoad.start(rig.cores.generator(0), flags)
    try {
      const selects = await measureSelects({ server, load, options, step, problems })
      step(`${options.slowReaders} clients that read slowly`)
      return { selects, slow: await measureSlow({ server, load, options, step, problems }) }
    } finally {
      await load.stop()
    }
  } finally {
    await server.stop()
  }
}

interface Run {
  readonly server: EnckeServer
  readonly load: MysqlLoad
  readonly options: RowOptions
  readonly step: (label: string) => void
  readonly problems: string[]
}

async function fill({ cometqlPort: port }: EnckeServer, password: string, count: number): Promise<void> {
  const client = await MysqlClient.open({ host, port, user, password })
  try {
    for (let from = 1; from <= count; from += rowsPerInsert) {
      const ids = Array.from({ length: Math.min(rowsPerInsert, count + 1 - from) }, (_, at) => from + at)
      const rows = ids.map((id) => `(${id}, '${String(id).padStart(hashLength, 'h')}')`)
      await client.run(`INSERT INTO users_auth (id, hash) VALUES ${rows.join(', ')}`)
    }
  } finally {
    client.end()
  }
}

type Turn = PeakMemory & { readonly result: SelectReport }

async function measureSelects({ server, load, options, step, problems }: Run): Promise<SelectFigures[]> {
  const turns = new Map<Form, Turn[]>(forms.map((form) => [form, []]))
  const order = {
    connections: 1,
    text: 'SELECT * FROM users_auth',
    bytesPerSecond: 0,
    ...runTimes(options),
    patienceMs,
  }
  for (let turn = 0; turn < options.repeats; turn++) {
    for (const form of rotate(forms, turn)) {
      step(`${formatCount(options.rows)} rows as ${form}, turn ${turn + 1}`)
      const isPrepared = form === 'prepared'
      const taken = await peakDuring(server.pid, () => load.select({ ...order, isPrepared }))
      turns.get(form)?.push(taken)
      problems.push(...resultFaults(`rows as ${form}`, taken.result, options.rows))
    }
  }
  return forms.map((form) => figuresOf(form, turns.get(form) ?? [], turns.get('text') ?? []))
}

function figuresOf(form: Form, turns: readonly Turn[], asText: readonly Turn[]): SelectFigures {
  const reports = turns.map(({ result }) => result)
  const middle = (pick: (report: SelectReport) => number) => median(reports.map(pick))
  const cpu = cpuShares(reports)
  const textRates = asText.map(({ result }) => rowRate(result))
  return {
    form,
    rowsPerSecond: middle(rowRate),
    bytesPerSecond: middle(({ bytes, seconds }) => bytes / seconds),
    perRepeat: reports.map(rowRate),
    cpuSecondsPer1000: middle(({ serverCpuSeconds, rows }) => (serverCpuSeconds / rows) * rowsPerShare),
    textRatio: median(reports.map((report, turn) => rowRate(report) / (textRates[turn] ?? Number.NaN))),
    baseBytes: Math.max(...turns.map(({ baseBytes }) => baseBytes)),
    peakBytes: Math.max(...turns.map(({ peakBytes }) => peakBytes)),
    cpu,
    verdict: judge(cpu),
  }
}

function rowRate({ rows, seconds }: SelectReport): number {
  return rows / seconds
}

async function measureSlow({ server, load, options, problems }: Run): Promise<SlowFigures> {
  const { slowReaders, slowBytesPerSecond: bytesPerSecond, rows } = options
  const columns = ['id', ...Array.from({ length: wideColumns }, (_, at) => `hash AS hash${at}`)]
  const text = `SELECT ${columns.join(', ')} FROM users_auth`
  const order = {
    connections: slowReaders,
    isPrepared: false,
    text,
    bytesPerSecond,
    ...runTimes(options),
    patienceMs,
  }
  const { result, baseBytes, peakBytes } = await peakDuring(server.pid, () => load.select(order))
  const growthBytes = peakBytes - baseBytes
  problems.push(...resultFaults('slow readers', result, rows), ...heldFaults(growthBytes, result.totalBytes))
  return {
    readers: slowReaders,
    bytesPerSecondEach: bytesPerSecond,
    results: result.results,
    rows,
    resultBytes: result.totalBytes,
    growthRatio: growthBytes / result.totalBytes,
    baseBytes,
    peakBytes,
    cpu: cpuShares([result]),
  }
}

/** What is wrong with results that should have had `rows` rows each; none in a sound run. */
export function resultFaults(where: string, report: SelectReport, rows: number): string[] {
  const { results, fewestRows, mostRows, refused, firstRefusal, unanswered } = report
  return [
    ...(refused > 0 ? [`${where}: ${formatCount(refused)} queries refused: ${firstRefusal}`] : []),
    ...(unanswered > 0 ? [`${where}: ${formatCount(unanswered)} results never came to their end`] : []),
    ...(results > 0 && (fewestRows !== rows || mostRows !== rows)
      ? [`${where}: results had ${formatCount(fewestRows)} to ${formatCount(mostRows)} rows of ${rows}`]
      : []),
    ...(results === 0 ? [`${where}: no result came to its end`] : []),
  ]
}

/** Whether the node held for slow readers what they did not take. */
export function heldFaults(growthBytes: number, resultBytes: number): string[] {
  if (growthBytes <= usualGrowthBytes || growthBytes <= resultBytes * heldShare) return []
  const growth = `${megabytes(growthBytes)} MB for results of ${megabytes(resultBytes)} MB`
  return [`slow readers: the memory of the node grew by ${growth}`]
}

export function rowTables({ selects, slow }: RowFigures): Table[] {
  const memory = ['MB before', 'MB at most']
  return [
    {
      title: 'SELECT * FROM users_auth, one client, all of it again and again (medians)',
      columns: ['rows as', 'rows/s', 'MB/s', '÷ text', 'CPU ms per 1,000', ...memory, ...loadColumns],
      rows: selects.map((row) => [
        row.form,
        formatCount(row.rowsPerSecond),
        megabytes(row.bytesPerSecond),
        row.form === 'text' ? '' : formatRatio(row.textRatio),
        (row.cpuSecondsPer1000 * msPerSecond).toFixed(2),
        megabytes(row.baseBytes),
        megabytes(row.peakBytes),
        ...loadCells(row),
      ]),
    },
    {
      title: `${slow.readers} clients that read ${formatCount(slow.bytesPerSecondEach / 1e3)} KB/s each, then to the end`,
      columns: ['results', 'rows each', 'MB of results', ...memory, 'growth ÷ results', ...cpuColumns],
      rows: [
        [
          formatCount(slow.results),
          formatCount(slow.rows),
          megabytes(slow.resultBytes),
          megabytes(slow.baseBytes),
          megabytes(slow.peakBytes),
          formatRatio(slow.growthRatio),
          ...cpuCells(slow.cpu),
        ],
      ],
    },
  ]
}

function megabytes(bytes: number): string {
  return (bytes / bytesPerMb).toFixed(1)
}
