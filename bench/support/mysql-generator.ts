/**
 * The load generator that is a crowd of MySQL clients. A program of its own.
 *
 * Owns the conversation: flags in, `connected` out once all are logged in, then an order per line and a report for each;
 * mysql-orders.ts says which. Ends with its input, or when a connection ends. After a run with missing answers it ends too:
 * late ones would be counted into the next. Bound: one order at a time, connections as told.
 */
import { createInterface } from 'node:readline'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { errorText } from '../../src/errors.ts'
import { readMoment } from './cpu-window.ts'
import { MysqlClient } from './mysql-client.ts'
import { runInserts } from './mysql-inserts.ts'
import { readOrder } from './mysql-orders.ts'
import { runSelects } from './mysql-selects.ts'

const exitFailed = 70

const flags = await yargs(hideBin(process.argv))
  .options({
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'number', demandOption: true },
    user: { type: 'string', default: 'root' },
    password: { type: 'string', default: '' },
    connections: { type: 'number', default: 1 },
    'server-pid': { type: 'number', default: 0 },
    'server-core': { type: 'number', default: -1 },
  })
  .strict()
  .parseAsync()

const moment = () => readMoment(flags['server-pid'], flags['server-core'])

async function take(line: string, clients: readonly MysqlClient[]): Promise<void> {
  const order = readOrder(line)
  if (order.connections > clients.length)
    throw new Error(`Cannot ${order.order}: ${order.connections} of ${clients.length} connections wanted`)
  const chosen = clients.slice(0, order.connections)
  const report =
    order.order === 'insert'
      ? await runInserts(chosen, order, moment)
      : await runSelects(chosen, order, moment)
  say({ event: 'result', ...report })
  if (report.unanswered > 0) throw new Error(`${report.unanswered} commands were never answered`)
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function fail(reason: string): void {
  process.stdout.write(`${JSON.stringify({ event: 'error', message: reason })}\n`, () =>
    process.exit(exitFailed),
  )
}

try {
  const open = Array.from({ length: flags.connections }, () => MysqlClient.open(flags, fail))
  const clients = await Promise.all(open)
  say({ event: 'connected', established: clients.length })
  for await (const line of createInterface({ input: process.stdin })) await take(line, clients)
  process.exit()
} catch (thrown) {
  fail(errorText(thrown))
}
