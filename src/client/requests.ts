/**
 * Commands of the page that somebody waits for: publish, history, presence, users, userData, stats.
 *
 * Owns the promises. What is asked while there is no connection waits for one, in order, up to a bound; what a connection
 * left unanswered is asked again over the next, and what it answered with BUSY a moment later. That does no harm: all but
 * publish only read, and a publish carries a key by which the node knows it again. Every promise is settled within
 * `timeoutMs`.
 */
import { type BackoffBounds, backoffMs } from './backoff.ts'
import { type ClientError, localError } from './client-error.ts'
import { type Answers, type Connection, hasFailed } from './connection.ts'
import type { Timers } from './timers.ts'

/** The shortest wait before a busy node is asked again; to it comes a random time that grows. */
const BUSY_MS = 100
const BUSY_BACKOFF: BackoffBounds = { minMs: 200, maxMs: 2_000 }

type RequestName = 'publish' | 'history' | 'presence' | 'users' | 'userData' | 'stats'

export interface RequestLimits {
  readonly timeoutMs: number
  readonly maxQueued: number
  readonly random: () => number
}

/** A command that is not answered yet. */
interface Request {
  send(connection: Connection): void
  /** Rejects; where it was sent and is to be sent again, with why: CONNECTION_LOST or BUSY. */
  fail(error: ClientError): void
}

export class Requests {
  readonly #timers: Timers
  readonly #limits: RequestLimits
  /** In the order asked. */
  readonly #unanswered = new Set<Request>()
  #connection: Connection | null = null
  #isClosed = true

  constructor(timers: Timers, limits: RequestLimits) {
    this.#timers = timers
    this.#limits = limits
  }

  /**
   * Sends a command, or keeps it until there is a connection.
   *
   * @param answered called with the answer before anything that came after it is looked at
   */
  ask<Name extends RequestName>(
    name: Name,
    args: object,
    answered?: (answer: Answers[Name]) => void,
  ): Promise<Answers[Name]> {
    return new Promise((resolve, reject) => {
      const json = JSON.stringify(args)
      const { timeoutMs } = this.#limits
      let reason: ClientError | null = null
      let busyTimes = 0
      let cancelAgain: () => void = () => {}
      const end = () => {
        this.#unanswered.delete(request)
        cancelTimeout()
        cancelAgain()
      }
      const request: Request = {
        fail: (error) => {
          end()
          reject(reason ?? error)
        },
        send: (connection) => {
          cancelAgain()
          connection.send(name, json, (outcome) => {
            if (!this.#unanswered.has(request)) return // it has failed meanwhile
            if (!hasFailed(outcome)) {
              end()
              answered?.(outcome)
              resolve(outcome)
              return
            }
            reason = outcome
            if (outcome.name === 'BUSY') cancelAgain = this.#sendAgain(request, busyTimes++)
            else if (outcome.name !== 'CONNECTION_LOST') request.fail(outcome)
          })
        },
      }
      const cancelTimeout = this.#timers.after(timeoutMs, () =>
        request.fail(localError('TIMEOUT', `Cannot ${name}: no answer within ${timeoutMs} ms`)),
      )
      this.#admit(name, request)
    })
  }

  /** From now on commands may wait for a connection. */
  open(): void {
    this.#isClosed = false
  }

  /** The node has accepted the session: what waits goes out. */
  attach(connection: Connection): void {
    this.#connection = connection
    for (const request of this.#unanswered) request.send(connection)
  }

  detach(): void {
    this.#connection = null
  }

  /** Nothing may wait any longer. */
  close(reason: string): void {
    this.#isClosed = true
    for (const request of [...this.#unanswered]) request.fail(localError('CLOSED', reason))
  }

  /** Sends it once more in a moment; where there is no connection then, the next one does. */
  #sendAgain(request: Request, times: number): () => void {
    const waitMs = BUSY_MS + backoffMs(BUSY_BACKOFF, times, this.#limits.random())
    return this.#timers.after(waitMs, () => {
      if (this.#connection !== null) request.send(this.#connection)
    })
  }

  #admit(name: RequestName, request: Request): void {
    const { maxQueued } = this.#limits
    if (this.#connection !== null) {
      this.#unanswered.add(request)
      request.send(this.#connection)
    } else if (this.#isClosed) {
      request.fail(localError('CLOSED', `Cannot ${name}: the client is not connected`))
    } else if (this.#unanswered.size >= maxQueued) {
      request.fail(
        localError('QUEUE_FULL', `Cannot ${name}: ${maxQueued} commands wait for a connection already`),
      )
    } else {
      this.#unanswered.add(request)
    }
  }
}
