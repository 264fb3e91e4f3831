/**
 * The shape of a `WebSocket`, which is all the client asks of a transport.
 *
 * Owns that shape and the address it is opened with. Browsers' WebSocket has it, so has the one of the package `ws`, and
 * any other way to carry text both ways can be given it; the client never knows which it has.
 */

/** What each event has that the client looks at. */
export interface SocketMessage {
  /** A string for a text frame */
  readonly data: unknown
}
export interface SocketClose {
  readonly code: number
  readonly reason: string
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
