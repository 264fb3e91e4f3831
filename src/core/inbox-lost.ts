/**
 * How many messages of each user went unread.
 *
 * Owns the rows that count them: one per user, with the time of the latest loss, told once and then gone. A user who never
 * returns is told nothing, so a row goes when it is as old as a message may grow, though not within a day. Bound: one
 * small row per user who lost something; a sweep looks at `SWEEP_ROWS`.
 */
import type { Clock } from '../clock.ts'
import type { Change, Row, Store } from './store.ts'
import { ownerOf, tenantOf } from './tenants.ts'

/** Rows looked at, each time. */
const SWEEP_ROWS = 500

/** A loss is told at least for so long. */
const LEAST_TTL_MS = 86_400_000

/** Between the end of one walk over all rows and the next. */
const PASS_EVERY_MS = 600_000

export interface LostCounts {
  /** What to write so that so many more are counted. */
  more(channel: string, messages: number): Change
  /** How many were counted; they count as told from now on. */
  take(channel: string): number
  /** Drops what is too old in some rows, a few at a time. Throws as reads of the store do. */
  sweep(): void
}

/** @param ttlMs age at which a message goes; 0 = no such bound, for rows neither */
export function createLostCounts(store: Store, clock: Clock, ttlMs: number): LostCounts {
  let walk: Iterator<Row> | null = null
  let nextPassMs = 0

  function counted(channel: string): number {
    const value = store.get('inboxLost', tenantOf(channel), ownerOf(channel))
    return value === null ? 0 : decode(value).messages
  }

  /** The next row of the walk; null = it has come to its end. */
  function next(rows: Iterator<Row>): Row | null {
    walk = null // stays so when this throws: the next walk begins at the first row
    const step = rows.next()
    if (step.done === true) {
      nextPassMs = clock.nowMs() + PASS_EVERY_MS
      return null
    }
    walk = rows
    return step.value
  }

  function isOver({ tenant, key, value }: Row): boolean {
    const isOld = clock.wallMs() - decode(value).latestMs >= Math.max(ttlMs, LEAST_TTL_MS)
    return isOld && store.get('inboxLost', tenant, key) === value // a later count may be on its way
  }

  return {
    more: (channel, messages) => ({
      put: 'inboxLost',
      tenant: tenantOf(channel),
      key: ownerOf(channel),
      value: `${counted(channel) + messages} ${clock.wallMs()}`,
    }),
    take(channel) {
      const messages = counted(channel)
      const row = { remove: 'inboxLost', tenant: tenantOf(channel), key: ownerOf(channel) } as const
      if (messages > 0) store.write([row]).catch(() => {}) // told twice then
      return messages
    },
    sweep() {
      if (ttlMs === 0 || (walk === null && clock.nowMs() < nextPassMs)) return
      const rows = walk ?? store.rows('inboxLost', null, '')[Symbol.iterator]()
      const over: Change[] = []
      for (let looked = 0; looked < SWEEP_ROWS; looked++) {
        const row = next(rows)
        if (row === null) break
        if (isOver(row)) over.push({ remove: 'inboxLost', tenant: row.tenant, key: row.key })
      }
      if (over.length > 0) store.write(over).catch(() => {}) // the next walk comes by again
    },
  }
}

function decode(value: string): { messages: number; latestMs: number } {
  const [messages = '0', latestMs = '0'] = value.split(' ')
  return { messages: Number(messages), latestMs: Number(latestMs) }
}
