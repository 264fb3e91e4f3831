/**
 * What the internal ports that speak over plain sockets have in common.
 *
 * Owns listening (a port that can't be had becomes an error with its name) and when a socket is read: not while its owner
 * has enough to do, nor while more than a bound of answers waits for the other side to take them. What is said over a
 * socket is no business of this file.
 */
import type { ListenOptions, Server, Socket } from 'node:net'
import { ListenError } from '../errors.ts'

/**
 * Opens a port or a Unix socket. The server has no handler of errors afterwards.
 *
 * @param name what listens, for the error: `CometQL`
 * @returns the number of the port, 0 for a Unix socket
 * @throws {ListenError} naming address and cause
 */
export function listen(
  server: Server,
  where: Pick<ListenOptions, 'host' | 'port' | 'path'>,
  name: string,
): Promise<number> {
  const place = where.path ?? `${where.host}:${where.port}`
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new ListenError(`Cannot listen on ${place} (${name}): ${cause.message}`, { cause }))
    })
    server.listen(where, () => {
      server.removeAllListeners('error')
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

/** Whether a socket is read. */
export interface ReadGate {
  /** Its owner has enough to do, or can take more again. */
  hold(isHeld: boolean): void
  /** To be called whenever something was written, or left: what waits may have passed the bound. */
  update(): void
}

/** @param maxUnreadBytes of answers that wait for the other side; above it nothing more is read */
export function createReadGate(socket: () => Socket, maxUnreadBytes: number): ReadGate {
  let isHeld = false

  function update(): void {
    const own = socket()
    const shouldRead = !isHeld && own.writableLength <= maxUnreadBytes
    if (shouldRead && own.isPaused()) own.resume()
    else if (!shouldRead && !own.isPaused()) own.pause()
  }

  return {
    update,
    hold(isNowHeld) {
      isHeld = isNowHeld
      update()
    },
  }
}
