/**
 * Telling the broker which users came to an edge and which left it.
 *
 * Owns the moment: with the first session on a user's own channel, and with the last. What the broker can not do then, as
 * its store can't be read, say, is no reason to keep a session out or to hold one that has ended. Keeps nothing.
 */
import type { StreamPosition } from '../protocol/messages.ts'
import type { Broker } from './broker.ts'
import type { HubChannel } from './hub-channel.ts'
import type { OutOfStep } from './out-of-step.ts'
import type { Session } from './session.ts'

export interface HubUsers {
  /** A session has joined a channel, `since` a position it named. */
  joined(session: Session, channel: HubChannel, since: StreamPosition | null): void
  /** A session has left a channel. */
  left(session: Session, channel: HubChannel): void
}

export function createHubUsers(broker: Broker, outOfStep: Pick<OutOfStep, 'tellUnread'>): HubUsers {
  return {
    joined(session, channel, since) {
      if (channel.count > 1 || channel.name !== session.ownChannel()) return
      broker
        .userCame(channel.name, since)
        .then((count) => {
          // Behind the answer to its connect.
          if (count > 0) setImmediate(() => outOfStep.tellUnread(session, channel, count))
        })
        .catch(() => {}) // what waits for the user comes when they come again
    },
    left(session, channel) {
      if (channel.count > 0 || channel.name !== session.ownChannel()) return
      try {
        broker.userLeft(channel.name)
      } catch {
        // Nobody is told that they left: the session is gone all the same.
      }
    },
  }
}
