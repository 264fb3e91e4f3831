/**
 * Tests of docs.ts: docs/metrics.md is made from the table, and Prometheus's own checker accepts what it says.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createLedger } from '../../../src/core/ledger.ts'
import { silentObserver } from '../../../src/core/observer.ts'
import { alertRules, metricsDocs } from '../../../src/metrics/docs.ts'
import { createMetrics } from '../../../src/metrics/metrics.ts'
import { alertTable, metricTable } from '../../../src/metrics/table.ts'
import { needs } from '../../support/tools.ts'
import { withTree } from '../../support/tree.ts'

describe('docs/metrics.md', () => {
  test('docs/metrics.md is what the table makes', async () => {
    const kept = await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
    assert.equal(kept, metricsDocs(), 'stale: run node --import tsx scripts/generate-metrics-docs.ts')
  })

  test('docs/metrics.md names every metric and every alert', () => {
    const text = metricsDocs()
    for (const name of Object.keys(metricTable)) assert.ok(text.includes(`| \`${name}\` |`), name)
    for (const { name } of alertTable) assert.ok(text.includes(`- alert: ${name}\n`), name)
  })

  test('every metric an alert asks for is in the table', () => {
    for (const { name, expr } of alertTable) {
      const used = [...expr.matchAll(/\b(?:encke|process|nodejs)_[a-z_]+/g)].map(([metric]) => metric)
      assert.ok(used.length > 0 || expr.startsWith('up'), name)
      for (const metric of used)
        assert.ok(metric.replace(/_bucket$/, '') in metricTable, `${name}: ${metric}`)
    }
  })
})

describe('promtool', { skip: needs('promtool') }, () => {
  const promtool = (args: readonly string[], input = '') => {
    const { status, stdout, stderr } = spawnSync('promtool', args, {
      input,
      encoding: 'utf8',
      timeout: 20_000,
    })
    return { status, output: `${stdout}${stderr}` }
  }

  test('promtool accepts the exposition without a complaint', async (t) => {
    const metrics = createMetrics({
      read: () => ({
        connections: 0,
        sessions: 0,
        subscriptions: 0,
        channels: 0,
        historyBytes: 0,
        storeBytes: 0,
        cometqlConnections: 0,
      }),
      books: () => createLedger(silentObserver).books(0),
      build: { version: '0.1.0', node: process.version, uws: '20.49.0' },
      maxConnections: 1000,
    })
    t.after(() => metrics.stop())
    metrics.observer.publicationFlushed(3)
    const { text } = await metrics.exposition()
    assert.deepEqual(promtool(['check', 'metrics'], text), { status: 0, output: '' })
  })

  test('promtool complains about an exposition that is wrong', () => {
    assert.notEqual(promtool(['check', 'metrics'], '# TYPE a counter\na 1\n').status, 0)
  })

  test('promtool accepts the alerting rules, and finds as many as the table has', async (t) => {
    const root = await withTree(t, { 'encke.rules.yml': alertRules() })
    const { status, output } = promtool(['check', 'rules', join(root, 'encke.rules.yml')])
    assert.equal(status, 0, output)
    assert.match(output, new RegExp(`${alertTable.length} rules found`))
  })
})
