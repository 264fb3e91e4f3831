/**
 * Sessions as an operator sees them.
 *
 * Owns the walk over the sessions of an edge, one at a time, so that a table of all of them needs no memory for that, and
 * whoever walks can rest even where few are meant. Who comes or goes while the walk rests is no harm to it. O(sessions).
 */
import type { SessionState } from './broker.ts'
import type { HubChannel } from './hub-channel.ts'
import { type Session, UNKNOWN_AGENT } from './session.ts'
import type { Sessions } from './sessions.ts'
import { bare } from './tenants.ts'

/** @param channel only those on it; null = all @returns null for each that was looked at and is not meant */
export function* sessionStates(
  sessions: Pick<Sessions, 'ofTenant' | 'idOf'>,
  tenant: number,
  channel: HubChannel | null,
): Iterable<SessionState | null> {
  for (const session of sessions.ofTenant(tenant)) {
    const isMeant = session !== null && (channel === null || session.channels.includes(channel))
    yield isMeant ? stateOf(session, sessions.idOf(session)) : null
  }
}

function stateOf(session: Session, id: string): SessionState {
  const { user, address, agent, fanOut, channels, lags } = session
  return {
    session: id,
    user,
    transport: fanOut.transport,
    address: address === '' && agent !== UNKNOWN_AGENT ? (fanOut.addressOf?.(session) ?? '') : address,
    userAgent: agent.userAgent,
    origin: agent.origin,
    language: agent.language,
    channels: channels.map(({ name }) => bare(name)),
    channelsBehind: lags?.filter(({ channel, next }) => next <= channel.offset).length ?? 0,
  }
}
