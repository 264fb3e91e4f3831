/**
 * Sessions that are behind, and how they catch up.
 *
 * Owns the feeding of lagging sessions from the logs of their channels, each at its own pace: a session gets as much as
 * its connection has room for, and waits for the transport to say that there is room again. Once it has all that was
 * sent to everyone else it goes live in the same tick, so that nothing can fall in between: a publication is either in
 * the log, up to the channel's offset, or sent to the topics later, above it. What the log no longer holds becomes a
 * gap, at its beginning as well as in the middle, where an entry on disk may be damaged.
 *
 * Bound: a turn feeds at most `TURN_MESSAGES` and `TURN_BYTES`, so nobody else waits for those who are behind; a
 * session behind for longer than `maxLagMs` is ended.
 */
import type { HubChannel } from './hub-channel.ts'
import type { Ledger } from './ledger.ts'
import type { Lag, Session } from './session.ts'
import { bare } from './tenants.ts'

/** Messages that leave in one write. */
const WRITE_MESSAGES = 30
const WRITE_BYTES = 15 * 1024

/** Publications in a row that are looked for in one go and are not there. */
const MISSING_AT_ONCE = 256

/** Fed in one turn of the loop, to all together: a few milliseconds. */
const TURN_MESSAGES = 2048
const TURN_BYTES = 2 * 1024 * 1024

/** Writes to one session in one turn: more than the live publications of a turn, so that it does catch up. */
const SESSION_WRITES = 16

export interface ReplayDeps {
  readonly ledger: Ledger
  /** Called when a session has become live on a channel of which it missed who came and left. */
  missedNotices(session: Session, channel: HubChannel): void
}

export interface Replay {
  /** Takes a session that got its first lag; and any later one. */
  add(session: Session): void
  /** The session has none left, or has ended. */
  remove(session: Session): void
  /** The connection of a session may have room. False when it is not behind. */
  ready(session: Session): boolean
  /** All of them may have. */
  allReady(): void
  /** Feeds who is ready; true = some could take more at once. */
  step(): boolean
  /** Whether a session had more than was sent to everyone, and is to be looked at when more was. */
  isWaiting(): boolean
  /** Feeds one session as much as it has room for, now. */
  feed(session: Session): void
  /** Sessions that were behind before `sinceMs` and still are; those that poll are behind between polls. */
  overdue(sinceMs: number): Session[]
  /** Those who are behind on a channel are not told who came and left. */
  noticeMissed(channel: HubChannel): void
  /** Publications owed to all of them now. */
  owed(): number
  readonly size: number
}

export function createReplay({ ledger, missedNotices }: ReplayDeps): Replay {
  const lagging = new Set<Session>()
  let ready = new Set<Session>()
  let turnMessages = 0
  let turnBytes = 0

  /** Feeds a session; true when it could take more but its share of the turn is used up. */
  function feedShare(session: Session): boolean {
    for (let writes = 0; writes < SESSION_WRITES; writes++) {
      const lag = session.lags?.find((one) => one.next <= one.channel.offset || isNextLive(one))
      if (lag === undefined) return false
      if (lag.next > lag.channel.offset) {
        if (!goLive(session, lag)) return false
      } else if (!feedOnce(session, lag)) {
        return false
      }
    }
    return session.lags !== null
  }

  /** One write from the log of a channel, or the gap of what is missing there; false when there was no room for it. */
  function feedOnce(session: Session, lag: Lag): boolean {
    const room = session.fanOut.room(session)
    if (room === 0) return false
    skipTrimmed(session, lag)
    skipOwn(lag)
    if (isNextLive(lag)) return true
    const messages = collect(session, lag, Math.min(room, WRITE_BYTES), lag.channel.offset)
    if (messages.length === 0) {
      skipMissing(session, lag)
      return true
    }
    const took = session.fanOut.send(session, messages)
    account(session, lag, messages, took)
    return took === messages.length
  }

  function collect(session: Session, lag: Lag, maxBytes: number, upTo: number): Buffer[] {
    const messages: Buffer[] = []
    let bytes = 0
    for (let offset = lag.next; offset <= upTo && messages.length < WRITE_MESSAGES; offset++) {
      const held = lag.isOwn(offset) ? null : (lag.channel.log?.retained(offset) ?? null)
      if (held === null) break
      const message = session.fanOut.recode(held)
      if (messages.length > 0 && bytes + message.length > maxBytes) break
      messages.push(message)
      bytes += message.length
    }
    return messages
  }

  function account(session: Session, lag: Lag, messages: readonly Buffer[], took: number): void {
    if (took === 0) return
    const bytes = messages.slice(0, took).reduce((sum, message) => sum + message.length, 0)
    ledger.give(session.fanOut, took, bytes)
    lag.next += took
    turnMessages += took
    turnBytes += bytes
  }

  /** What the session published itself it is not sent. */
  function skipOwn(lag: Lag): void {
    while (lag.next <= lag.channel.offset && lag.isOwn(lag.next)) {
      lag.next++
      ledger.deferred(1)
    }
    lag.forgetOwn()
  }

  /** What the log no longer holds is said to be missing. */
  function skipTrimmed(session: Session, lag: Lag): void {
    const { channel } = lag
    const first = Math.min(channel.log?.firstRetained() ?? 0, channel.offset + 1)
    if (lag.next < first) lose(session, lag, first - 1)
  }

  /** The log should hold what is next, and can't give it: nor, maybe, what follows. */
  function skipMissing(session: Session, lag: Lag): void {
    const { channel, next } = lag
    const isMissing = (offset: number) => !lag.isOwn(offset) && channel.log?.retained(offset) == null
    let to = next
    const end = Math.min(channel.offset, next + MISSING_AT_ONCE - 1)
    while (to < end && isMissing(to + 1)) to++
    turnMessages += to - next + 1
    lose(session, lag, to)
  }

  /** Nothing up to `to` will come. */
  function lose(session: Session, lag: Lag, to: number): void {
    const gap = { from: lag.next, to, reason: 'trimmed' } as const
    session.fanOut.tell(session, { channel: bare(lag.channel.name), gap })
    ledger.lose('gap', to - lag.next + 1)
    lag.next = to + 1
  }

  /** False when it could not be: then it goes on lagging. */
  function goLive(session: Session, lag: Lag): boolean {
    const { channel } = lag
    const place = channel.goLive(session)
    const ahead = channel.aheadAt(session.fanOut, place)
    if (ahead > 0 && !giveWave(session, lag, ahead)) {
      channel.leaveLive(session, place, true)
      return false
    }
    ledger.due(ahead)
    session.dropLag(channel)
    session.setPlace(channel, place)
    channel.lagging--
    if (lag.hasMissedNotice || channel.wasNoticed(session.fanOut, place)) missedNotices(session, channel)
    if (session.lags === null) remove(session)
    return true
  }

  /** Its topic has been given the wave that is under way: the session gets the same from the log. */
  function giveWave(session: Session, lag: Lag, ahead: number): boolean {
    const upTo = lag.channel.offset + ahead
    for (const { offset, except } of lag.channel.wave?.publications ?? []) {
      if (except === session) lag.skip(offset) // with such it waits until the wave has ended
    }
    const messages = collect(session, lag, Number.POSITIVE_INFINITY, upTo)
    const took = messages.length === 0 ? 0 : session.fanOut.send(session, messages)
    account(session, lag, messages, took)
    return lag.next > upTo
  }

  function remove(session: Session): void {
    lagging.delete(session)
    ready.delete(session)
  }

  return {
    add(session) {
      lagging.add(session)
      ready.add(session)
    },
    remove,
    ready(session) {
      if (session.lags === null) return false
      ready.add(session)
      return true
    },
    allReady() {
      for (const session of lagging) ready.add(session)
    },
    step() {
      if (ready.size === 0) return false
      turnMessages = 0
      turnBytes = 0
      const now = ready
      const again: Session[] = []
      ready = new Set()
      let hasMore = false
      for (const session of now) {
        if (turnMessages >= TURN_MESSAGES || turnBytes >= TURN_BYTES) {
          ready.add(session) // those who were not reached come first in the next turn
          hasMore = true
        } else if (session.endedBy === null && feedShare(session)) {
          again.push(session)
          hasMore = true
        } else if (session.lags?.some(isAhead)) {
          again.push(session) // looked at again when more was sent
        }
      }
      for (const session of again) ready.add(session)
      return hasMore
    },
    isWaiting: () => ready.size > 0,
    feed(session) {
      while (feedShare(session));
    },
    overdue(sinceMs) {
      const isOverdue = (session: Session) => session.lags?.some((lag) => lag.sinceMs < sinceMs) === true
      return [...lagging].filter(
        (session) => session.endedBy === null && !session.fanOut.isPolled && isOverdue(session),
      )
    },
    noticeMissed(channel) {
      if (channel.lagging === 0) return
      for (const session of lagging) {
        const lag = session.lagOf(channel)
        if (lag !== undefined) lag.hasMissedNotice = true
      }
    },
    owed() {
      let owed = 0
      for (const { lags } of lagging) for (const lag of lags ?? []) owed += lag.channel.offset - lag.next + 1
      return owed
    },
    get size() {
      return lagging.size
    },
  }
}

/** Whether what the session needs next is what will be sent to everyone next. */
function isNextLive({ channel, next }: Lag): boolean {
  return next === channel.offset + 1
}

/** Whether the session had more than was sent to everyone here: it waits until that is sent as well. */
function isAhead({ channel, next }: Lag): boolean {
  return next > channel.offset + 1
}
