/**
 * `SHOW … STATUS`: the node, or the machine, as names and values.
 *
 * Owns which names there are: CppComet's, which scripts of operators scrape, then the few of MySQL that tools look for.
 * `frontend` is who receives, `backend` is who publishes over MySQL. Of the tenant are its id and its users online; what the
 * node counts it counts for all tenants together. A number that nobody counts here is 0 and said to be so below. Everything
 * is asked for anew; who is online costs O(channels of the node).
 */
import { USER_CHANNEL_MARK } from '../../core/names.ts'
import type { Row } from '../answer.ts'
import type { StatusScope } from '../sql/statement.ts'
import type { NodeStats, RunContext } from './context.ts'
import { filesystemFacts, loadFacts, memoryFacts, uptimeFacts } from './system-facts.ts'

/** What rates are measured over. */
const RATE_SECONDS = 5
const SECONDS_PER_HOUR = 3_600
const SECONDS_PER_DAY = 86_400

/** The metric that counts statements, of all connections */
const STATEMENTS = 'encke_cometql_statements_total'

/** Rows of name and value; values are texts or numbers. */
export async function statusRows(scope: StatusScope, context: RunContext): Promise<readonly Row[]> {
  switch (scope) {
    case 'session':
      return sessionRows(context)
    case 'global':
      return globalRows(context)
    case 'uptime':
      return uptimeFacts()
    case 'avg':
      return loadFacts()
    case 'ram':
      return memoryFacts()
    case 'filesystem':
      return filesystemFacts()
  }
}

async function sessionRows(context: RunContext): Promise<Row[]> {
  const stats = await context.facts.stats()
  return [
    ['flag', 'session'],
    ['id', context.tenant],
    ['user_online', await usersOnline(context)],
    ['server_online', context.facts.connections()],
    ['messages', stats.totals.publications],
    ...mysqlRows(stats, context),
  ]
}

/** Users of the tenant with a session. */
async function usersOnline({ broker, tenant }: RunContext): Promise<number> {
  let count = 0
  for await (const batch of broker.channels(tenant)) {
    for (const { channel, subscribers } of batch) {
      if (subscribers > 0 && channel.startsWith(USER_CHANNEL_MARK)) count++
    }
  }
  return count
}

async function globalRows(context: RunContext): Promise<Row[]> {
  const { facts } = context
  const stats = await facts.stats()
  const { uptimeSeconds, counts, totals, perSecond } = stats
  return [
    ['flag', 'global'],
    ['uptime', Math.floor(uptimeSeconds)],
    ['uptime_in_hours', Math.floor(uptimeSeconds / SECONDS_PER_HOUR)],
    ['uptime_in_days', Math.floor(uptimeSeconds / SECONDS_PER_DAY)],
    ['frontend_name', 'ws'],
    ['backend_name', 'cometql'],
    ['frontend_stat_interval', RATE_SECONDS],
    ['backend_stat_interval', RATE_SECONDS],
    ['frontend_online', counts.connections],
    ['backend_online', facts.connections()],
    ['frontend_messages', totals.deliveries],
    ['backend_messages', totals.publications],
    ['frontend_add_client', totals.connections],
    ['backend_add_client', facts.connectionsTotal()],
    ['frontend_delete_client', gone(totals.connections, counts.connections)],
    ['backend_delete_client', gone(facts.connectionsTotal(), facts.connections())],
    ['frontend_messages_ps', perSecond.deliveries],
    ['backend_messages_ps', perSecond.publications],
    ...uncounted,
    ...mysqlRows(stats, context),
  ]
}

/**
 * How fast connections come and go is left to who scrapes the totals above; the turns of an event loop (CppComet's
 * `network_events`) are nothing that an operator could act on.
 */
const uncounted: readonly Row[] = [
  ['frontend_add_client_ps', 0],
  ['backend_add_client_ps', 0],
  ['frontend_delete_client_ps', 0],
  ['backend_delete_client_ps', 0],
  ['network_events', 0],
]

/** Open and total are read one after the other: never less than 0. */
function gone(total: number, open: number): number {
  return Math.max(0, total - open)
}

/** What the connection is encrypted with is the client's to know. */
function mysqlRows({ uptimeSeconds }: NodeStats, { facts }: RunContext): Row[] {
  return [
    ['Connections', facts.connectionsTotal()],
    ['Questions', facts.metrics().find(({ name }) => name === STATEMENTS)?.value ?? 0],
    ['Ssl_cipher', ''],
    ['Threads_connected', facts.connections()],
    ['Threads_running', 1],
    ['Uptime', Math.floor(uptimeSeconds)],
  ]
}
