/**
 * One connection, from opening to its end: messages in and out, and the answers commands wait for.
 *
 * Owns the socket, command ids and the heartbeat. Everything that must not outlive a connection lives here, so a new one
 * starts clean. It ends once, for one reason; what was unanswered then fails as CONNECTION_LOST. Must not decide
 * whether to come back.
 */
import type {
  CapsuleMessage,
  ConnectResult,
  GapMessage,
  HeartbeatMessage,
  HistoryResult,
  PingResult,
  PresenceMessage,
  PresenceResult,
  PublicationMessage,
  PublishResult,
  RefreshResult,
  RefusedMessage,
  Reply,
  ServerMessage,
  StatsResult,
  SubscribeListResult,
  UserDataResult,
  UsersResult,
} from '../protocol/messages.ts'
import { ClientError, localError } from './client-error.ts'
import { type Heartbeat, startHeartbeat } from './heartbeat.ts'
import type { SocketClose, SocketLike, SocketMessage } from './socket.ts'
import type { Timers } from './timers.ts'

/** Close code of a connection that broke without a goodbye (RFC 6455 §7.1.5). */
export const ABNORMAL = 1006
/** Close code of this side when its session is over, and when another connection will go on with it. */
export const SESSION_OVER = 1000
const SESSION_GOES_ON = 4000

/** What each command is answered with. */
export interface Answers {
  connect: ConnectResult
  refresh: RefreshResult
  subscribe: SubscribeListResult
  unsubscribe: object
  publish: PublishResult
  history: HistoryResult
  presence: PresenceResult
  users: UsersResult
  stats: StatsResult
  userData: UserDataResult
  ack: object
  ping: PingResult
}
export type CommandName = keyof Answers

/** Takes the outcome of a command, exactly once. */
export type Settle<Result> = (outcome: Result | ClientError) => void

/** What a node says unasked, but for its goodbye. */
export type Told =
  | PublicationMessage
  | GapMessage
  | PresenceMessage
  | RefusedMessage
  | CapsuleMessage
  | HeartbeatMessage

/** What a connection tells its owner. */
export interface ConnectionListener {
  opened(): void
  told(message: Told): void
  /** The node sent what can not be understood; the end follows. */
  failed(error: ClientError): void
  /** Called once, unless `close` ended it. */
  ended(end: SocketClose): void
}

interface Unanswered {
  readonly settle: Settle<never>
  /** Subscribes or unsubscribes: until it is answered nobody knows what the node counts. */
  readonly isChange: boolean
}

export class Connection {
  /** Anything at all has come from the node. */
  hasHeard = false
  readonly #socket: SocketLike
  readonly #timers: Timers
  readonly #listener: ConnectionListener
  readonly #unanswered = new Map<number, Unanswered>()
  #lastId = 0
  #lastChangeId = 0
  #openChanges = 0
  #isOver = false
  #heartbeat: Heartbeat | null = null

  constructor(socket: SocketLike, timers: Timers, listener: ConnectionListener) {
    this.#socket = socket
    this.#timers = timers
    this.#listener = listener
    socket.onopen = () => listener.opened()
    socket.onmessage = (event: SocketMessage) => this.#receive(event.data)
    socket.onclose = ({ code, reason, retry, retryAfterMs }: SocketClose) =>
      this.#end({ code, reason, retry, retryAfterMs })
    socket.onerror = () => {} // a close event follows and says more
  }

  /**
   * Sends a command.
   *
   * @param json its arguments, encoded
   */
  send<Name extends CommandName>(name: Name, json: string, settle: Settle<Answers[Name]>): void {
    const id = ++this.#lastId
    const isChange = name === 'subscribe' || name === 'unsubscribe'
    if (isChange) {
      this.#lastChangeId = id
      this.#openChanges++
    }
    this.#unanswered.set(id, { settle, isChange })
    this.#socket.send(`{"id":${id},"${name}":${json}}`)
  }

  /** From now on the node is pinged, every `pingMs`. */
  watch(pingMs: number): void {
    this.#heartbeat = startHeartbeat(this.#timers, {
      pingMs,
      isQuiet: this.#socket.isSelfWatching === true,
      ping: () => this.#ping(),
      dead: () => this.#end({ code: ABNORMAL, reason: 'The node did not answer a ping' }),
    })
  }

  /** Finds out soon whether it is still alive. */
  check(): void {
    this.#heartbeat?.check()
  }

  /** Ends it from this side; the listener hears nothing more. @param code by default the session goes on elsewhere */
  close(code: number = SESSION_GOES_ON): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#heartbeat?.stop()
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null
    this.#socket.close(code)
    for (const { settle } of this.#unanswered.values()) {
      settle(localError('CONNECTION_LOST', 'The connection ended before the answer came') as never)
    }
  }

  /** A sum in an answer means something only where it can't overtake publications, and nothing changes meanwhile. */
  #ping(): void {
    const id = this.#lastId + 1
    this.send('ping', '{}', (outcome) => {
      if (hasFailed(outcome) || outcome.sum === undefined) return
      if (this.#socket.isSelfWatching !== true && this.#lastChangeId < id) this.#told({ sum: outcome.sum })
    })
  }

  #end(end: SocketClose): void {
    if (this.#isOver) return
    this.close()
    this.#listener.ended(end)
  }

  #receive(data: unknown): void {
    this.hasHeard = true
    this.#heartbeat?.heard()
    const message = parse(data)
    if (message === null) {
      const reason = 'The node sent something that is not its protocol'
      this.#listener.failed(localError('BAD_ANSWER', reason))
      this.#end({ code: ABNORMAL, reason })
    } else if ('id' in message && !('offset' in message)) {
      this.#settle(message)
    } else if ('bye' in message) {
      this.#end(message.bye)
    } else {
      this.#told(message)
    }
  }

  #told(message: Told): void {
    if ('sum' in message && this.#openChanges > 0) return
    this.#listener.told(message)
  }

  #settle(reply: Reply): void {
    if ('error' in reply && reply.id === 0) this.#listener.failed(new ClientError(reply.error))
    const unanswered = this.#unanswered.get(reply.id)
    if (unanswered === undefined) return
    this.#unanswered.delete(reply.id)
    if (unanswered.isChange) this.#openChanges--
    unanswered.settle(('error' in reply ? new ClientError(reply.error) : reply.ok) as never)
  }
}

export function hasFailed<Result>(outcome: Result | ClientError): outcome is ClientError {
  return outcome instanceof ClientError
}

/** One message of the node; null when it is none. Kinds of message this version does not know are passed over later. */
function parse(data: unknown): ServerMessage | null {
  try {
    const message: unknown = typeof data === 'object' ? data : JSON.parse(String(data))
    return typeof message === 'object' && message !== null ? (message as ServerMessage) : null
  } catch {
    return null // not JSON
  }
}
