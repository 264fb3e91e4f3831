/**
 * A conversation with a MySQL client that has no socket: a test feeds it bytes and takes the packets it says.
 *
 * Owns the line of the conversation, which keeps everything it is told, and the wiring to a real core (tables, runner, the
 * check of logins). A test may make the line slow: then it waits for room until the test gives it. To wait for answers a
 * talk turns the loop until nothing more is said.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { type Conversation, createConversation, type Line } from '../../src/cometql/conversation.ts'
import { createLoginThrottle, type LoginThrottle } from '../../src/cometql/login-throttle.ts'
import type { NodeFacts } from '../../src/cometql/run/context.ts'
import { createRunner } from '../../src/cometql/run/run-statement.ts'
import { createTables, type Tables } from '../../src/cometql/tables/all-tables.ts'
import type { PluginName } from '../../src/cometql/wire/handshake.ts'
import { type Observer, silentObserver } from '../../src/core/observer.ts'
import { type Logger, silentLogger } from '../../src/log.ts'
import { type LoginFields, loginPacket, saltOf, splitPackets } from './cometql-line.ts'
import type { LocalCore } from './local-core.ts'
import { nodeFacts } from './query-context.ts'

/** Turns of the loop without a word after which there is nothing more to say. */
const QUIET_TURNS = 4

const ADDRESS = '192.0.2.7'

export interface TalkOptions {
  readonly password?: string
  readonly plugin?: PluginName
  readonly throttle?: LoginThrottle
  readonly address?: string
  readonly hasTls?: boolean
  readonly maxQueryBytes?: number
  readonly sortBytes?: number
  readonly observer?: Partial<Observer>
  readonly facts?: Partial<NodeFacts>
  /** To share between talks; default: its own */
  readonly tables?: Tables
  readonly log?: Logger
}

export interface Talk {
  readonly conversation: Conversation
  /** As the greeting told it, or the last wish to try another way. */
  salt(): Buffer
  /** Packets said and not taken; taken with it. */
  take(): Buffer[]
  /** Turns the loop until nothing more is said, then takes what was. @param quietTurns in which nothing is */
  said(quietTurns?: number): Promise<Buffer[]>
  /** Feeds bytes, then the same. */
  ask(bytes: Buffer): Promise<Buffer[]>
  /** Answers the greeting, whose salt has to be known; takes what is said to it. */
  login(fields?: LoginFields): Promise<Buffer[]>
  /** What the line was told. */
  readonly line: {
    readonly hasEnded: boolean
    readonly isPaused: boolean
    /** What the TLS layer is to begin with; null = there is no TLS */
    readonly tlsRest: Buffer | null
    /** Everything written, in calls */
    readonly writes: readonly Buffer[]
  }
  /** From now on the line has no room until the returned function is called. */
  jam(): () => void
}

/** A conversation that was greeted. */
export function cometqlTalk(core: LocalCore, options: TalkOptions = {}): Talk {
  const { password = '', plugin = 'mysql_native_password', hasTls = false, address = ADDRESS } = options
  const { log = silentLogger } = options
  const facts = { ...nodeFacts(), hasTls, ...options.facts }
  const limits = {
    cometqlMaxQueryBytes: options.maxQueryBytes ?? 1_048_576,
    cometqlSortBytes: options.sortBytes ?? 16_777_216,
  }
  const { tables = createTables(facts) } = options
  const runner = createRunner({ tables, log }, limits)
  const throttle = options.throttle ?? createLoginThrottle(core.clock, 20)
  const state = { hasEnded: false, isPaused: false, tlsRest: null as Buffer | null, writes: [] as Buffer[] }
  let salt: Buffer = Buffer.alloc(0)
  let unread: Buffer = Buffer.alloc(0)
  let jammed: Promise<void> | null = null

  const line: Line = {
    write(bytes) {
      state.writes.push(bytes)
      unread = Buffer.concat([unread, bytes])
    },
    room: () => jammed,
    pause(isPaused) {
      state.isPaused = isPaused
    },
    end() {
      state.hasEnded = true
    },
    startTls(rest) {
      state.tlsRest = Buffer.from(rest)
    },
  }
  const conversation = createConversation(
    {
      node: { broker: core.broker, users: core.users, clock: core.clock },
      facts,
      runner,
      tables,
      observer: { ...silentObserver, ...options.observer },
      log,
      connectionId: 44,
      serverVersion: '5.7.0-encke-0.3.0',
      hasTls,
      login: { password, plugin, throttle, address },
    },
    limits,
    line,
  )
  conversation.greet()

  function take(): Buffer[] {
    const { packets, rest } = splitPackets(unread)
    unread = rest
    for (const one of packets) {
      if (one[3] === 0 && one[4] === 10) salt = saltOf(one)
      if (one[4] === 0xfe && one.length > 9) salt = one.subarray(one.indexOf(0, 5) + 1, -1)
    }
    return [...packets]
  }

  async function said(quietTurns = QUIET_TURNS): Promise<Buffer[]> {
    for (let quiet = 0; quiet < quietTurns; ) {
      const before = state.writes.length
      await turnOfTheLoop()
      quiet = before === state.writes.length ? quiet + 1 : 0
    }
    return take()
  }

  function ask(bytes: Buffer): Promise<Buffer[]> {
    conversation.receive(bytes)
    return said()
  }

  return {
    conversation,
    salt: () => salt,
    take,
    said,
    ask,
    login: (fields) => {
      take()
      return ask(loginPacket(salt, { password, ...fields }))
    },
    line: state,
    jam() {
      let release = () => {}
      jammed = new Promise((resolve) => {
        release = resolve
      })
      return () => {
        jammed = null
        release()
      }
    },
  }
}
