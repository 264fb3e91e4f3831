/**
 * A broker whose answers to questions are written by the test, around a real one that does everything else.
 *
 * Owns a record of what was asked for: a port's own work is how it asks and how it tells the answer, and both show here
 * without a channel that has to be brought into the state first.
 */
import type {
  Broker,
  Failure,
  HistoryPage,
  HistoryQuery,
  PresenceState,
  PublishRequest,
} from '../../src/core/broker.ts'
import { encodePublication } from '../../src/protocol/json-codec.ts'
import type { UsersResult } from '../../src/protocol/messages.ts'
import { Payload } from '../../src/protocol/payload.ts'

export interface ScriptedAnswers {
  readonly history?: HistoryPage | Failure
  readonly presence?: PresenceState
  readonly users?: UsersResult
}

export interface ScriptedBroker {
  /** Goes between a port and the real broker. */
  wrap(broker: Broker): Broker
  readonly queries: readonly (readonly [channel: string, query: HistoryQuery])[]
  readonly presences: readonly (readonly [channel: string, limit: number])[]
  readonly requests: readonly PublishRequest[]
}

const emptyPage: HistoryPage = { position: { epoch: 'k3', offset: 0 }, messages: [], timesMs: [], gap: null }

export function scriptedBroker(answers: ScriptedAnswers = {}): ScriptedBroker {
  const queries: [string, HistoryQuery][] = []
  const presences: [string, number][] = []
  const requests: PublishRequest[] = []
  return {
    queries,
    presences,
    requests,
    wrap: (broker) => ({
      ...broker,
      async publish(given, source) {
        requests.push(...given)
        return broker.publish(given, source)
      },
      async history(channel, query) {
        queries.push([channel, query])
        return answers.history ?? emptyPage
      },
      async presence(channel, limit) {
        presences.push([channel, limit])
        return answers.presence ?? { count: 0, clients: null }
      },
      usersOnline: async () => answers.users ?? { online: [], lastSeen: {} },
    }),
  }
}

/** The JSON message of a publication on `news`, its data as written. */
export function newsMessage(offset: number, data: string, event = '', user = ''): Buffer {
  const payload = Payload.trustJson(Buffer.from(data))
  return encodePublication({ channel: 'news', offset, data: payload, event, user })
}
