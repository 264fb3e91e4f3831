/**
 * Notices a connection that died without saying so.
 *
 * Owns one timer per connection. After `pingMs` without a message from the node it pings; when nothing at all has come
 * `pongMs` later, the connection is dead. A message costs no timer: it only moves the time last heard.
 */
import type { Timers } from './timers.ts'

/** How long a node may take to answer a ping; never longer than `pingMs`. */
const MAX_PONG_MS = 10_000

export interface Heartbeat {
  readonly pingMs: number
  /** When the last message came, by `timers` */
  heardMs(): number
  ping(): void
  /** Called once, after which the heartbeat has stopped. */
  dead(): void
}

/** Starts watching; returns the function that stops it. */
export function startHeartbeat(timers: Timers, heartbeat: Heartbeat): () => void {
  const pongMs = Math.min(heartbeat.pingMs, MAX_PONG_MS)
  let cancel = timers.after(heartbeat.pingMs, listen)

  function listen(): void {
    const silentMs = timers.nowMs() - heartbeat.heardMs()
    if (silentMs < heartbeat.pingMs) {
      cancel = timers.after(heartbeat.pingMs - silentMs, listen)
      return
    }
    const pingedMs = timers.nowMs()
    cancel = timers.after(pongMs, () => {
      if (heartbeat.heardMs() >= pingedMs) listen()
      else heartbeat.dead()
    })
    heartbeat.ping()
  }

  return () => cancel()
}
