/**
 * An edge that remembers, for tests of what stands on the other side of the broker.
 *
 * Owns lists of the publications it was streamed, of the goodbyes and of the changes of presence it was told;
 * subscribers are numbers a test sets, members of channels names. It holds no connections, always has room
 * and has sent at once whatever it was given.
 */
import type { DisconnectTarget, Edge, Goodbye, PresenceChange, Publication } from '../../src/core/broker.ts'
import type { Present } from '../../src/protocol/messages.ts'

export interface RecordingEdge extends Edge {
  readonly delivered: readonly Publication[]
  readonly goodbyes: readonly { readonly target: DisconnectTarget; readonly goodbye: Goodbye }[]
  readonly changes: readonly ToldChange[]
}

/** One call of `tellPresence`. */
export interface ToldChange {
  readonly channel: string
  readonly change: PresenceChange
  readonly count: number
}

/**
 * @param subscribers sessions per channel
 * @param disconnects how many sessions each disconnect finds
 * @param members who is on the channels with a list; any other channel has none
 */
export function recordingEdge(
  subscribers: Readonly<Record<string, number>> = {},
  disconnects = 1,
  members: Readonly<Record<string, readonly Present[]>> = {},
): RecordingEdge {
  const delivered: Publication[] = []
  const goodbyes: { target: DisconnectTarget; goodbye: Goodbye }[] = []
  const changes: ToldChange[] = []
  return {
    delivered,
    goodbyes,
    changes,
    deliver: (publications) => void delivered.push(...publications),
    room: () => null,
    subscribers: (channel) => subscribers[channel] ?? 0,
    sentOffset: (channel) => delivered.findLast((one) => one.channel === channel)?.offset ?? 0,
    present: (channel, limit) => members[channel]?.slice(0, limit) ?? null,
    memberCount: (channel) => members[channel]?.length ?? 0,
    tellPresence: (channel, change, count) => void changes.push({ channel, change, count }),
    disconnect(target, goodbye) {
      goodbyes.push({ target, goodbye })
      return disconnects
    },
    sessionStates: () => [],
    counts: () => ({ connections: 3, sessions: 2, subscriptions: 5, channels: 0 }),
  }
}
