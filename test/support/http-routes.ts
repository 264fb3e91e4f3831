/**
 * `/poll`, `/sse` and `/command` of one node, put together as the node does it, with a fake clock and no sockets.
 *
 * Owns the wiring behind a port that only collects routes, and short ways to send requests and to read what they were
 * answered. Everything is the real thing but time and the exchanges. Bound: what a test asks is kept until it ends.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { silentObserver } from '../../src/core/observer.ts'
import { silentLogger } from '../../src/log.ts'
import type { Reply } from '../../src/protocol/messages.ts'
import { createConnectionGate } from '../../src/sockets/connection-gate.ts'
import { createHttpAnswers } from '../../src/sockets/http-answers.ts'
import { serveCommands } from '../../src/transports/command-route.ts'
import { createHttpSessions } from '../../src/transports/http-sessions.ts'
import { serveLongPoll } from '../../src/transports/long-poll.ts'
import { type CommandRunner, createCommandRunner } from '../../src/transports/run-command.ts'
import { serveSse } from '../../src/transports/sse.ts'
import type { ExchangeRoute } from '../../src/uws/exchange.ts'
import type { PublicApp } from '../../src/uws.ts'
import { type LocalCore, type LocalCoreOptions, localCore } from './local-core.ts'
import { type RecordingExchange, recordingExchange } from './recording-exchange.ts'

export interface HttpRoutesOptions extends LocalCoreOptions {
  readonly maxConnections?: number
  readonly maxConnectionsPerIp?: number
  readonly maxPollBytes?: number
  readonly maxReplyBytes?: number
}

/** Any message of an answer; a test names what it looks for. */
export interface Said {
  readonly id?: number
  readonly ok?: Readonly<Record<string, unknown>>
  readonly error?: { readonly name: string }
  readonly channel?: string
  readonly offset?: number
  readonly presence?: { readonly count: number; readonly stale?: boolean }
  readonly bye?: { readonly code: number }
}

export interface Answered {
  readonly status: string
  readonly messages: readonly Said[]
  /** Name of the error of an answer that refuses; '' = it does not. */
  readonly error: string
}

export interface HttpRoutes extends LocalCore {
  /**
   * Sends a request and lets it go as far as it goes without the clock.
   *
   * @param takesBytes of a stream, before its reader is slow; default: any
   */
  send(path: '/poll' | '/sse' | '/command', body: object, takesBytes?: number): Promise<RecordingExchange>
  /** Opens a stream as an `EventSource` does. */
  get(query: string): Promise<RecordingExchange>
  /** Sends a request that is answered without the clock. */
  ask(path: '/poll' | '/command', body: object): Promise<Answered>
  /** Connects by a first poll, on these channels; resolves to the capsule. */
  enter(channels?: readonly string[], connect?: object): Promise<string>
  /** From now on commands wait until the returned function is called. */
  holdCommands(): () => void
  /** The node begins to drain. */
  drainNow(): void
}

/** @param t ends the parts when the test is over */
export function httpRoutes(t: Pick<TestContext, 'after'>, options: HttpRoutesOptions = {}): HttpRoutes {
  const core = localCore(t, options)
  const routes = new Map<string, ExchangeRoute>()
  // The transports register routes and ask nothing else of the port.
  const app = { exchange: (route: ExchangeRoute) => routes.set(route.path, route) } as unknown as PublicApp
  const { maxConnections = 1_000, maxConnectionsPerIp = 0 } = options
  const limits = {
    maxMessageBytes: 65_536,
    maxPollBytes: options.maxPollBytes ?? 1_048_576,
    maxReplyBytes: options.maxReplyBytes ?? 65_536,
    pollHoldMs: 25_000,
    pingMs: 25_000,
    sessionLingerMs: options.sessionLingerMs ?? 15_000,
    clientIpHeader: '',
    maxConnectionsPerIp,
  }
  let isDraining = false
  let isHeld: Promise<void> | null = null
  const runner = createCommandRunner({
    commands: core.commands,
    observer: silentObserver,
    log: silentLogger,
  })
  const slowRunner: CommandRunner = {
    ...runner,
    run: (...given) =>
      isHeld === null
        ? runner.run(...given)
        : isHeld.then((): Reply | Promise<Reply> => runner.run(...given)),
  }
  const deps = {
    ...core,
    app,
    gate: createConnectionGate({ maxConnections, maxConnectionsPerIp, clientIpHeader: '', origins: [] }),
    runner: slowRunner,
    answers: createHttpAnswers(false),
    observer: silentObserver,
    isDraining: () => isDraining,
  }
  t.after(serveLongPoll({ ...deps, httpSessions: createHttpSessions(deps) }, limits))
  t.after(serveSse(deps, limits))
  serveCommands(deps, limits)

  async function begin(path: string, exchange: RecordingExchange): Promise<RecordingExchange> {
    routes.get(path)?.request(exchange)
    await core.settle()
    return exchange
  }

  const routesOf: HttpRoutes = {
    ...core,
    send: (path, body, takesBytes = Number.POSITIVE_INFINITY) =>
      begin(path, recordingExchange({ body: JSON.stringify(body), takesBytes })),
    get: (query) => begin('/sse', recordingExchange({ method: 'GET', query })),
    ask: async (path, body) => answerOf(await routesOf.send(path, body)),
    async enter(channels = [], connect = {}) {
      const subscribe = channels.length === 0 ? [] : [{ id: 2, subscribe: { channels } }]
      const { messages } = await routesOf.ask('/poll', { commands: [{ id: 1, connect }, ...subscribe] })
      return String(messages[0]?.ok?.capsule ?? assert.fail(JSON.stringify(messages)))
    },
    holdCommands() {
      let release = () => {}
      isHeld = new Promise((resolve) => {
        release = resolve
      })
      return () => {
        isHeld = null
        release()
      }
    },
    drainNow() {
      isDraining = true
    },
  }
  return routesOf
}

/** What an exchange was answered; fails the test when it still waits. */
export function answerOf(exchange: RecordingExchange): Answered {
  const { status, body } = exchange.answered ?? assert.fail('The request was not answered')
  const read = JSON.parse(body) as readonly Said[] | { readonly error: { readonly name: string } }
  return 'error' in read
    ? { status, messages: [], error: read.error.name }
    : { status, messages: read, error: '' }
}

/** Offsets of the publications on a channel, in order. */
export function offsetsOn(channel: string, messages: readonly Said[]): number[] {
  return messages.flatMap((said) =>
    said.channel === channel && said.offset !== undefined ? [said.offset] : [],
  )
}
