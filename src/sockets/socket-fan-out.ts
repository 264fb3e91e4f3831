/**
 * How publications, replies and notices leave over WebSockets of one wire format, whichever protocol that is of.
 *
 * Owns the native topic of each channel in this format, and the only place that knows a session's connection is a
 * WebSocket. The library takes nothing more for a socket that has `maxBackpressureBytes` waiting. Data then comes from
 * the history, while less than half of that waits, so that replies and notices still get through; what even they
 * can't is held back, in order, and the end of the connection waits behind it.
 *
 * Bound: `maxBackpressureBytes` and one message in the library, `maxReplyBytes` here, per socket that does not read.
 */
import type { Clock } from '../clock.ts'
import type { Publication } from '../core/broker.ts'
import type { FanOut } from '../core/fan-out.ts'
import type { Observer, TransportName } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import type { ControlMessage } from '../protocol/messages.ts'
import { type PublicApp, type Socket, sendStatus } from '../uws.ts'

/** Behind the turn in which something was published, and behind the library sending it. */
const TURN_MS = 10

/** A message without a form in this format: it is not sent. */
export const noMessage = Buffer.alloc(0)

/** What differs between wire formats. */
export interface SocketFormat {
  readonly transport: TransportName
  /** Begins the names of its native topics; no two formats have the same. */
  readonly prefix: string
  /** Its frames are binary. */
  readonly isBinary: boolean
  /** A publication; for `encode` and `recode` see FanOut. May be `noMessage`. */
  encode(publication: Publication): Buffer
  recode(message: Buffer): Buffer
  /** What is no data; null = it has no form here */
  encodeControl(message: ControlMessage): Buffer | string | null
  /** Everything of a turn was given. */
  turnEnded(): void
  readonly ending: SocketEnding
}

/** How a connection is ended. */
export interface SocketEnding {
  /** The last message; null = there is none */
  bye(code: number, reason: string, retryAfterMs: number): Buffer | string | null
  /** How long the end waits for a socket that does not read. */
  readonly waitMs: number
  /** What the library still holds is lost by `close`: it has to leave before. */
  readonly isAbrupt: boolean
  close(socket: Socket<Session>, code: number, reason: string): void
}

export interface SocketFanOut extends FanOut {
  /** Sends what is no publication, or holds it back. */
  say(session: Session, message: Buffer | string): void
  /** Some of what waited has left: what was held back follows. */
  drained(session: Session): void
}

export interface SocketFanOutDeps {
  readonly app: Pick<PublicApp, 'publish' | 'subscribers'>
  readonly observer: Observer
  readonly clock: Clock
}

export interface SocketFanOutLimits {
  readonly maxBackpressureBytes: number
  readonly maxReplyBytes: number
}

interface Goodbye {
  readonly code: number
  readonly reason: string
  /** Calls the longest wait off. */
  stopWaiting(): void
}

export function createSocketFanOut(
  format: SocketFormat,
  { app, observer, clock }: SocketFanOutDeps,
  limits: SocketFanOutLimits,
): SocketFanOut {
  const { transport, prefix, isBinary, ending } = format
  const dataBytes = limits.maxBackpressureBytes / 2
  /** Sessions whose end waits. */
  const leaving = new Map<Session, Goodbye>()

  /** The topic published to last in this turn: a wave gives one topic many messages. */
  const current = { topic: '', name: '', subscribers: 0 }

  function pointTo(topic: string): void {
    current.topic = topic
    current.name = prefix + topic
    current.subscribers = app.subscribers(current.name)
  }

  /** Who is on a topic may have changed. */
  function forgetCurrent(): void {
    current.topic = ''
  }

  function say(session: Session, message: Buffer | string): void {
    const socket = socketOf(session)
    if (socket === null) return
    observer.sent(transport, Buffer.byteLength(message))
    const isSent = session.held === null && sendStatus(socket.send(message, isBinary)) !== 'dropped'
    if (!isSent) hold(session, socket, typeof message === 'string' ? Buffer.from(message) : message)
  }

  function hold(session: Session, socket: Socket<Session>, bytes: Buffer): void {
    session.held ??= { messages: [], bytes: 0 }
    session.held.messages.push(bytes)
    session.held.bytes += bytes.length
    if (session.held.bytes <= limits.maxReplyBytes) return
    session.endedBy ??= 'SLOW_CONSUMER'
    forgetCurrent()
    socket.close()
  }

  /** Sends what was held back as far as it goes; true when nothing is left. */
  function release(session: Session, socket: Socket<Session>): boolean {
    const { held } = session
    for (let first = held?.messages[0]; held !== null && first !== undefined; first = held.messages[0]) {
      if (sendStatus(socket.send(first, isBinary)) === 'dropped') return false
      held.messages.shift()
      held.bytes -= first.length
    }
    session.held = null
    return true
  }

  /** False when the socket did not take it. */
  function send(socket: Socket<Session>, message: Buffer): boolean {
    return message.length === 0 || sendStatus(socket.send(message, isBinary)) !== 'dropped'
  }

  function waitToLeave(session: Session, code: number, reason: string): void {
    if (ending.isAbrupt) clock.after(TURN_MS, () => leaveWhenEmpty(session))
    const stopWaiting = clock.after(ending.waitMs, () => {
      if (leaving.delete(session)) socketOf(session)?.close()
    })
    leaving.set(session, { code, reason, stopWaiting })
  }

  /** An end that waits comes now, unless something still has to leave before. */
  function leaveWhenEmpty(session: Session): void {
    const goodbye = leaving.get(session)
    const socket = socketOf(session)
    if (goodbye === undefined || socket === null || session.held !== null) return
    if (ending.isAbrupt && socket.getBufferedAmount() > 0) return
    leaving.delete(session)
    goodbye.stopWaiting()
    forgetCurrent()
    ending.close(socket, goodbye.code, goodbye.reason)
  }

  return {
    transport,
    repliesInStream: true,
    isPolled: false,
    addressOf,
    encode: format.encode,
    recode: format.recode,
    subscribe(session, topic) {
      forgetCurrent()
      socketOf(session)?.subscribe(prefix + topic)
    },
    unsubscribe(session, topic) {
      forgetCurrent()
      socketOf(session)?.unsubscribe(prefix + topic)
    },
    subscribers: (topic) => app.subscribers(prefix + topic),
    publish(topic, bytes) {
      if (topic !== current.topic) pointTo(topic)
      if (bytes.length > 0) app.publish(current.name, bytes, isBinary)
      return current.subscribers
    },
    send(session, messages) {
      const socket = socketOf(session)
      let taken = 0
      socket?.cork(() => {
        while (taken < messages.length) {
          const message = messages[taken]
          if (message === undefined || !send(socket, message)) return
          taken++
        }
      })
      return taken
    },
    room(session) {
      const socket = socketOf(session)
      if (socket === null || session.held !== null) return 0
      return Math.max(0, dataBytes - socket.getBufferedAmount())
    },
    tell(session, message) {
      const form = format.encodeControl(message)
      if (form !== null) say(session, form)
    },
    say,
    flush() {
      forgetCurrent()
      format.turnEnded()
    },
    drained(session) {
      const socket = socketOf(session)
      if (socket === null || !release(session, socket) || !leaving.has(session)) return
      // What was just sent may lie in the buffer of this very callback.
      if (ending.isAbrupt) clock.after(TURN_MS, () => leaveWhenEmpty(session))
      else leaveWhenEmpty(session)
    },
    end(session, code, reason, retryAfterMs) {
      forgetCurrent()
      const socket = socketOf(session)
      if (socket === null || leaving.has(session)) return
      socket.cork(() => {
        const bye = ending.bye(code, reason, retryAfterMs)
        if (bye !== null) say(session, bye)
        if (session.connection === null) return // it held too much back already
        if (session.held === null && !ending.isAbrupt) ending.close(socket, code, reason)
        else waitToLeave(session, code, reason)
      })
    },
  }
}

function addressOf(session: Session): string {
  const address = socketOf(session)?.getRemoteAddressAsText()
  return address === undefined ? '' : Buffer.from(address).toString('latin1')
}

/** Null until the socket is open, and once it is closed. */
export function socketOf(session: Session): Socket<Session> | null {
  return session.connection as Socket<Session> | null
}
