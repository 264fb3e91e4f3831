/**
 * What a client says in the body of a poll, of the opening of an event stream, or of a command request.
 *
 * Owns the shape check of that JSON object; the commands in it are checked one by one when they run. Each refusal
 * names the field and what it must be. Pure.
 */
import type { CodeName } from '../codes.ts'
import { errorText } from '../errors.ts'
import { MAX_EPOCH_LENGTH } from '../protocol/history-bounds.ts'
import type { StreamPosition } from '../protocol/messages.ts'

export interface PollRequest {
  /** '' = none: the first request of a session */
  readonly capsule: string
  /** Where the client is in all its channels; null = as the node knows it */
  readonly positions: readonly (readonly [channel: string, since: StreamPosition])[] | null
  /** As they came */
  readonly commands: readonly unknown[]
  /** How long the client would wait; null = as long as the node holds polls */
  readonly waitMs: number | null
}

export interface BadRequest {
  readonly failed: CodeName
  readonly message: string
}

/** Reads a body. Never throws. */
export function readPollRequest(body: Buffer): PollRequest | BadRequest {
  let fields: unknown
  try {
    fields = JSON.parse(body.toString())
  } catch (error) {
    return { failed: 'BAD_MESSAGE', message: `Body is not JSON: ${errorText(error)}` }
  }
  if (!isFields(fields)) return { failed: 'BAD_MESSAGE', message: 'Body must be an object' }
  const { capsule = '', positions = null, commands = [], waitMs = null } = fields
  if (typeof capsule !== 'string') return wrong('capsule', 'a string')
  if (!Array.isArray(commands)) return wrong('commands', 'a list')
  if (waitMs !== null && !isAmount(waitMs)) return wrong('waitMs', 'milliseconds, 0 or more')
  const read = positions === null ? null : readPositions(positions)
  if (read !== null && 'failed' in read) return read
  return { capsule, positions: read, commands, waitMs }
}

/** `{"news":{"epoch":"k3","offset":41}}` as a list. */
export function readPositions(value: unknown): (readonly [string, StreamPosition])[] | BadRequest {
  if (!isFields(value)) return wrong('positions', 'an object')
  const positions: (readonly [string, StreamPosition])[] = []
  for (const channel in value) {
    const since = value[channel]
    if (!isPosition(since)) {
      return wrong(`positions[${JSON.stringify(channel)}]`, '{"epoch": string, "offset": integer ≥ 0}')
    }
    positions.push([channel, since])
  }
  return positions
}

function isPosition(value: unknown): value is StreamPosition {
  if (!isFields(value)) return false
  const { epoch, offset } = value
  return typeof epoch === 'string' && epoch.length <= MAX_EPOCH_LENGTH && isAmount(offset)
}

function isAmount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(field: string, must: string): BadRequest {
  return { failed: 'INVALID_ARGUMENT', message: `Field "${field}" must be ${must}` }
}

/** HTTP sessions can't go on without a capsule: connect asks for one, whether it says so or not. */
export function wantingCapsule(command: unknown): unknown {
  if (typeof command !== 'object' || command === null || !('connect' in command)) return command
  const { connect } = command
  if (typeof connect !== 'object' || connect === null) return command
  return 'resume' in connect && connect.resume
    ? command
    : { ...command, connect: { ...connect, resume: true } }
}
