/**
 * Keeps the token of a session fresh.
 *
 * Owns the times: a new token is asked for and sent when 80 % of the old one's time is over, and after a failure when 80 %
 * of the rest is. Where that never succeeds, the node ends the session and the next attempt to connect asks again.
 * Bound: one timer.
 */
import { type ClientError, localError } from './client-error.ts'
import { type Connection, hasFailed } from './connection.ts'
import type { Timers } from './timers.ts'

const SHARE = 0.8
/** Not worth asking again for less. */
const MIN_REST_MS = 1_000
/** The most `setTimeout` can wait; a token that lives longer is replaced early. */
const MAX_WAIT_MS = 2 ** 31 - 1

export type GetToken = () => string | Promise<string>

export interface RefreshOptions {
  /** Time the token still has */
  readonly restMs: number
  readonly getToken: GetToken
  /** There is a new token, which the node is about to be given. */
  renewed(token: string): void
  failed(error: ClientError): void
}

/** Starts keeping it; returns the function that stops it, after which nothing is called any more. */
export function startRefresh(timers: Timers, connection: Connection, options: RefreshOptions): () => void {
  let isOver = false
  let cancel: () => void = () => {}
  wait(options.restMs)

  function wait(restMs: number): void {
    if (restMs < MIN_REST_MS) return
    const waitMs = Math.min(restMs * SHARE, MAX_WAIT_MS)
    cancel = timers.after(waitMs, () => void replace(restMs - waitMs))
  }

  async function replace(restMs: number): Promise<void> {
    try {
      const token = await options.getToken()
      if (isOver) return
      options.renewed(token)
      connection.send('refresh', JSON.stringify({ token }), (outcome) => {
        if (isOver) return
        if (hasFailed(outcome)) fail(outcome, restMs)
        else if (outcome.expiresInMs !== undefined) wait(outcome.expiresInMs)
      })
    } catch (thrown) {
      if (!isOver) fail(tokenFailed(thrown), restMs)
    }
  }

  function fail(error: ClientError, restMs: number): void {
    wait(restMs)
    options.failed(error) // a listener may stop this
  }

  return () => {
    isOver = true
    cancel()
  }
}

/** What getToken threw, as an error of the client. */
export function tokenFailed(thrown: unknown): ClientError {
  return localError('TOKEN_FAILED', `getToken failed: ${thrown instanceof Error ? thrown.message : thrown}`)
}
