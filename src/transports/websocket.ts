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
import type { ConnectionGate } from '../sockets/connection-gate.ts'
import { publicPaths } from '../sockets/public-paths.ts'
import {
  type Accepted,
  type SocketRoute,
  type SocketRouteLimits,
  serveSockets,
} from '../sockets/socket-route.ts'
import type { PublicApp, UpgradeRequest } from '../uws.ts'
import type { CommandRunner } from './run-command.ts'
import { createWebSocketFanOut, type WebSocketFanOut } from './websocket-fan-out.ts'

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

export interface WebSocketLimits extends SocketRouteLimits {
  readonly maxReplyBytes: number
}

/** Registers the route; connections come once the app listens. */
export function serveWebSocket(deps: WebSocketDeps, limits: WebSocketLimits): void {
  const { app, hub, runner, observer, clock } = deps
  const fanOuts: Record<WireFormat, WebSocketFanOut> = {
    json: createWebSocketFanOut('json', { app, codec: jsonCodec, observer, clock }, limits),
    msgpack: createWebSocketFanOut('msgpack', { app, codec: msgpack, observer, clock }, limits),
  }

  function accept(request: UpgradeRequest, address: string): Accepted {
    const offered = request.header('sec-websocket-protocol')
    const format = offered === '' ? 'json' : chooseFormat(offered)
    const session = hub.open(fanOuts[format], address)
    return { session, protocol: offered === '' ? '' : subprotocols[format] }
  }

  function message(session: Session, bytes: Buffer, isBinary: boolean): void {
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

  const route: SocketRoute = {
    paths: publicPaths('/ws'),
    transport: 'websocket',
    accept,
    opened() {},
    message,
    closed: (_session, code) => (code === NORMAL_CLOSURE ? 0 : undefined),
  }
  serveSockets(deps, route, limits)
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
