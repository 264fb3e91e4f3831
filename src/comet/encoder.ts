/**
 * From publications of the node to messages of CppComet pages, in one dialect.
 *
 * Owns which publication is which kind of message: of a pipe, to a user, of one who comes or goes. Live ones come as
 * values, those a slow reader or a poll catches up with as the JSON of the client protocol, where less is known: who
 * published anonymously is then nobody, and the time is that of sending. No two messages of a channel in one turn are
 * the same bytes, as the hub finds a lost one by them. Bound: the messages of a turn.
 */
import type { Publication } from '../core/broker.ts'
import { USER_CHANNEL_MARK } from '../core/names.ts'
import { STATUS_PREFIX } from '../core/user-arrivals.ts'
import { type InboxMark, readPublication } from '../protocol/json-codec.ts'
import type { ControlMessage } from '../protocol/messages.ts'
import { noMessage } from '../sockets/socket-fan-out.ts'
import { type Frames, type HistoryFrame, type MessageFrame, USER_PIPE } from './frames.ts'
import { textOf, textOfJson } from './payload-text.ts'

/** What the node itself publishes about who comes and goes, as JSON. */
const ANNOUNCEMENT = /^\{"user_id":(?:\d+|"[^"]*"),"uuid":"[^"]*"\}$/

export interface CometEncoder {
  encode(publication: Publication): Buffer
  /** @param message JSON of the client protocol; a notice has no form */
  recode(message: Buffer): Buffer
  /** Null = it has no form */
  encodeControl(message: ControlMessage): string | null
  /** The next messages are of another turn. */
  turnEnded(): void
}

export interface CometEncoderDeps {
  readonly frames: Frames
  readonly nowSecond: () => number
  /** A message that waited for its user is on its way to them. */
  readonly fromInbox: (publication: Publication) => void
}

export function createCometEncoder({ frames, nowSecond, fromInbox }: CometEncoderDeps): CometEncoder {
  /** What was said in this turn, by channel. */
  const said = new Map<string, Set<string>>()

  /** White space behind a message makes it another; pages do not see it. */
  function unlike(channel: string, message: string): string {
    const others = said.get(channel)
    if (others === undefined) {
      said.set(channel, new Set([message]))
      return message
    }
    let own = message
    while (others.has(own)) own += ' '
    others.add(own)
    return own
  }

  function secondOf(
    channel: string,
    isStatus: boolean,
    inbox: Pick<InboxMark, 'timeMs'> | null,
  ): number | null {
    if (inbox !== null) return Math.floor(inbox.timeMs / 1000)
    return isStatus || channel.startsWith(USER_CHANNEL_MARK) ? null : nowSecond()
  }

  function messageOf({ channel, event, json, text, inbox, user }: Parts): string {
    const isOurs = user === null
    const isStatus = isOurs && channel.startsWith(STATUS_PREFIX) && isStatusWord(event) && text === event
    const parts: MessageFrame = {
      text,
      isObject: isOurs && isAnnouncement(event, json),
      event,
      pipe: channel.startsWith(USER_CHANNEL_MARK) ? USER_PIPE : channel,
      second: secondOf(channel, isStatus, inbox),
      fromQueue: inbox !== null,
      user,
    }
    return frames.message(parts)
  }

  return {
    encode(publication) {
      const { scoped, channel, event, data, inbox } = publication
      if (inbox !== null) fromInbox(publication)
      const text = textOf(data)
      const json = isAnnouncing(event) ? text : ''
      const user = publication.fromClient ? publication.user : null
      return Buffer.from(unlike(scoped, messageOf({ channel, event, json, text, inbox, user })))
    },
    recode(message) {
      const { json, ...known } = readPublication(message)
      if (json === null) return noMessage
      const { channel, event = '', user = null, time } = known.message
      const inbox = time === undefined ? null : { timeMs: time }
      return Buffer.from(messageOf({ channel, event, json, text: textOfJson(json), inbox, user }))
    },
    encodeControl(message) {
      if (!('gap' in message)) return null
      const { channel, gap } = message
      return frames.gap(channel.startsWith(USER_CHANNEL_MARK) ? USER_PIPE : channel, gap)
    },
    turnEnded() {
      if (said.size > 0) said.clear()
    },
  }
}

/** What a message is made of. */
interface Parts {
  readonly channel: string
  readonly event: string
  /** Of the data; looked at only where it may be an announcement */
  readonly json: string
  readonly text: string
  readonly inbox: Pick<InboxMark, 'timeMs'> | null
  /** Null = no client published it, as far as is known */
  readonly user: string | null
}

/** A publication of a history as a page is told it. @param second when it was published, since 1970 */
export function historyFrameOf(message: Buffer, second: number): HistoryFrame | null {
  const { json, message: publication } = readPublication(message)
  if (json === null) return null
  const { channel, event = '', user = '' } = publication
  const isObject = isAnnouncement(event, json)
  return { text: textOfJson(json), isObject, event, pipe: channel, second, user }
}

function isAnnouncing(event: string): boolean {
  return event === 'subscription' || event === 'unsubscription'
}

/** Pages are told of joins and leaves as objects, of everything else as texts. */
function isAnnouncement(event: string, json: string): boolean {
  return isAnnouncing(event) && ANNOUNCEMENT.test(json)
}

function isStatusWord(event: string): boolean {
  return event === 'online' || event === 'offline'
}
