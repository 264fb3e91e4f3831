/**
 * How a session that comes with positions goes on in its channels.
 *
 * Owns that step for one channel: a position in a channel the session holds moves it there, any other subscribes it.
 * There is no command to answer, so a channel that can't be had, or not all of it, is told as a notice. Holds nothing.
 */
import { errorFace } from '../codes.ts'
import { hasFailed } from '../core/broker.ts'
import type { Commands } from '../core/commands.ts'
import type { Hub } from '../core/hub.ts'
import type { Session } from '../core/session.ts'
import { bare } from '../core/tenants.ts'
import type { StreamPosition } from '../protocol/messages.ts'

export interface GoOnDeps {
  readonly hub: Pick<Hub, 'isSubscribed' | 'reposition'>
  readonly commands: Pick<Commands, 'subscribe'>
}

/**
 * Brings the session in a channel from where its client is; the user's own channel may have come with connect.
 *
 * @param channel as the node knows it
 */
export async function goOn(
  { hub, commands }: GoOnDeps,
  session: Session,
  channel: string,
  since: StreamPosition,
): Promise<void> {
  if (hub.isSubscribed(session, channel)) {
    hub.reposition(session, channel, since)
    return
  }
  const name = bare(channel)
  const outcome = await commands.subscribe(session, { channel: name, since })
  if (session.phase === 'ended') return
  if (hasFailed(outcome)) {
    session.fanOut.tell(session, { channel: name, error: errorFace(outcome.failed, outcome.message) })
  } else if (outcome.gap !== undefined) {
    session.fanOut.tell(session, { channel: name, gap: outcome.gap })
  }
}
