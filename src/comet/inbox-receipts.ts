/**
 * Says for CppComet pages, which have no word for it, that messages which waited for their user arrived.
 *
 * Owns when that is: once every byte of them has left for the kernel on some connection of the user that is not behind.
 * One that missed something for good says nothing any more: a word for what came later would be one for what did not.
 * Until then messages stay in the inbox and come again. Bound: one entry per session with a user, one per user with
 * messages on their way.
 */
import type { Clock } from '../clock.ts'
import type { Publication } from '../core/broker.ts'
import type { Hub } from '../core/hub.ts'
import { USER_CHANNEL_MARK } from '../core/names.ts'
import type { Session } from '../core/session.ts'
import type { ControlMessage, StreamPosition } from '../protocol/messages.ts'

/** When it is looked for the first time: behind the turn, and the library's part of it. */
const TURN_MS = 1

/** How often it is looked whether messages have left that did not at once. */
const LOOK_MS = 100

export interface InboxReceipts {
  /** A session is sent what its user is sent. */
  add(session: Session): void
  remove(session: Session): void
  /** A session was told that some of its user's messages will not come. */
  missed(session: Session): void
  /** A message that waited is on its way to all sessions of its user. */
  sent(publication: Publication): void
  stop(): void
}

export interface InboxReceiptsDeps {
  readonly hub: Pick<Hub, 'isSubscribed' | 'sentTo' | 'acknowledge'>
  readonly clock: Clock
  /** Whether all that a session was sent has left this process. */
  hasLeft(session: Session): boolean
}

/** Messages of one user on their way. */
interface Awaited {
  readonly upTo: StreamPosition
  /** Sessions that all of them are sent to: who came later has not got them, whatever its position says; may be none */
  readonly holders: readonly Session[]
}

export function createInboxReceipts({ hub, clock, hasLeft }: InboxReceiptsDeps): InboxReceipts {
  /** By the channel of their user. */
  const sessions = new Map<string, readonly Session[]>()
  const awaited = new Map<string, Awaited>()
  const lacking = new WeakSet<Session>()
  let isLookDue = false
  const stop = clock.every(LOOK_MS, look)

  function lookSoon(): void {
    if (isLookDue) return
    isLookDue = true
    clock.after(TURN_MS, look)
  }

  /** Those of `candidates` that are there and whole hold what is on its way. */
  function awaitBy(channel: string, upTo: StreamPosition, candidates: readonly Session[]): void {
    const here = sessions.get(channel) ?? []
    const isHolder = (one: Session) =>
      here.includes(one) && !lacking.has(one) && hub.isSubscribed(one, channel)
    awaited.set(channel, { upTo, holders: candidates.filter(isHolder) })
  }

  function look(): void {
    isLookDue = false
    for (const [channel, { upTo, holders }] of awaited) {
      const holder = holders.find((session) => hasArrived(session, channel, upTo))
      if (holder === undefined) continue
      awaited.delete(channel)
      acknowledge(holder, channel, upTo)
    }
  }

  function hasArrived(session: Session, channel: string, { offset }: StreamPosition): boolean {
    if (session.lags !== null || session.lostAt !== -1 || !hasLeft(session)) return false
    return (hub.sentTo(session, channel) ?? 0) >= offset
  }

  /** One that lagged got more than was seen on its way. */
  function acknowledge(session: Session, channel: string, { epoch, offset }: StreamPosition): void {
    const sent = hub.sentTo(session, channel) ?? offset
    hub.acknowledge(session, { epoch, offset: sent }).catch(() => {}) // it comes again
  }

  return {
    add(session) {
      const channel = session.ownChannel()
      if (channel !== null) sessions.set(channel, [...(sessions.get(channel) ?? []), session])
    },
    remove(session) {
      const channel = session.ownChannel()
      if (channel === null) return
      const left = (sessions.get(channel) ?? []).filter((one) => one !== session)
      if (left.length === 0) {
        sessions.delete(channel)
        awaited.delete(channel) // whoever comes next is sent it anew
        return
      }
      sessions.set(channel, left)
      const way = awaited.get(channel)
      if (way !== undefined) awaitBy(channel, way.upTo, way.holders)
    },
    missed(session) {
      const channel = session.ownChannel()
      if (channel === null) return
      lacking.add(session)
      const { upTo, holders } = awaited.get(channel) ?? { upTo: nowhere, holders: [] }
      awaitBy(channel, upTo, holders)
    },
    sent({ scoped, epoch, offset }) {
      const holders = awaited.get(scoped)?.holders ?? sessions.get(scoped) ?? []
      awaitBy(scoped, { epoch, offset }, holders)
      lookSoon()
    },
    stop,
  }
}

/** Of what nobody holds. */
const nowhere: StreamPosition = { epoch: '', offset: 0 }

/** Whether a session is told by this that messages to its user will not come, which may be there still. */
export function tellsMissing(message: ControlMessage): boolean {
  if (!('gap' in message)) return false
  return message.channel.startsWith(USER_CHANNEL_MARK) && message.gap.reason !== 'expired'
}
