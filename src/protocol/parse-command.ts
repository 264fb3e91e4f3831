/**
 * From a decoded message to a command.
 *
 * Owns the shape check of everything a client says, field by field, once; after it the types hold. Each refusal
 * names the field, the value and what it must be. Pure, and tolerant of members it does not know, so that newer
 * clients can talk to older nodes.
 */
import type { CodeName } from '../codes.ts'
import type { Command } from './messages.ts'

/** Ids are positive and fit what every JSON implementation keeps exact. */
const MAX_ID = Number.MAX_SAFE_INTEGER

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
type Parsed = Command | { readonly failed: 'INVALID_ARGUMENT'; readonly message: string }
type Parser = (fields: Fields) => Parsed

const parsers: Readonly<Record<string, Parser>> = {
  connect(fields) {
    const { token } = fields
    if (token === undefined || token === null) return { kind: 'connect', token: '' }
    return typeof token === 'string' ? { kind: 'connect', token } : wrong('connect.token', token, 'a string')
  },
  subscribe(fields) {
    const { channel, channels } = fields
    if (channels === undefined) {
      return typeof channel === 'string'
        ? { kind: 'subscribe', channels: [channel], isList: false }
        : wrong('subscribe.channel', channel, 'a string')
    }
    if (channel !== undefined) return wrong('subscribe.channel', channel, 'absent when channels is given')
    return isStrings(channels)
      ? { kind: 'subscribe', channels, isList: true }
      : wrong('subscribe.channels', channels, 'a list of strings')
  },
  unsubscribe({ channel }) {
    return typeof channel === 'string'
      ? { kind: 'unsubscribe', channel }
      : wrong('unsubscribe.channel', channel, 'a string')
  },
  publish({ channel, data, event = '' }) {
    if (typeof channel !== 'string') return wrong('publish.channel', channel, 'a string')
    if (typeof event !== 'string') return wrong('publish.event', event, 'a string')
    if (data === undefined) return wrong('publish.data', data, 'any value')
    return { kind: 'publish', channel, data, event }
  },
  users({ ids }) {
    return isStrings(ids) ? { kind: 'users', ids } : wrong('users.ids', ids, 'a list of strings')
  },
  stats({ channel }) {
    return typeof channel === 'string'
      ? { kind: 'stats', channel }
      : wrong('stats.channel', channel, 'a string')
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
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 1 || id > MAX_ID) {
    return refuse(
      0,
      'INVALID_ARGUMENT',
      `Field "id" must be an integer from 1 to ${MAX_ID}: it is ${show(id)}`,
    )
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
  return 'failed' in parsed ? { id, ...parsed } : { id, command: parsed }
}

function unknownText(message: Fields): string {
  const keys = Object.keys(message).filter((key) => key !== 'id')
  const held = keys.length === 0 ? 'none' : show(keys[0])
  return `Message holds no command this node knows: it holds ${held}, known are ${commandNames.join(', ')}`
}

function refuse(id: number, failed: CodeName, message: string): ParseFailure {
  return { id, failed, message }
}

function wrong(field: string, value: unknown, must: string) {
  return {
    failed: 'INVALID_ARGUMENT',
    message: `Field "${field}" must be ${must}: it is ${show(value)}`,
  } as const
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
