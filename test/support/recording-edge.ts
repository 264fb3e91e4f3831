/**
 * An edge that remembers, for tests of what stands on the other side of the broker.
 *
 * Owns a list of the publications it was streamed and of the goodbyes it was told; subscribers are numbers a test sets.
 * It holds no connections and always has room.
 */
import type { DisconnectTarget, Edge, Goodbye, Publication } from '../../src/core/broker.ts'

export interface RecordingEdge extends Edge {
  readonly delivered: readonly Publication[]
  readonly goodbyes: readonly { readonly target: DisconnectTarget; readonly goodbye: Goodbye }[]
}

/**
 * @param subscribers sessions per channel
 * @param disconnects how many sessions each disconnect finds
 */
export function recordingEdge(
  subscribers: Readonly<Record<string, number>> = {},
  disconnects = 1,
): RecordingEdge {
  const delivered: Publication[] = []
  const goodbyes: { target: DisconnectTarget; goodbye: Goodbye }[] = []
  return {
    delivered,
    goodbyes,
    deliver: (publications) => void delivered.push(...publications),
    room: () => null,
    subscribers: (channel) => subscribers[channel] ?? 0,
    disconnect(target, goodbye) {
      goodbyes.push({ target, goodbye })
      return disconnects
    },
    counts: () => ({ connections: 3, sessions: 2, subscriptions: 5, channels: 0 }),
  }
}
