/**
 * Who comes and goes, as a publication on the channel itself; where its rule says `announce`.
 *
 * Owns the form, which is CppComet's for its `track_` pipes: an event and who it was. Pure.
 */
import type { Present } from '../protocol/messages.ts'
import { Payload } from '../protocol/payload.ts'
import type { PublishRequest } from './broker.ts'
import { UUID_MARK } from './names.ts'

/** Ids that are told as numbers. */
const NUMBER = /^\d{1,15}$/

/** The user's number where the id is one, 0 for nobody in particular; and the name of the browser, or the session's. */
export function announcement(
  channel: string,
  event: 'subscription' | 'unsubscription',
  { session, user }: Present,
): PublishRequest {
  const id = NUMBER.test(user) ? Number(user) : user === '' ? 0 : user
  const [uuid = ''] = session.split(UUID_MARK)
  const data = Payload.trustJson(Buffer.from(JSON.stringify({ user_id: id, uuid })))
  return { channel, data, event, user: '', key: '' }
}
