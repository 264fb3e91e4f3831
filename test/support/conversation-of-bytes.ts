/**
 * The node's end of one publish connection without its socket: bytes in, bytes out.
 *
 * Owns a conversation over a real local broker with one edge whose room a test can close, and a record of what the
 * conversation did with its line. Answers are split and decoded here by the specification's library, not by our frames.
 */
import type { TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { unpack } from 'msgpackr'
import type { CodeName } from '../../src/codes.ts'
import type { Broker } from '../../src/core/broker.ts'
import { createLocalBroker, type LocalBroker } from '../../src/core/broker-local.ts'
import { compileRules } from '../../src/core/channel-rules.ts'
import { silentObserver } from '../../src/core/observer.ts'
import {
  type Conversation,
  type ConversationLimits,
  createConversation,
} from '../../src/publish-port/conversation.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import { BROKER_LIMITS } from './core-parts.ts'
import { FakeClock } from './fake-clock.ts'
import { type RecordingEdge, recordingEdge } from './recording-edge.ts'

export interface TalkOptions extends Partial<ConversationLimits> {
  readonly maxPublicationBytes?: number
  readonly maxChannels?: number
  readonly subscribers?: Readonly<Record<string, number>>
  /** Stands between conversation and broker, for a broker that breaks. */
  readonly wrap?: (broker: Broker) => Broker
}

export interface Talk {
  readonly conversation: Conversation
  readonly broker: LocalBroker
  readonly edge: RecordingEdge
  /** Codes that were counted as failed. */
  readonly failures: readonly CodeName[]
  /** What the line was told about reading: true = pause, false = go on. */
  readonly pauses: readonly boolean[]
  readonly isEnded: () => boolean
  /** Everything written so far. */
  written(): Buffer
  /** Everything written so far, decoded: one array for each frame. */
  answers(): unknown[][]
  /** The edge has no room from now on; the returned function gives it room again. */
  fillEdge(): () => void
  /** Gives the bytes to the conversation and waits until it has nothing more to do. */
  say(...chunks: readonly Buffer[]): Promise<void>
  settle(): Promise<void>
}

/** @param t ends the broker when the test is over */
export function talk(t: Pick<TestContext, 'after'>, options: TalkOptions = {}): Talk {
  const failures: CodeName[] = []
  const observer = { ...silentObserver, commandFailed: (code: CodeName) => void failures.push(code) }
  const rules = compileRules([], options.maxPublicationBytes ?? 1_048_576, false)
  const broker = createLocalBroker(
    { rules, clock: new FakeClock(), observer, store: createMemoryStore() },
    { ...BROKER_LIMITS, maxChannels: options.maxChannels ?? 0 },
    'k3',
  )
  t.after(() => broker.stop())
  let room: Promise<void> | null = null
  const edge = { ...recordingEdge(options.subscribers), room: () => room }
  broker.join(edge)
  for (const name of Object.keys(options.subscribers ?? {})) void broker.attach(edge, name)

  const writes: Buffer[] = []
  const pauses: boolean[] = []
  let isEnded = false
  const conversation = createConversation(
    { broker: options.wrap?.(broker) ?? broker, observer },
    {
      key: options.key ?? '',
      trustedKey: options.trustedKey ?? '',
      window: options.window ?? 16_384,
      maxFrameBytes: options.maxFrameBytes ?? 1_048_576,
      maxHistoryPerCommand: options.maxHistoryPerCommand ?? 1_000,
      maxPresenceListed: options.maxPresenceListed ?? 1_000,
      tenant: options.tenant ?? 1,
    },
    {
      write(bytes) {
        if (isEnded) throw new Error('Written after the end')
        writes.push(bytes)
      },
      pause: (isPaused) => void pauses.push(isPaused),
      end() {
        if (isEnded) throw new Error('Ended twice')
        isEnded = true
      },
    },
  )
  const settle = async () => {
    // Everything here is promises: a turn of the loop lets all of them run.
    await nextTurn()
  }

  return {
    conversation,
    broker,
    edge,
    failures,
    pauses,
    isEnded: () => isEnded,
    written: () => Buffer.concat(writes),
    answers: () => framesOf(Buffer.concat(writes)),
    fillEdge() {
      let open = () => {}
      room = new Promise<void>((resolve) => {
        open = resolve
      })
      return () => {
        room = null
        open()
      }
    },
    async say(...chunks) {
      for (const chunk of chunks) conversation.receive(chunk)
      await settle()
    },
    settle,
  }
}

/** The frames of a stream that must be whole. */
export function framesOf(stream: Buffer): unknown[][] {
  const frames: unknown[][] = []
  let at = 0
  while (at < stream.length) {
    const end = at + 4 + stream.readUInt32BE(at)
    if (end > stream.length) throw new Error(`A frame ends at ${end} of ${stream.length} bytes`)
    frames.push(unpack(stream.subarray(at + 4, end)))
    at = end
  }
  return frames
}
