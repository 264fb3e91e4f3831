/**
 * A generator of MySQL clients as a scenario uses it: orders in, reports out.
 *
 * Owns the scenario's side of the conversation that mysql-generator.ts holds. Every order has a deadline of its own length
 * plus a margin.
 */
import { join } from 'node:path'
import { type Child, startChild, stopChild } from './children.ts'
import {
  type InsertOrder,
  type InsertReport,
  insertReport,
  type Order,
  type SelectOrder,
  type SelectReport,
  selectReport,
} from './mysql-orders.ts'
import { repository } from './paths.ts'
import { type Line, type ReportLines, readReportLines } from './report-lines.ts'

const openDeadlineMs = 30_000
const marginMs = 60_000
const program = join(repository, 'bench', 'support', 'mysql-generator.ts')

export interface MysqlLoadFlags {
  readonly port: number
  /** Default: root */
  readonly user?: string
  readonly password?: string
  readonly connections: number
  readonly serverPid: number
  /** Core the server is pinned to. */
  readonly serverCore?: number
}

export class MysqlLoad {
  readonly #child: Child
  readonly #lines: ReportLines

  private constructor(child: Child, lines: ReportLines) {
    this.#child = child
    this.#lines = lines
  }

  /**
   * Starts a generator and resolves once every connection is logged in.
   *
   * @param pinning words before its command
   * @throws {Error} with the server's words when one is refused
   */
  static async start(pinning: readonly string[], flags: MysqlLoadFlags): Promise<MysqlLoad> {
    const child = await startChild([
      ...pinning,
      process.execPath,
      '--import',
      'tsx',
      program,
      ...flagWords(flags),
    ])
    const lines = readReportLines(child, 'MySQL generator')
    try {
      await lines.next('connected', openDeadlineMs)
      return new MysqlLoad(child, lines)
    } catch (thrown) {
      await stopChild(child)
      throw thrown
    }
  }

  async insert(order: InsertOrder): Promise<InsertReport> {
    return insertReport(await this.#give({ order: 'insert', ...order }))
  }

  async select(order: SelectOrder): Promise<SelectReport> {
    return selectReport(await this.#give({ order: 'select', ...order }))
  }

  /** Ends the process. */
  stop(): Promise<void> {
    return stopChild(this.#child)
  }

  #give(order: Order): Promise<Line> {
    this.#child.process.stdin?.write(`${JSON.stringify(order)}\n`)
    return this.#lines.next('result', order.warmUpMs + order.measuredMs + marginMs)
  }
}

function flagWords(flags: MysqlLoadFlags): string[] {
  const words = {
    port: flags.port,
    user: flags.user,
    password: flags.password,
    connections: flags.connections,
    'server-pid': flags.serverPid,
    'server-core': flags.serverCore,
  }
  return Object.entries(words).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${String(value)}`],
  )
}
