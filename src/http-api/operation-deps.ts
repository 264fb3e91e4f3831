/**
 * What the operations of the HTTP API are given to work with.
 *
 * Owns those types; the composition root fills them in. No operation knows where the values come from.
 */
import type { Config } from '../config/options.ts'
import type { Broker, NodeCounts } from '../core/broker.ts'
import type { Books } from '../core/ledger.ts'
import type { Observer } from '../core/observer.ts'
import type { UserRecords } from '../core/user-records.ts'

/** The metrics as Prometheus reads them. */
export interface Exposition {
  readonly contentType: string
  readonly text: string
}

/** The node in a few numbers. */
export interface NodeStats {
  /** Version of Encke */
  readonly version: string
  readonly uptimeSeconds: number
  readonly counts: NodeCounts
  /** Since the node started */
  readonly totals: { readonly publications: number; readonly deliveries: number; readonly dropped: number }
  /** Over the last few seconds */
  readonly perSecond: { readonly publications: number; readonly deliveries: number }
}

/** What is the same for all requests. */
export interface ApiDeps {
  readonly broker: Broker
  readonly users: UserRecords
  readonly observer: Observer
  readonly config: Pick<Config, 'maxChannelsPerCommand' | 'maxHistoryPerCommand' | 'maxPresenceListed'>
  readonly exposition: () => Promise<Exposition>
  /** False while the node starts and while it drains. */
  readonly isReady: () => boolean
  readonly stats: () => Promise<NodeStats>
  /** What subscribers were owed since the start, and what became of it. */
  readonly books: () => Books
}

export interface OperationDeps extends ApiDeps {
  /** Whose channels and users the request is about */
  readonly tenant: number
}
