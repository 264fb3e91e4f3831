/**
 * What statements are run with, on a core without sockets.
 *
 * Owns a `RunContext` whose broker, users and clock are a real core's and whose facts are numbers that a test can tell
 * apart: no two of them are alike.
 */
import type { MetricLine, NodeFacts, NodeStats, RunContext } from '../../src/cometql/run/context.ts'
import type { LocalCore } from './local-core.ts'

/** A day, an hour and a second and a half. */
const UPTIME_SECONDS = 90_001.5

export const nodeStats: NodeStats = {
  uptimeSeconds: UPTIME_SECONDS,
  counts: { connections: 41, sessions: 40, subscriptions: 90, channels: 30 },
  totals: { connections: 100, publications: 355, deliveries: 7001 },
  perSecond: { publications: 2.5, deliveries: 50.1 },
}

/** @param lines of the exposition; default: none */
export function nodeFacts(lines: readonly MetricLine[] = []): NodeFacts {
  return {
    version: '0.3.0',
    stats: async () => nodeStats,
    metrics: () => lines,
    connections: () => 3,
    connectionsTotal: () => 17,
    port: 3307,
    hasTls: false,
    maxQueryBytes: 16_777_216,
    idleTimeoutMs: 600_000,
  }
}

/** A connection of tenant 1, logged in as `1`. */
export function queryContext(core: LocalCore, changes: Partial<RunContext> = {}): RunContext {
  return {
    tenant: 1,
    ownTenant: 1,
    broker: core.broker,
    users: core.users,
    clock: core.clock,
    connectionId: 44,
    user: '1',
    address: '192.0.2.7',
    database: '',
    isAutocommit: true,
    facts: nodeFacts(),
    isWanted: () => true,
    last: { insertId: 7, affected: 2, rows: 5 },
    ...changes,
  }
}
