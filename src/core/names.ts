/**
 * What names may be: channels, user ids, events.
 *
 * Owns the bounds of every name that comes from outside, checked once where it enters. Pure; no state.
 */
import type { Failure } from './broker.ts'

export const MAX_CHANNEL_BYTES = 255
export const MAX_USER_BYTES = 128
export const MAX_EVENT_BYTES = 255

/** First letter of user channels; no other channel may begin with it. */
export const USER_CHANNEL_MARK = '@'

/** Stands in a session's id behind the name of its browser. */
export const UUID_MARK = '~'

/** C0 and C1 control characters, DEL, halves of surrogate pairs, and what broken UTF-8 decodes to. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\ufffd]/u

/** Null when `name` may be a channel; user channels (`@17`) included. */
export function channelNameFailure(name: string): Failure | null {
  const reason =
    nameFault(name, MAX_CHANNEL_BYTES) ?? (name === USER_CHANNEL_MARK ? '"@" needs a user id' : null)
  if (reason === null) return null
  return { failed: 'INVALID_CHANNEL', message: `Channel name ${shown(name)} is not allowed: ${reason}` }
}

/** Null when `user` may be a user id: 1 to 128 bytes without control characters. */
export function userIdFault(user: string): string | null {
  return nameFault(user, MAX_USER_BYTES)
}

/** Null when `event` may be an event name: at most 255 bytes without control characters; '' = none. */
export function eventFault(event: string): string | null {
  return event === '' ? null : nameFault(event, MAX_EVENT_BYTES)
}

/** A name as an error message shows it: quoted, escaped, shortened. */
export function shown(name: string): string {
  const quoted = JSON.stringify(name.length <= 40 ? name : `${name.slice(0, 37)}...`)
  // JSON leaves DEL and the C1 controls as they are; terminals act on them.
  return quoted.replace(/\p{Cc}/gu, (control) => `\\u00${control.charCodeAt(0).toString(16)}`)
}

function nameFault(name: string, maxBytes: number): string | null {
  if (name === '') return 'it is empty'
  // A UTF-16 unit takes at most three bytes: short names need no counting.
  if (name.length * 3 > maxBytes) {
    const bytes = Buffer.byteLength(name)
    if (bytes > maxBytes) return `it has ${bytes} of at most ${maxBytes} bytes`
  }
  return FORBIDDEN.test(name) ? 'it holds control characters or broken Unicode' : null
}
