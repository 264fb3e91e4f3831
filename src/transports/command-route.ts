/**
 * Commands by requests of their own, at `/command`: for clients whose events come by a stream, or who only ask.
 *
 * Owns the way of such a request: the commands run on the live session of its capsule, wherever its events go, or on
 * none, for those that need none; the replies are the answer. Keeps nothing.
 */
import type { Failure } from '../core/broker.ts'
import type { FanOut } from '../core/fan-out.ts'
import type { Hub } from '../core/hub.ts'
import type { Identification } from '../core/identification.ts'
import type { Observer } from '../core/observer.ts'
import { Session } from '../core/session.ts'
import type { Capsules, OpenedCapsule } from '../protocol/capsule.ts'
import type { Reply } from '../protocol/messages.ts'
import type { Exchange } from '../uws/exchange.ts'
import type { PublicApp } from '../uws.ts'
import type { ConnectionGate } from './connection-gate.ts'
import type { HttpAnswers } from './http-answers.ts'
import { readPollRequest } from './poll-request.ts'
import type { CommandRunner } from './run-command.ts'

export interface CommandRouteDeps {
  readonly app: PublicApp
  readonly gate: ConnectionGate
  readonly hub: Hub
  readonly identification: Identification
  readonly runner: CommandRunner
  readonly capsules: Capsules
  readonly answers: HttpAnswers
  readonly observer: Observer
}

/** Registers the route. */
export function serveCommands(deps: CommandRouteDeps, limits: { readonly maxMessageBytes: number }): void {
  const { app, gate, hub, identification, runner, capsules, answers, observer } = deps

  function request(exchange: Exchange): void {
    if (exchange.method === 'OPTIONS') {
      answers.preflight(exchange)
      return
    }
    observer.received('sse', exchange.body.length)
    const denied = gate.checkOrigin(exchange)
    const body = denied ?? readPollRequest(exchange.body)
    const opened = 'failed' in body ? body : capsules.open(body.capsule)
    if ('failed' in body) refuse(exchange, body)
    else if ('failed' in opened) refuse(exchange, opened)
    else {
      const live = hub.sessions.byId(opened.session)
      const session = live ?? detached(opened)
      void answerCommands(exchange, session, body.commands, live !== null)
    }
  }

  /** A session for commands that need none: it holds nothing and nothing knows it. */
  function detached(opened: OpenedCapsule): Session {
    const session = new Session(0, nowhere, '')
    identification.identify(session, opened)
    session.phase = 'connected'
    return session
  }

  async function answerCommands(
    exchange: Exchange,
    session: Session,
    list: readonly unknown[],
    isLive: boolean,
  ): Promise<void> {
    const replies: Reply[] = []
    for (const one of list) {
      if (!isLive && needsSession(one)) {
        replies.push(runner.failed(idOf(one), 'NOT_CONNECTED', 'The session is not open on this node'))
        continue
      }
      replies.push(await runner.run(session, one))
    }
    const body = JSON.stringify(replies)
    observer.sent('sse', body.length)
    answers.json(exchange, body)
  }

  function refuse(exchange: Exchange, { failed, message }: Failure): void {
    observer.commandFailed(failed)
    answers.refuse(exchange, failed, message)
  }

  app.exchange({
    path: '/command',
    methods: ['POST', 'OPTIONS'],
    maxBodyBytes: limits.maxMessageBytes,
    headers: [],
    keepsAddress: false,
    request,
    tooLarge(exchange) {
      const message = `Body is larger than ${limits.maxMessageBytes} bytes`
      refuse(exchange, { failed: 'MESSAGE_TOO_LARGE', message })
    },
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
    ('subscribe' in command || 'unsubscribe' in command || 'refresh' in command)
  )
}

function idOf(command: unknown): number {
  const id = (command as { id?: unknown }).id
  return typeof id === 'number' ? id : 0
}
