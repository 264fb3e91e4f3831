/**
 * Every message that a CppComet page is sent, as text.
 *
 * Owns the envelope: keys in alphabetical order, no spaces, and what pages older than version 4 need besides. Only this
 * file decides which keys there are: pages evaluate some of them. Pure.
 */
import { withSafeApostrophes } from './apostrophes.ts'
import type { Dialect } from './url.ts'

const OLD_PAGES_NOTE = 'for major_version < 4'

/** Pipe of messages to a user. */
export const USER_PIPE = 'msg'

/** Pipe of what the node itself has to say. */
const SYSTEM_PIPE = 'sys'

/** Keys of a message besides those that follow from the dialect; texts are escaped here, JSON is taken as it is. */
interface Frame {
  readonly info?: string
  readonly authorized?: boolean
  /** JSON */
  readonly data: string
  readonly event: string
  readonly fromQueue?: boolean
  readonly history?: boolean
  readonly jscode?: string
  readonly marker?: string
  /** Null = the original tells none */
  readonly second: number | null
  readonly pipe: string
  readonly server?: string
  readonly user?: string
}

/** A published message. */
export interface MessageFrame {
  /** As it stands in front of pages: see payload-text; or JSON, where it is an object */
  readonly text: string
  readonly isObject: boolean
  readonly event: string
  readonly pipe: string
  readonly second: number | null
  /** It waited for its user. */
  readonly fromQueue: boolean
  /** Who sent it, '' = somebody; null = the application */
  readonly user: string | null
}

/** A message out of a history. */
export interface HistoryFrame {
  readonly text: string
  readonly isObject: boolean
  readonly event: string
  readonly pipe: string
  readonly second: number
  /** '' = the application, or somebody */
  readonly user: string
}

/** Makes the messages of one dialect. @param nowSecond seconds since 1970 */
export function createFrames(dialect: Dialect, nowSecond: () => number) {
  const isOld = dialect === 'v3'

  function frame(parts: Frame): string {
    const { data, event, second, pipe } = parts
    let text = '{'
    if (parts.info !== undefined) text += `"_info":${quoted(parts.info)},`
    if (isOld) text += `"api_data":"${OLD_PAGES_NOTE}",`
    if (parts.authorized !== undefined) text += `"authorized":"${parts.authorized}",`
    text += `"data":${isOld && pipe !== USER_PIPE ? asText(data) : data},"event":${quoted(event)}`
    if (isOld) text += `,"event_name":${quoted(event)}`
    if (parts.fromQueue) text += ',"fromQueue":true'
    if (parts.history) text += ',"history":true'
    if (parts.jscode !== undefined) text += `,"jscode":${quoted(parts.jscode)}`
    if (parts.marker !== undefined) text += `,"marker":${quoted(parts.marker)}`
    if (second !== null) text += `,"message_send_time":${second}`
    text += `,"pipe":${quoted(pipe)}`
    if (parts.server !== undefined) text += `,"server":${quoted(parts.server)}`
    if (parts.user !== undefined) text += `,"user_id":${userNumber(parts.user)}`
    return `${text}}`
  }

  function system(event: string, data: string): string {
    return frame({ data, event, second: nowSecond(), pipe: SYSTEM_PIPE })
  }

  function answer(event: string, pipe: string, data: string, marker: string): string {
    return frame({ data, event, second: nowSecond(), pipe, marker })
  }

  return {
    /** The first message on a connection. @param key stored key of the user, '' = not authorized */
    greeting: (authorized: boolean, key: string, server: string) =>
      frame({
        authorized,
        data: quoted(key),
        event: 'serverInfo',
        second: nowSecond(),
        pipe: SYSTEM_PIPE,
        server,
      }),
    /** What pages with the original's script evaluate. */
    script: (jscode: string) =>
      frame({ data: '""', event: 'jscode', jscode, second: nowSecond(), pipe: SYSTEM_PIPE }),
    message({ text, isObject, user, ...rest }: MessageFrame): string {
      return frame({ ...rest, data: isObject ? text : quoted(text), ...(user === null ? {} : { user }) })
    },
    /** @param marker of the question */
    history({ text, isObject, ...rest }: HistoryFrame, marker: string): string {
      const data = isObject ? text : quoted(text)
      // A marker keeps the message from a newer page's ordinary subscribers, which is how it asks.
      const marked = isOld ? { marker } : {}
      return frame({ ...rest, data, fromQueue: true, history: true, ...marked })
    },
    /** To who published: how many others were sent it. @param text as it came */
    report: (pipe: string, text: string, count: number) =>
      frame({
        data: `{"message":${quoted(text)},"number_messages":${count}}`,
        event: 'answer',
        second: nowSecond(),
        pipe: `_answer_to_${pipe}`,
      }),
    count: (users: number, marker: string) =>
      answer('user_in_pipe', '_answer_pipe_count', `{"user_in_pipe":${users}}`, marker),
    /** Who is on a pipe. */
    present(
      pipe: string,
      users: readonly { readonly user: string; readonly uuid: string }[],
      marker: string,
    ) {
      const rows = users.map(({ user, uuid }) => `{"user_id":${userNumber(user)},"uuid":${quoted(uuid)}}`)
      return frame({
        info: 'answer for track_pipe_users',
        data: `[${rows.join()}]`,
        event: 'answer',
        marker,
        second: nowSecond(),
        pipe: isOld ? pipe : '_answer', // where older pages look for it
      })
    },
    userData: (user: string, text: string, marker: string) =>
      answer('answer', '_answer', `{"user_data":${quoted(text)},"user_id":${userNumber(user)}}`, marker),
    /** @param seconds since the user was last seen, counted as the original does */
    userStatus: (user: string, seconds: number) =>
      frame({
        data: `{"data":${seconds},"last_online_time":${seconds}}`,
        event: `user_status_${user}`,
        second: nowSecond(),
        pipe: '_answer_user_status',
      }),
    /** Publications that do not come; the original has no word for it. */
    gap: (pipe: string, { from, to }: { readonly from: number; readonly to: number }) =>
      system('gap', `{"from":${from},"pipe":${quoted(pipe)},"to":${to}}`),
    /** A command that was refused. @param members of the data besides the error */
    error: (error: string, members: ErrorMembers = {}) => system('error', errorData(error, members)),
    /** An address that is no good: the connection ends with it. */
    urlError: (code: number, error: string) =>
      system(
        'error',
        `{"error":${quoted(error)},"error_code":${code},"info":"Closed due to error. See last message."}`,
      ),
  }
}

export type Frames = ReturnType<typeof createFrames>

/** Which members the original's errors have besides the text. */
export interface ErrorMembers {
  readonly code?: '403'
  readonly number_messages?: -1
  readonly user_data?: ''
  readonly user_id?: -1
}

function errorData(error: string, members: ErrorMembers): string {
  const all: Record<string, unknown> = { ...members, error }
  const names = Object.keys(all).sort()
  return `{${names.map((name) => `${quoted(name)}:${JSON.stringify(all[name])}`).join()}}`
}

function quoted(text: string): string {
  return withSafeApostrophes(JSON.stringify(text))
}

/** Older pages take nothing but texts and numbers. @param json of any value */
function asText(json: string): string {
  return /^["\-\d]/.test(json) ? json : quoted(json)
}

/** The number of a user; 0 = nobody in particular. Ids that are none go as texts. */
function userNumber(user: string): string {
  if (user === '') return '0'
  return /^\d{1,15}$/.test(user) ? String(Number(user)) : quoted(user)
}
