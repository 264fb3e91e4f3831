/**
 * The publisher of the generator in Node: what bench/native/publisher.c is to the one in C.
 *
 * Owns one connection in either protocol, Encke's publish port or the rounds of a ceiling, and the books of what
 * was sent and answered. Bound: the frames of one call to `send`.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Packr, unpack } from 'msgpackr'
import { nowNs } from './monotonic.ts'

const firstSeq = 2
const op = { hello: 1, publish: 2, welcome: 64, error: 68 } as const
const packr = new Packr({ useRecords: false })

export interface PublisherFlags {
  readonly isEncke: boolean
  readonly host: string
  readonly port: number
  readonly channel: string
  readonly key: string | undefined
  readonly acks: 'each' | 'cumulative'
}

export class NodePublisher {
  sent = 0
  answered = 0
  refused = 0
  firstRefusal = ''
  /** Publications the server lets us have unanswered. */
  window = Number.POSITIVE_INFINITY
  readonly #flags: PublisherFlags
  readonly #socket: Socket
  readonly #onAnswer: () => void
  #rest: Buffer = Buffer.alloc(0)

  private constructor(flags: PublisherFlags, socket: Socket, onAnswer: () => void) {
    this.#flags = flags
    this.#socket = socket
    this.#onAnswer = onAnswer
  }

  /** Connects and, where there is one, awaits the welcome. `onFailure` is called when the connection ends. */
  static async open(
    flags: PublisherFlags,
    onAnswer: () => void,
    onFailure: (reason: string) => void,
  ): Promise<NodePublisher> {
    const socket = connect({ host: flags.host, port: flags.port, noDelay: true })
    await once(socket, 'connect')
    const publisher = new NodePublisher(flags, socket, onAnswer)
    socket.once('close', () => onFailure('The server closed the publish connection'))
    socket.on('data', (bytes: Buffer) => publisher.#take(bytes))
    if (flags.isEncke) {
      publisher.window = 0
      const { key, acks } = flags
      const hello = { version: 1, acks, name: 'bench', ...(key === undefined ? {} : { key }) }
      socket.write(frame([op.hello, 1, hello]))
      while (publisher.window === 0) await once(socket, 'data')
    }
    return publisher
  }

  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** Sends `count` publications with the time now in one write. */
  send(count: number, dataBytes: number): void {
    const data = dataOf(dataBytes)
    const parts: Buffer[] = []
    if (!this.#flags.isEncke) parts.push(u32(count))
    for (let index = 0; index < count; index++) {
      parts.push(this.#flags.isEncke ? this.#publishFrame(data) : this.#roundMessage(data))
      this.sent++
    }
    this.#socket.write(Buffer.concat(parts))
  }

  #publishFrame(data: Buffer): Buffer {
    return frame([op.publish, this.sent + firstSeq, this.#flags.channel, data])
  }

  #roundMessage(data: Buffer): Buffer {
    const head = `{"channel":${JSON.stringify(this.#flags.channel)},"offset":${this.sent + 1},"data":`
    const message = Buffer.concat([Buffer.from(head), data, Buffer.from('}')])
    return Buffer.concat([u32(message.length), message])
  }

  #take(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    while (this.#rest.length - at >= 4) {
      const first = this.#rest.readUInt32BE(at)
      if (this.#flags.isEncke) {
        if (this.#rest.length - at < 4 + first) break
        this.#takeFrame(unpack(this.#rest.subarray(at + 4, at + 4 + first)))
        at += first
      } else {
        this.answered += first
      }
      at += 4
    }
    this.#rest = this.#rest.subarray(at)
    this.#onAnswer()
  }

  #takeFrame(answer: unknown): void {
    if (!Array.isArray(answer)) throw new Error('The node answered something that is no array')
    const [kind, seq, third, name, message]: unknown[] = answer
    if (kind === op.welcome) {
      const window = typeof third === 'object' && third !== null ? Reflect.get(third, 'window') : undefined
      this.window = Number(window)
      return
    }
    if (kind === op.error) {
      const text = `${String(name)}: ${String(message)}`
      if (Number(seq ?? 0) < firstSeq) throw new Error(`The node refused the publisher: ${text}`)
      if (this.refused++ === 0) this.firstRefusal = text
    }
    this.answered = Math.max(this.answered, Number(seq) - firstSeq + 1)
  }
}

/** `{"t":<ns>,"pad":"…"}` of exactly `bytes` bytes. */
function dataOf(bytes: number): Buffer {
  const head = `{"t":${nowNs()},"pad":"`
  return Buffer.from(`${head}${'x'.repeat(bytes - head.length - 2)}"}`)
}

function frame(content: readonly unknown[]): Buffer {
  const body = packr.pack(content)
  return Buffer.concat([u32(body.length), body])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
