/**
 * The books of an edge: what its subscribers were owed, and what became of each of it.
 *
 * Owns promise 6: due + asked = delivered + deferred + lagging + lost, at every moment between two turns. Both sides are
 * counted at different places: `due` where a publication is sent to a channel, from the number of its subscribers;
 * the others where something happens to single subscribers. A fixed number of counters; adds and returns.
 */
import type { FanOut } from './fan-out.ts'
import type { Observer, TransportName } from './observer.ts'

/** Why a subscriber will not get a publication; each is told to the client, or follows from what the client did. */
export type LossReason =
  /** The history did not reach back; a gap said so */
  | 'gap'
  /** The session ended while it was behind */
  | 'ended'
  /** The session left the channel while it was behind */
  | 'unsubscribed'

export interface Books {
  /** Publications times subscribers: what was sent to channels */
  readonly due: number
  /** What sessions that gave a position had missed and asked for */
  readonly asked: number
  /** Handed to connections */
  readonly delivered: number
  /** Not handed over because the session fetches it (its next poll asks for it), or had it before */
  readonly deferred: number
  /** Owed to sessions that are being caught up now */
  readonly lagging: number
  readonly lost: Readonly<Record<LossReason, number>>
  /** due + asked − delivered − deferred − lagging − all that is lost: always 0 */
  readonly balance: number
}

export interface Ledger {
  due(publications: number): void
  asked(publications: number): void
  deferred(publications: number): void
  /** Deliveries of the turn; they may be taken back until the next one. */
  give(fanOut: FanOut, publications: number, bytes: number): void
  takeBack(fanOut: FanOut, publications: number, bytes: number): void
  /** The deliveries of the last turn are final: who lost some has said so. */
  closeTurn(): void
  /** Whether there are deliveries that are not final. */
  isTurnOpen(): boolean
  lose(reason: LossReason, publications: number): void
  /** @param lagging what is owed to sessions behind, counted from the sessions themselves */
  books(lagging: number): Books
}

interface TurnDeliveries {
  readonly transport: TransportName
  publications: number
  bytes: number
}

export function createLedger(observer: Observer): Ledger {
  const turn = new Map<FanOut, TurnDeliveries>()
  const lost: Record<LossReason, number> = { gap: 0, ended: 0, unsubscribed: 0 }
  let due = 0
  let asked = 0
  let deferred = 0
  let delivered = 0
  let isOpen = false

  function add(fanOut: FanOut, publications: number, bytes: number): void {
    delivered += publications
    isOpen = true
    let row = turn.get(fanOut)
    if (row === undefined) {
      row = { transport: fanOut.transport, publications: 0, bytes: 0 }
      turn.set(fanOut, row)
    }
    row.publications += publications
    row.bytes += bytes
  }

  return {
    due(publications) {
      due += publications
    },
    asked(publications) {
      asked += publications
    },
    deferred(publications) {
      deferred += publications
    },
    give: add,
    takeBack: (fanOut, publications, bytes) => add(fanOut, -publications, -bytes),
    isTurnOpen: () => isOpen,
    closeTurn() {
      isOpen = false
      for (const row of turn.values()) {
        if (row.publications === 0) continue
        observer.delivered(row.transport, row.publications, row.bytes)
        row.publications = 0
        row.bytes = 0
      }
    },
    lose(reason, publications) {
      lost[reason] += publications
    },
    books(lagging) {
      const all = lost.gap + lost.ended + lost.unsubscribed
      const balance = due + asked - delivered - deferred - lagging - all
      return { due, asked, delivered, deferred, lagging, lost: { ...lost }, balance }
    },
  }
}
