/**
 * Who may do what on a channel.
 *
 * Owns the reading of a rule for one session: the identity decides, nothing else. Pure.
 */
import type { AudienceName } from '../config/rules.ts'
import type { Failure } from './broker.ts'
import { compileGlob } from './glob.ts'
import { shown } from './names.ts'

/** Who a session is, and until when that is sure. */
export interface Identity {
  readonly tenant: number
  /** '' = anonymous */
  readonly user: string
  /** Channel globs that its token lists */
  readonly grants: readonly string[]
  /** Second since 1970 from which on its token is no good; 0 = it has none that runs out */
  readonly untilSecond: number
}

/** Null when the identity belongs to the audience of `channel`, a bare name of its own tenant. */
export function accessFailure(
  identity: Identity,
  audience: AudienceName,
  channel: string,
  verb: 'subscribe to' | 'publish to' | 'count subscribers of' | 'read the history of' | 'see who is on',
): Failure | null {
  const reason = refusal(identity, audience, channel)
  if (reason === null) return null
  return { failed: 'ACCESS_DENIED', message: `Cannot ${verb} ${shown(channel)}: ${reason}` }
}

function refusal(identity: Identity, audience: AudienceName, channel: string): string | null {
  switch (audience) {
    case 'anyone':
      return null
    case 'user':
      return identity.user === '' ? 'its rule asks for a user, this session is anonymous' : null
    case 'token':
      return compiled(identity.grants).some((fits) => fits(channel))
        ? null
        : 'its rule asks for a token that lists the channel'
    case 'nobody':
      return 'its rule allows no client to'
  }
}

type Fits = (channel: string) => boolean

/** Compiled once per token; gone with it. */
const compiledGrants = new WeakMap<readonly string[], readonly Fits[]>()

function compiled(grants: readonly string[]): readonly Fits[] {
  const known = compiledGrants.get(grants)
  if (known !== undefined) return known
  const fits = grants.map(compileGlob)
  compiledGrants.set(grants, fits)
  return fits
}
