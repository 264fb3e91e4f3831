/**
 * The subscribers of the generator in Node: what bench/native/clients.c is to the one in C.
 *
 * Owns opening connections with a bounded number under way, and counting what arrives: deliveries, bytes, rounds
 * that reached every subscriber; on sampled connections order of offsets and latency. Bound: a socket and a
 * scanner per connection. Slower than any server worth measuring: used only where there is no C compiler.
 */
import { connect, type Socket } from 'node:net'
import { errorText } from '../../src/errors.ts'
import { FrameScanner } from './frame-scanner.ts'
import { nowNs } from './monotonic.ts'

const repliesExpected = 2
const opcodePing = 9
const opcodeClose = 8
const opcodePong = 10
const nsPerMs = 1e6
const request =
  'GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

export interface SubscriberFlags {
  readonly isWebSocket: boolean
  readonly host: string
  readonly port: number
  readonly count: number
  readonly window: number
  readonly sources: number
  readonly samples: number
  readonly channel: string
  readonly tokens: readonly string[]
}

interface Connection {
  readonly socket: Socket
  readonly scanner: FrameScanner
  readonly isSampled: boolean
  readonly startedNs: number
  phase: 'opening' | 'ready' | 'closed'
  head: string | null
  replies: number
  frames: number
  nextEdge: number
  lastOffset: number
}

export class NodeSubscribers {
  ready = 0
  failed = 0
  closed = 0
  firstNs = 0
  lastNs = 0
  deliveries = 0
  bytes = 0
  gaps = 0
  overheadBytes = 0
  roundsComplete = 0
  isMeasuring = false
  readonly reasons = new Map<string, number>()
  openingNs = new Map<number, number>()
  latencyNs = new Map<number, number>()
  readonly #flags: SubscriberFlags
  readonly #connections: Connection[] = []
  readonly #missing = new Map<number, number>()
  readonly #onChange: () => void
  #opening = 0
  #burst = 0
  #dataBytes = 0

  /** @param onChange called whenever something arrived, opened or closed */
  constructor(flags: SubscriberFlags, onChange: () => void) {
    this.#flags = flags
    this.#onChange = onChange
  }

  get isOpen(): boolean {
    return this.ready + this.failed + this.closed === this.#flags.count
  }

  openMore(): void {
    if (this.firstNs === 0) this.firstNs = this.lastNs = nowNs()
    while (this.#connections.length < this.#flags.count && this.#opening < this.#flags.window) this.#begin()
  }

  /** Makes every connection count from zero. */
  beginRun(burst: number, dataBytes: number): void {
    this.#burst = burst
    this.#dataBytes = dataBytes
    this.deliveries = this.bytes = this.gaps = this.roundsComplete = 0
    this.isMeasuring = false
    this.latencyNs = new Map()
    this.#missing.clear()
    for (const connection of this.#connections) {
      connection.frames = 0
      connection.nextEdge = burst
    }
  }

  /** Says that round `index` is on its way to `subscribers` connections. */
  beginRound(index: number, subscribers: number): void {
    this.#missing.set(index, subscribers)
  }

  #begin(): void {
    const { host, port, sources, samples, count } = this.#flags
    const index = this.#connections.length
    const stride = samples > 0 && count > samples ? Math.floor(count / samples) : 1
    const source = sources > 1 ? { localAddress: `127.0.0.${1 + (index % sources)}` } : {}
    const socket = connect({ host, port, noDelay: true, ...source })
    const scanner = new FrameScanner((opcode, bytes, start) => {
      this.#takeFrame(connection, opcode, bytes, start)
    }, true)
    const connection: Connection = {
      socket,
      scanner,
      isSampled: samples > 0 && index % stride === 0,
      startedNs: nowNs(),
      phase: 'opening',
      head: '',
      replies: 0,
      frames: 0,
      nextEdge: 0,
      lastOffset: 0,
    }
    this.#connections.push(connection)
    this.#opening++
    socket.once('connect', () =>
      this.#flags.isWebSocket ? socket.write(request) : this.#becomeReady(connection),
    )
    socket.once('error', (error) => this.#end(connection, errorText(error)))
    socket.once('close', () => this.#end(connection, 'closed without goodbye'))
    socket.on('data', (bytes: Buffer) => this.#take(connection, bytes, index))
  }

  #take(connection: Connection, bytes: Buffer, index: number): void {
    this.bytes += bytes.length
    try {
      const rest = this.#flags.isWebSocket ? this.#takeHead(connection, bytes, index) : bytes
      if (rest.length > 0) connection.scanner.feed(rest)
    } catch (thrown) {
      this.#end(connection, errorText(thrown))
    }
    if (this.#burst > 0 && connection.phase === 'ready') this.#countRounds(connection)
    this.#onChange()
  }

  /** Takes the answer to the upgrade off the front; returns what follows it. */
  #takeHead(connection: Connection, bytes: Buffer, index: number): Buffer {
    if (connection.head === null) return bytes
    const before = connection.head.length
    connection.head += bytes.toString('latin1')
    const end = connection.head.indexOf('\r\n\r\n')
    if (end === -1) return Buffer.alloc(0)
    if (!connection.head.startsWith('HTTP/1.1 101')) {
      this.#end(connection, `upgrade refused: ${connection.head.slice(0, 12)}`)
      return Buffer.alloc(0)
    }
    connection.head = null
    const token = this.#flags.tokens[index]
    connection.socket.write(
      Buffer.concat([
        maskFrame(1, Buffer.from(JSON.stringify({ id: 1, connect: token === undefined ? {} : { token } }))),
        maskFrame(1, Buffer.from(JSON.stringify({ id: 2, subscribe: { channel: this.#flags.channel } }))),
      ]),
    )
    return bytes.subarray(end + 4 - before)
  }

  #takeFrame(connection: Connection, opcode: number, bytes: number, start: Buffer): void {
    if (opcode === opcodePing) {
      connection.socket.write(maskFrame(opcodePong, start))
    } else if (opcode === opcodeClose) {
      const code = start.length >= 2 ? ` with ${start.readUInt16BE(0)}` : ''
      this.#end(connection, `closed by the server${code}`)
    } else if (connection.phase === 'opening') {
      if (!start.includes('"ok"')) this.#end(connection, `refused: ${start.toString('latin1', 0, 80)}`)
      else if (++connection.replies === repliesExpected) this.#becomeReady(connection)
    } else if (connection.phase === 'ready') {
      connection.frames++
      this.deliveries++
      if (connection.isSampled) this.#takeSample(connection, bytes, start.toString('latin1'))
    }
  }

  #takeSample(connection: Connection, bytes: number, start: string): void {
    const offset = /"offset":(\d+)/.exec(start)?.[1] ?? ''
    const sentNs = /"t":(\d+)/.exec(start)?.[1]
    if (connection.lastOffset !== 0 && Number(offset) !== connection.lastOffset + 1) this.gaps++
    connection.lastOffset = Number(offset)
    this.overheadBytes = bytes - this.#dataBytes - offset.length
    if (this.isMeasuring && sentNs !== undefined) countNs(this.latencyNs, nowNs() - Number(sentNs))
  }

  #countRounds(connection: Connection): void {
    while (connection.frames >= connection.nextEdge) {
      const round = connection.nextEdge / this.#burst - 1
      const missing = (this.#missing.get(round) ?? 0) - 1
      if (missing === 0) {
        this.roundsComplete++
        this.#missing.delete(round)
      } else {
        this.#missing.set(round, missing)
      }
      connection.nextEdge += this.#burst
    }
  }

  #becomeReady(connection: Connection): void {
    connection.phase = 'ready'
    connection.scanner.keepsPayload = connection.isSampled
    this.lastNs = nowNs()
    countNs(this.openingNs, this.lastNs - connection.startedNs)
    this.#opening--
    this.ready++
    this.#onChange()
  }

  #end(connection: Connection, reason: string): void {
    if (connection.phase === 'closed') return
    if (connection.phase === 'ready') {
      this.ready--
      this.closed++
    } else {
      this.#opening--
      this.failed++
    }
    connection.phase = 'closed'
    connection.socket.destroy()
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1)
    this.#onChange()
  }
}

/** RFC 6455 §5.3: frames of a client are masked. For payloads below 64 KB. */
export function maskFrame(opcode: number, payload: Buffer): Buffer {
  const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d])
  const head =
    payload.length < 126
      ? [0x80 | opcode, 0x80 | payload.length]
      : [0x80 | opcode, 0x80 | 126, payload.length >> 8, payload.length & 255]
  const masked = payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0))
  return Buffer.concat([Buffer.from(head), mask, masked])
}

/** Counts in whole hundredths of a millisecond, which keeps the table small. */
function countNs(table: Map<number, number>, ns: number): void {
  const step = nsPerMs / 100
  const bucket = Math.max(1, Math.ceil(ns / step)) * step
  table.set(bucket, (table.get(bucket) ?? 0) + 1)
}
