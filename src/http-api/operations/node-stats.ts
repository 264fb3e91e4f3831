/**
 * GET /api/stats: the node in a few numbers.
 *
 * Owns the operation and its documentation. They are for people and small scripts; /metrics has them all.
 */
import { countSchema, objectSchema, rateSchema } from '../json-schema.ts'
import type { GetRoute } from '../route.ts'

export const nodeStats: GetRoute = {
  method: 'GET',
  path: '/api/stats',
  name: 'nodeStats',
  summary: 'The node in a few numbers',
  description: 'For people and small scripts; /metrics has everything.',
  ok: {
    description: 'Counts now, totals since the start, rates over the last few seconds',
    contentType: 'application/json',
    schema: objectSchema({
      version: { type: 'string', description: 'Version of Encke' },
      uptimeSeconds: { type: 'number', minimum: 0, description: 'Seconds since the node started' },
      counts: objectSchema({
        connections: countSchema('Client connections open now'),
        sessions: countSchema('Sessions open now'),
        subscriptions: countSchema('Subscriptions held now, user channels included'),
        channels: countSchema('Channels the node keeps a position for'),
      }),
      totals: objectSchema({
        publications: countSchema('Publications accepted since the start'),
        deliveries: countSchema('Deliveries since the start: publications times their subscribers'),
        dropped: countSchema('Deliveries lost since the start'),
      }),
      perSecond: objectSchema({
        publications: rateSchema('Publications per second'),
        deliveries: rateSchema('Deliveries per second'),
      }),
    }),
  },
  async run({ stats }) {
    const { version, uptimeSeconds, counts, totals, perSecond } = await stats()
    const { connections, sessions, subscriptions, channels } = counts
    return {
      json: {
        version,
        uptimeSeconds,
        counts: { connections, sessions, subscriptions, channels },
        totals: {
          publications: totals.publications,
          deliveries: totals.deliveries,
          dropped: totals.dropped,
        },
        perSecond: { publications: perSecond.publications, deliveries: perSecond.deliveries },
      },
    }
  },
}
