/**
 * The shape of a `WebSocket`, which is all the client asks of a transport.
 *
 * Owns that shape and the addresses it is opened with. Browsers' WebSocket has it, so has the one of the package `ws`, and
 * so have long polling and server-sent events here (http-socket.ts); the client never knows which it has.
 */

/** What each event has that the client looks at. */
export interface SocketMessage {
  /** A string for a text frame, or the message it says */
  readonly data: unknown
}
export interface SocketClose {
  /** A close code; where the end came as an HTTP error, the reply code of that error (below 1000) */
  readonly code: number
  readonly reason: string
  /** false = do not come back; undefined = the code says it */
  readonly retry?: boolean | undefined
  /** When the node would like the client back; undefined when it did not say. */
  readonly retryAfterMs?: number | undefined
}

/**
 * A `WebSocket`, as far as the client uses it. `onmessage` is called with a `SocketMessage`, `onclose` with a
 * `SocketClose`; `never` lets every implementation pass that gives more.
 */
export interface SocketLike {
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  /** It notices by itself when it is dead, and its replies may overtake publications. */
  readonly isSelfWatching?: boolean
  send(text: string): void
  close(code?: number, reason?: string): void
}

/** What `new WebSocket(url)` is. */
export type SocketConstructor = new (url: string) => SocketLike

/**
 * The address to open, with ws: or wss:.
 *
 * @param url absolute, or relative to the page; undefined = `/ws` where the page came from
 * @throws {TypeError} when it is no address, or undefined outside of a page
 */
export function socketUrl(url: string | undefined): string {
  const page = globalThis.location?.href
  const resolved = new URL(url ?? '/ws', page)
  resolved.protocol = resolved.protocol.replace('http', 'ws')
  return resolved.href
}

/** The address of `name` beside that of the WebSocket, with http: or https:. */
export function besideSocket(url: string, name: string): string {
  return new URL(name, url.replace(/^ws/, 'http')).href
}
