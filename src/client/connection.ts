/**
 * One connection, from opening to its end: messages in and out, and the answers commands wait for.
 *
 * Owns the socket, command ids and the heartbeat. Everything that must not outlive a connection lives here, so a new one
 * starts clean. It ends once, for one reason; what was unanswered then fails as CONNECTION_LOST. Must not decide
 * whether to come back.
 */
import type {
  ByeMessage,
  ConnectResult,
  PublicationMessage,
  PublishResult,
  Reply,
  StatsResult,
  SubscribeListResult,
  UsersResult,
} from '../protocol/messages.ts'
import { ClientError, localError } from './client-error.ts'
import { startHeartbeat } from './heartbeat.ts'
import type { SocketClose, SocketLike, SocketMessage } from './socket.ts'
import type { Timers } from './timers.ts'

/** Close code of a connection that broke without a goodbye (RFC 6455 §7.1.5). */
const ABNORMAL = 1006
const NORMAL = 1000

/** What each command is answered with. */
export interface Answers {
  connect: ConnectResult
  subscribe: SubscribeListResult
  unsubscribe: object
  publish: PublishResult
  users: UsersResult
  stats: StatsResult
  ping: object
}
export type CommandName = keyof Answers

/** Takes the outcome of a command, exactly once. */
export type Settle<Result> = (outcome: Result | ClientError) => void

/** How a connection ended. */
export interface ConnectionEnd {
  readonly code: number
  readonly reason: string
  /** When the node would like the client back; undefined when it did not say. */
  readonly retryAfterMs?: number | undefined
}

/** What a connection tells its owner. */
export interface ConnectionListener {
  opened(): void
  publication(publication: PublicationMessage): void
  /** The node sent what can not be understood; the end follows. */
  failed(error: ClientError): void
  /** Called once, unless `close` ended it. */
  ended(end: ConnectionEnd): void
}

export class Connection {
  readonly #socket: SocketLike
  readonly #timers: Timers
  readonly #listener: ConnectionListener
  readonly #unanswered = new Map<number, Settle<never>>()
  #lastId = 0
  #heardMs = 0
  #isOver = false
  #stopHeartbeat: () => void = () => {}

  constructor(socket: SocketLike, timers: Timers, listener: ConnectionListener) {
    this.#socket = socket
    this.#timers = timers
    this.#listener = listener
    socket.onopen = () => listener.opened()
    socket.onmessage = (event: SocketMessage) => this.#receive(event.data)
    socket.onclose = (event: SocketClose) => this.#end({ code: event.code, reason: event.reason })
    socket.onerror = () => {} // a close event follows and says more
  }

  /**
   * Sends a command.
   *
   * @param json its arguments, encoded
   */
  send<Name extends CommandName>(name: Name, json: string, settle: Settle<Answers[Name]>): void {
    const id = ++this.#lastId
    this.#unanswered.set(id, settle)
    this.#socket.send(`{"id":${id},"${name}":${json}}`)
  }

  /** From now on a silence longer than `pingMs` is looked into. */
  watch(pingMs: number): void {
    this.#heardMs = this.#timers.nowMs()
    this.#stopHeartbeat = startHeartbeat(this.#timers, {
      pingMs,
      heardMs: () => this.#heardMs,
      ping: () => this.send('ping', '{}', () => {}),
      dead: () => this.#end({ code: ABNORMAL, reason: 'The node did not answer a ping' }),
    })
  }

  /** Ends it from this side; the listener hears nothing more. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#stopHeartbeat()
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null
    this.#socket.close(NORMAL)
    for (const settle of this.#unanswered.values()) {
      settle(localError('CONNECTION_LOST', 'The connection ended before the answer came') as never)
    }
  }

  #end(end: ConnectionEnd): void {
    if (this.#isOver) return
    this.close()
    this.#listener.ended(end)
  }

  #receive(data: unknown): void {
    this.#heardMs = this.#timers.nowMs()
    const message = parse(data)
    if (message === null) {
      this.#listener.failed(localError('BAD_ANSWER', 'The node sent something that is not its protocol'))
      this.#end({ code: ABNORMAL, reason: 'The node sent something that is not its protocol' })
    } else if ('id' in message) {
      this.#settle(message)
    } else if ('bye' in message) {
      this.#end(message.bye)
    } else if ('offset' in message) {
      this.#listener.publication(message)
    }
  }

  #settle(reply: Reply): void {
    if ('error' in reply && reply.id === 0) this.#listener.failed(new ClientError(reply.error))
    const settle = this.#unanswered.get(reply.id)
    this.#unanswered.delete(reply.id)
    settle?.(('error' in reply ? new ClientError(reply.error) : reply.ok) as never)
  }
}

export function hasFailed<Result>(outcome: Result | ClientError): outcome is ClientError {
  return outcome instanceof ClientError
}

/** One message of the node; null when it is none. Kinds of message this version does not know are passed over. */
function parse(data: unknown): Reply | PublicationMessage | ByeMessage | null {
  try {
    const message: unknown = JSON.parse(String(data))
    return typeof message === 'object' && message !== null ? (message as Reply) : null
  } catch {
    return null // not JSON
  }
}
