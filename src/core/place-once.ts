/**
 * Publications of which the same must not be published twice.
 *
 * Owns the look-up of keys, those of publications still on their way included, and that one item of a call which fails,
 * by whatever is thrown, leaves the others alone. Memory: `maxIdempotencyKeys` of the application, as many of all clients.
 */
import type { Clock } from '../clock.ts'
import type { PublishOutcome, PublishRequest, PublishSource } from './broker.ts'
import { isCountChannel } from './count-channels.ts'
import type { Eventually } from './eventually.ts'
import { failureOf } from './failure-of.ts'
import { createIdempotency, type IdempotencyLimits } from './idempotency.ts'
import type { Observer } from './observer.ts'
import { countsAreOurs } from './publication-check.ts'
import { bare } from './tenants.ts'

export interface PlaceOnceDeps {
  readonly clock: Clock
  readonly observer: Observer
  /** Publishes, whatever was published before. */
  place(request: PublishRequest, source: PublishSource): Eventually<PublishOutcome>
}

/** Publishes unless the key says that it was published before. Never throws, never rejects. */
export type PlaceOnce = (request: PublishRequest, source: PublishSource) => Eventually<PublishOutcome>

export function createPlaceOnce(deps: PlaceOnceDeps, limits: IdempotencyLimits): PlaceOnce {
  const { clock, observer } = deps
  const forgotten = () => observer.keysForgotten(1)
  /** Clients can't use up the keys of the application. */
  const keys = {
    application: createIdempotency(clock, limits, forgotten),
    clients: createIdempotency(clock, limits, forgotten),
  }
  /** Publications with a key that are not on disk yet. */
  const underWay = new Map<string, Promise<PublishOutcome>>()

  function placeOnce(request: PublishRequest, source: PublishSource): Eventually<PublishOutcome> {
    const { channel, key } = request
    if (isCountChannel(bare(channel))) return countsAreOurs(bare(channel))
    if (key === '') return deps.place(request, source)
    const isClient = source === 'client'
    const known = isClient ? keys.clients : keys.application
    const scope = isClient ? request.user : '' // users can't guess each other's
    const id = `${isClient ? 'c' : 'a'}\n${scope}\n${channel}\n${key}`
    const before = known.find(scope, channel, key) ?? underWay.get(id) ?? null
    if (before !== null) {
      observer.duplicatePublish()
      return before
    }
    const remember = (outcome: PublishOutcome): PublishOutcome => {
      if (!('failed' in outcome)) known.remember(scope, channel, key, outcome)
      return outcome
    }
    const outcome = deps.place(request, source)
    if (!(outcome instanceof Promise)) return remember(outcome)
    const remembered = outcome.then(remember).finally(() => underWay.delete(id))
    underWay.set(id, remembered)
    return remembered
  }

  return (request, source) => {
    try {
      const placed = placeOnce(request, source)
      return placed instanceof Promise ? placed.catch(failureOf) : placed
    } catch (error) {
      return failureOf(error)
    }
  }
}
