/**
 * Notices a connection that died without saying so.
 *
 * Owns two timers per connection. It pings every `pingMs`, busy or not; when nothing at all has come `pongMs` after a ping,
 * the connection is dead. A timer that comes much too late means that the device slept: then the answer has to come
 * quickly. A message costs no timer, it only leaves a mark.
 */
import type { Timers } from './timers.ts'

/** How long a node may take to answer a ping; never longer than `pingMs`. */
const MAX_PONG_MS = 10_000
/** The same after a sleep, when the connection is more likely dead than not. */
const QUICK_PONG_MS = 5_000

export interface HeartbeatOptions {
  readonly pingMs: number
  /** The transport watches over itself: ping only after a sleep, and when asked to. */
  readonly isQuiet: boolean
  ping(): void
  /** Called once, after which the heartbeat has stopped. */
  dead(): void
}

export interface Heartbeat {
  /** A message came. */
  heard(): void
  /** Pings now and wants an answer soon. */
  check(): void
  stop(): void
}

/** Starts watching. */
export function startHeartbeat(timers: Timers, options: HeartbeatOptions): Heartbeat {
  const { pingMs, isQuiet } = options
  let hasHeard = false
  let cancelPing = wait()
  let cancelPong: () => void = () => {}

  function wait(): () => void {
    const beganMs = timers.nowMs()
    return timers.after(pingMs, () => {
      const hasSlept = timers.nowMs() - beganMs > 2 * pingMs
      if (hasSlept) ping(QUICK_PONG_MS)
      else if (!isQuiet) ping(Math.min(pingMs, MAX_PONG_MS))
      cancelPing = wait() // after the answer was given its time: both may come due together
    })
  }

  function ping(pongMs: number): void {
    hasHeard = false
    cancelPong()
    cancelPong = timers.after(pongMs, () => {
      if (hasHeard) return
      stop()
      options.dead()
    })
    options.ping()
  }

  function stop(): void {
    cancelPing()
    cancelPong()
  }

  return {
    heard: () => {
      hasHeard = true
    },
    check: () => ping(QUICK_PONG_MS),
    stop,
  }
}
