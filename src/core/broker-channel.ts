/**
 * One channel as the broker keeps it: its position, who is attached, and what is retained of it.
 *
 * Owns what stays in the ring. Two claims may hold a publication: the history that the channel's rule promises, and the
 * short ring that every attached channel has, for slow readers, polls and those who come back. What neither claims goes.
 * A channel without either has no ring at all. A durable history is not in the ring but on disk, and is read there. Kept
 * small: there may be a million.
 */
import type { Clock } from '../clock.ts'
import type { ChannelLog, Edge } from './broker.ts'
import type { EffectiveRule } from './channel-rules.ts'
import { Ring, type RingLimits, type RingMemory } from './ring.ts'
import type { StoredHistory } from './stored-history.ts'

/** What all channels of a broker share. */
export interface Retention {
  /** What an attached channel keeps at least. */
  readonly short: RingLimits
  readonly memory: RingMemory
  readonly clock: Clock
}

/** A message of an inbox, and the offset it was given. */
export interface Delivered {
  readonly offset: number
  readonly seq: number
}

export class BrokerChannel implements ChannelLog {
  /** As the node knows it. */
  readonly name: string
  readonly epoch: string
  rule: EffectiveRule
  /** Of the latest publication that may be seen. */
  offset: number
  /** Attached edges; null = none. */
  edges: readonly Edge[] | null
  /** Sweeps since the last publication or attachment. */
  idleSweeps: number
  /** Its history on disk; null where that is in memory, or none. */
  stored: StoredHistory | null
  /** Publications that are being written to disk. */
  underWay: number
  /** Messages of an inbox that were published here and not acknowledged yet, by their offset; null = none. */
  delivered: Delivered[] | null
  readonly #retention: Retention
  #ring: Ring | null

  constructor(name: string, epoch: string, rule: EffectiveRule, retention: Retention) {
    this.name = name
    this.epoch = epoch
    this.rule = rule
    this.offset = 0
    this.edges = null
    this.idleSweeps = 0
    this.stored = null
    this.underWay = 0
    this.delivered = null
    this.#retention = retention
    this.#ring = null
  }

  /** Whether anything published now has to be kept. */
  get isRetaining(): boolean {
    return this.#sizeInMemory > 0 || (this.edges !== null && this.#retention.short.size > 0)
  }

  get isEmpty(): boolean {
    return this.#ring === null || this.#ring.size === 0
  }

  /** Something is on its way to it: it must not be forgotten. */
  get isBusy(): boolean {
    return this.underWay > 0
  }

  /** What the rule promises out of memory. */
  get #sizeInMemory(): number {
    return this.stored === null ? this.rule.historySize : 0
  }

  /** Keeps the message of the latest publication. */
  retain(message: Buffer, nowMs: number): void {
    if (this.#ring === null || this.#ring.nextOffset !== this.offset) {
      this.#ring?.clear()
      this.#ring = new Ring(this.#retention.memory, this.offset)
    }
    this.#ring.push(message, nowMs)
    this.trim(nowMs)
  }

  /** Drops what neither the rule nor the short ring of an attached channel claims. */
  trim(nowMs: number): void {
    const ring = this.#ring
    if (ring === null) return
    const historySize = this.#sizeInMemory
    const beyondShort = this.edges === null ? ring.size : this.#beyondShort(ring, this.edges, nowMs)
    const beyondHistory = historySize === 0 ? ring.size : ring.excess(historyLimits(this.rule), nowMs)
    ring.dropOldest(Math.min(beyondShort, beyondHistory))
    if (ring.size === 0 && this.edges === null) this.#ring = null
  }

  /** What still waits to be sent to subscribers is kept, and does not count: else those behind would get gaps. */
  #beyondShort(ring: Ring, edges: readonly Edge[], nowMs: number): number {
    const { short } = this.#retention
    let sent = this.offset
    for (const edge of edges) sent = Math.min(sent, edge.sentOffset(this.name))
    const unsent = this.offset - sent
    const limits = unsent === 0 ? short : { ...short, size: short.size + unsent }
    // What waited for the user is kept as well until it is acknowledged: those who read slowly must not miss it.
    const unread = this.delivered?.[0]?.offset ?? this.offset + 1
    const kept = Math.max(unsent, ring.nextOffset - unread)
    return Math.min(ring.excess(limits, nowMs), Math.max(0, ring.size - kept))
  }

  /** Offset of the oldest publication that the rule promises, `offset` + 1 when there is none. */
  firstInHistory(): number {
    const { clock } = this.#retention
    if (this.stored !== null) {
      this.stored.expire(this.offset, clock.wallMs())
      return Math.min(this.stored.first, this.offset + 1)
    }
    const ring = this.#ring
    if (ring === null || this.rule.historySize === 0) return this.offset + 1
    return ring.firstOffset + ring.excess(historyLimits(this.rule), clock.nowMs())
  }

  /** What is not claimed any more is gone, even if nothing was published since. */
  firstRetained(): number {
    this.trim(this.#retention.clock.nowMs())
    const ring = this.#ring
    const inRing = ring === null || ring.nextOffset <= this.offset ? this.offset + 1 : ring.firstOffset
    return this.stored === null ? inRing : Math.min(inRing, this.stored.first)
  }

  retained(offset: number): Buffer | null {
    const inRing = this.#ring?.message(offset) ?? null
    return inRing ?? this.stored?.entry(offset)?.value ?? null
  }

  /** When a held publication was published, ms since 1970; now when it is not held. */
  retainedAtMs(offset: number): number {
    const { clock } = this.#retention
    const entry = this.stored?.entry(offset) ?? null
    if (entry !== null) return entry.timeMs
    return clock.wallMs() - clock.nowMs() + (this.#ring?.timeOf(offset) ?? clock.nowMs())
  }

  /** Lets go of single publications in memory; what is gone at the front is not looked for any more. */
  remove(offsets: readonly number[]): void {
    const ring = this.#ring
    if (ring === null) return
    for (const offset of offsets) ring.remove(offset)
    while (ring.size > 0 && ring.message(ring.firstOffset) === null) ring.dropOldest(1)
  }

  /** Lets go of everything. */
  clear(): void {
    this.#ring?.clear()
    this.#ring = null
  }
}

function historyLimits(rule: EffectiveRule): RingLimits {
  return { size: rule.historySize, bytes: rule.historyBytes, maxAgeMs: rule.historyTtlMs }
}
