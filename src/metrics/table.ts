/**
 * The one table of metrics.
 *
 * Owns every metric's name, kind, meaning, labels with all their values, and buckets; the exposition and
 * docs/metrics.md are made from it, nothing else defines a metric. Label values are closed sets known here, never
 * channel or user names, so the number of series is fixed and each exists, at 0, from the start. Long because a table.
 */
import { type CodeName, codes } from '../codes.ts'
import type { PublishSource } from '../core/broker.ts'
import type { LossReason } from '../core/ledger.ts'
import type { InboxBound, TransportName } from '../core/observer.ts'

export interface MetricRow {
  readonly kind: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly group: 'connections' | 'messages' | 'node' | 'process'
  readonly help: string
  /** Every label with every value it can take; [] = known when the node starts. */
  readonly labels?: Readonly<Record<string, readonly string[]>>
  /** Upper bounds, in the unit of the name; for histograms. */
  readonly buckets?: readonly number[]
  /** For summaries. */
  readonly quantiles?: readonly number[]
}

/** The keys of a record that must name every member of a union: a new member does not compile until it is here. */
function all<Name extends string>(names: Readonly<Record<Name, true>>): readonly Name[] {
  return Object.keys(names) as Name[]
}

export const transports = all<TransportName>({
  websocket: true,
  'long-poll': true,
  sse: true,
  comet: true,
  'comet-poll': true,
})
export const sources = all<PublishSource>({ 'publish-port': true, http: true, cometql: true, client: true })
export const lossReasons = all<LossReason>({ gap: true, ended: true, unsubscribed: true })
export const inboxBounds = all<InboxBound>({ age: true, count: true, bytes: true })
export const codeNames = Object.keys(codes) as CodeName[]
/** How a connection ended: by a code of ours, or `none` when the client left. */
export const closeCodes = ['none', ...codeNames] as const

export const metricTable = {
  encke_connections: {
    kind: 'gauge',
    group: 'connections',
    help: 'Client connections open now.',
    labels: { transport: transports },
  },
  encke_connections_max: {
    kind: 'gauge',
    group: 'connections',
    help: 'Client connections the node takes at once.',
  },
  encke_connections_total: {
    kind: 'counter',
    group: 'connections',
    help: 'Client connections opened.',
    labels: { transport: transports },
  },
  encke_connections_refused_total: {
    kind: 'counter',
    group: 'connections',
    help: 'Client connections refused before they opened, by the code they were told.',
    labels: { code: codeNames },
  },
  encke_connections_closed_total: {
    kind: 'counter',
    group: 'connections',
    help: 'Client connections closed, by the code the node gave; "none" when the client left.',
    labels: { code: closeCodes },
  },
  encke_sessions: { kind: 'gauge', group: 'connections', help: 'Sessions open now.' },
  encke_subscriptions: {
    kind: 'gauge',
    group: 'connections',
    help: 'Subscriptions held now (sessions times their channels, user channels included).',
  },
  encke_channels: {
    kind: 'gauge',
    group: 'connections',
    help: 'Channels the node keeps a position for.',
  },
  encke_publications_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Publications accepted, by where they came in.',
    labels: { source: sources },
  },
  encke_deliveries_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Publications handed to subscribers: one publication to ten subscribers is ten deliveries.',
    labels: { transport: transports },
  },
  encke_deliveries_bytes_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Bytes of deliveries, without the framing of the transport.',
    labels: { transport: transports },
  },
  encke_deliveries_due_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Deliveries that publications called for: publications sent to channels times their subscribers.',
  },
  encke_deliveries_asked_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Deliveries asked for by sessions that came back with a position: what they had missed.',
  },
  encke_deliveries_deferred_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Deliveries not made because the session was between two polls and asks for them with its next, or had them before.',
  },
  encke_deliveries_lost_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Deliveries that were not made: told as a gap, or owed to a session that ended or unsubscribed while it was behind.',
    labels: { reason: lossReasons },
  },
  encke_deliveries_lagging: {
    kind: 'gauge',
    group: 'messages',
    help: 'Deliveries owed to sessions that are behind, now.',
  },
  encke_books_balance: {
    kind: 'gauge',
    group: 'messages',
    help: 'Due and asked less delivered, deferred, lost and lagging deliveries. Anything but 0 is a fault in Encke.',
  },
  encke_sessions_behind_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Times a session did not read as fast as messages came and was fed from history from then on.',
  },
  encke_history_bytes: {
    kind: 'gauge',
    group: 'messages',
    help: 'Memory of all retained publications.',
  },
  encke_history_shrunk_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Retained publications dropped before their time because all histories together were above `maxHistoryBytes`.',
  },
  encke_publish_duplicates_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Publishes answered with an earlier result because their key had been used.',
  },
  encke_publish_keys_forgotten_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Keys of publications forgotten before their time because there were more than `maxIdempotencyKeys`.',
  },
  encke_inbox_kept_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Messages kept for users who were away.',
  },
  encke_inbox_dropped_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Messages that waited for a user and went unread, by the bound they met: `inboxTtlMs`, `inboxSize` or `inboxBytes`.',
    labels: { bound: inboxBounds },
  },
  encke_store_bytes: {
    kind: 'gauge',
    group: 'messages',
    help: 'Bytes of what the store holds: on disk, or in memory where nothing is durable.',
  },
  encke_store_failures_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Writes to the store that failed; what they were for was refused.',
  },
  encke_cometql_connections: {
    kind: 'gauge',
    group: 'connections',
    help: 'Connections of MySQL clients open now.',
  },
  encke_cometql_statements_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Statements that MySQL clients had done, refused ones included.',
  },
  encke_sent_bytes_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Bytes of replies and goodbyes, which are no deliveries.',
    labels: { transport: transports },
  },
  encke_received_bytes_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Bytes of messages received from clients.',
    labels: { transport: transports },
  },
  encke_command_errors_total: {
    kind: 'counter',
    group: 'messages',
    help: 'Commands, frames and requests answered with an error, on any port, by code.',
    labels: { code: codeNames },
  },
  encke_publish_flush_seconds: {
    kind: 'histogram',
    group: 'messages',
    help: 'Time from the arrival of a publication at the node to its writing to subscribers.',
    buckets: [
      0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
    ],
  },
  encke_flush_publications: {
    kind: 'histogram',
    group: 'messages',
    help: 'Publications that left together in one flush.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  },
  encke_loop_lag_seconds: {
    kind: 'summary',
    group: 'node',
    help: 'How late the event loop ran its timers: quantiles since the scrape before, sum and count since the start.',
    quantiles: [0.5, 0.9, 0.99, 1],
  },
  encke_build_info: {
    kind: 'gauge',
    group: 'node',
    help: 'Always 1; the labels say what runs.',
    labels: { version: [], node: [], uws: [] },
  },
  process_cpu_user_seconds_total: {
    kind: 'counter',
    group: 'process',
    help: 'CPU time spent in the program.',
  },
  process_cpu_system_seconds_total: {
    kind: 'counter',
    group: 'process',
    help: 'CPU time spent in the kernel for the program.',
  },
  process_cpu_seconds_total: {
    kind: 'counter',
    group: 'process',
    help: 'CPU time, program and kernel together.',
  },
  process_start_time_seconds: {
    kind: 'gauge',
    group: 'process',
    help: 'When the process started, in seconds since 1970.',
  },
  process_resident_memory_bytes: {
    kind: 'gauge',
    group: 'process',
    help: 'Memory of the process that is in RAM.',
  },
  process_open_fds: {
    kind: 'gauge',
    group: 'process',
    help: 'Open file descriptors. Only on Linux 6.2 or later, where they need not be listed one by one.',
  },
  process_max_fds: {
    kind: 'gauge',
    group: 'process',
    help: 'File descriptors the process may open. Only on Linux.',
  },
  nodejs_heap_size_total_bytes: {
    kind: 'gauge',
    group: 'process',
    help: 'JavaScript heap taken from the system.',
  },
  nodejs_heap_size_used_bytes: { kind: 'gauge', group: 'process', help: 'JavaScript heap in use.' },
  nodejs_external_memory_bytes: {
    kind: 'gauge',
    group: 'process',
    help: 'Memory of objects outside the JavaScript heap, buffers included.',
  },
} as const satisfies Record<string, MetricRow>

export type MetricName = keyof typeof metricTable

/** A condition somebody should look at; an alerting rule of Prometheus. */
export interface AlertRow {
  readonly name: string
  readonly expr: string
  /** How long it must hold, as Prometheus writes durations. */
  readonly forDuration: string
  readonly severity: 'critical' | 'warning'
  readonly summary: string
}

/** What to alert on. `job` is whatever the scrape configuration calls the node. */
export const alertTable: readonly AlertRow[] = [
  {
    name: 'EnckeDown',
    expr: 'up{job="encke"} == 0',
    forDuration: '1m',
    severity: 'critical',
    summary: 'The node does not answer scrapes.',
  },
  {
    name: 'EnckeFault',
    expr: 'increase(encke_command_errors_total{code="INTERNAL"}[5m]) > 0',
    forDuration: '0m',
    severity: 'critical',
    summary: 'The node met a fault of its own; its log has the cause.',
  },
  {
    name: 'EnckeStore',
    expr: 'increase(encke_store_failures_total[5m]) > 0',
    forDuration: '0m',
    severity: 'critical',
    summary: 'The store can not be written to (a full disk, say): what has to be on disk is refused.',
  },
  {
    name: 'EnckeAlmostFull',
    expr: 'sum without (transport) (encke_connections) > 0.9 * encke_connections_max',
    forDuration: '5m',
    severity: 'critical',
    summary: 'Above 90 % of the connections the node takes; at 100 % new clients are refused.',
  },
  {
    name: 'EnckeRefusing',
    expr: 'sum by (instance, code) (rate(encke_connections_refused_total[5m])) > 1',
    forDuration: '5m',
    severity: 'warning',
    summary: 'More than one client per second is refused; the code says why.',
  },
  {
    name: 'EnckeBooks',
    expr: 'encke_books_balance != 0',
    forDuration: '1m',
    severity: 'critical',
    summary: 'Deliveries were lost or made twice without being counted: a fault in Encke.',
  },
  {
    name: 'EnckeLosing',
    expr: 'sum by (instance) (rate(encke_deliveries_lost_total{reason="gap"}[5m])) > 0',
    forDuration: '10m',
    severity: 'warning',
    summary: 'Some clients missed more than the history holds and were told of a gap.',
  },
  {
    name: 'EnckeSlowReaders',
    expr: 'sum by (instance) (rate(encke_connections_closed_total{code="SLOW_CONSUMER"}[5m])) > 0',
    forDuration: '10m',
    severity: 'warning',
    summary: 'Some clients are closed because they stayed behind for longer than `maxLagMs`.',
  },
  {
    name: 'EnckeLoopLag',
    expr: 'encke_loop_lag_seconds{quantile="0.99"} > 0.1',
    forDuration: '5m',
    severity: 'warning',
    summary: 'The event loop runs more than 100 ms late: the node is busier than it can bear.',
  },
  {
    name: 'EnckeSlowFlush',
    expr: 'histogram_quantile(0.99, sum by (instance, le) (rate(encke_publish_flush_seconds_bucket[5m]))) > 0.5',
    forDuration: '5m',
    severity: 'warning',
    summary: 'One publication in a hundred waits more than half a second before it leaves.',
  },
  {
    name: 'EnckeDescriptors',
    expr: 'process_open_fds{job="encke"} > 0.9 * process_max_fds{job="encke"}',
    forDuration: '5m',
    severity: 'critical',
    summary: 'Above 90 % of the file descriptors the process may open.',
  },
]
