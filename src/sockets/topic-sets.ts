/**
 * Who is on which topic, for transports whose connections the native library can't publish to.
 *
 * Owns the sets of sessions by topic. A topic without sessions is forgotten. Bound: one entry per session and channel it
 * is live on. Knows nothing of connections: what a session on a topic is given is up to the transport.
 */
import { topicOf } from '../core/hub-channel.ts'
import { LAGGING, type Session } from '../core/session.ts'

export interface TopicSets {
  subscribe(session: Session, topic: string): void
  /** Does nothing when the session is not on the topic. */
  unsubscribe(session: Session, topic: string): void
  /** Takes a session off the topics of all its channels. */
  forget(session: Session): void
  /** Sessions on a topic. */
  subscribers(topic: string): number
  /** The sessions on a topic in the order they came; a live view, never kept. */
  on(topic: string): ReadonlySet<Session>
}

const nobody: ReadonlySet<Session> = new Set()

export function createTopicSets(): TopicSets {
  const topics = new Map<string, Set<Session>>()

  function unsubscribe(session: Session, topic: string): void {
    const sessions = topics.get(topic)
    sessions?.delete(session)
    if (sessions?.size === 0) topics.delete(topic)
  }

  return {
    subscribe(session, topic) {
      const sessions = topics.get(topic)
      if (sessions === undefined) topics.set(topic, new Set([session]))
      else sessions.add(session)
    },
    unsubscribe,
    forget(session) {
      for (const channel of session.channels) {
        const place = session.placeOf(channel)
        if (place !== LAGGING) unsubscribe(session, topicOf(channel.name, place))
      }
    },
    subscribers: (topic) => topics.get(topic)?.size ?? 0,
    on: (topic) => topics.get(topic) ?? nobody,
  }
}
