/**
 * GET /metrics: what Prometheus scrapes.
 *
 * Owns the operation and its documentation; names and meanings of the metrics are in src/metrics/table.ts.
 */
import type { GetRoute } from '../route.ts'

export const metrics: GetRoute = {
  method: 'GET',
  path: '/metrics',
  name: 'metrics',
  summary: 'Metrics in the Prometheus text format',
  description:
    'Asks for the key like the API does; docs/metrics.md has every metric and a scrape configuration.',
  ok: {
    description: 'The metrics, Prometheus text format 0.0.4',
    contentType: 'text/plain',
    schema: { type: 'string' },
  },
  run: ({ exposition }) => exposition(),
}
