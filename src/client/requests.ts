/**
 * Commands of the page that somebody waits for: publish, users, stats.
 *
 * Owns the promises. What is asked while there is no connection waits for one, in order, up to a bound; every promise is
 * settled within `timeoutMs`. A command goes out at most once, because a publish sent twice would be published twice.
 */
import { localError } from './client-error.ts'
import { type Answers, type Connection, hasFailed } from './connection.ts'
import type { Timers } from './timers.ts'

type RequestName = 'publish' | 'users' | 'stats'

export interface RequestLimits {
  readonly timeoutMs: number
  readonly maxQueued: number
}

/** Sends itself over `connection`, or fails where there is none. */
interface Waiting {
  send(connection: Connection): void
  fail(error: Error): void
}

export class Requests {
  readonly #timers: Timers
  readonly #limits: RequestLimits
  readonly #waiting = new Set<Waiting>()
  #connection: Connection | null = null
  #isClosed = true

  constructor(timers: Timers, limits: RequestLimits) {
    this.#timers = timers
    this.#limits = limits
  }

  /** Sends a command, or keeps it until there is a connection. */
  ask<Name extends RequestName>(name: Name, args: object): Promise<Answers[Name]> {
    return new Promise((resolve, reject) => {
      const json = JSON.stringify(args)
      const fail = (error: Error) => {
        this.#waiting.delete(waiting)
        cancelTimeout()
        reject(error)
      }
      const waiting: Waiting = {
        fail,
        send: (connection) =>
          connection.send(name, json, (outcome) => {
            if (hasFailed(outcome)) return fail(outcome)
            cancelTimeout()
            resolve(outcome)
          }),
      }
      const { timeoutMs } = this.#limits
      const cancelTimeout = this.#timers.after(timeoutMs, () =>
        fail(localError('TIMEOUT', `Cannot ${name}: no answer within ${timeoutMs} ms`)),
      )
      this.#admit(name, waiting)
    })
  }

  /** From now on commands may wait for a connection. */
  open(): void {
    this.#isClosed = false
  }

  /** The node has accepted the session: what waits goes out. */
  attach(connection: Connection): void {
    this.#connection = connection
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const request of waiting) request.send(connection)
  }

  detach(): void {
    this.#connection = null
  }

  /** Nothing may wait any longer. */
  close(reason: string): void {
    this.#isClosed = true
    for (const request of [...this.#waiting]) request.fail(closedError(reason))
  }

  #admit(name: RequestName, request: Waiting): void {
    const { maxQueued } = this.#limits
    if (this.#connection !== null) {
      request.send(this.#connection)
    } else if (this.#isClosed) {
      request.fail(closedError(`Cannot ${name}: the client is not connected`))
    } else if (this.#waiting.size >= maxQueued) {
      request.fail(
        localError('QUEUE_FULL', `Cannot ${name}: ${maxQueued} commands wait for a connection already`),
      )
    } else {
      this.#waiting.add(request)
    }
  }
}

function closedError(message: string) {
  return localError('CLOSED', message)
}
