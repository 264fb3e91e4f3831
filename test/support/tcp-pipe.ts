/**
 * One direction of a proxied connection: bytes from one socket to another, as slowly and as badly as a test asks for.
 *
 * Owns a queue of pieces, each with the time before which it must not leave; the end of the stream and a reset wait in
 * it like bytes, so nothing overtakes. Bound: 64 KiB and what a line of that latency and bandwidth would hold; above it
 * nothing more is read, so the sender feels the receiver.
 */
import type { Socket } from 'node:net'

const HELD_BYTES = 65_536
/** What a line without a cap is taken for when its latency is turned into room. */
const UNCAPPED_BYTES_PER_SECOND = 100_000_000
/** A kernel that is told of a reset forgets what its program has not read: time to read it before. */
const READ_BEFORE_RESET_MS = 50
/** A capped line writes pieces of this many milliseconds. */
const PIECE_MS = 20

/** How a direction behaves; 0 = no delay, no cap. */
export interface Shape {
  readonly latencyMs: number
  readonly bytesPerSecond: number
}

export interface Pipe {
  /** For bytes that come from now on; what is under way keeps its time. */
  shape(shape: Partial<Shape>): void
  /** Stops reading: the sender fills the buffers of the kernels and then waits. What was read still goes on. */
  pause(): void
  resume(): void
  /** Stops everything, both reading and writing; nothing is lost. */
  hold(): void
  release(): void
  /** From now on everything is read and thrown away, the end of the stream and resets too; for good. */
  drop(): void
  /** Lets so many more bytes through, gives their receiver a moment to read them, then resets both sockets. */
  resetAfter(bytes: number): void
  /** Bytes given to the receiving socket so far. */
  passedBytes(): number
  /** Forgets what is held; no timer is left. */
  stop(): void
}

type Piece =
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly dueMs: number }
  | { readonly kind: 'end' | 'reset'; readonly dueMs: number }

/** @param reset resets both sockets of the connection */
export function createPipe(from: Socket, to: Socket, reset: () => void): Pipe {
  const queue: Piece[] = []
  const state = { isPaused: false, isHeld: false, isDropping: false, isFull: false, isStopped: false }
  let shape: Shape = { latencyMs: 0, bytesPerSecond: 0 }
  let heldBytes = 0
  let passedBytes = 0
  let leftUntilReset = Number.POSITIVE_INFINITY
  /** When the capped line has sent what was given to it. */
  let freeAtMs = 0
  let timer: NodeJS.Timeout | null = null

  from.on('data', (bytes: Buffer) => {
    if (state.isDropping) return
    heldBytes += bytes.length
    queue.push({ kind: 'bytes', bytes, dueMs: dueMs() })
    steer()
    pump()
  })
  from.on('end', () => enqueue('end'))
  from.on('error', () => enqueue('reset'))
  to.on('drain', () => {
    state.isFull = false
    pump()
  })

  function enqueue(kind: 'end' | 'reset'): void {
    if (state.isDropping || state.isStopped) return
    queue.push({ kind, dueMs: dueMs() })
    pump()
  }

  function dueMs(): number {
    return performance.now() + shape.latencyMs
  }

  /** Reads or does not, by what is held and asked for. */
  function steer(): void {
    const perSecond = shape.bytesPerSecond || UNCAPPED_BYTES_PER_SECOND
    const room = HELD_BYTES + (shape.latencyMs * perSecond) / 1000
    const isStill = state.isPaused || state.isHeld || heldBytes > room
    if (isStill && !state.isDropping) from.pause()
    else from.resume()
  }

  function pump(): void {
    for (let piece = queue[0]; piece !== undefined && canWrite(); piece = queue[0]) {
      const waitMs = Math.max(piece.dueMs, piece.kind === 'bytes' ? freeAtMs : 0) - performance.now()
      if (waitMs > 0) {
        arm(waitMs)
        break
      }
      queue.shift()
      if (piece.kind === 'bytes') write(piece.bytes, piece.dueMs)
      else if (piece.kind === 'end') to.end()
      else reset()
    }
  }

  function canWrite(): boolean {
    return !state.isHeld && !state.isFull && !state.isStopped && timer === null && leftUntilReset > 0
  }

  function arm(waitMs: number): void {
    timer = setTimeout(() => {
      timer = null
      pump()
    }, Math.ceil(waitMs))
  }

  function write(bytes: Buffer, dueMs: number): void {
    const { bytesPerSecond } = shape
    const mostBytes = bytesPerSecond === 0 ? bytes.length : Math.ceil((bytesPerSecond * PIECE_MS) / 1000)
    const now = bytes.subarray(0, Math.min(mostBytes, leftUntilReset))
    if (now.length < bytes.length) queue.unshift({ kind: 'bytes', bytes: bytes.subarray(now.length), dueMs })
    heldBytes -= now.length
    passedBytes += now.length
    leftUntilReset -= now.length
    if (bytesPerSecond > 0)
      freeAtMs = Math.max(freeAtMs, performance.now()) + (now.length * 1000) / bytesPerSecond
    state.isFull = !to.write(now)
    if (leftUntilReset === 0) timer = setTimeout(reset, READ_BEFORE_RESET_MS)
    steer()
  }

  return {
    shape(changed) {
      shape = { ...shape, ...changed }
      steer()
    },
    pause() {
      state.isPaused = true
      steer()
    },
    resume() {
      state.isPaused = false
      steer()
    },
    hold() {
      state.isHeld = true
      steer()
    },
    release() {
      state.isHeld = false
      steer()
      pump()
    },
    drop() {
      state.isDropping = true
      queue.length = 0
      heldBytes = 0
      steer()
    },
    resetAfter(bytes) {
      leftUntilReset = bytes
      if (bytes === 0) reset()
    },
    passedBytes: () => passedBytes,
    stop() {
      state.isStopped = true
      queue.length = 0
      if (timer !== null) clearTimeout(timer)
      timer = null
    },
  }
}
