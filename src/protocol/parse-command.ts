/**
 * From a decoded message to a command.
 *
 * Owns the shape check of everything a client says, field by field, once; after it the types hold. Each refusal
 * names the field, the value and what it must be. Pure, and tolerant of members it does not know, so that newer
 * clients can talk to older nodes.
 */
import type { CodeName } from '../codes.ts'
import { MAX_EPOCH_LENGTH, MAX_HISTORY_LIMIT } from './history-bounds.ts'
import type { Command, Login, StreamPosition, SubscribeRequest } from './messages.ts'
import { MAX_KEY_BYTES, publicationKeyFault } from './publication-key.ts'

/** Ids and offsets fit what every JSON implementation keeps exact. */
const MAX_INTEGER = Number.MAX_SAFE_INTEGER

/** Highest number of a tenant. */
export const MAX_TENANT = 2_147_483_647

/** What names a browser. */
const UUID = /^[\w-]{0,32}$/

/** Characters of a wrong value that an error message repeats. */
const SHOWN_VALUE = 40

export interface ParsedCommand {
  readonly id: number
  readonly command: Command
}

/** `id` is 0 when even that could not be read. */
export interface ParseFailure {
  readonly id: number
  readonly failed: CodeName
  readonly message: string
}

type Fields = Readonly<Record<string, unknown>>
interface Wrong {
  readonly failed: 'INVALID_ARGUMENT'
  readonly message: string
}
type Parser = (fields: Fields) => Command | Wrong

const parsers: Readonly<Record<string, Parser>> = {
  connect({ token, resume, since, login }) {
    if (isGiven(token) && typeof token !== 'string') return wrong('connect.token', token, 'a string')
    if (isGiven(resume) && typeof resume !== 'string' && typeof resume !== 'boolean') {
      return wrong('connect.resume', resume, 'true or a capsule')
    }
    const position = readPosition('connect.since', since)
    if (isWrong(position)) return position
    const credentials = readLogin(login)
    if (isWrong(credentials)) return credentials
    return {
      kind: 'connect',
      token: token ?? '',
      resume: resumeOf(resume),
      since: position,
      login: credentials,
    }
  },
  refresh({ token }) {
    return typeof token === 'string' ? { kind: 'refresh', token } : wrong('refresh.token', token, 'a string')
  },
  subscribe(fields) {
    const { channel, channels, since } = fields
    if (channels === undefined) {
      const request = readSubscribe('subscribe', fields)
      return isWrong(request) ? request : { kind: 'subscribe', channels: [request], isList: false }
    }
    if (channel !== undefined) return wrong('subscribe.channel', channel, 'absent when channels is given')
    if (isGiven(since)) return wrong('subscribe.since', since, 'absent when channels is given')
    if (!Array.isArray(channels)) return wrong('subscribe.channels', channels, 'a list')
    return subscribeList(channels)
  },
  unsubscribe({ channel }) {
    return typeof channel === 'string'
      ? { kind: 'unsubscribe', channel }
      : wrong('unsubscribe.channel', channel, 'a string')
  },
  publish({ channel, data, event = '', key, echo }) {
    if (typeof channel !== 'string') return wrong('publish.channel', channel, 'a string')
    if (typeof event !== 'string') return wrong('publish.event', event, 'a string')
    if (isGiven(key) && (typeof key !== 'string' || publicationKeyFault(key) !== null)) {
      return wrong('publish.key', key, `at most ${MAX_KEY_BYTES} bytes of text without control characters`)
    }
    if (data === undefined) return wrong('publish.data', data, 'any value')
    if (isGiven(echo) && typeof echo !== 'boolean') return wrong('publish.echo', echo, 'true or false')
    return { kind: 'publish', channel, data, event, key: key ?? '', echo: echo ?? true }
  },
  history({ channel, since, limit, reverse }) {
    if (typeof channel !== 'string') return wrong('history.channel', channel, 'a string')
    if (isGiven(limit) && !isInteger(limit, 1, MAX_HISTORY_LIMIT)) {
      return wrong('history.limit', limit, `an integer from 1 to ${MAX_HISTORY_LIMIT}`)
    }
    if (isGiven(reverse) && typeof reverse !== 'boolean') {
      return wrong('history.reverse', reverse, 'true or false')
    }
    const position = readPosition('history.since', since)
    if (isWrong(position)) return position
    return { kind: 'history', channel, since: position, limit: limit ?? 0, isReverse: reverse ?? false }
  },
  presence({ channel }) {
    return typeof channel === 'string'
      ? { kind: 'presence', channel }
      : wrong('presence.channel', channel, 'a string')
  },
  users({ ids }) {
    return isStrings(ids) ? { kind: 'users', ids } : wrong('users.ids', ids, 'a list of strings')
  },
  stats({ channel }) {
    return typeof channel === 'string'
      ? { kind: 'stats', channel }
      : wrong('stats.channel', channel, 'a string')
  },
  userData({ user }) {
    return typeof user === 'string' ? { kind: 'userData', user } : wrong('userData.user', user, 'a string')
  },
  ack(fields) {
    const position = readPosition('ack', fields)
    if (isWrong(position)) return position
    return position === null ? wrong('ack', position, 'a position') : { kind: 'ack', position }
  },
  ping: () => ({ kind: 'ping' }),
}

/** Names of all commands, for messages and docs. */
export const commandNames: readonly string[] = Object.keys(parsers)

/** Checks a decoded message; never throws, whatever it is given. */
export function parseCommand(message: unknown): ParsedCommand | ParseFailure {
  if (!isFields(message))
    return refuse(0, 'INVALID_ARGUMENT', `Message must be an object: it is ${show(message)}`)
  const { id } = message
  if (!isInteger(id, 1, MAX_INTEGER)) {
    const text = `Field "id" must be an integer from 1 to ${MAX_INTEGER}: it is ${show(id)}`
    return refuse(0, 'INVALID_ARGUMENT', text)
  }
  let name = ''
  for (const key in message) {
    if (!Object.hasOwn(parsers, key)) continue
    if (name !== '') {
      return refuse(id, 'UNKNOWN_COMMAND', `Message holds two commands: ${show(name)} and ${show(key)}`)
    }
    name = key
  }
  const parse = parsers[name]
  if (parse === undefined || name === '') return refuse(id, 'UNKNOWN_COMMAND', unknownText(message))
  const fields = message[name]
  if (!isFields(fields)) {
    return refuse(id, 'INVALID_ARGUMENT', `Field "${name}" must be an object: it is ${show(fields)}`)
  }
  const parsed = parse(fields)
  return isWrong(parsed) ? { id, ...parsed } : { id, command: parsed }
}

/** Not asked for, asked for, or a capsule to go on with. */
function resumeOf(resume: string | boolean | null | undefined): string | null {
  if (typeof resume === 'string') return resume
  return resume === true ? '' : null
}

/** Null when none is given. */
function readLogin(value: unknown): Login | null | Wrong {
  if (!isGiven(value)) return null
  if (!isFields(value)) return wrong('connect.login', value, 'an object with user and key')
  const { tenant, user = '', key = '', uuid = '' } = value
  if (isGiven(tenant) && !isInteger(tenant, 0, MAX_TENANT)) {
    return wrong('connect.login.tenant', tenant, `an integer from 0 to ${MAX_TENANT}`)
  }
  if (typeof user !== 'string') return wrong('connect.login.user', user, 'a string')
  if (typeof key !== 'string') return wrong('connect.login.key', key, 'a string')
  if (typeof uuid !== 'string' || !UUID.test(uuid)) {
    return wrong('connect.login.uuid', uuid, 'at most 32 of A-Z a-z 0-9 _ -')
  }
  return { tenant: tenant ?? null, user, key, uuid }
}

function subscribeList(list: readonly unknown[]): Command | Wrong {
  const channels: SubscribeRequest[] = []
  for (const [at, row] of list.entries()) {
    const request = readRow(`subscribe.channels[${at}]`, row)
    if (isWrong(request)) return request
    channels.push(request)
  }
  return { kind: 'subscribe', channels, isList: true }
}

/** A name alone, or a name and where to go on. */
function readRow(field: string, row: unknown): SubscribeRequest | Wrong {
  if (typeof row === 'string') return { channel: row, since: null }
  return isFields(row) ? readSubscribe(field, row) : wrong(field, row, 'a string or an object with a channel')
}

function readSubscribe(field: string, { channel, since }: Fields): SubscribeRequest | Wrong {
  if (typeof channel !== 'string') return wrong(`${field}.channel`, channel, 'a string')
  const position = readPosition(`${field}.since`, since)
  return isWrong(position) ? position : { channel, since: position }
}

/** Null when none is given. */
function readPosition(field: string, value: unknown): StreamPosition | null | Wrong {
  if (!isGiven(value)) return null
  if (!isFields(value)) return wrong(field, value, 'an object with epoch and offset')
  const { epoch, offset } = value
  if (typeof epoch !== 'string' || epoch.length > MAX_EPOCH_LENGTH) {
    return wrong(`${field}.epoch`, epoch, `a string of at most ${MAX_EPOCH_LENGTH} characters`)
  }
  if (!isInteger(offset, 0, MAX_INTEGER)) {
    return wrong(`${field}.offset`, offset, `an integer from 0 to ${MAX_INTEGER}`)
  }
  return { epoch, offset }
}

function unknownText(message: Fields): string {
  const keys = Object.keys(message).filter((key) => key !== 'id')
  const held = keys.length === 0 ? 'none' : show(keys[0])
  return `Message holds no command this node knows: it holds ${held}, known are ${commandNames.join(', ')}`
}

function refuse(id: number, failed: CodeName, message: string): ParseFailure {
  return { id, failed, message }
}

function wrong(field: string, value: unknown, must: string): Wrong {
  return {
    failed: 'INVALID_ARGUMENT',
    message: `Field "${field}" must be ${must}: it is ${show(value)}`,
  }
}

function isWrong(value: object | null): value is Wrong {
  return value !== null && 'failed' in value
}

/** Null counts as absent: some encoders write it for what is not there. */
function isGiven<T>(value: T): value is NonNullable<T> {
  return value !== undefined && value !== null
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

/** A value as an error message repeats it: its start, or its kind when it is a structure. */
function show(value: unknown): string {
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  return JSON.stringify(value.length <= SHOWN_VALUE ? value : `${value.slice(0, SHOWN_VALUE - 3)}...`)
}
