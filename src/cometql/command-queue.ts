/**
 * The order in which the commands of one connection are done and answered.
 *
 * Owns two kinds of work. One that must be alone begins when everything before it was answered, and nothing begins before it
 * has ended. One that only publishes begins behind other publishes that are still on their way, so a client that does not
 * wait for its answers has many on disk in one go; its answer comes in turn all the same. Holds what has not begun; the
 * connection stops reading above `MAX_WAITING` commands or `MAX_WAITING_BYTES`. When its slice of time is over, the queue goes
 * on in the next turn of the loop.
 */
import type { Pace } from './pace.ts'

const MAX_WAITING = 256
const MAX_WAITING_BYTES = 1024 * 1024

export interface Work {
  /** Bytes of the command, and of what was read from it, which count while it has not been answered */
  readonly bytes: number
  /** Does it and answers; alone */
  readonly run: () => Promise<void>
  /** Begins a publish and returns what answers it when its turn comes; null = it has to be alone */
  readonly publish: (() => () => Promise<void>) | null
}

export interface CommandQueue {
  add(work: Work): void
  /** So much waits or is under way that no more should be read. */
  readonly isFull: boolean
  readonly isIdle: boolean
  /** Forgets what has not begun. */
  clear(): void
}

export interface CommandQueueDeps {
  readonly pace: Pace
  /** Called whenever a command has been answered */
  readonly settled: () => void
  /** Work that rejects is a fault of ours. */
  readonly broken: (thrown: unknown) => void
}

export function createCommandQueue({ pace, settled, broken }: CommandQueueDeps): CommandQueue {
  /** From `head` on they have not begun. */
  let waiting: Work[] = []
  let head = 0
  let begun = 0
  let bytes = 0
  let isAlone = false
  let isResting = false
  /** Answers of publishes, in order. */
  let tail: Promise<void> = Promise.resolve()

  function next(): void {
    while (head < waiting.length) {
      const work = waiting[head]
      if (work === undefined || isResting || (begun > 0 && (isAlone || work.publish === null))) return
      const rest = pace.rest()
      if (rest !== null) {
        goOnAfter(rest)
        return
      }
      head++
      begun++
      begin(work)
    }
    waiting = []
    head = 0
  }

  function goOnAfter(rest: Promise<void>): void {
    isResting = true
    void rest.then(() => {
      isResting = false
      next()
    })
  }

  function begin({ bytes: size, run, publish }: Work): void {
    const done = () => {
      begun--
      bytes -= size
      isAlone = false
      next()
      settled()
    }
    const fail = (thrown: unknown) => {
      broken(thrown)
      done()
    }
    if (publish === null) {
      isAlone = true
      void run().then(done, fail)
    } else {
      const answer = publish()
      tail = tail.then(answer).then(done, fail)
    }
  }

  return {
    add(work) {
      waiting.push(work)
      bytes += work.bytes
      next()
    },
    get isFull() {
      return waiting.length - head + begun > MAX_WAITING || bytes > MAX_WAITING_BYTES
    },
    get isIdle() {
      return begun === 0 && head === waiting.length
    },
    clear() {
      for (const work of waiting.slice(head)) bytes -= work.bytes
      waiting = []
      head = 0
    },
  }
}
