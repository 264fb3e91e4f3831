/**
 * The metrics of a real node: what happened is what they say, and Prometheus's own checker accepts them.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { callUrl } from '../support/local-api.ts'
import { startNode } from '../support/node.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'
import { openClient } from '../support/wire.ts'

/** Values by series, labels included. */
async function scrape(internalUrl: string): Promise<ReadonlyMap<string, number>> {
  const { text } = await callUrl(`${internalUrl}/metrics`)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

function publish(internalUrl: string, body: object) {
  return callUrl(`${internalUrl}/api/publish`, { method: 'POST', body: new Blob([JSON.stringify(body)]) })
}

describe('metrics', () => {
  test('metrics balance: publications times subscribers are deliveries', async (t) => {
    const node = await startNode(t)
    const clients = await Promise.all([1, 2, 3].map(() => openClient(node.wsUrl)))
    t.after(() => Promise.all(clients.map((client) => client.close())))
    for (const client of clients) await client.ok({ subscribe: { channel: 'news' } })
    for (let n = 0; n < 20; n++) await publish(node.internalUrl, { channel: 'news', data: n })
    for (const client of clients) await client.received('news', 20)

    // Deliveries are put into the books a turn of the node later than they arrive.
    const series = await until(
      async () => {
        const found = await scrape(node.internalUrl)
        return (found.get('encke_deliveries_total{transport="websocket"}') ?? 0) >= 60 && found
      },
      { what: 'the deliveries to be counted' },
    )
    const value = (name: string) => series.get(name) ?? Number.NaN
    assert.equal(value('encke_publications_total{source="http"}'), 20)
    assert.equal(value('encke_deliveries_total{transport="websocket"}'), 60)
    assert.equal(value('encke_deliveries_due_total'), 60)
    for (const reason of ['gap', 'ended', 'unsubscribed']) {
      assert.equal(value(`encke_deliveries_lost_total{reason="${reason}"}`), 0)
    }
    assert.equal(value('encke_deliveries_lagging'), 0)
    assert.equal(value('encke_books_balance'), 0)
    assert.equal(value('encke_sessions_behind_total'), 0)
    assert.equal(value('encke_publish_flush_seconds_count'), 20)
    assert.equal(value('encke_connections{transport="websocket"}'), 3)
    assert.equal(value('encke_sessions'), 3)
    assert.ok(value('encke_deliveries_bytes_total{transport="websocket"}') > 60 * 20)
    assert.ok(value('encke_received_bytes_total{transport="websocket"}') > 3 * 40)
    assert.ok(value('encke_connections_max') > 0)
  })

  test('metrics count what was refused, by code', async (t) => {
    const node = await startNode(t)
    const client = await openClient(node.wsUrl)
    t.after(() => client.close())
    await client.refused({ publish: { channel: 'news', data: 1 } })
    await publish(node.internalUrl, { channel: '', data: 1 })
    const series = await scrape(node.internalUrl)
    assert.equal(series.get('encke_command_errors_total{code="ACCESS_DENIED"}'), 1)
    assert.equal(series.get('encke_command_errors_total{code="INVALID_CHANNEL"}'), 1)
  })

  test('metrics see a client leave', async (t) => {
    const node = await startNode(t)
    const client = await openClient(node.wsUrl)
    await client.close()
    await until(
      async () => (await scrape(node.internalUrl)).get('encke_connections{transport="websocket"}') === 0,
      {
        what: 'no connection',
      },
    )
    const series = await scrape(node.internalUrl)
    assert.equal(series.get('encke_connections_closed_total{code="none"}'), 1)
    assert.equal(series.get('encke_connections_total{transport="websocket"}'), 1)
  })

  test('promtool accepts the metrics of a node without a complaint', {
    skip: needs('promtool'),
  }, async (t) => {
    const node = await startNode(t)
    const { text, headers } = await callUrl(`${node.internalUrl}/metrics`)
    assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    const checked = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
      timeout: 20_000,
    })
    assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, ''])
  })
})
