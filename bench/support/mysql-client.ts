/**
 * A MySQL client that costs a generator as little as can be.
 *
 * Owns one connection: logging in, preparing, and sending commands that were made before, as many ahead of their answers
 * as the caller likes. Answers are counted, not read. Can read slowly. Bound: what the socket holds. A connection that ends
 * is told once; the client is of no more use then.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Packet, PacketReader } from '../../src/cometql/wire/packet-reader.ts'
import type { Condition } from './condition.ts'
import { monotonicMs } from './monotonic.ts'
import { AnswerCounter, refusalText } from './mysql-answers.ts'
import {
  loginPacket,
  preparePacket,
  proofPacket,
  queryPacket,
  readAuthSwitch,
  readGreeting,
  readPrepared,
} from './mysql-packets.ts'

const msPerSecond = 1_000
const maxBytes = 65_536
const first = { ok: 0x00, more: 0x01, authSwitch: 0xfe, err: 0xff } as const

export interface MysqlAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

export class MysqlClient {
  readonly answers = new AnswerCounter()
  /** Commands given to `send`. */
  sent = 0
  /** Bytes of answers. */
  bytesRead = 0
  readonly #socket: Socket
  /** Not null while every packet is looked at. */
  #reader: PacketReader | null = new PacketReader(maxBytes)
  #packets: Packet[] = []
  #wake: () => void = () => {}
  #onAnswers: () => void = () => {}
  #bytesPerSecond = 0
  #timer: NodeJS.Timeout | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => {}) // it closes
    socket.on('close', () => this.#wake())
  }

  /**
   * Connects and logs in.
   *
   * @param onEnd called when the connection ends later on, unless `end` was called
   * @throws {Error} with the words of the server when it refuses
   */
  static async open(address: MysqlAddress, onEnd: (reason: string) => void = () => {}): Promise<MysqlClient> {
    const { host, port } = address
    const socket = connect({ host, port, noDelay: true })
    await once(socket, 'connect')
    const client = new MysqlClient(socket)
    try {
      await client.#logIn(address)
    } catch (thrown) {
      client.end()
      throw thrown
    }
    client.#reader = null
    socket.once('close', () => {
      clearTimeout(client.#timer)
      onEnd(`The server closed a MySQL connection: ${client.answers.firstRefusal || 'it said nothing'}`)
    })
    return client
  }

  /** Commands that wait for their answers. */
  get waiting(): number {
    return this.sent - this.answers.answered
  }

  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain
  }

  /** @param onAnswers called when something of an answer has come; replaces the one before */
  listen(onAnswers: () => void): void {
    this.#onAnswers = onAnswers
  }

  /** Sends so many commands in one write. @param commands as packets; not copied: they must stay as they are */
  send(commands: Buffer, count: number): void {
    this.sent += count
    this.#socket.write(commands)
  }

  /** Runs one statement; what it gives is passed over. Nothing may be waited for. @throws {Error} when it is refused */
  async run(text: string): Promise<void> {
    const { refused } = this.answers
    const answered = new Promise<void>((resolve, reject) => {
      this.#wake = () => reject(new Error('The server closed a MySQL connection that waits for an answer'))
      this.#onAnswers = () => {
        if (this.waiting === 0) resolve()
      }
    })
    this.send(queryPacket(text), 1)
    await answered
    if (this.answers.refused > refused)
      throw new Error(`The server refused a statement: ${this.answers.firstRefusal}`)
  }

  /** Prepares a statement and returns its number. Nothing may be waited for. @throws {Error} when it is refused */
  async prepare(text: string): Promise<number> {
    this.#reader = new PacketReader(maxBytes)
    this.#socket.write(preparePacket(text))
    const { id, packetsToCome } = readPrepared((await this.#next()).payload)
    for (let left = packetsToCome; left > 0; left--) await this.#next()
    this.#reader = null
    return id
  }

  /** From now on, reads about so many bytes per second; 0 = as fast as they come. */
  readAt(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
    if (bytesPerSecond > 0) return
    clearTimeout(this.#timer)
    this.#socket.resume()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  async #logIn({ user, password }: MysqlAddress): Promise<void> {
    const greeting = await this.#next()
    this.#socket.write(loginPacket(user, password, readGreeting(greeting.payload)))
    for (;;) {
      const { payload, sequence } = await this.#next()
      if (payload[0] === first.ok) return
      if (payload[0] === first.authSwitch)
        this.#socket.write(proofPacket(password, readAuthSwitch(payload), sequence + 1))
      else if (payload[0] !== first.more) throw new Error('The server answered a login in no known way')
    }
  }

  /** The next packet of a login or a preparation. @throws {Error} for an ERR, and when the connection ends */
  async #next(): Promise<{ readonly payload: Buffer; readonly sequence: number }> {
    while (this.#packets.length === 0) {
      if (this.#socket.destroyed) throw new Error('The server closed a MySQL connection that was not in use')
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const { payload = null, sequence = 0 } = this.#packets.shift() ?? {}
    if (payload === null) throw new Error(`The server sent more than ${maxBytes} bytes in a packet`)
    if (payload[0] === first.err) throw new Error(`The server refused: ${refusalText(payload.subarray(1))}`)
    return { payload, sequence }
  }

  #take(chunk: Buffer): void {
    if (this.#reader === null) this.#takeAnswers(chunk)
    else this.#takePackets(this.#reader, chunk)
  }

  #takeAnswers(chunk: Buffer): void {
    this.bytesRead += chunk.length
    this.answers.feed(chunk)
    if (this.#bytesPerSecond > 0) this.#rest((chunk.length / this.#bytesPerSecond) * msPerSecond)
    this.#onAnswers()
  }

  #takePackets(reader: PacketReader, chunk: Buffer): void {
    reader.push(chunk, (packet) => {
      const { payload } = packet
      this.#packets.push({ ...packet, payload: payload === null ? null : Buffer.from(payload) })
      return true
    })
    this.#wake()
  }

  /** Reads nothing for so long. */
  #rest(ms: number): void {
    this.#socket.pause()
    this.#timer = setTimeout(() => this.#socket.resume(), ms)
  }
}

/**
 * Waits until nothing is waited for any more, or nothing has come for `patienceMs`.
 *
 * @param condition must be woken when something of an answer has come
 */
export async function allAnswered(
  clients: readonly MysqlClient[],
  condition: Condition,
  patienceMs: number,
): Promise<void> {
  let bytes = -1
  let lastMs = monotonicMs()
  await condition.until(() => {
    const read = clients.reduce((total, client) => total + client.bytesRead, 0)
    if (read !== bytes) lastMs = monotonicMs()
    bytes = read
    return clients.every(({ waiting }) => waiting === 0) || monotonicMs() - lastMs > patienceMs
  })
}
