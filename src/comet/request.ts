/**
 * What a CppComet page asks for: one text, its parts divided by line breaks.
 *
 * Owns the reading of every command, and the refusals that follow from its text alone, in the original's order and words.
 * What depends on who asks is not decided here. Lists and names are bounded. Pure.
 */
import type { ErrorMembers } from './frames.ts'

/** Longest name of a pipe or an event. */
export const MAX_NAME_LENGTH = 64

/** Shortest name of a pipe to subscribe to. */
const MIN_NAME_LENGTH = 2

/** A list of names takes no more for each of them. */
const LISTED_NAME_BYTES = 68

const NEWLINE = 0x0a

/** A message to send instead of doing anything. */
export interface Refusal {
  readonly error: string
  readonly members: ErrorMembers
}

/** What was refused; the connection goes where it `isFatal`. */
export interface RefusedRequest {
  readonly kind: 'refused'
  readonly refusals: readonly Refusal[]
  readonly isFatal: boolean
}

export interface SubscriptionRequest {
  readonly kind: 'subscription'
  /** All pipes from now on, each once */
  readonly pipes: readonly string[]
  /** There were more. */
  readonly isCut: boolean
}

export interface PublishRequest {
  readonly kind: 'publish'
  /** Without the mark that hides the sender */
  readonly pipe: string
  readonly isHidden: boolean
  readonly event: string
  /** Bytes of its own */
  readonly payload: Buffer
  /** What is wrong with it, once its sender may publish there; null = nothing */
  readonly fault: Refusal | null
}

export type CometRequest =
  | RefusedRequest
  | SubscriptionRequest
  | PublishRequest
  | { readonly kind: 'log'; readonly pipe: string; readonly marker: string }
  | { readonly kind: 'count'; readonly pipe: string; readonly marker: string }
  | { readonly kind: 'present'; readonly pipe: string; readonly marker: string }
  | { readonly kind: 'userData'; readonly user: string; readonly marker: string }
  | { readonly kind: 'userStatus'; readonly user: string }
  /** Read, and nothing comes of it. */
  | { readonly kind: 'nothing' }
  /** No command: the connection goes. */
  | { readonly kind: 'unknown' }

/** @param bytes of one message; not kept */
export function readRequest(bytes: Buffer, limits: { readonly maxPipes: number }): CometRequest {
  const [reader] = readers.filter(({ word }) => bytes.subarray(0, word.length).toString('latin1') === word)
  return reader === undefined ? { kind: 'unknown' } : reader.read(bytes, limits.maxPipes)
}

/** The first word that a message begins with decides. */
const readers: readonly {
  readonly word: string
  read(bytes: Buffer, maxPipes: number): CometRequest
}[] = [
  { word: 'subscription', read: (bytes, maxPipes) => readPipes(bytes.subarray(12), maxPipes) },
  { word: 'user_status', read: readUserStatus },
  { word: 'pipe_count', read: readCount },
  { word: 'statistics', read: () => ({ kind: 'nothing' }) },
  { word: 'web_pipe2', read: readPublish },
  { word: 'pipe_log', read: readLog },
  { word: 'track_pipe_users', read: readPresent },
  { word: 'user_data', read: readUserData },
  { word: 'cgi_call', read: () => ({ kind: 'nothing' }) },
  { word: 'CometQL_call', read: () => ({ kind: 'nothing' }) },
]

/** A list of names, with anything between them that no name holds; also the body of a poll. */
export function readPipes(list: Buffer, maxPipes: number): SubscriptionRequest | RefusedRequest {
  if (list.length > maxPipes * LISTED_NAME_BYTES) return tooLong
  const names = list.toString('latin1').match(/[\w-]+/g) ?? []
  if (names.some((name) => name.length > MAX_NAME_LENGTH)) return tooLong
  const pipes = new Set(names.filter((name) => name.length >= MIN_NAME_LENGTH))
  return { kind: 'subscription', pipes: [...pipes].slice(0, maxPipes), isCut: pipes.size > maxPipes }
}

/** The 33rd name and those behind it, in the original. */
export const tooManyPipes: Refusal = { error: 'Too many letters', members: { code: '403' } }

const tooLong: RefusedRequest = {
  kind: 'refused',
  refusals: [{ error: 'Channel name is too long', members: { code: '403' } }],
  isFatal: true,
}

function readPublish(bytes: Buffer): CometRequest {
  const [, named = '', event = '', auth = ''] = lines(bytes, 4)
  const isHidden = named.startsWith('@web_')
  const pipe = isHidden ? named.slice(1) : named
  const authFault: Refusal | null =
    auth.length === 1 ? null : { error: 'Invalid value auth_type', members: { number_messages: -1 } }
  const fault = pipeFault(pipe) ?? eventFault(event) ?? authFault
  return { kind: 'publish', pipe, isHidden, event, payload: Buffer.from(restAfter(bytes, 4)), fault }
}

function readLog(bytes: Buffer): CometRequest {
  const [, pipe = '', marker = ''] = lines(bytes, 3)
  const wrongPipe = pipeFault(pipe)
  if (wrongPipe !== null) return refused(wrongPipe, noMessages('Invalid channel name.'))
  const wrongMarker = markerFault(marker)
  if (wrongMarker !== null) return refused(wrongMarker, noMessages('Invalid marker value.'))
  return { kind: 'log', pipe, marker }
}

function readCount(bytes: Buffer): CometRequest {
  const [, pipe = '', marker = ''] = lines(bytes, 3)
  if (!pipe.startsWith('web_') && !pipe.startsWith('track_')) return refused(countRefusal)
  const fault = pipeFault(pipe) ?? markerFault(marker)
  return fault === null ? { kind: 'count', pipe, marker } : refused(fault, noMessages('Invalid pipe name.'))
}

/** Also for pipes whose count nobody may know. */
export const countRefusal: Refusal = noMessages(
  '[pipe_count] Invalid channel name. The channel should start with web_',
)

function readPresent(bytes: Buffer): CometRequest {
  const [, pipe = '', marker = ''] = lines(bytes, 3)
  if (!pipe.startsWith('track_')) return refused(presentRefusal)
  const fault = pipeFault(pipe) ?? markerFault(marker)
  return fault === null ? { kind: 'present', pipe, marker } : refused(fault)
}

/** Also for pipes whose users nobody may know. */
export const presentRefusal: Refusal = {
  error: '[track_pipe_users] Invalid channel name. The channel should start with track_',
  members: { user_id: -1 },
}

function readUserData(bytes: Buffer): CometRequest {
  const [, marker = '', id = ''] = lines(bytes, 3)
  if (markerFault(marker) !== null) return refused(noUserData('Invalid marker name.'))
  const user = userOf(id)
  return user === null ? refused(noUserData('Invalid user id')) : { kind: 'userData', user, marker }
}

function readUserStatus(bytes: Buffer): CometRequest {
  const user = userOf(lines(bytes, 2)[1] ?? '')
  return user === null ? { kind: 'nothing' } : { kind: 'userStatus', user }
}

function noUserData(error: string): Refusal {
  return { error, members: { user_data: '', user_id: -1 } }
}

function noMessages(error: string): Refusal {
  return { error, members: { number_messages: -1 } }
}

function refused(...refusals: readonly Refusal[]): RefusedRequest {
  return { kind: 'refused', refusals, isFatal: false }
}

/** Null when it is no number. */
function userOf(text: string): string | null {
  return /^\d{1,15}$/.test(text) ? String(Number(text)) : null
}

function pipeFault(name: string): Refusal | null {
  const fault = nameFault(name)
  if (fault === null && name !== '') return null
  return noMessages(
    fault === 'letters'
      ? 'The channel name can only contain characters A-Za-z0-9_-'
      : 'Invalid pipe name length',
  )
}

/** Pages make markers out of random numbers, so a dot may be in one. */
function markerFault(marker: string): Refusal | null {
  return pipeFault(marker.replaceAll('.', '_'))
}

function eventFault(event: string): Refusal | null {
  const fault = nameFault(event)
  if (fault === null) return null
  const error =
    fault === 'letters'
      ? 'The event name can only contain characters A-Za-z0-9_-'
      : 'Invalid event name length'
  return { error, members: {} }
}

/** What comes first: a letter that no name holds, or the end of what a name may take. */
function nameFault(name: string): 'letters' | 'length' | null {
  if (!/^[\w-]*$/.test(name.slice(0, MAX_NAME_LENGTH + 1))) return 'letters'
  return name.length > MAX_NAME_LENGTH ? 'length' : null
}

/** The first `count` lines of a message; what it does not have is missing. Names hold ASCII only, so bytes will do. */
function lines(bytes: Buffer, count: number): string[] {
  return bytes
    .subarray(0, bytes.length - restAfter(bytes, count).length)
    .toString('latin1')
    .split('\n', count)
}

/** What follows `count` lines. */
function restAfter(bytes: Buffer, count: number): Buffer {
  let start = 0
  for (let line = 0; line < count; line++) {
    const end = bytes.indexOf(NEWLINE, start)
    if (end === -1) return bytes.subarray(bytes.length)
    start = end + 1
  }
  return bytes.subarray(start)
}
