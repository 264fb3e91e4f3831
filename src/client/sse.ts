/**
 * Server-sent events in the shape of a `WebSocket`.
 *
 * Owns the stream of an answer that does not end, read line by line, and the requests that carry commands beside it. Their
 * replies could be overtaken by what the stream brings, so the stream is not read while commands are under way. Every
 * event of a node is one line of data with one message: lines are all there is to parse. Bound: one message.
 */
import { COMMAND_LIMIT_MS, type HttpSession, HttpSocket, messagesOf } from './http-socket.ts'
import type { SocketLike } from './socket.ts'

/** Nodes let hear of themselves far more often. */
const SILENCE_MS = 60_000
const ABNORMAL = 1006
const DATA = 'data:'

export interface SseUrls {
  readonly stream: string
  readonly command: string
}

/** Begins with the first command that is sent, which must be connect. */
export function openSse(urls: SseUrls, session: HttpSession): SocketLike {
  const socket = new HttpSocket(session, flush)
  let state: 'new' | 'opening' | 'open' = 'new'
  /** The commands under way, one request after the other. */
  let asked: Promise<void> = Promise.resolve()

  /** Commands that follow the first wait for its answer, which brings the capsule. */
  function flush(): void {
    if (state === 'opening') return
    const commands = socket.takeCommands()
    if (state === 'new') void listen(commands)
    else if (commands.length > 0) {
      asked = asked.then(() => ask(commands))
      socket.flushSoon() // there may be more than fit into one request
    }
  }

  async function listen(commands: readonly unknown[]): Promise<void> {
    state = 'opening'
    const end = await socket.post(urls.stream, { commands }, SILENCE_MS, read)
    socket.end(end ?? { code: ABNORMAL, reason: 'The stream ended' })
  }

  async function read(answer: Response, alive: () => void): Promise<void> {
    const reader = answer.body?.getReader()
    const decoder = new TextDecoder()
    let rest = ''
    for (;;) {
      const chunk = await reader?.read()
      if (chunk === undefined || chunk.done) return
      alive()
      const lines = (rest + decoder.decode(chunk.value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      await asked
      deliver(lines)
    }
  }

  function deliver(lines: readonly string[]): void {
    const messages = lines
      .filter((line) => line.startsWith(DATA))
      .map((line) => JSON.parse(line.slice(DATA.length)) as unknown)
    socket.deliver(messages)
    if (state === 'open' || messages.length === 0) return
    state = 'open'
    socket.flushSoon()
  }

  async function ask(commands: readonly unknown[]): Promise<void> {
    if (socket.isClosed) return
    const end = await socket.post(
      urls.command,
      { capsule: session.capsule(), commands },
      COMMAND_LIMIT_MS,
      async (answer) => socket.deliver(await messagesOf(answer)),
    )
    if (end !== null) socket.end(end)
  }

  return socket
}
