/**
 * What may be published at all.
 *
 * Owns the checks that need nothing but the publication and its channel's rule. Pure.
 */
import { MAX_JSON_DEPTH } from '../protocol/payload.ts'
import type { Failure, PublishRequest } from './broker.ts'
import type { EffectiveRule } from './channel-rules.ts'
import { shown } from './names.ts'
import { bare } from './tenants.ts'

/** Why nobody but the node publishes to a count channel; `channel` is a bare name. */
export function countsAreOurs(channel: string): Failure {
  return {
    failed: 'INVALID_CHANNEL',
    message: `Channel name ${shown(channel)} is reserved: the node publishes there`,
  }
}

/** Null when the data is neither too large nor nested too deep. */
export function dataFailure(
  { channel, data }: PublishRequest,
  { maxPublicationBytes }: EffectiveRule,
): Failure | null {
  if (data.bytes > maxPublicationBytes) {
    const message = `Publication for ${shown(bare(channel))} is too large: ${data.bytes} of at most ${maxPublicationBytes} bytes`
    return { failed: 'PUBLICATION_TOO_LARGE', message }
  }
  if (data.isTooDeep()) {
    const message = `Publication for ${shown(bare(channel))} is nested more than ${MAX_JSON_DEPTH} deep`
    return { failed: 'INVALID_DATA', message }
  }
  return null
}
