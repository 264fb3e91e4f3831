/**
 * Users on a core without sockets: who is on their own channel, and what they got there.
 *
 * Owns the short way to come, as the identification goes it, and the form in which messages that waited are compared.
 */
import type { Session } from '../../src/core/session.ts'
import { ownChannel } from '../../src/core/tenants.ts'
import type { PublicationMessage, StreamPosition } from '../../src/protocol/messages.ts'
import type { LocalCore } from './local-core.ts'

/** A session of a user, on their own channel. */
export async function come(
  core: LocalCore,
  user: string,
  since: StreamPosition | null = null,
  tenant = 1,
): Promise<Session> {
  const session = core.connected()
  session.identify({ tenant, user, grants: [], untilSecond: 0 })
  await core.subscribe(session, ownChannel(tenant, user), since)
  await core.settle()
  return session
}

/** Publications that a session got, in order. */
export function publications(core: LocalCore, session: Session): PublicationMessage[] {
  return core.fanOut
    .messages(session)
    .filter((one): one is PublicationMessage => typeof one === 'object' && one !== null && 'offset' in one)
}

/** The data of what a session got on a channel, in order. */
export function dataOn(core: LocalCore, session: Session, channel: string): unknown[] {
  return publications(core, session)
    .filter((one) => one.channel === channel)
    .map(({ data }) => data)
}
