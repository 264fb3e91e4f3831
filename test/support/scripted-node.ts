/**
 * A WebSocket server that answers as a test tells it to, for the things a real node does only on a bad day.
 *
 * Owns real sockets on a free port of 127.0.0.1, a record of every command that came, and answers by command: each
 * has a friendly default that a test may replace. Not a node: it keeps no channels and sends no publication unasked.
 */
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import { until } from './until.ts'

export interface ScriptedCommand {
  readonly id: number
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
}

/** What a command is answered with, `{ok: …}` or `{error: …}`; null = silence. */
export type Answer = object | null
export type Answers = Partial<
  Record<string, (args: Readonly<Record<string, unknown>>, connection: ScriptedConnection) => Answer>
>

export interface ScriptedConnection {
  readonly socket: WebSocket
  readonly commands: readonly ScriptedCommand[]
  send(message: object): void
  /** Resolves to the `n`th (from 0) command `name`, once it has come. */
  command(name: string, n?: number): Promise<ScriptedCommand>
}

export interface ScriptedNode {
  readonly url: string
  readonly connections: readonly ScriptedConnection[]
  /** Resolves to the `n`th (from 0) connection, once it is there. */
  connection(n: number): Promise<ScriptedConnection>
}

export const position = { epoch: 'k3', offset: 40 }

const friendly: Answers = {
  connect: () => ({ ok: { session: 's1', user: '', pingMs: 25_000 } }),
  subscribe: ({ channels }) => ({
    ok: { channels: (channels as string[]).map((channel) => ({ channel, ...position })) },
  }),
  unsubscribe: () => ({ ok: {} }),
  publish: () => ({ ok: { epoch: 'k3', offset: 41 } }),
  users: ({ ids }) => ({ ok: { online: ids } }),
  stats: ({ channel }) => ({ ok: { channel, subscribers: 12 } }),
  ping: () => ({ ok: {} }),
}

/** Starts a scripted node that lives as long as the test. */
export async function startScriptedNode(t: TestContext, answers: Answers = {}): Promise<ScriptedNode> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  const connections: ScriptedConnection[] = []
  server.on('connection', (socket) => {
    const connection = converse(socket, { ...friendly, ...answers })
    connections.push(connection)
  })
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(async () => {
    for (const { socket } of connections) socket.terminate()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`,
    connections,
    connection: (n) => until(() => connections[n], { what: `connection ${n}` }),
  }
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
    const command = readCommand(String(data))
    commands.push(command)
    const answer = answers[command.name]?.(command.args, connection) ?? null
    if (answer !== null) connection.send({ id: command.id, ...answer })
  })
  return connection
}

function readCommand(text: string): ScriptedCommand {
  const { id, ...rest } = JSON.parse(text) as { id: number } & Record<string, Record<string, unknown>>
  const [name = '', args = {}] = Object.entries(rest)[0] ?? []
  return { id, name, args }
}
