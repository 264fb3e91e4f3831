/**
 * From readers to the text that Prometheus scrapes.
 *
 * Owns the use of prom-client: its registry writes the text (names, escaping, types), our readers give the numbers at
 * the time of the scrape. Only the registry is loaded: the whole package takes about 40 ms of the node's start, and
 * its counters and histograms would cost hot paths more than ours. A registry of its own, never the global one.
 */
import { createRequire } from 'node:module'
import type { Sample } from './sample.ts'
import { type MetricName, type MetricRow, metricTable } from './table.ts'

/** What the registry asks of a metric. */
interface Metric {
  readonly name: string
  get(): Promise<{ name: string; help: string; type: string; values: readonly Sample[] }>
}

/** The part of prom-client's registry that is used. */
interface TextRegistry {
  readonly contentType: string
  registerMetric(metric: Metric): void
  metrics(): Promise<string>
}

const Registry: new () => TextRegistry = createRequire(import.meta.url)('prom-client/lib/registry.js')

export type Readers = Readonly<Record<MetricName, () => readonly Sample[]>>

export interface Exposition {
  readonly contentType: string
  readonly text: string
}

/** One line of the exposition, taken apart. */
export interface MetricLine {
  readonly name: string
  /** As Prometheus writes them: `transport="websocket"`, several with commas between; '' = none */
  readonly labels: string
  readonly value: number
}

/** What the exposition would say now, without its help and types. */
export function metricLines(readers: Readers): MetricLine[] {
  return Object.entries(readers).flatMap(([name, read]) =>
    read().map((sample) => ({
      name: sample.metricName ?? name,
      labels: Object.entries(sample.labels)
        .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
        .join(),
      value: sample.value,
    })),
  )
}

/** Makes the function that writes the exposition; a metric without samples is only described. */
export function createExposition(readers: Readers): () => Promise<Exposition> {
  const registry = new Registry()
  const rows: readonly [string, MetricRow][] = Object.entries(metricTable)
  for (const [name, { help, kind }] of rows) {
    const read = readers[name as MetricName]
    registry.registerMetric({ name, get: async () => ({ name, help, type: kind, values: read() }) })
  }
  return async () => ({ contentType: registry.contentType, text: await registry.metrics() })
}
