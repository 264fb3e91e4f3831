/**
 * Parts of the core as tests make them by hand, where the whole of it (local-core.ts) would be in the way.
 *
 * Owns the fields that such tests do not care about: a rule that asks for nothing, limits that nothing reaches, a
 * publication as the broker would have made it.
 */
import type { Publication, PublishRequest } from '../../src/core/broker.ts'
import type { LocalBrokerLimits } from '../../src/core/broker-local.ts'
import type { HubRule } from '../../src/core/hub-channel.ts'
import { bare } from '../../src/core/tenants.ts'
import { encodePublication } from '../../src/protocol/json-codec.ts'

/** Limits of a broker that the test at hand does not reach; absent users have no inbox. */
export const BROKER_LIMITS: LocalBrokerLimits = {
  maxChannels: 0,
  channelIdleMs: 60_000,
  ringSize: 256,
  ringMs: 30_000,
  maxHistoryBytes: 16_777_216,
  idempotencyMs: 300_000,
  maxIdempotencyKeys: 1_000,
  maxLastSeen: 1_000,
  inboxSize: 0,
  inboxBytes: 0,
  inboxTtlMs: 0,
  userOnlineEvents: true,
  userOfflineEvents: true,
}

/** What an edge follows of a rule that says nothing, but perhaps a latency budget. */
export function hubRule(flushMs = 0): HubRule {
  return { flushMs, presence: 'count', announce: false }
}

/** A publication of the application as edges are given it, under the epoch `k3`. */
export function publicationOf(request: PublishRequest, offset: number, arrivedMs = 0): Publication {
  const { data, event, user, except = null } = request
  const channel = bare(request.channel)
  return {
    scoped: request.channel,
    channel,
    data,
    event,
    user,
    epoch: 'k3',
    offset,
    message: encodePublication({ channel, data, event, user, offset }),
    fromClient: false,
    inbox: null,
    except,
    arrivedMs,
  }
}
