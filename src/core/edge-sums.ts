/**
 * What edges have, added up.
 *
 * Owns the sums that a broker gives as its own counts. Pure; O(edges).
 */
import type { Edge, NodeCounts } from './broker.ts'

/** The sum of what each edge counts. */
export function sum(edges: readonly Edge[], count: (edge: Edge) => number): number {
  return edges.reduce((total, edge) => total + count(edge), 0)
}

/** The counts of all edges; channels are the broker's to count. */
export function totals(edges: readonly Edge[], channels: number): NodeCounts {
  const counts = edges.map((edge) => edge.counts())
  const total = (pick: (one: NodeCounts) => number) => counts.reduce((all, one) => all + pick(one), 0)
  return {
    connections: total((one) => one.connections),
    sessions: total((one) => one.sessions),
    subscriptions: total((one) => one.subscriptions),
    channels,
  }
}
