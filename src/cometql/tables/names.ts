/**
 * Names of pipes and events, and ids of users, as CppComet has them.
 *
 * Owns their bounds and the words of their refusals. Where rows are looked for, a name that can not be one finds nothing;
 * where rows are written it is refused. Pure.
 */
import { QueryError } from '../query-failure.ts'
import type { Keys } from './table.ts'

const MIN_PIPE_LENGTH = 3
const MAX_NAME_LENGTH = 64

/** Subscribers may have names of two letters. */
const PIPE = /^[\w-]{2,64}$/

/** Above it numbers are not exact. */
const USER_ID = /^0*[1-9]\d{0,14}$/

const ALPHABET = 'The channel name can contain only the characters A-Za-z0-9_-'

/** Stands for the user where there is none. */
export const ANONYMOUS = '0'

/** Whether a pipe may be called so. */
export function isPipe(name: string): boolean {
  return PIPE.test(name)
}

/** The id of a user as the node has it; null when the text is none: ids are whole numbers from 1 on. */
export function userId(text: string): string | null {
  return USER_ID.test(text) ? String(Number(text)) : null
}

/** Those of the keys that are ids of users. */
export function* userIds({ keys }: Keys): Iterable<string> {
  for (const key of keys) {
    const id = userId(key)
    if (id !== null) yield id
  }
}

/** Whether rows of a user can be asked for: the native API has ids such as `alice` and `007`, which are none here. */
export function isUserId(id: string): boolean {
  return userId(id) === id
}

/** @throws {QueryError} tooLong, tooShort or invalid */
export function checkedPipe(name: string): string {
  checkLength(name, 'Channel name')
  if (name.length < MIN_PIPE_LENGTH) {
    const bounds = `${name.length} of at least ${MIN_PIPE_LENGTH} characters`
    throw new QueryError('tooShort', `Channel name is too short: ${bounds}`)
  }
  return checkLetters(name)
}

/** @throws {QueryError} tooLong or invalid */
export function checkedEvent(event: string): string {
  checkLength(event, 'Channel event_name')
  return checkLetters(event)
}

/** @throws {QueryError} invalid */
export function checkedUser(text: string): string {
  const id = userId(text)
  if (id !== null) return id
  const words = 'The id field must be non-negative'
  throw new QueryError('invalid', `${words}: a whole number from 1 to 999999999999999, it is ${shown(text)}`)
}

function checkLength(name: string, what: string): void {
  if (name.length <= MAX_NAME_LENGTH) return
  throw new QueryError(
    'tooLong',
    `${what} is too long: ${name.length} of at most ${MAX_NAME_LENGTH} characters`,
  )
}

function checkLetters(name: string): string {
  if (/^[\w-]*$/.test(name)) return name
  throw new QueryError('invalid', `${ALPHABET}: it is ${shown(name)}`)
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, MAX_NAME_LENGTH))
}
