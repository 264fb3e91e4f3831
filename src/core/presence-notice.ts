/**
 * Who came and who left, as something that goes through a channel like a publication.
 *
 * Owns the form of that notice: a message without an offset, kept by no history. A large change is told by its count
 * alone: who wants to know more asks. Bound: `MAX_TOLD` names.
 */
import type { PresenceMessage } from '../protocol/messages.ts'
import { Payload } from '../protocol/payload.ts'
import type { PresenceChange, Publication } from './broker.ts'
import { bare } from './tenants.ts'

/** Sessions named in one notice at the most. */
export const MAX_TOLD = 100

const NO_DATA = Payload.trustJson(Buffer.from('null'))

export interface NoticeFacts {
  /** Members of the channel after the change, on all edges */
  readonly count: number
  /** Higher than that of every notice before, on any channel of the node */
  readonly seq: number
  readonly nowMs: number
}

export function presenceNotice(
  channel: { readonly name: string; readonly epoch: string },
  change: PresenceChange,
  { count, seq, nowMs }: NoticeFacts,
): Publication {
  const presence = { seq, count, ...whoOf(change) }
  const name = bare(channel.name)
  const message: PresenceMessage = { channel: name, presence }
  return {
    scoped: channel.name,
    channel: name,
    data: NO_DATA,
    event: '',
    user: '',
    epoch: channel.epoch,
    offset: 0,
    message: Buffer.from(JSON.stringify(message)),
    fromClient: false,
    inbox: null,
    except: null,
    arrivedMs: nowMs,
  }
}

function whoOf({
  join,
  leave,
}: PresenceChange): Pick<PresenceMessage['presence'], 'join' | 'leave' | 'stale'> {
  if (join.length + leave.length > MAX_TOLD) return { stale: true }
  return { ...(join.length > 0 ? { join } : {}), ...(leave.length > 0 ? { leave } : {}) }
}
