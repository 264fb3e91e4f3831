/**
 * What left in the latest turn, and in which order: the log that tells a session that lost a message where it was.
 *
 * Owns the entries of one turn. The library says only which message it could not take for a socket; everything after
 * it in the same turn is lost for that socket too. The order of entries is the order in which each socket was given
 * its messages, so the place of that one message gives the position of the session in every channel.
 *
 * Bound: a turn's publications, once per fan-out.
 */
import type { FanOut } from './fan-out.ts'
import type { HubChannel } from './hub-channel.ts'
import { LAGGING, type Session } from './session.ts'

export interface TurnEntry {
  readonly channel: HubChannel
  readonly fanOut: FanOut
  /** 0 = a notice, which is no publication */
  readonly offset: number
  readonly message: Buffer
  /** The topics it was given to: from the first up to and including the last. */
  readonly firstPlace: number
  lastPlace: number
  /** Whom it was handed to directly; null = published to topics */
  readonly session: Session | null
  /** Who on those topics was not sent it; null = nobody */
  readonly except: Session | null
  /** A direct message that was taken is not lost, whatever became of others. */
  isTaken: boolean
}

export class TurnLog {
  #entries: TurnEntry[] = []

  add(entry: TurnEntry): void {
    this.#entries.push(entry)
  }

  clear(): void {
    if (this.#entries.length > 0) this.#entries = []
  }

  /** Place of a message in the log, -1 when it is not there. */
  find(fanOut: FanOut, message: Buffer): number {
    return this.#entries.findIndex((entry) => entry.fanOut === fanOut && entry.message.equals(message))
  }

  /** What of a channel was meant for the session from entry `at` on and did not reach it: publications and notices. */
  lostFrom(at: number, session: Session, channel: HubChannel): TurnEntry[] {
    const place = session.placeOf(channel)
    if (place === LAGGING) return []
    return this.#entries.filter(
      (entry, index) =>
        index >= at &&
        entry.channel === channel &&
        !entry.isTaken &&
        entry.fanOut === session.fanOut &&
        (entry.session === null
          ? place >= entry.firstPlace && place <= entry.lastPlace
          : entry.session === session),
    )
  }
}
