/**
 * What a statement is run with: the connection it came by, and what the node can tell about itself.
 *
 * Owns these shapes. The facts are asked for when a statement needs them, never kept. Types only.
 */
import type { NodeCounts } from '../../core/broker.ts'
import type { TableContext } from '../tables/table.ts'

/** The node about itself. */
export interface NodeFacts {
  /** Such as 0.3.0 */
  readonly version: string
  stats(): Promise<NodeStats>
  /** Lines of the exposition: a name, its labels as Prometheus writes them ('' = none), a value. */
  metrics(): readonly MetricLine[]
  /** MySQL connections open now. */
  connections(): number
  /** MySQL connections since the start, those that are gone included. */
  connectionsTotal(): number
  /** Where MySQL connections are taken */
  readonly port: number
  readonly hasTls: boolean
  /** Longest statement that is taken */
  readonly maxQueryBytes: number
  /** Silence after which a connection is closed; 0 = it never is */
  readonly idleTimeoutMs: number
}

export interface NodeStats {
  readonly uptimeSeconds: number
  readonly counts: NodeCounts
  /** Since the start */
  readonly totals: {
    readonly connections: number
    readonly publications: number
    readonly deliveries: number
  }
  /** Over the last seconds */
  readonly perSecond: { readonly publications: number; readonly deliveries: number }
}

export interface MetricLine {
  readonly name: string
  /** `transport="websocket"`; several with commas between */
  readonly labels: string
  readonly value: number
}

/** One connection, as statements see it. */
export interface RunContext extends TableContext {
  /** Of the user who logged in, whichever database was chosen: CppComet's is of this one */
  readonly ownTenant: number
  readonly connectionId: number
  /** As it logged in */
  readonly user: string
  /** Where it comes from */
  readonly address: string
  /** '' = none was chosen */
  readonly database: string
  /** As `SET autocommit` left it; it changes nothing but what clients are told */
  readonly isAutocommit: boolean
  readonly facts: NodeFacts
  /** Whether the client is still there: nobody waits for rows otherwise */
  readonly isWanted: () => boolean
  /** Of the statement before */
  readonly last: { readonly insertId: number; readonly affected: number; readonly rows: number }
}
