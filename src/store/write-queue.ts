/**
 * Who waits for the disk.
 *
 * Owns the order of writes and how many share a commit: while one is under way all that come wait, and go together next.
 * When a commit fails, writes that only take away are tried again by themselves, because they may make room; what would
 * add is refused at once for `REST_MS`, so that a full disk is asked a few times a second and not by every message.
 *
 * Bound: `MAX_WAITING_BYTES` of changes; above it writes are refused. Knows no disk: who builds it says how to commit.
 */
import { errorText, UnavailableError } from '../errors.ts'

/** Of all writes that wait or are under way. */
export const MAX_WAITING_BYTES = 64 * 1024 * 1024

/** Of one commit, so that no write waits long for those before it. A larger write goes alone. */
const MAX_COMMIT_BYTES = 8 * 1024 * 1024

/** After a commit that failed. */
const REST_MS = 250

/** What waits: changes that are made together or not at all. */
export interface Write {
  /** Memory it takes while it waits */
  readonly bytes: number
  /** Nothing of it adds or replaces: it may make room */
  readonly onlyTakes: boolean
}

interface Waiting<Kind extends Write> {
  readonly write: Kind
  readonly resolve: () => void
  readonly reject: (error: UnavailableError) => void
}

export interface WriteQueueOptions<Kind extends Write> {
  /** Makes the changes of several writes, all or none. */
  readonly commit: (writes: readonly Kind[]) => Promise<void>
  /** A write was taken on; in the order of calls. */
  readonly onAdded: (write: Kind) => void
  /** A write has ended, well or badly, just before its promise does. */
  readonly onSettled: (write: Kind) => void
  /** A commit failed. */
  readonly onFailed: (cause: unknown) => void
  /** Monotonic. */
  readonly nowMs: () => number
}

export interface WriteQueue<Kind extends Write> {
  /** Resolves once the write is committed. @throws {UnavailableError} STORE_FAILED when nothing of it was kept */
  add(write: Kind): Promise<void>
  /** Resolves when nothing waits any more. */
  drained(): Promise<void>
}

export function createWriteQueue<Kind extends Write>(options: WriteQueueOptions<Kind>): WriteQueue<Kind> {
  let waiting: Waiting<Kind>[] = []
  let waitingBytes = 0
  let restUntilMs = Number.NEGATIVE_INFINITY
  let lastCause: unknown = null
  let running: Promise<void> | null = null

  const settle = (ended: readonly Waiting<Kind>[], end: (one: Waiting<Kind>) => void): void => {
    for (const one of ended) {
      waitingBytes -= one.write.bytes
      options.onSettled(one.write)
      end(one)
    }
  }

  /** @returns whether they were committed, and told so */
  const commit = async (group: readonly Waiting<Kind>[]): Promise<boolean> => {
    try {
      await options.commit(group.map(({ write }) => write))
    } catch (cause) {
      restUntilMs = options.nowMs() + REST_MS
      lastCause = cause
      options.onFailed(cause)
      return false
    }
    settle(group, ({ resolve }) => resolve())
    return true
  }

  const reject = (group: readonly Waiting<Kind>[]): void =>
    settle(group, (one) => one.reject(refusal(lastCause)))

  const commitOrReject = async (group: readonly Waiting<Kind>[]): Promise<void> => {
    if (await commit(group)) return
    const takers = group.filter(({ write }) => write.onlyTakes)
    if (takers.length === group.length) return reject(group)
    reject(group.filter(({ write }) => !write.onlyTakes))
    if (takers.length > 0 && !(await commit(takers))) reject(takers)
  }

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      // Whoever writes in this turn of the loop, or because the commit before has ended, comes along.
      await new Promise(setImmediate)
      const group = waiting.slice(0, fitting(waiting))
      waiting = waiting.slice(group.length)
      await commitOrReject(group)
    }
    running = null
  }

  return {
    async add(write) {
      if (options.nowMs() < restUntilMs && !write.onlyTakes) throw refusal(lastCause)
      if (waitingBytes > 0 && waitingBytes + write.bytes > MAX_WAITING_BYTES)
        throw new UnavailableError('STORE_FAILED', 'Cannot keep it: too much waits for the disk already')
      waitingBytes += write.bytes
      options.onAdded(write)
      const ended = new Promise<void>((resolve, reject) => waiting.push({ write, resolve, reject }))
      running ??= run()
      return ended
    },
    async drained() {
      while (running !== null) await running
    },
  }
}

function refusal(cause: unknown): UnavailableError {
  return new UnavailableError('STORE_FAILED', `Cannot keep it: the disk refused: ${errorText(cause)}`, {
    cause,
  })
}

/** How many of the first go into one commit, ≥ 1. */
function fitting(waiting: readonly Waiting<Write>[]): number {
  let bytes = 0
  const beyond = waiting.findIndex(({ write }, index) => {
    bytes += write.bytes
    return index > 0 && bytes > MAX_COMMIT_BYTES
  })
  return beyond === -1 ? waiting.length : beyond
}
