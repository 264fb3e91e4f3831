/**
 * The HTTP half of the scripted node: `/poll`, `/sse` and `/command`, answered as a test tells it to.
 *
 * Owns a record of every request. Commands are answered by the script of the node, at once; a poll without commands is held
 * until the test answers it, or a newer poll takes over (goodbye SESSION_MOVED). Keeps no sessions: every capsule is good.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type CodeName, codes, errorFace } from '../../src/codes.ts'
import { until } from './until.ts'

export interface ScriptedCommand {
  readonly id: number
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
}

/** What a command is answered with, `{ok: …}` or `{error: …}`; null = silence. */
export type Answer = object | null

/** What came with a request. */
export interface ScriptedBody {
  readonly capsule?: string
  readonly positions?: Readonly<Record<string, unknown>>
  readonly commands: readonly ScriptedCommand[]
  readonly waitMs?: number
}

export interface ScriptedRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: ScriptedBody
  /** The request was answered, or given up by the client. */
  isOver(): boolean
  /** Answers a poll or commands; does nothing once it is over. */
  answer(messages: readonly object[]): void
  refuse(name: CodeName, headers?: Record<string, string>): void
  /** Ends with any status and text, as something between client and node would. */
  garble(status: number, text: string): void
  /** Cuts the connection. */
  cut(): void
  /** Writes to a stream. */
  write(text: string): void
  /** Writes a message to a stream, as an event. */
  send(message: object): void
}

export interface ScriptedHttp {
  /** Of one path, in the order they came. */
  requests(path: string): readonly ScriptedRequest[]
  /** Resolves to the `n`th (from 0) request to `path`, once it is there. */
  request(path: string, n: number): Promise<ScriptedRequest>
  /** Takes a request out of the hands of the script when it returns true: a poll then takes over from none. */
  intercept: (request: ScriptedRequest) => boolean
}

/** What a poll is answered with when a newer one, or another connection, takes over. */
export const movedBye = { bye: { code: codes.SESSION_MOVED.close, reason: 'The session moved' } }

/** Serves requests of `server`; upgrades are left alone. */
export function serveHttp(server: Server, answer: (command: ScriptedCommand) => Answer): ScriptedHttp {
  const all: ScriptedRequest[] = []
  const requests = (path: string) => all.filter((request) => request.path === path)
  const http: ScriptedHttp = {
    requests,
    request: (path, n) => until(() => requests(path)[n], { what: `request ${n} to ${path}` }),
    intercept: () => false,
  }

  function serve(request: ScriptedRequest): void {
    const held = all.find(({ path, isOver }) => path === '/poll' && !isOver())
    all.push(request)
    if (http.intercept(request)) return
    if (request.path === '/poll') held?.answer([movedBye])
    const replies = request.body.commands.flatMap((command) => {
      const outcome = answer(command)
      return outcome === null ? [] : [{ id: command.id, ...outcome }]
    })
    if (request.path === '/sse') for (const reply of replies) request.send(reply)
    else if (request.path === '/command' || replies.length > 0) request.answer(replies)
  }

  server.on('request', async (incoming: IncomingMessage, response: ServerResponse) => {
    let text = ''
    for await (const chunk of incoming) text += chunk
    serve(createRequest(incoming, response, text))
  })
  return http
}

function createRequest(incoming: IncomingMessage, response: ServerResponse, text: string): ScriptedRequest {
  const { commands, ...rest } = JSON.parse(text) as { commands: object[] }
  const isOver = () => response.writableEnded || response.destroyed
  const end = (status: number, headers: Record<string, string>, body: string) => {
    if (!isOver()) response.writeHead(status, headers).end(body)
  }
  const write = (chunk: string) => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(chunk)
  }
  return {
    path: incoming.url ?? '',
    headers: incoming.headers,
    body: { ...rest, commands: commands.map(commandOf) },
    isOver,
    answer: (messages) => end(200, {}, JSON.stringify(messages)),
    refuse: (name, headers = {}) =>
      end(codes[name].http, headers, JSON.stringify({ error: errorFace(name, `Refused: ${name}`) })),
    garble: (status, body) => end(status, {}, body),
    cut: () => response.destroy(),
    write,
    send: (message) => write(`id: {}\ndata: ${JSON.stringify(message)}\n\n`),
  }
}

/** The parts of a command as it came. */
export function commandOf(message: unknown): ScriptedCommand {
  const { id, ...rest } = message as { id: number } & Record<string, Record<string, unknown>>
  const [name = '', args = {}] = Object.entries(rest)[0] ?? []
  return { id, name, args }
}
