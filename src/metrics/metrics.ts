/**
 * The metrics of a node: an observer that counts, and the exposition that shows.
 *
 * Owns the numbers between two scrapes. The observer is called on hot paths and only adds to plain numbers; names,
 * labels and text are dealt with at the scrape. Bound: a fixed number of series, see table.ts.
 */
import { type Clock, systemClock } from '../clock.ts'
import type { NodeCounts } from '../core/broker.ts'
import type { Books } from '../core/ledger.ts'
import type { Observer } from '../core/observer.ts'
import { Distribution } from './distribution.ts'
import {
  createExposition,
  type Exposition,
  type MetricLine,
  metricLines,
  type Readers,
} from './exposition.ts'
import { measureLoopLag } from './loop-lag.ts'
import { processReaders } from './process-metrics.ts'
import { measureRates } from './rates.ts'
import { single } from './sample.ts'
import { closeCodes, codeNames, inboxBounds, metricTable, sources, transports } from './table.ts'
import { Tally } from './tally.ts'

const MS_PER_SECOND = 1000

export interface MetricsOptions {
  /** Counts of this moment; called at each scrape. */
  readonly read: () => NodeCounts & {
    readonly historyBytes: number
    readonly storeBytes: number
    readonly cometqlConnections: number
  }
  readonly books: () => Books
  readonly build: { readonly version: string; readonly node: string; readonly uws: string }
  readonly maxConnections: number
  readonly clock?: Clock
}

/** Sums since the node started. */
export interface Totals {
  readonly connections: number
  readonly publications: number
  readonly deliveries: number
  readonly dropped: number
  readonly commandErrors: number
}

export interface Metrics {
  readonly observer: Observer
  /** The metrics as text for Prometheus. */
  exposition(): Promise<Exposition>
  /** The same, line by line. */
  lines(): readonly MetricLine[]
  totals(): Totals
  /** Over the last five seconds. */
  perSecond(): { readonly publications: number; readonly deliveries: number }
  stop(): void
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { read, books, build, maxConnections, clock = systemClock } = options
  const numbers = createNumbers()
  const growing = () => ({
    publications: numbers.publications.total(),
    deliveries: numbers.deliveries.total(),
  })
  const totals = (): Totals => ({
    connections: numbers.opened.total(),
    ...growing(),
    dropped: sum(Object.values(books().lost)),
    commandErrors: numbers.commandErrors.total(),
  })
  const lag = measureLoopLag(metricTable.encke_loop_lag_seconds.quantiles)
  const rates = measureRates(clock, growing)
  const readers: Readers = {
    ...numberReaders(numbers),
    ...processReaders,
    encke_connections_max: () => single(maxConnections),
    encke_sessions: () => single(read().sessions),
    encke_subscriptions: () => single(read().subscriptions),
    encke_channels: () => single(read().channels),
    encke_history_bytes: () => single(read().historyBytes),
    encke_store_bytes: () => single(read().storeBytes),
    encke_cometql_connections: () => single(read().cometqlConnections),
    ...bookReaders(books),
    encke_loop_lag_seconds: () => lag.samples('encke_loop_lag_seconds'),
    encke_build_info: () => [{ labels: { ...build }, value: 1 }],
  }
  return {
    observer: observerOf(numbers),
    exposition: createExposition(readers),
    // Who looks in between must not take from Prometheus what it scrapes.
    lines: () =>
      metricLines({ ...readers, encke_loop_lag_seconds: () => lag.peek('encke_loop_lag_seconds') }),
    totals,
    perSecond: rates.perSecond,
    stop() {
      lag.stop()
      rates.stop()
    },
  }
}

type Numbers = ReturnType<typeof createNumbers>

function createNumbers() {
  return {
    open: new Tally(transports),
    opened: new Tally(transports),
    refused: new Tally(codeNames),
    closed: new Tally(closeCodes),
    publications: new Tally(sources),
    deliveries: new Tally(transports),
    deliveredBytes: new Tally(transports),
    behind: 0,
    historyShrunk: 0,
    duplicates: 0,
    keysForgotten: 0,
    inboxKept: 0,
    inboxDropped: new Tally(inboxBounds),
    storeFailures: 0,
    statements: 0,
    sentBytes: new Tally(transports),
    receivedBytes: new Tally(transports),
    commandErrors: new Tally(codeNames),
    flushTime: new Distribution(metricTable.encke_publish_flush_seconds.buckets, MS_PER_SECOND),
    flushSize: new Distribution(metricTable.encke_flush_publications.buckets),
  }
}

function observerOf(numbers: Numbers): Observer {
  return {
    connectionOpened(transport) {
      numbers.open.add(transport, 1)
      numbers.opened.add(transport, 1)
    },
    connectionClosed(transport, code) {
      numbers.open.add(transport, -1)
      numbers.closed.add(code ?? 'none', 1)
    },
    connectionRefused: (code) => numbers.refused.add(code, 1),
    commandFailed: (code) => numbers.commandErrors.add(code, 1),
    published: (source, count) => numbers.publications.add(source, count),
    flushed: (publications) => numbers.flushSize.observe(publications),
    publicationFlushed: (latencyMs) => numbers.flushTime.observe(latencyMs),
    delivered(transport, deliveries, bytes) {
      numbers.deliveries.add(transport, deliveries)
      numbers.deliveredBytes.add(transport, bytes)
    },
    fellBehind() {
      numbers.behind++
    },
    historyShrunk(entries) {
      numbers.historyShrunk += entries
    },
    duplicatePublish() {
      numbers.duplicates++
    },
    keysForgotten(keys) {
      numbers.keysForgotten += keys
    },
    inboxKept(messages) {
      numbers.inboxKept += messages
    },
    inboxDropped: (bound, messages) => numbers.inboxDropped.add(bound, messages),
    storeFailed() {
      numbers.storeFailures++
    },
    ran() {
      numbers.statements++
    },
    sent: (transport, bytes) => numbers.sentBytes.add(transport, bytes),
    received: (transport, bytes) => numbers.receivedBytes.add(transport, bytes),
  }
}

function numberReaders(numbers: Numbers) {
  return {
    encke_connections: () => numbers.open.samples('transport'),
    encke_connections_total: () => numbers.opened.samples('transport'),
    encke_connections_refused_total: () => numbers.refused.samples('code'),
    encke_connections_closed_total: () => numbers.closed.samples('code'),
    encke_publications_total: () => numbers.publications.samples('source'),
    encke_deliveries_total: () => numbers.deliveries.samples('transport'),
    encke_deliveries_bytes_total: () => numbers.deliveredBytes.samples('transport'),
    encke_sessions_behind_total: () => single(numbers.behind),
    encke_history_shrunk_total: () => single(numbers.historyShrunk),
    encke_publish_duplicates_total: () => single(numbers.duplicates),
    encke_publish_keys_forgotten_total: () => single(numbers.keysForgotten),
    encke_inbox_kept_total: () => single(numbers.inboxKept),
    encke_inbox_dropped_total: () => numbers.inboxDropped.samples('bound'),
    encke_store_failures_total: () => single(numbers.storeFailures),
    encke_cometql_statements_total: () => single(numbers.statements),
    encke_sent_bytes_total: () => numbers.sentBytes.samples('transport'),
    encke_received_bytes_total: () => numbers.receivedBytes.samples('transport'),
    encke_command_errors_total: () => numbers.commandErrors.samples('code'),
    encke_publish_flush_seconds: () => numbers.flushTime.samples('encke_publish_flush_seconds'),
    encke_flush_publications: () => numbers.flushSize.samples('encke_flush_publications'),
  } satisfies Partial<Readers>
}

function bookReaders(books: () => Books) {
  return {
    encke_deliveries_due_total: () => single(books().due),
    encke_deliveries_asked_total: () => single(books().asked),
    encke_deliveries_deferred_total: () => single(books().deferred),
    encke_deliveries_lagging: () => single(books().lagging),
    encke_deliveries_lost_total: () =>
      Object.entries(books().lost).map(([reason, value]) => ({ labels: { reason }, value })),
    encke_books_balance: () => single(books().balance),
  } satisfies Partial<Readers>
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
