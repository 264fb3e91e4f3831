/**
 * How a session leaves what is sent live, and where it begins when it comes back.
 *
 * Owns the way from live to lagging: because its connection lost a message, because it came with an old position, or
 * because a poll says it got less than it was sent. Each time the next offset it needs is worked out exactly, from the
 * log of the turn or from the position it gave; replay does the rest. Keeps the books of it: what is owed to a session
 * that is behind is due up to its channel's offset, no more. Bound: the sessions that lost something in one turn.
 */
import type { Clock } from '../clock.ts'
import type { Gap, StreamPosition } from '../protocol/messages.ts'
import type { HubChannel } from './hub-channel.ts'
import type { Ledger, LossReason } from './ledger.ts'
import { planRecovery } from './recovery.ts'
import type { Replay } from './replay.ts'
import { LAGGING, Lag, type Session } from './session.ts'
import { bare } from './tenants.ts'
import type { TurnLog } from './turn-log.ts'

export interface OutOfStepDeps {
  readonly clock: Clock
  readonly log: TurnLog
  readonly ledger: Ledger
  readonly replay: Replay
  /** Makes sure that a turn comes. */
  soon(): void
}

export interface OutOfStep {
  /** A session lost a message of this turn, and all that followed in it. True when it is the first. */
  lose(session: Session, message: Buffer): boolean
  /** Takes those who lost something in the latest turn off what is sent live; before the log is cleared. */
  settle(): void
  /** The same for one session, now. @param isOpen false when its connection is gone and has left the topics by itself */
  takeOff(session: Session, isOpen: boolean): void
  /** Makes a session that lags without a place begin after `since`; returns what it will not get. */
  beginAfter(session: Session, channel: HubChannel, since: StreamPosition): Gap | null
  /** The session says where it is in a channel it holds: if that is not where it is here, it begins there anew. */
  reposition(session: Session, channel: HubChannel, since: StreamPosition): void
  /** So many messages to its user went before they could be read: they never had an offset. */
  tellUnread(session: Session, channel: HubChannel, count: number): void
  /** A session that lags leaves a channel: what it was owed is lost. */
  leave(session: Session, channel: HubChannel, reason: LossReason): void
}

export function createOutOfStep({ clock, log, ledger, replay, soon }: OutOfStepDeps): OutOfStep {
  /** Sessions that lost a message in the latest turn. */
  const lost: Session[] = []

  /** From live to lagging in all channels, each from the first publication it lost on. */
  function takeOff(session: Session, isOpen: boolean): void {
    const at = session.lostAt
    if (at === -1) return
    for (const channel of session.channels) {
      const place = session.placeOf(channel)
      if (place === LAGGING) continue
      const entries = log.lostFrom(at, session, channel)
      const all = entries.filter(({ offset }) => offset > 0)
      const publications = all.filter(({ except }) => except !== session)
      for (const entry of publications) ledger.takeBack(session.fanOut, 1, entry.message.length)
      const next = publications[0]?.offset ?? channel.sentAt(session.fanOut, place) + 1
      const lag = leaveLive(session, channel, isOpen, next)
      lag.hasMissedNotice = all.length < entries.length
      const own = all.filter(({ except, offset }) => except === session && offset >= next)
      for (const { offset } of own) lag.skip(offset)
      ledger.deferred(-own.length) // counted again when they are skipped
    }
    session.lostAt = -1
  }

  function leaveLive(session: Session, channel: HubChannel, isOpen: boolean, next: number): Lag {
    const place = session.placeOf(channel)
    ledger.deferred(channel.aheadAt(session.fanOut, place)) // counted again when the wave has ended
    channel.leaveLive(session, place, isOpen)
    channel.lagging++
    session.setPlace(channel, LAGGING)
    return addLag(session, channel, next)
  }

  function addLag(session: Session, channel: HubChannel, next: number): Lag {
    const lag = new Lag(channel, next, clock.nowMs())
    session.addLag(lag)
    replay.add(session)
    return lag
  }

  function beginAfter(session: Session, channel: HubChannel, since: StreamPosition): Gap | null {
    const { next, gap } = planFor(channel, since)
    const missing = gap === null || gap.reason === 'future' ? 0 : gap.to - gap.from + 1
    owe(channel.offset - next + 1 + missing)
    if (missing > 0) ledger.lose('gap', missing)
    addLag(session, channel, next)
    soon()
    return gap
  }

  /** A session that begins at another place than its channel is owed more, or had some before. */
  function owe(publications: number): void {
    if (publications > 0) ledger.asked(publications)
    else if (publications < 0) ledger.deferred(-publications)
  }

  return {
    lose(session, message) {
      if (session.lostAt !== -1) return false
      const at = log.find(session.fanOut, message)
      if (at === -1) return false
      session.lostAt = at
      lost.push(session)
      soon()
      return true
    },
    settle() {
      for (const session of lost.splice(0)) takeOff(session, session.phase !== 'ended')
    },
    takeOff,
    beginAfter,
    reposition(session, channel, since) {
      takeOff(session, true)
      const place = session.placeOf(channel)
      const isSame = since.epoch === channel.epoch
      if (place !== LAGGING) {
        const sent = channel.sentAt(session.fanOut, place)
        if (isSame && since.offset === sent) return
        leaveLive(session, channel, true, sent + 1)
      }
      const old = session.lagOf(channel)
      if (old === undefined || (isSame && since.offset === old.next - 1)) return
      owe(old.next - 1 - channel.offset) // what it was owed is asked for anew
      session.dropLag(channel)
      const gap = beginAfter(session, channel, since)
      const anew = session.lagOf(channel)
      if (anew !== undefined) {
        anew.hasMissedNotice = old.hasMissedNotice
        anew.own = old.own
      }
      if (gap !== null) session.fanOut.tell(session, { channel: bare(channel.name), gap })
    },
    tellUnread(session, channel, count) {
      if (session.phase === 'ended') return
      const gap = { from: channel.offset + 1, to: channel.offset, reason: 'expired', count } as const
      session.fanOut.tell(session, { channel: bare(channel.name), gap })
    },
    leave(session, channel, reason) {
      channel.lagging--
      const next = session.lagOf(channel)?.next ?? channel.offset + 1
      const owed = channel.offset - next + 1
      if (owed > 0) ledger.lose(reason, owed)
      else ledger.due(-owed) // it had some that will not be counted for it any more
    },
  }
}

/**
 * Where a session begins that was at `since`. What waits in the flush queue is sent live to everyone, whether the log
 * holds it or not; so it is never missing, and who is ahead even of it falls back to what was sent.
 */
function planFor(channel: HubChannel, since: StreamPosition): { next: number; gap: Gap | null } {
  const { epoch, offset, received } = channel
  const held = Math.min(channel.log?.firstRetained() ?? 1, offset + 1)
  const latest = since.offset > received ? offset : received
  return planRecovery({ epoch, offset: latest }, held, since)
}
