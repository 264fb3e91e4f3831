/**
 * Who is present on the channels of an edge, and telling those who want to know.
 *
 * Owns the lists of members of channels whose rule says `list`, and the tick at which changes are told, together, to the
 * broker, which tells every edge. A notice goes through its channel like a publication, so it comes in order; those
 * who are behind get none, and are told so when they have caught up. Bound: one list per such channel.
 */
import type { Clock } from '../clock.ts'
import type { Broker, PresenceChange, Publication } from './broker.ts'
import type { HubChannel } from './hub-channel.ts'
import { presenceNotice } from './presence-notice.ts'
import type { Session } from './session.ts'
import { bare } from './tenants.ts'

/** How often it is told who came and left. */
const TICK_MS = 100

export interface HubPresence {
  /** A channel is attached. */
  add(channel: HubChannel): void
  /** A channel is left. */
  remove(channel: HubChannel): void
  /** The connection of a session is gone; within `lingerMs` it may come back without having left. */
  wentAway(session: Session, id: string, channel: HubChannel, lingerMs: number): void
  /** A change, as what goes through the channel. */
  notice(channel: HubChannel, change: PresenceChange, count: number): Publication
  /** What a session missed of who came and went is not told one by one. */
  tellStale(session: Session, channel: HubChannel): void
  stop(): void
}

export function createHubPresence(clock: Clock, broker: Broker): HubPresence {
  const listed = new Set<HubChannel>()
  /** Notices so far: no two are the same, so a lost one is found in the log. */
  let notices = 0
  const stop = clock.every(TICK_MS, tell)

  function tell(): void {
    const now = clock.nowMs()
    for (const channel of listed) {
      channel.members?.expire(now)
      const change = channel.members?.takeChange() ?? null
      if (change === null) continue
      if (channel.announces) broker.announce(channel.name, change, null)
      else broker.presenceChanged(channel.name, change)
    }
  }

  return {
    add(channel) {
      if (channel.members !== null) listed.add(channel)
    },
    remove: (channel) => void listed.delete(channel),
    wentAway(session, id, { members }, lingerMs) {
      if (lingerMs === 0) members?.left(id, session)
      else members?.wentAway(id, session, clock.nowMs() + lingerMs)
    },
    notice(channel, change, count) {
      notices++
      return presenceNotice(channel, change, { count, seq: notices, nowMs: clock.nowMs() })
    },
    tellStale(session, channel) {
      const presence = { count: channel.members?.count ?? 0, stale: true } as const
      session.fanOut.tell(session, { channel: bare(channel.name), presence })
    },
    stop,
  }
}
