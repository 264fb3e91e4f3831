/**
 * The WebSocket transport at `/ws`.
 *
 * Owns the way of a client's bytes: upgrade (or refusal, with a status and a reason), decode, command, reply; and the
 * two fan-outs that carry publications back, one native topic per channel and wire format. Upgrades are synchronous:
 * anything that takes time happens in the connect command.
 *
 * A socket that lost a published message is out of step: the hub is told which one, and feeds it from history until it
 * is in step again. Memory: one `Session` per socket; nothing else here.
 */
import type { Clock } from '../clock.ts'
import type { CodeName } from '../codes.ts'
import type { Hub } from '../core/hub.ts'
import type { Observer } from '../core/observer.ts'
import type { Session } from '../core/session.ts'
import { errorText } from '../errors.ts'
import type { Logger } from '../log.ts'
import * as json from '../protocol/json-codec.ts'
import { type Reply, subprotocols, type WireFormat } from '../protocol/messages.ts'
import * as msgpack from '../protocol/msgpack-codec.ts'
import { type ConnectionGate, draining } from '../sockets/connection-gate.ts'
import { publicPaths } from '../sockets/public-paths.ts'
import { closeCause, upgradeRefusal } from '../sockets/upgrade.ts'
import type { PublicApp, UpgradeAnswer, UpgradeRequest, WebSocketRoute } from '../uws.ts'
import type { CommandRunner } from './run-command.ts'
import { createWebSocketFanOut, type WebSocketFanOut } from './websocket-fan-out.ts'

/** The library cuts off what is larger without a word; up to so many times the limit we read it and say why. */
const REFUSED_WITH_A_WORD = 2

/** RFC 6455 §7.4.1: the client has done what it came for, and does not come back. */
const NORMAL_CLOSURE = 1000

export interface WebSocketDeps {
  readonly app: PublicApp
  readonly gate: ConnectionGate
  readonly hub: Hub
  readonly runner: CommandRunner
  readonly observer: Observer
  readonly log: Logger
  readonly clock: Clock
  readonly isDraining: () => boolean
}

export interface WebSocketLimits {
  readonly maxMessageBytes: number
  readonly maxBackpressureBytes: number
  readonly maxReplyBytes: number
  readonly idleTimeoutMs: number
}

/** Registers the route; connections come once the app listens. */
export function serveWebSocket(deps: WebSocketDeps, limits: WebSocketLimits): void {
  const { app, gate, hub, runner, observer, log, clock } = deps
  const fanOuts: Record<WireFormat, WebSocketFanOut> = {
    json: createWebSocketFanOut('json', { app, codec: jsonCodec, observer, clock }, limits),
    msgpack: createWebSocketFanOut('msgpack', { app, codec: msgpack, observer, clock }, limits),
  }

  function upgrade(request: UpgradeRequest): UpgradeAnswer<Session> {
    const refusal = deps.isDraining() ? draining : gate.check(request)
    if (refusal !== null) {
      observer.connectionRefused(refusal.failed)
      return { refuse: upgradeRefusal(refusal) }
    }
    const offered = request.header('sec-websocket-protocol')
    const format = offered === '' ? 'json' : chooseFormat(offered)
    const address = gate.enter(request)
    const session = hub.open(fanOuts[format], address)
    return { accept: session, protocol: offered === '' ? '' : subprotocols[format] }
  }

  function message(session: Session, bytes: Buffer, isBinary: boolean): void {
    observer.received('websocket', bytes.length)
    if (bytes.length > limits.maxMessageBytes) {
      const text = `Message is too large: ${bytes.length} of at most ${limits.maxMessageBytes} bytes`
      fail(session, 'MESSAGE_TOO_LARGE', text)
      hub.end(session, 'MESSAGE_TOO_LARGE', text)
      return
    }
    const fanOut = session.fanOut as WebSocketFanOut
    let decoded: unknown
    try {
      if (isBinary !== fanOut.isBinary) throw new TypeError(`it is a ${isBinary ? 'binary' : 'text'} frame`)
      decoded = fanOut.decode(bytes)
    } catch (error) {
      const text = `Message is not ${fanOut.formatName}: ${errorText(error)}`
      fail(session, 'BAD_MESSAGE', text)
      hub.end(session, 'BAD_MESSAGE', 'Message could not be decoded')
      return
    }
    const outcome = runner.run(session, decoded, fanOut.room(session) > 0)
    if (outcome instanceof Promise) void outcome.then((answer) => reply(session, answer))
    else reply(session, outcome)
  }

  function fail(session: Session, code: CodeName, text: string): void {
    reply(session, runner.failed(0, code, text))
  }

  function reply(session: Session, answer: Reply): void {
    ;(session.fanOut as WebSocketFanOut).reply(session, answer)
  }

  const sockets: Omit<WebSocketRoute<Session>, 'path'> = {
    maxPayloadBytes: limits.maxMessageBytes * REFUSED_WITH_A_WORD,
    maxBackpressureBytes: limits.maxBackpressureBytes,
    idleTimeoutMs: limits.idleTimeoutMs,
    upgrade,
    open(session, socket) {
      session.connection = socket
      observer.connectionOpened('websocket')
    },
    message,
    dropped(session, bytes) {
      if (hub.lose(session, bytes)) observer.fellBehind()
    },
    drain(session) {
      ;(session.fanOut as WebSocketFanOut).drained(session)
      hub.ready(session)
    },
    close(session, code, reason) {
      gate.leave(session.address)
      const cause = closeCause(session, code, reason)
      observer.connectionClosed('websocket', cause)
      if (cause !== null)
        log.debug('Connection closed', { session: hub.sessions.idOf(session), code, cause, reason })
      hub.close(session, code === NORMAL_CLOSURE ? 0 : undefined)
    },
  }
  for (const path of publicPaths('/ws')) app.webSocket<Session>({ ...sockets, path })
}

/** A publication of the history is JSON already. */
const jsonCodec = { ...json, recodePublication: (message: Buffer) => message }

/** The first offered subprotocol that is ours; JSON when none is, as browsers then close by themselves. */
function chooseFormat(offered: string): WireFormat {
  const names = offered.split(',').map((name) => name.trim())
  return names.includes(subprotocols.msgpack) && names.indexOf(subprotocols.msgpack) <= jsonAt(names)
    ? 'msgpack'
    : 'json'
}

function jsonAt(names: readonly string[]): number {
  const at = names.indexOf(subprotocols.json)
  return at === -1 ? names.length : at
}
