/**
 * Broker, hub and commands of one node, put together as the node does it, with a fake clock and no sockets.
 *
 * Owns the wiring and short ways to open sessions and to publish. Everything is the real thing but time and the
 * fan-out. Stop it at the end of a test, or give it the test's context.
 */
import type { TestContext } from 'node:test'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { ChannelRule } from '../../src/config/rules.ts'
import { hasFailed, type PublishRequest } from '../../src/core/broker.ts'
import { createLocalBroker, type LocalBroker } from '../../src/core/broker-local.ts'
import { type ChannelRules, compileRules } from '../../src/core/channel-rules.ts'
import { type CommandLimits, type Commands, createCommands } from '../../src/core/commands.ts'
import { createHub, type Hub } from '../../src/core/hub.ts'
import { type Observer, silentObserver } from '../../src/core/observer.ts'
import type { Session } from '../../src/core/session.ts'
import type { VerifyToken } from '../../src/core/tokens.ts'
import type { StreamPosition } from '../../src/protocol/messages.ts'
import { Payload } from '../../src/protocol/payload.ts'
import { FakeClock } from './fake-clock.ts'
import { type RecordingFanOut, recordingFanOut } from './recording-fan-out.ts'

export interface LocalCoreOptions extends Partial<CommandLimits> {
  readonly rules?: readonly ChannelRule[]
  readonly maxPublicationBytes?: number
  readonly maxChannels?: number
  readonly channelIdleMs?: number
  readonly channelLingerMs?: number
  readonly connectTimeoutMs?: number
  readonly maxPendingBytes?: number
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
  readonly fanOut: RecordingFanOut
  /** A session on the fan-out, connected and anonymous. */
  connected(fanOut?: RecordingFanOut): Session
  /** The connection of a session breaks. */
  lose(session: Session): void
  /** Publishes a value as the application; throws when it was refused. */
  publish(channel: string, value?: unknown): Promise<StreamPosition>
  /** Turns the loop until a turn had nothing to flush; what waits for a latency budget stays. */
  settle(): Promise<void>
}

/** @param t ends the parts when the test is over */
export function localCore(t: Pick<TestContext, 'after'>, options: LocalCoreOptions = {}): LocalCore {
  const clock = new FakeClock()
  let flushes = 0
  const observer: Observer = {
    ...silentObserver,
    ...options.observer,
    flushed(publications) {
      flushes++
      options.observer?.flushed?.(publications)
    },
  }
  const rules = compileRules(options.rules ?? [], options.maxPublicationBytes ?? 1_048_576, false)
  const broker = createLocalBroker(
    { rules, clock, observer },
    { maxChannels: options.maxChannels ?? 0, channelIdleMs: options.channelIdleMs ?? 60_000 },
    'k3',
  )
  const hub = createHub(
    { broker, rules, clock, observer },
    {
      maxPendingBytes: options.maxPendingBytes ?? 1_048_576,
      channelLingerMs: options.channelLingerMs ?? 5_000,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    },
    'n1',
  )
  const { verifyToken = null, isAnonymousAllowed = true } = options
  const commands = createCommands(
    { broker, hub, rules, clock, verifyToken, isAnonymousAllowed },
    {
      maxChannelsPerSession: options.maxChannelsPerSession ?? 128,
      maxChannelsPerCommand: options.maxChannelsPerCommand ?? 128,
      maxCommandsPerSecond: options.maxCommandsPerSecond ?? 0,
      pingMs: options.pingMs ?? 25_000,
    },
  )
  const fanOut = recordingFanOut((session) => hub.close(session))
  t.after(() => {
    hub.stop()
    broker.stop()
  })

  return {
    clock,
    rules,
    broker,
    hub,
    commands,
    fanOut,
    connected(own = fanOut) {
      const session = hub.open(own, '')
      session.connection = {}
      hub.markConnected(session)
      return session
    },
    lose(session) {
      fanOut.lose(session)
      hub.close(session)
    },
    async publish(channel, value = 1) {
      const [outcome] = await broker.publish([request(channel, value)], 'http')
      if (outcome === undefined || hasFailed(outcome)) throw new Error(outcome?.message ?? 'No outcome')
      return outcome
    },
    async settle() {
      for (let before = -1; before !== flushes; ) {
        before = flushes
        await turnOfTheLoop()
      }
    },
  }
}

/** A request of the application; throws when `value` has no JSON form. */
export function request(channel: string, value: unknown = 1, event = '', user = ''): PublishRequest {
  const data = Payload.fromValue(value)
  if (data === null) throw new TypeError('The value has no JSON form')
  return { channel, data, event, user }
}

/** The failure's code, or the outcome itself where it is none: reads well in an assertion. */
export function codeOf(outcome: object | null | undefined): unknown {
  return outcome != null && 'failed' in outcome ? outcome.failed : outcome
}
