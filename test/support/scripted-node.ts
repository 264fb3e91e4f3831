/**
 * A server that answers as a test tells it to, for the things a real node does only on a bad day.
 *
 * Owns real sockets on a free port of 127.0.0.1, a record of every command that came, and answers by command: each
 * has a friendly default that a test may replace. WebSockets here, long polling and SSE in scripted-http.ts. Not a node: it
 * keeps no channels and sends no publication unasked.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import {
  type Answer,
  commandOf,
  type ScriptedCommand,
  type ScriptedHttp,
  serveHttp,
} from './scripted-http.ts'
import { until } from './until.ts'

export type Answers = Partial<
  Record<string, (args: Readonly<Record<string, unknown>>, connection: ScriptedConnection) => Answer>
>

/** A channel as subscribe names it. */
export type Named = string | { readonly channel: string; readonly since: typeof position }

export interface ScriptedConnection {
  readonly socket: WebSocket
  readonly commands: readonly ScriptedCommand[]
  send(message: object): void
  /** Resolves to the `n`th (from 0) command `name`, once it has come. */
  command(name: string, n?: number): Promise<ScriptedCommand>
}

export interface ScriptedNode {
  readonly url: string
  readonly http: ScriptedHttp
  /** Upgrades are cut off, as proxies do that know no WebSocket. */
  isWebSocketBlocked: boolean
  /** Called for every upgrade asked for, blocked or not. */
  onUpgrade: () => void
  readonly connections: readonly ScriptedConnection[]
  /** Resolves to the `n`th (from 0) connection, once it is there. */
  connection(n: number): Promise<ScriptedConnection>
}

export const position = { epoch: 'k3', offset: 40 }

const friendly: Answers = {
  connect: () => ({ ok: { session: 's1', user: '', pingMs: 25_000, capsule: 'c1' } }),
  refresh: () => ({ ok: {} }),
  subscribe: ({ channels }) => ({ ok: { channels: (channels as Named[]).map(rowOf) } }),
  unsubscribe: () => ({ ok: {} }),
  publish: () => ({ ok: { epoch: 'k3', offset: 41 } }),
  history: () => ({ ok: { ...position, publications: [] } }),
  presence: ({ channel }) => ({ ok: { channel, count: 0, clients: [] } }),
  users: ({ ids }) => ({ ok: { online: ids, lastSeen: {} } }),
  userData: ({ user }) => ({ ok: { user, data: `data of ${user}` } }),
  ack: () => ({ ok: {} }),
  stats: ({ channel }) => ({ ok: { channel, subscribers: 12 } }),
  ping: () => ({ ok: {} }),
}

/** Names of channels, whatever else is said of them. */
export function namesOf(channels: unknown): string[] {
  return (channels as Named[]).map((named) => (typeof named === 'string' ? named : named.channel))
}

/** Nothing was published while the client was away. */
function rowOf(named: Named): object {
  if (typeof named === 'string') return { channel: named, ...position }
  return { channel: named.channel, ...named.since, recovered: true }
}

/** What answers to commands over HTTP get in the place of a connection: nothing to send by. */
const NO_CONNECTION = {} as ScriptedConnection

/** Starts a scripted node that lives as long as the test. */
export async function startScriptedNode(t: TestContext, answers: Answers = {}): Promise<ScriptedNode> {
  const server = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  const connections: ScriptedConnection[] = []
  const script = { ...friendly, ...answers }
  server.on('upgrade', (request, socket, head) => {
    node.onUpgrade()
    if (node.isWebSocketBlocked) socket.destroy()
    else sockets.handleUpgrade(request, socket, head, (ws) => connections.push(converse(ws, script)))
  })
  const http = serveHttp(server, ({ name, args }) => script[name]?.(args, NO_CONNECTION) ?? null)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    for (const { socket } of connections) socket.terminate()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const node: ScriptedNode = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`,
    http,
    isWebSocketBlocked: false,
    onUpgrade: () => {},
    connections,
    connection: (n) => until(() => connections[n], { what: `connection ${n}` }),
  }
  return node
}

function converse(socket: WebSocket, answers: Answers): ScriptedConnection {
  const commands: ScriptedCommand[] = []
  const connection: ScriptedConnection = {
    socket,
    commands,
    send: (message) => socket.send(JSON.stringify(message)),
    command: (name, n = 0) =>
      until(() => commands.filter((command) => command.name === name)[n], {
        what: () => `command ${n} "${name}"; came: ${commands.map((command) => command.name).join(', ')}`,
      }),
  }
  socket.on('message', (data) => {
    const command = commandOf(JSON.parse(String(data)))
    commands.push(command)
    const answer = answers[command.name]?.(command.args, connection) ?? null
    if (answer !== null) connection.send({ id: command.id, ...answer })
  })
  return connection
}
