/**
 * The requests of the publish port that ask instead of publish: users, stats, disconnect.
 *
 * Owns their checks and the shape of their results. A call sees what was published before it, not after.
 */
import { codes } from '../codes.ts'
import type { Broker, DisconnectTarget, Failure } from '../core/broker.ts'
import { GOODBYE_CODES, MAX_REASON_BYTES } from '../core/goodbye.ts'
import { channelNameFailure } from '../core/names.ts'
import type { Request } from '../protocol/publish-frames.ts'

export type Call = Extract<Request, { op: 'users' | 'stats' | 'disconnect' }>

/** Runs a call; the result goes into a `result` answer as it is. */
export async function runCall(call: Call, broker: Broker): Promise<object | Failure> {
  switch (call.op) {
    case 'users':
      return { online: await broker.usersOnline(call.ids) }
    case 'stats':
      return call.channel === '' ? broker.counts() : channelStats(call.channel, broker)
    case 'disconnect':
      return disconnect(call, broker)
  }
}

async function channelStats(channel: string, broker: Broker): Promise<object | Failure> {
  const failure = channelNameFailure(channel)
  if (failure !== null) return failure
  const { subscribers, position } = await broker.channel(channel)
  return { channel, subscribers, ...position }
}

async function disconnect(
  call: Extract<Call, { op: 'disconnect' }>,
  broker: Broker,
): Promise<object | Failure> {
  const target = readTarget(call.target)
  if (target === null) {
    return { failed: 'INVALID_ARGUMENT', message: 'A disconnect names {"user":id} or {"session":id}' }
  }
  const { reason } = call
  const code = call.code ?? codes.DISCONNECTED.close
  if (!isGoodbyeCode(code)) {
    // Not String() of an object: its toString is the publisher's, and need not be a function.
    const given = typeof code === 'object' ? JSON.stringify(code) : String(code)
    const message = `Close code must be an integer from ${GOODBYE_CODES.min} to ${GOODBYE_CODES.max}: it is ${given}`
    return { failed: 'INVALID_ARGUMENT', message }
  }
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    const message = `Reason has ${Buffer.byteLength(reason)} of at most ${MAX_REASON_BYTES} bytes`
    return { failed: 'INVALID_ARGUMENT', message }
  }
  return { disconnected: await broker.disconnect(target, { code, reason: reason || 'disconnected' }) }
}

function isGoodbyeCode(code: unknown): code is number {
  return Number.isInteger(code) && Number(code) >= GOODBYE_CODES.min && Number(code) <= GOODBYE_CODES.max
}

function readTarget(value: unknown): DisconnectTarget | null {
  if (typeof value !== 'object' || value === null) return null
  const { user, session } = value as { user?: unknown; session?: unknown }
  // The empty user is everyone who is anonymous, which nobody means.
  if (typeof user === 'string' && user !== '' && session === undefined) return { user }
  return typeof session === 'string' && user === undefined ? { session } : null
}
