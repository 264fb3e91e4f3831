/**
 * Tests of metrics.ts, exposition.ts and table.ts: what is counted appears, under the names and labels of the table.
 */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { CodeName } from '../../../src/codes.ts'
import { codes } from '../../../src/codes.ts'
import { type Books, createLedger } from '../../../src/core/ledger.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { createMetrics, type Metrics } from '../../../src/metrics/metrics.ts'
import { type MetricRow, metricTable } from '../../../src/metrics/table.ts'

const rows: readonly [name: string, row: MetricRow][] = Object.entries(metricTable)

const emptyBooks: Books = createLedger(silentObserver).books(0)

/** @param books what the edge tells; default: nothing happened */
function start(t: TestContext, books: Books = emptyBooks): Metrics {
  const metrics = createMetrics({
    read: () => ({
      connections: 1,
      sessions: 2,
      subscriptions: 3,
      channels: 4,
      historyBytes: 5,
      storeBytes: 6,
      cometqlConnections: 7,
    }),
    books: () => books,
    build: { version: '0.1.0', node: process.version, uws: 'a "strange\\" one' },
    maxConnections: 1000,
  })
  t.after(() => metrics.stop())
  return metrics
}

/** The lines of an exposition, value by series. */
async function scrape(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  const { text } = await metrics.exposition()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

describe('the exposition', () => {
  test('every metric of the table is described once, with its kind and help', async (t) => {
    const { text } = await start(t).exposition()
    for (const [name, { kind, help }] of rows) {
      assert.equal(text.split(`# TYPE ${name} ${kind}\n`).length, 2, name)
      assert.ok(text.includes(`# HELP ${name} ${help}\n`), name)
    }
    assert.equal(text.match(/^# TYPE/gm)?.length, rows.length)
  })

  test('every series of a closed set exists at 0 before anything happened', async (t) => {
    const series = await scrape(start(t))
    let count = 0
    for (const [name, { kind, labels }] of rows) {
      for (const [label, values] of Object.entries(labels ?? {})) {
        for (const value of values) {
          assert.equal(series.get(`${name}{${label}="${value}"}`), 0, `${name} ${value}`)
          count++
        }
      }
      if (kind === 'histogram') assert.equal(series.get(`${name}_count`), 0)
    }
    assert.ok(count > 3 * Object.keys(codes).length)
  })

  test('no series has a label the table does not name', async (t) => {
    for (const series of (await scrape(start(t))).keys()) {
      const name = series.replace(/\{.*/, '').replace(/_(bucket|sum|count)$/, '')
      const row = rows.find(([known]) => known === name || series.startsWith(`${known}{`))?.[1]
      const labels = [...series.matchAll(/([a-z]+)="/g)].map(([, label]) => label)
      const known = [
        ...Object.keys(row?.labels ?? {}),
        ...(row?.buckets ? ['le'] : []),
        ...(row?.quantiles ? ['quantile'] : []),
      ]
      for (const label of labels) assert.ok(known.includes(label ?? ''), series)
    }
  })

  test('names follow the conventions of Prometheus', () => {
    for (const [name, { kind }] of rows) {
      assert.match(name, /^(encke|process|nodejs)_[a-z_]+$/)
      assert.equal(name.endsWith('_total'), kind === 'counter', name)
    }
  })

  test('the content type is the text format that the text is in', async (t) => {
    const { contentType } = await start(t).exposition()
    assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8')
  })

  test('what runs is told by labels, quotes and all', async (t) => {
    const { text } = await start(t).exposition()
    assert.ok(text.includes(`{version="0.1.0",node="${process.version}",uws="a \\"strange\\\\\\" one"} 1`))
  })

  test('what the process takes is told', async (t) => {
    const series = await scrape(start(t))
    assert.ok((series.get('process_resident_memory_bytes') ?? 0) > 1e6)
    assert.ok(
      Math.abs((series.get('process_start_time_seconds') ?? 0) + process.uptime() - Date.now() / 1000) < 2,
    )
    const user = series.get('process_cpu_user_seconds_total') ?? 0
    assert.ok(user > 0 && (series.get('process_cpu_seconds_total') ?? 0) >= user)
  })

  test('open descriptors are counted by the kernel as many as there are', async (t) => {
    const { openSync, closeSync, readdirSync } = await import('node:fs')
    const metrics = start(t)
    const before = (await scrape(metrics)).get('process_open_fds')
    if (before === undefined) {
      t.skip('the kernel does not tell (Linux before 6.2, or no Linux)')
      return
    }
    const fds = Array.from({ length: 50 }, () => openSync('/dev/null', 'r'))
    const after = (await scrape(metrics)).get('process_open_fds')
    // The list is read with a descriptor of its own.
    const listed = readdirSync('/proc/self/fd').length - 1
    for (const fd of fds) closeSync(fd)
    assert.deepEqual([after, listed], [before + 50, before + 50])
  })
})

describe('the observer', () => {
  test('connections are counted as they open and close', async (t) => {
    const metrics = start(t)
    for (let n = 0; n < 3; n++) metrics.observer.connectionOpened('websocket')
    metrics.observer.connectionClosed('websocket', null)
    metrics.observer.connectionClosed('websocket', 'SLOW_CONSUMER')
    metrics.observer.connectionRefused('CONNECTION_LIMIT')
    const series = await scrape(metrics)
    assert.deepEqual(
      [
        series.get('encke_connections{transport="websocket"}'),
        series.get('encke_connections_total{transport="websocket"}'),
        series.get('encke_connections_closed_total{code="none"}'),
        series.get('encke_connections_closed_total{code="SLOW_CONSUMER"}'),
        series.get('encke_connections_refused_total{code="CONNECTION_LIMIT"}'),
        series.get('encke_connections_max'),
      ],
      [1, 3, 1, 1, 1, 1000],
    )
  })

  test('messages are counted by source, transport, reason and code', async (t) => {
    const metrics = start(t)
    const { observer } = metrics
    observer.published('http', 2)
    observer.published('publish-port', 5)
    observer.delivered('websocket', 10, 1280)
    observer.delivered('websocket', 3, 40)
    observer.sent('websocket', 7)
    observer.received('websocket', 9)
    observer.commandFailed('ACCESS_DENIED')
    const series = await scrape(metrics)
    const expected: Readonly<Record<string, number>> = {
      'encke_publications_total{source="http"}': 2,
      'encke_publications_total{source="publish-port"}': 5,
      'encke_publications_total{source="client"}': 0,
      'encke_deliveries_total{transport="websocket"}': 13,
      'encke_deliveries_bytes_total{transport="websocket"}': 1320,
      'encke_sent_bytes_total{transport="websocket"}': 7,
      'encke_received_bytes_total{transport="websocket"}': 9,
      'encke_command_errors_total{code="ACCESS_DENIED"}': 1,
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(series.get(name), value, name)
    assert.deepEqual(metrics.totals(), {
      connections: 0,
      publications: 7,
      deliveries: 13,
      dropped: 0,
      commandErrors: 1,
    })
  })

  test('sessions behind, histories cut short and keys are counted', async (t) => {
    const metrics = start(t)
    const { observer } = metrics
    observer.fellBehind()
    observer.fellBehind()
    observer.historyShrunk(30)
    observer.duplicatePublish()
    observer.keysForgotten(5)
    const series = await scrape(metrics)
    const names = [
      'encke_sessions_behind_total',
      'encke_history_shrunk_total',
      'encke_publish_duplicates_total',
      'encke_publish_keys_forgotten_total',
      'encke_history_bytes',
    ]
    assert.deepEqual(
      names.map((name) => series.get(name)),
      [2, 30, 1, 5, 5],
    )
  })

  test('inboxes and the store are counted', async (t) => {
    const metrics = start(t)
    const { observer } = metrics
    observer.inboxKept(1)
    observer.inboxKept(2)
    observer.inboxDropped('age', 3)
    observer.inboxDropped('bytes', 4)
    observer.inboxDropped('age', 5)
    observer.storeFailed()
    const series = await scrape(metrics)
    const expected: Readonly<Record<string, number>> = {
      encke_inbox_kept_total: 3,
      'encke_inbox_dropped_total{bound="age"}': 8,
      'encke_inbox_dropped_total{bound="count"}': 0,
      'encke_inbox_dropped_total{bound="bytes"}': 4,
      encke_store_failures_total: 1,
      encke_store_bytes: 6,
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(series.get(name), value, name)
  })

  test('the books of the edge are shown as they are, and all that is lost is the total of it', async (t) => {
    const books: Books = {
      due: 100,
      asked: 20,
      delivered: 90,
      deferred: 4,
      lagging: 7,
      lost: { gap: 3, ended: 8, unsubscribed: 2 },
      balance: 6,
    }
    const metrics = start(t, books)
    const series = await scrape(metrics)
    const expected: Readonly<Record<string, number>> = {
      encke_deliveries_due_total: 100,
      encke_deliveries_asked_total: 20,
      encke_deliveries_deferred_total: 4,
      encke_deliveries_lagging: 7,
      'encke_deliveries_lost_total{reason="gap"}': 3,
      'encke_deliveries_lost_total{reason="ended"}': 8,
      'encke_deliveries_lost_total{reason="unsubscribed"}': 2,
      encke_books_balance: 6,
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(series.get(name), value, name)
    assert.equal(metrics.totals().dropped, 13)
  })

  test('every code there is can be counted', async (t) => {
    const metrics = start(t)
    const names = Object.keys(codes) as CodeName[]
    for (const name of names) metrics.observer.commandFailed(name)
    const series = await scrape(metrics)
    for (const name of names) assert.equal(series.get(`encke_command_errors_total{code="${name}"}`), 1, name)
  })

  test('latency in milliseconds falls into buckets in seconds', async (t) => {
    const metrics = start(t)
    for (const latencyMs of [0.01, 0.05, 3, 9999]) metrics.observer.publicationFlushed(latencyMs)
    const series = await scrape(metrics)
    const bucket = (le: string) => series.get(`encke_publish_flush_seconds_bucket{le="${le}"}`)
    assert.deepEqual(
      [bucket('0.00005'), bucket('0.0025'), bucket('0.005'), bucket('5'), bucket('+Inf')],
      [2, 2, 3, 3, 4],
    )
    assert.equal(series.get('encke_publish_flush_seconds_count'), 4)
    assert.ok(Math.abs((series.get('encke_publish_flush_seconds_sum') ?? 0) - 10.00206) < 1e-9)
  })

  test('counts of the node are those of the moment of the scrape', async (t) => {
    let sessions = 5
    const metrics = createMetrics({
      read: () => ({
        connections: 0,
        sessions,
        subscriptions: 0,
        channels: 0,
        historyBytes: 7,
        storeBytes: 8,
        cometqlConnections: 9,
      }),
      books: () => emptyBooks,
      build: { version: '', node: '', uws: '' },
      maxConnections: 1,
    })
    t.after(() => metrics.stop())
    assert.equal((await scrape(metrics)).get('encke_sessions'), 5)
    sessions = 6
    assert.equal((await scrape(metrics)).get('encke_sessions'), 6)
  })

  test('two sets of metrics do not know each other', async (t) => {
    const [one, other] = [start(t), start(t)]
    one.observer.published('http', 1)
    assert.equal((await scrape(other)).get('encke_publications_total{source="http"}'), 0)
  })
})

describe('the lines of the exposition', () => {
  /** Changes by itself from one look to the next. */
  const isLive = (series: string) => /^(process|nodejs)_|^encke_loop_lag/.test(series)

  test('lines are those of the text, series by series, with the same labels and values', async (t) => {
    const metrics = start(t)
    metrics.observer.published('cometql', 3)
    metrics.observer.publicationFlushed(3)
    for (let count = 0; count < 5; count++) metrics.observer.ran()
    const lines = metrics.lines().map(({ name, labels, value }) => {
      return [labels === '' ? name : `${name}{${labels}}`, value] as const
    })
    assert.equal(new Set(lines.map(([series]) => series)).size, lines.length, 'each comes once')
    const series = await scrape(metrics)
    const kept = (entries: Iterable<readonly [string, number]>) =>
      new Map([...entries].filter(([name]) => !isLive(name)))
    assert.deepEqual(kept(lines), kept(series))
    assert.deepEqual(new Set(lines.map(([name]) => name)), new Set(series.keys()))
  })

  test('lines tell the numbers of the moment at which they are read', (t) => {
    const metrics = start(t)
    const numberOf = (name: string) => metrics.lines().find((line) => line.name === name)?.value
    assert.deepEqual(
      [numberOf('encke_cometql_statements_total'), numberOf('encke_cometql_connections')],
      [0, 7],
    )
    metrics.observer.ran()
    assert.equal(numberOf('encke_cometql_statements_total'), 1)
  })

  test('lines write labels as the text does, quotes and all', (t) => {
    const info = start(t)
      .lines()
      .find(({ name }) => name === 'encke_build_info')
    assert.equal(info?.labels, `version="0.1.0",node="${process.version}",uws="a \\"strange\\\\\\" one"`)
  })
})
