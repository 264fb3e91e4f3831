/**
 * Commands by requests of their own, at `/command`: for clients whose events come by a stream, or who only ask.
 *
 * Owns the way of such a request: the commands run on the live session of its capsule, wherever its events go, or on
 * none, for those that need none; the replies are the answer. Keeps the command rates of sessions that are not here,
 * at most `MAX_ABSENT` of them.
 */
import type { FanOut } from '../core/fan-out.ts'
import type { Hub } from '../core/hub.ts'
import type { Identification } from '../core/identification.ts'
import type { Observer } from '../core/observer.ts'
import { Session } from '../core/session.ts'
import type { Capsules, OpenedCapsule } from '../protocol/capsule.ts'
import { type ConnectionGate, draining } from '../sockets/connection-gate.ts'
import type { HttpAnswers } from '../sockets/http-answers.ts'
import { refuse, serveHttpRoute } from '../sockets/http-route.ts'
import type { Exchange } from '../uws/exchange.ts'
import type { PublicApp } from '../uws.ts'
import { readPollRequest } from './poll-request.ts'
import type { CommandRunner } from './run-command.ts'

/** Sessions without a connection here whose commands are counted. */
const MAX_ABSENT = 10_000

export interface CommandRouteDeps {
  readonly app: PublicApp
  readonly gate: ConnectionGate
  readonly hub: Hub
  readonly identification: Identification
  readonly runner: CommandRunner
  readonly capsules: Capsules
  readonly answers: HttpAnswers
  readonly observer: Observer
  readonly isDraining: () => boolean
}

export interface CommandRouteLimits {
  readonly maxMessageBytes: number
  readonly maxPollBytes: number
}

/** Registers the route. */
export function serveCommands(deps: CommandRouteDeps, limits: CommandRouteLimits): void {
  const { gate, hub, identification, runner, capsules, answers, observer } = deps
  /** Sessions of capsules that are not here, those used last behind. */
  const absent = new Map<string, Session>()

  function request(exchange: Exchange): void {
    const denied = deps.isDraining() ? draining : gate.checkOrigin(exchange)
    const body = denied ?? readPollRequest(exchange.body)
    const opened = 'failed' in body ? body : capsules.open(body.capsule)
    if ('failed' in body) refuse(deps, exchange, body)
    else if ('failed' in opened) refuse(deps, exchange, opened)
    else {
      const live = hub.sessions.byId(opened.session)
      const session = live ?? detached(opened)
      void answerCommands(exchange, session, body.commands, live !== null)
    }
  }

  /** A session for commands that need none: it holds nothing but the count of its commands. */
  function detached(opened: OpenedCapsule): Session {
    const session = absent.get(opened.session) ?? new Session(0, nowhere, '')
    absent.delete(opened.session)
    absent.set(opened.session, session)
    if (absent.size > MAX_ABSENT) absent.delete(absent.keys().next().value ?? '')
    identification.identify(session, opened)
    session.phase = 'connected'
    session.lastCommandId = 0 // ids rise within a request
    return session
  }

  async function answerCommands(
    exchange: Exchange,
    session: Session,
    list: readonly unknown[],
    isLive: boolean,
  ): Promise<void> {
    const replies: string[] = []
    let length = 0
    for (const one of list) {
      const hasRoom = length < limits.maxPollBytes
      const reply =
        !isLive && needsSession(one)
          ? runner.failed(idOf(one), 'NOT_CONNECTED', 'The session is not open on this node')
          : await runner.run(session, one, hasRoom)
      const text = JSON.stringify(reply)
      length += text.length
      replies.push(text)
    }
    observer.sent('sse', length)
    answers.json(exchange, `[${replies.join()}]`)
  }

  serveHttpRoute(deps, {
    path: '/command',
    methods: ['POST'],
    transport: 'sse',
    maxBodyBytes: limits.maxMessageBytes,
    headers: [],
    addresses: null,
    request,
  })
}

/** Where nothing is ever sent: a session without a stream has its replies in the answer. */
const nowhere: FanOut = {
  transport: 'sse',
  repliesInStream: false,
  isPolled: true,
  encode: (publication) => publication.message,
  recode: (message) => message,
  subscribe() {},
  unsubscribe() {},
  subscribers: () => 0,
  publish: () => 0,
  send: () => 0,
  room: () => 0,
  tell() {},
  flush() {},
  end() {},
}

/** Whether a command is about a live session: its subscriptions, its token. */
function needsSession(command: unknown): boolean {
  return (
    typeof command === 'object' &&
    command !== null &&
    ('subscribe' in command || 'unsubscribe' in command || 'refresh' in command || 'ack' in command)
  )
}

function idOf(command: unknown): number {
  const id = (command as { id?: unknown }).id
  return typeof id === 'number' ? id : 0
}
