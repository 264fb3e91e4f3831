/**
 * What a broker tells when it is asked for all of something.
 *
 * Owns the walks over channels, sessions and settings of one tenant. Nothing is copied to walk over it; what comes while a
 * walk rests is left out, what goes may be. Memory: one batch.
 */
import { inBatches, storedRows } from './batches.ts'
import type { Broker, ChannelState, ConfiguredChannel, Edge, SessionState } from './broker.ts'
import type { ChannelRegistry } from './channel-registry.ts'
import type { Store } from './store.ts'
import { decodeSettings } from './stored-forms.ts'
import { tenantOf } from './tenants.ts'

export interface BrokerWalksDeps {
  readonly channels: Pick<ChannelRegistry, 'names'>
  readonly stateOf: (name: string) => ChannelState
  readonly edges: ReadonlyMap<Edge, unknown>
  readonly store: Store
}

export type BrokerWalks = Pick<Broker, 'channels' | 'sessions' | 'configuredChannels'>

export function createBrokerWalks({ channels, stateOf, edges, store }: BrokerWalksDeps): BrokerWalks {
  /** Null for each that is another tenant's: to pass over those takes time as well. */
  function* states(tenant: number): Iterable<ChannelState | null> {
    for (const name of channels.names()) yield tenantOf(name) === tenant ? stateOf(name) : null
  }

  function* sessions(tenant: number, channel: string | null): Iterable<SessionState | null> {
    for (const edge of [...edges.keys()]) yield* edge.sessionStates(tenant, channel)
  }

  async function* configured(tenant: number): AsyncIterable<readonly ConfiguredChannel[]> {
    for await (const rows of storedRows(store, 'channelSettings', tenant)) {
      yield rows.map(({ key, value }) => ({ channel: key, settings: decodeSettings(value) }))
    }
  }

  return {
    channels: (tenant) => inBatches(states(tenant)),
    sessions: (tenant, channel) => inBatches(sessions(tenant, channel)),
    configuredChannels: configured,
  }
}
