/**
 * The channel of its user, as a session that polls holds it.
 *
 * Owns when messages to the user count as arrived: with the poll after the one that was answered with them. And that a
 * page which is gone does not keep them from the inbox: a session that does not poll leaves the channel, unless something
 * waits for it there, and begins with its next poll where it was. Holds nothing itself.
 */
import { hasFailed } from '../core/broker.ts'
import type { Hub } from '../core/hub.ts'
import type { HubChannel } from '../core/hub-channel.ts'
import type { Session } from '../core/session.ts'
import { bare } from '../core/tenants.ts'
import type { StreamPosition } from '../protocol/messages.ts'
import type { PollConnection } from './poll-fan-out.ts'

export interface PolledUser {
  /** A poll is being answered with all there is. */
  answered(session: Session, connection: PollConnection): void
  /** The next poll came: so did the answer to the last. */
  arrived(session: Session, connection: PollConnection): void
  /** Joins the channel, where the session has left it. Ends the session when that can't be. */
  join(session: Session, connection: PollConnection): Promise<void>
  /** Leaves it, if nothing waits there. */
  leave(session: Session, connection: PollConnection): void
}

export function createPolledUser(
  hub: Pick<Hub, 'acknowledge' | 'end' | 'isSubscribed' | 'sentTo' | 'subscribe' | 'unsubscribe'>,
): PolledUser {
  function placeOf(session: Session, { name, epoch }: HubChannel): StreamPosition | null {
    const offset = hub.sentTo(session, name)
    return offset === null ? null : { epoch, offset }
  }

  return {
    answered(session, connection) {
      const channel = ownOf(session)
      // One that has just lost something is not where it seems to be.
      if (channel === undefined || session.lostAt !== -1) return
      connection.answeredTo = connection.hasMissed ? null : placeOf(session, channel)
    },
    arrived(session, connection) {
      const { answeredTo } = connection
      connection.answeredTo = null
      if (answeredTo !== null) hub.acknowledge(session, answeredTo).catch(() => {}) // it comes again
    },
    async join(session, connection) {
      const own = session.ownChannel()
      if (own === null || hub.isSubscribed(session, own)) return
      const outcome = await hub.subscribe(session, own, { since: connection.leftAt })
      if (hasFailed(outcome)) {
        hub.end(session, outcome.failed, outcome.message)
        return
      }
      connection.leftAt = null
      if (outcome.gap !== undefined) session.fanOut.tell(session, { channel: bare(own), gap: outcome.gap })
    },
    leave(session, connection) {
      const channel = ownOf(session)
      if (channel === undefined || connection.hasMissed || connection.lines.length > 0) return
      if (!isUpToDate(session, channel)) return
      connection.leftAt = placeOf(session, channel)
      hub.unsubscribe(session, channel.name)
    },
  }
}

/** The channel of its user while the session holds it. */
function ownOf(session: Session): HubChannel | undefined {
  const own = session.ownChannel()
  return own === null ? undefined : session.channels.find(({ name }) => name === own)
}

function isUpToDate(session: Session, channel: HubChannel): boolean {
  const isLive = session.lostAt === -1 && session.lagOf(channel) === undefined
  return isLive && channel.received === channel.offset && channel.wave === null
}
