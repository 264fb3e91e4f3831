/**
 * Broker, hub and commands of one node, put together as the node does it, with a fake clock and no sockets.
 *
 * Owns the wiring and short ways to open sessions and to publish. Everything is the real thing but time and the
 * fan-out. When the test is over its books must balance.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { ChannelRule } from '../../src/config/rules.ts'
import { hasFailed, type PublishRequest } from '../../src/core/broker.ts'
import { createLocalBroker, type LocalBroker } from '../../src/core/broker-local.ts'
import { type ChannelRules, compileRules } from '../../src/core/channel-rules.ts'
import { type CommandLimits, type Commands, createCommands } from '../../src/core/commands.ts'
import { createHub, type Hub } from '../../src/core/hub.ts'
import { createIdentification, type Identification } from '../../src/core/identification.ts'
import { type Observer, silentObserver } from '../../src/core/observer.ts'
import { createRevocations } from '../../src/core/revocations.ts'
import type { Session } from '../../src/core/session.ts'
import type { Store } from '../../src/core/store.ts'
import type { VerifyToken } from '../../src/core/tokens.ts'
import { createUserRecords, type UserRecords } from '../../src/core/user-records.ts'
import { createUserTokens } from '../../src/core/user-tokens.ts'
import { type Capsules, createCapsules } from '../../src/protocol/capsule.ts'
import type { StreamPosition, SubscribeResult } from '../../src/protocol/messages.ts'
import { Payload } from '../../src/protocol/payload.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import { FakeClock } from './fake-clock.ts'
import { type RecordingFanOut, recordingFanOut } from './recording-fan-out.ts'

/** Turns without anything sent after which there is nothing left: a delivery is counted a turn after it was made. */
const QUIET_TURNS = 3

const CAPSULE_TTL_MS = 600_000

export interface LocalCoreOptions extends Partial<CommandLimits> {
  readonly pingMs?: number
  readonly rules?: readonly ChannelRule[]
  readonly maxPublicationBytes?: number
  readonly maxChannels?: number
  readonly channelIdleMs?: number
  readonly channelLingerMs?: number
  readonly connectTimeoutMs?: number
  readonly maxPendingBytes?: number
  readonly maxLagMs?: number
  readonly sessionLingerMs?: number
  readonly ringSize?: number
  readonly ringMs?: number
  readonly maxHistoryBytes?: number
  readonly idempotencyMs?: number
  readonly maxIdempotencyKeys?: number
  readonly maxLastSeen?: number
  readonly inboxSize?: number
  readonly inboxBytes?: number
  readonly inboxTtlMs?: number
  readonly userOnlineEvents?: boolean
  readonly userOfflineEvents?: boolean
  /** What outlives the core; a memory store of its own when missing */
  readonly store?: Store
  /** Of the node's start; another one for a core that comes after one on the same store */
  readonly epoch?: string
  /** Time to share with a core that came before; its own when missing */
  readonly clock?: FakeClock
  readonly verifyToken?: VerifyToken
  readonly isAnonymousAllowed?: boolean
  readonly observer?: Partial<Observer>
}

export interface LocalCore {
  readonly clock: FakeClock
  readonly rules: ChannelRules
  readonly broker: LocalBroker
  readonly hub: Hub
  readonly commands: Commands
  readonly identification: Identification
  readonly capsules: Capsules
  readonly users: UserRecords
  readonly fanOut: RecordingFanOut
  /** A session on the fan-out, connected and anonymous. */
  connected(fanOut?: RecordingFanOut): Session
  /** Subscribes a session; throws when it was refused. */
  subscribe(session: Session, channel: string, since?: StreamPosition | null): Promise<SubscribeResult>
  /** The connection of a session breaks. */
  lose(session: Session): void
  /** Publishes a value as the application; throws when it was refused. */
  publish(channel: string, value?: unknown): Promise<StreamPosition>
  /** Turns the loop until nothing happens any more; what waits for a latency budget, or for room, stays. */
  settle(): Promise<void>
}

/** @param t ends the parts when the test is over; fails it when publications were lost without being counted */
export function localCore(t: Pick<TestContext, 'after'>, options: LocalCoreOptions = {}): LocalCore {
  const { clock = new FakeClock(), epoch = 'k3' } = options
  let activity = 0
  const observer: Observer = {
    ...silentObserver,
    ...options.observer,
    flushed(publications) {
      activity++
      options.observer?.flushed?.(publications)
    },
    delivered(transport, deliveries, bytes) {
      activity++
      options.observer?.delivered?.(transport, deliveries, bytes)
    },
    fellBehind() {
      activity++
      options.observer?.fellBehind?.()
    },
  }
  const rules = compileRules(options.rules ?? [], options.maxPublicationBytes ?? 1_048_576, false)
  const { store = createMemoryStore() } = options
  const broker = createLocalBroker(
    { rules, clock, observer, store },
    {
      maxChannels: options.maxChannels ?? 0,
      channelIdleMs: options.channelIdleMs ?? 60_000,
      ringSize: options.ringSize ?? 256,
      ringMs: options.ringMs ?? 30_000,
      maxHistoryBytes: options.maxHistoryBytes ?? 16_777_216,
      idempotencyMs: options.idempotencyMs ?? 300_000,
      maxIdempotencyKeys: options.maxIdempotencyKeys ?? 1000,
      maxLastSeen: options.maxLastSeen ?? 1000,
      inboxSize: options.inboxSize ?? 0,
      inboxBytes: options.inboxBytes ?? 0,
      inboxTtlMs: options.inboxTtlMs ?? 0,
      userOnlineEvents: options.userOnlineEvents ?? true,
      userOfflineEvents: options.userOfflineEvents ?? true,
    },
    epoch,
  )
  const revocations = createRevocations(store, clock, CAPSULE_TTL_MS)
  const wallMs = () => clock.wallMs()
  const capsules = createCapsules(['a key of sixteen'], CAPSULE_TTL_MS, wallMs, revocations.isRevoked)
  const hub = createHub(
    { broker, rules, clock, observer, revoke: revocations.revoke },
    {
      maxPendingBytes: options.maxPendingBytes ?? 1_048_576,
      channelLingerMs: options.channelLingerMs ?? 5_000,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      maxLagMs: options.maxLagMs ?? 30_000,
      sessionLingerMs: options.sessionLingerMs ?? 15_000,
    },
    'n1',
  )
  const { verifyToken = null, isAnonymousAllowed = true } = options
  const users = createUserRecords({ store, broker, clock, userOfToken: createUserTokens('P') })
  const identification = createIdentification(
    { hub, clock, verifyToken, capsules, users, isAnonymousAllowed, tenant: 1 },
    { pingMs: options.pingMs ?? 25_000 },
  )
  const commands = createCommands(
    { broker, hub, rules, clock, identification, users },
    {
      maxChannelsPerSession: options.maxChannelsPerSession ?? 128,
      maxChannelsPerCommand: options.maxChannelsPerCommand ?? 128,
      maxCommandsPerSecond: options.maxCommandsPerSecond ?? 0,
      maxHistoryPerCommand: options.maxHistoryPerCommand ?? 1000,
      maxPresenceListed: options.maxPresenceListed ?? 1000,
    },
  )
  const fanOut = recordingFanOut(hub)
  const owners = new WeakMap<Session, RecordingFanOut>()
  t.after(async () => {
    hub.stop()
    await broker.stop()
    assert.equal(hub.books().balance, 0, 'the books do not balance')
  })

  return {
    clock,
    rules,
    broker,
    hub,
    commands,
    identification,
    capsules,
    users,
    fanOut,
    connected(own = fanOut) {
      const session = hub.open(own, '')
      owners.set(session, own)
      session.connection = {}
      hub.markConnected(session)
      return session
    },
    async subscribe(session, channel, since = null) {
      const outcome = await hub.subscribe(session, channel, { since })
      if (hasFailed(outcome)) throw new Error(outcome.message)
      return outcome
    },
    lose(session) {
      owners.get(session)?.lose(session)
      hub.close(session)
    },
    async publish(channel, value = 1) {
      const [outcome] = await broker.publish([request(channel, value)], 'http')
      if (outcome === undefined || hasFailed(outcome)) throw new Error(outcome?.message ?? 'No outcome')
      return outcome
    },
    async settle() {
      for (let quiet = 0; quiet < QUIET_TURNS; ) {
        const before = activity + fanOut.calls.length
        await turnOfTheLoop()
        quiet = before === activity + fanOut.calls.length ? quiet + 1 : 0
      }
    },
  }
}

/** A request of the application; throws when `value` has no JSON form. */
export function request(
  channel: string,
  value: unknown = 1,
  event = '',
  user = '',
  key = '',
): PublishRequest {
  const data = Payload.fromValue(value)
  if (data === null) throw new TypeError('The value has no JSON form')
  return { channel, data, event, user, key }
}

/** The failure's code, or the outcome itself where it is none: reads well in an assertion. */
export function codeOf(outcome: object | null | undefined): unknown {
  return outcome != null && 'failed' in outcome ? outcome.failed : outcome
}
