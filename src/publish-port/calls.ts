/**
 * The requests of the publish port that ask instead of publish: users, stats, disconnect, history, presence,
 * settings.
 *
 * Owns their checks and the shape of their results. A call sees what was published before it, not after. A page of
 * history or presence is bounded by `CallLimits` and, history, by MAX_PAGE_BYTES; how many may wait is the
 * conversation's business.
 */
import { codes } from '../codes.ts'
import { ruleFields } from '../config/rules.ts'
import {
  type Broker,
  type DisconnectTarget,
  type Failure,
  type HistoryQuery,
  hasFailed,
} from '../core/broker.ts'
import { GOODBYE_CODES, MAX_REASON_BYTES } from '../core/goodbye.ts'
import { channelNameFailure } from '../core/names.ts'
import { scoped } from '../core/tenants.ts'
import { EnckeError } from '../errors.ts'
import { historyLimit, MAX_EPOCH_LENGTH, MAX_HISTORY_LIMIT } from '../protocol/history-bounds.ts'
import { decodePublication } from '../protocol/json-codec.ts'
import type { HistoryResult, PresenceResult, StreamPosition } from '../protocol/messages.ts'
import type { Request } from '../protocol/publish-frames.ts'

/** Characters of a wrong value that an error message repeats. */
const MAX_SHOWN = 40

/** Publications that settings may keep of a channel: as many as a rule. */
const MAX_HISTORY_SIZE = ruleFields.historySize.max

export type Call = Extract<
  Request,
  { op: 'users' | 'stats' | 'disconnect' | 'history' | 'presence' | 'settings' }
>

type HistoryCall = Extract<Call, { op: 'history' }>
type SettingsCall = Extract<Call, { op: 'settings' }>

/** Whom a call is for. */
export interface CallDeps {
  readonly broker: Broker
  readonly tenant: number
}

export interface CallLimits {
  /** Publications one history request gets at once */
  readonly maxHistoryPerCommand: number
  /** Sessions one presence request names */
  readonly maxPresenceListed: number
}

/** Whether the result may be large: many of them at once would take up much memory. */
export function isPageCall({ op }: Call): boolean {
  return op === 'history' || op === 'presence'
}

/** Runs a call; the result goes into a `result` answer as it is. */
export async function runCall(call: Call, deps: CallDeps, limits: CallLimits): Promise<object | Failure> {
  const { broker, tenant } = deps
  switch (call.op) {
    case 'users':
      return broker.usersOnline(tenant, call.ids)
    case 'stats':
      return call.channel === '' ? broker.counts() : channelStats(call.channel, deps)
    case 'disconnect':
      return disconnect(call, deps)
    case 'history':
      return history(call, deps, limits.maxHistoryPerCommand)
    case 'presence':
      return presence(call.channel, deps, limits.maxPresenceListed)
    case 'settings':
      return settings(call, deps)
  }
}

async function channelStats(channel: string, { broker, tenant }: CallDeps): Promise<object | Failure> {
  const failure = channelNameFailure(channel)
  if (failure !== null) return failure
  const { subscribers, position } = await broker.channel(scoped(tenant, channel))
  return { channel, subscribers, ...position }
}

async function disconnect(
  call: Extract<Call, { op: 'disconnect' }>,
  { broker, tenant }: CallDeps,
): Promise<object | Failure> {
  const target = readTarget(call.target, tenant)
  if (target === null) {
    return { failed: 'INVALID_ARGUMENT', message: 'A disconnect names {"user":id} or {"session":id}' }
  }
  const { reason } = call
  const code = call.code ?? codes.DISCONNECTED.close
  if (!isInteger(code, GOODBYE_CODES.min, GOODBYE_CODES.max)) {
    return refusal('Close code', `an integer from ${GOODBYE_CODES.min} to ${GOODBYE_CODES.max}`, code)
  }
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    const message = `Reason has ${Buffer.byteLength(reason)} of at most ${MAX_REASON_BYTES} bytes`
    return { failed: 'INVALID_ARGUMENT', message }
  }
  return { disconnected: await broker.disconnect(target, { code, reason: reason || 'disconnected' }) }
}

function readTarget(value: unknown, tenant: number): DisconnectTarget | null {
  if (typeof value !== 'object' || value === null) return null
  const { user, session } = value as { user?: unknown; session?: unknown }
  // The empty user is everyone who is anonymous, which nobody means.
  if (typeof user === 'string' && user !== '' && session === undefined) return { tenant, user }
  return typeof session === 'string' && user === undefined ? { tenant, session } : null
}

async function history(
  call: HistoryCall,
  { broker, tenant }: CallDeps,
  most: number,
): Promise<HistoryResult | Failure> {
  const { channel } = call
  const query = readQuery(call, most)
  if (hasFailed(query)) return query
  const failure = channelNameFailure(channel)
  if (failure !== null) return failure
  const page = await broker.history(scoped(tenant, channel), query)
  if (hasFailed(page)) return page
  const { epoch, offset } = page.position
  const publications = page.messages.map(decodePublication)
  return { epoch, offset, publications, ...(page.gap === null ? {} : { gap: page.gap }) }
}

/** Nil is as good as missing in each of the fields. */
function readQuery({ limit, since, isReverse }: HistoryCall, most: number): HistoryQuery | Failure {
  if (limit !== null && !isInteger(limit, 1, MAX_HISTORY_LIMIT)) {
    return refusal('Limit', `an integer from 1 to ${MAX_HISTORY_LIMIT}`, limit)
  }
  if (isReverse !== null && typeof isReverse !== 'boolean') {
    return refusal('Reverse', 'true or false', isReverse)
  }
  const position = since === null ? null : readPosition(since)
  if (since !== null && position === null) {
    const must = `[epoch, offset], an epoch of at most ${MAX_EPOCH_LENGTH} characters and an offset from 0 to ${Number.MAX_SAFE_INTEGER}`
    return refusal('Position', must, since)
  }
  return { since: position, limit: historyLimit(limit ?? 0, most), isReverse: isReverse ?? false }
}

function readPosition(value: unknown): StreamPosition | null {
  if (!Array.isArray(value) || value.length !== 2) return null
  const [epoch, offset]: readonly unknown[] = value
  if (typeof epoch !== 'string' || epoch.length > MAX_EPOCH_LENGTH) return null
  return isInteger(offset, 0, Number.MAX_SAFE_INTEGER) ? { epoch, offset } : null
}

async function presence(
  channel: string,
  { broker, tenant }: CallDeps,
  most: number,
): Promise<PresenceResult | Failure> {
  const failure = channelNameFailure(channel)
  if (failure !== null) return failure
  const { count, clients } = await broker.presence(scoped(tenant, channel), most)
  return { channel, count, ...(clients === null ? {} : { clients }) }
}

async function settings(
  { channel, historySize }: SettingsCall,
  { broker, tenant }: CallDeps,
): Promise<object | Failure> {
  if (historySize !== null && !isInteger(historySize, 0, MAX_HISTORY_SIZE)) {
    return refusal('History size', `nil or an integer from 0 to ${MAX_HISTORY_SIZE}`, historySize)
  }
  const failure = channelNameFailure(channel)
  if (failure !== null) return failure
  const refused = await broker
    .configure(scoped(tenant, channel), historySize === null ? null : { historySize })
    .catch(failureOf)
  return refused ?? { channel, historySize }
}

/** What the store could not do is an answer; anything else is a fault. */
function failureOf(error: unknown): Failure {
  if (error instanceof EnckeError) return { failed: error.code, message: error.message }
  throw error
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max
}

function refusal(what: string, must: string, value: unknown): Failure {
  return { failed: 'INVALID_ARGUMENT', message: `${what} must be ${must}: it is ${shownValue(value)}` }
}

/** Not String() of an object: its toString is the publisher's, and need not be a function. */
function shownValue(value: unknown): string {
  const text = typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 3)}...`
}
