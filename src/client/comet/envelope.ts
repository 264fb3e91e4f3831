/**
 * What callbacks of a page are called with.
 *
 * Owns its shape, and how publications and answers of a node are brought into it. Pure but for the clock: when a message
 * was sent is only known of one that waited for its user; of others that just came it is now.
 */
import type { PublicationMessage } from '../../protocol/messages.ts'
import { ERRORS } from './pipe-name.ts'
import { digest } from './slashes.ts'

export interface ServerInfo {
  /** Who sent it: 0 = the application, or anonymous; text where ids are no numbers */
  readonly user_id: number | string
  readonly pipe: string
  readonly event: string
  /** It comes from the log of the pipe */
  readonly history: boolean
  /** Of an answer: what was given with the question */
  readonly marker: string | undefined
  readonly uuid: string | undefined
  /** Seconds since 1970; undefined when that is not known */
  readonly message_send_time: number | undefined
}

export interface CometMessage {
  readonly data: unknown
  readonly server_info: ServerInfo
}

/** Brings a publication into its shape. @param pipe `msg` for messages to the user */
export function messageOf(pipe: string, publication: PublicationMessage, isHistory: boolean): CometMessage {
  const { data, event = '', user = '', time } = publication
  return {
    data: digest(data),
    server_info: {
      user_id: userIdOf(user),
      pipe,
      event,
      history: isHistory,
      marker: undefined,
      uuid: undefined,
      message_send_time: time === undefined && isHistory ? undefined : seconds(time),
    },
  }
}

/** Makes what a node would say of itself. @param marker of the question, where it is an answer */
export function noteOf(pipe: string, event: string, data: unknown, marker?: string): CometMessage {
  return {
    data,
    server_info: {
      user_id: 0,
      pipe,
      event,
      history: false,
      marker,
      uuid: undefined,
      message_send_time: seconds(),
    },
  }
}

/** What a node refused. @param known what the answer would have had, as far as that is known */
export function errorNote(error: Error, known: object): CometMessage {
  return noteOf(ERRORS, 'error', { ...known, error: error.message })
}

/** An id as pages know it. */
export function userIdOf(user: string): number | string {
  const id = Number(user)
  return Number.isSafeInteger(id) ? id : user
}

function seconds(timeMs: number = Date.now()): number {
  return Math.floor(timeMs / 1_000)
}
