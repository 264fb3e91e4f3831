/**
 * Long polling in the shape of a `WebSocket`.
 *
 * Owns one poll that is always under way, and the next one that takes over with what the client has to say. Every poll
 * names capsule and positions, so any node can answer it and an answer that got lost comes again. A poll that carries commands
 * is never replaced before its answer: that has the replies. Bound: one poll and the ones it replaced.
 */
import { COMMAND_LIMIT_MS, type HttpSession, HttpSocket, isBye, messagesOf } from './http-socket.ts'
import type { SocketLike } from './socket.ts'

/** How long the node may hold a poll without news: below the 30 s after which many proxies give up. */
const WAIT_MS = 25_000
/** Code of the goodbye to a poll that a newer one replaced: SESSION_MOVED. */
const MOVED = 3012

/** Begins with the first command that is sent, which must be connect. */
export function openLongPoll(url: string, session: HttpSession): SocketLike {
  const socket = new HttpSocket(session, flush)
  /** Counts polls: all but the latest were replaced by this client, so that how they end means nothing. */
  let latest = 0
  let state: 'idle' | 'listening' | 'asking' = 'idle'
  let hasCapsule = false

  function flush(): void {
    if (state === 'asking') return
    const commands = socket.takeCommands()
    if (commands.length > 0 || (state === 'idle' && hasCapsule)) void poll(commands)
  }

  async function poll(commands: readonly unknown[]): Promise<void> {
    const turn = ++latest
    state = commands.length > 0 ? 'asking' : 'listening'
    const place = hasCapsule ? { capsule: session.capsule(), positions: session.positions() } : {}
    let messages: readonly unknown[] = []
    const end = await socket.post(
      url,
      { ...place, commands, waitMs: WAIT_MS },
      WAIT_MS + COMMAND_LIMIT_MS,
      async (answer) => {
        messages = await messagesOf(answer)
      },
    )
    if (turn === latest) {
      state = 'idle'
      if (end !== null) return socket.end(end)
    }
    socket.deliver(turn === latest ? messages : messages.filter((message) => !isMoved(message)))
    hasCapsule = true
    socket.flushSoon()
  }

  return socket
}

function isMoved(message: unknown): boolean {
  return isBye(message) && message.bye.code === MOVED
}
