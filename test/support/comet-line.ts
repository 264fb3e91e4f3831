/**
 * A bare TCP connection that talks CppComet's browser protocol: bytes out, head and frames in.
 *
 * Owns the connection and what came over it, frame by frame, in order; no WebSocket library is between. How it ended is
 * kept as well: with the end of the stream, or reset. To learn that a node has nothing more to say a line asks it to count
 * a pipe nobody uses and waits for that answer, which is taken out. Everything that came stays in memory until taken.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { masked, payloadOf, splitFrames } from './comet-frames.ts'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'

const WITHIN_MS = 15_000

export const UUID = '0123456789abcdefghijklmnopqrstuv'

/** What came since it was looked at the last time. */
export interface Seen {
  /** Of the answer to the upgrade, without the empty line; '' when it was seen already */
  readonly head: string
  readonly frames: readonly Buffer[]
  /** `dropped`: the node has closed the TCP connection, in whichever way */
  readonly end: 'open' | 'dropped'
}

export interface CometLine {
  /** Sends bytes as they are. */
  write(bytes: string | Buffer): void
  /** Sends one text frame. */
  say(text: string): void
  /** Waits for the head of the answer to the upgrade and takes it. */
  upgraded(): Promise<string>
  /** Resolves to what came once there are `count` frames. */
  seen(count: number): Promise<Seen>
  /** The same as text of the frames. */
  texts(count: number): Promise<string[]>
  /** Waits for `atLeast` frames, default none, then resolves to what came before one more answer: it is open. */
  settled(atLeast?: number): Promise<Seen>
  /** Resolves to all that was left once the node has closed the connection. */
  dropped(): Promise<Seen>
  isOpen(): boolean
  /** Reads no more, and again. */
  pause(): void
  resume(): void
  /** Ends the stream (FIN). */
  hangUp(): Promise<void>
}

/** The path of a socket, with what a page of the original's script would put there. */
export function cometPath(fields: CometFields = {}): string {
  const { prefix = '/ws/', key = 'key', user = 0, tenant = 1, version = '4.08', uuid = UUID } = fields
  return `${prefix}sesion=${key}&myid=${user}&devid=${tenant}&v=${version}&uuid=${uuid}&api=js`
}

export interface CometFields {
  readonly prefix?: string
  readonly key?: string
  readonly user?: number | string
  readonly tenant?: number | string
  readonly version?: string
  readonly uuid?: string
}

/** An upgrade with the headers of the recorded conversations. @param more lines after those, each with its line end */
export function upgradeRequest(path: string, more = ''): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:8087\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    'Origin: http://127.0.0.1\r\nUser-Agent: capture/1.0\r\nSec-WebSocket-Version: 13\r\n' +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`
  )
}

/** Opens a connection and sends `request`; it lives no longer than the test. */
export async function dialComet(t: TestContext, port: number, request: string | Buffer): Promise<CometLine> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let bytes: Buffer = Buffer.alloc(0)
  let hasHead = false
  let isDropped = false
  let head = ''
  let frames: Buffer[] = []
  let questions = 0

  socket.on('data', (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    const end = hasHead ? -1 : bytes.indexOf('\r\n\r\n')
    if (end >= 0) {
      head = bytes.toString('latin1', 0, end)
      bytes = bytes.subarray(end + 4)
      hasHead = true
    }
    if (!hasHead) return
    const { frames: whole, rest } = splitFrames(bytes)
    frames.push(...whole)
    bytes = rest
  })
  socket.on('error', () => {}) // a reset is an end like any other here
  socket.on('close', () => {
    isDropped = true
  })
  atEnd(t, () => socket.destroy())
  await once(socket, 'connect')
  socket.write(request)

  function take(count: number): Seen {
    const seen = { head, frames: frames.slice(0, count), end: isDropped ? 'dropped' : 'open' } as const
    frames = frames.slice(count)
    head = ''
    return seen
  }

  async function settled(atLeast = 0): Promise<Seen> {
    await arrived(atLeast)
    questions++
    const marker = `settled${questions}`
    line.say(`pipe_count\nweb_settled\n${marker}\n`)
    const what = () => `an answer; head ${head || 'seen'}, ${frames.length} frames, ${stateText()}`
    const at = await until(
      () => {
        const found = frames.findIndex((one) => payloadOf(one).includes(`"marker":"${marker}"`))
        return found >= 0 && { found }
      },
      { withinMs: WITHIN_MS, what },
    )
    frames.splice(at.found, 1)
    return take(frames.length)
  }

  async function arrived(count: number): Promise<void> {
    const what = () => `${count} frames: ${frames.length} came, ${stateText()}: ${shown(frames)}`
    await until(() => hasHead && frames.length >= count, { withinMs: WITHIN_MS, what })
  }

  function stateText(): string {
    return isDropped ? 'the node dropped the connection' : `${bytes.length} bytes of the next`
  }

  const line: CometLine = {
    write: (data) => void socket.write(data),
    say: (text) => void socket.write(masked(text)),
    async upgraded() {
      await arrived(0)
      return take(0).head
    },
    async seen(count) {
      await arrived(count)
      return take(count)
    },
    texts: async (count) => (await line.seen(count)).frames.map((one) => payloadOf(one).toString()),
    settled,
    async dropped() {
      const what = () => `the node to drop the connection: ${shown(frames)}`
      await until(() => isDropped, { withinMs: WITHIN_MS, what })
      return take(frames.length)
    },
    isOpen: () => !isDropped,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    async hangUp() {
      socket.end()
      await until(() => isDropped, { withinMs: WITHIN_MS, what: 'the connection to be over' })
    },
  }
  return line
}

/** Opens a socket of a page and waits for its greeting, which is taken. */
export async function openComet(t: TestContext, port: number, fields: CometFields = {}): Promise<CometLine> {
  const line = await dialComet(t, port, upgradeRequest(cometPath(fields)))
  await line.seen(1)
  return line
}

function shown(frames: readonly Buffer[]): string {
  return frames
    .slice(0, 5)
    .map((one) => payloadOf(one).toString('utf8', 0, 300))
    .join(' | ')
}
