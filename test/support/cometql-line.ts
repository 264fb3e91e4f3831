/**
 * A bare TCP connection that talks MySQL's protocol to a node: bytes out, packets in.
 *
 * Owns the connection and what came over it, packet by packet, in order; no MySQL library is between, and nothing of the
 * node's own codec but the arithmetic of passwords. How it ended is kept as well. To learn that a node has nothing more to
 * say a line asks it for a text nobody else asks for, and takes that answer out. Everything stays in memory until taken.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { responseFor } from '../../src/cometql/wire/passwords.ts'
import { hex } from './hex.ts'
import { packet } from './mysql-bytes.ts'
import { atEnd } from './teardown.ts'
import { until } from './until.ts'

const WITHIN_MS = 15_000
const HEADER_BYTES = 4
/** Of the question by which a line finds out that all was answered: count, column, EOF, row, EOF. */
const SETTLED_PACKETS = 5
/** Behind the version's zero: connection id, then the first part of the salt; the second part is 19 bytes further on. */
const SALT_AT = 4
const SALT_FIRST_BYTES = 8
const SALT_REST_AT = 31
const SALT_BYTES = 20

/** What came since it was looked at the last time. */
export interface Said {
  /** With their headers */
  readonly packets: readonly Buffer[]
  /** `dropped`: the node has closed the connection, in whichever way */
  readonly end: 'open' | 'dropped'
}

export interface CometqlLine {
  /** Given by the greeting, which is taken. */
  readonly salt: Buffer
  readonly greeting: Buffer
  write(bytes: Buffer): void
  /** Resolves when the system has taken the bytes, as far as it will: a node that does not read lets nothing through. */
  written(bytes: Buffer): Promise<void>
  /** Resolves to what came once there are so many packets. */
  seen(count: number): Promise<Said>
  /** Resolves to all that is the answer to what was written. */
  settled(): Promise<Said>
  /** Writes a command and resolves to the answer. */
  ask(bytes: Buffer): Promise<Said>
  /** Resolves to all that was left once the node has closed the connection. */
  dropped(): Promise<Said>
  isOpen(): boolean
  /** Packets that came and were not taken. */
  count(): number
  pause(): void
  resume(): void
  /** Ends the stream (FIN); what the node says still comes. */
  end(): void
  destroy(): void
}

export interface LoginFields {
  readonly user?: string
  readonly password?: string
  readonly database?: string
  readonly plugin?: 'mysql_native_password' | 'caching_sha2_password'
  /** Where the client is; default 127.0.0.1 */
  readonly from?: string
  /** Bits beside those of the recorded conversations, as little-endian hexadecimal */
  readonly capabilities?: string
}

/** LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH: as recorded. */
const CAPABILITIES = '0d a2 08 00'
/** The same, and MULTI_STATEMENTS. */
export const MULTI = '0d a2 09 00'

/** A query as a packet. */
export function query(text: string | Buffer): Buffer {
  return command(0x03, Buffer.from(text))
}

/** Any command as a packet. */
export function command(code: number, argument: Buffer = Buffer.alloc(0)): Buffer {
  return packet(0, Buffer.concat([Buffer.from([code]), argument]))
}

export const PING = command(0x0e)
export const QUIT = command(0x01)

/** Connects and waits for the greeting; the connection lives no longer than the test. */
export async function dialCometql(
  t: Pick<TestContext, 'after'>,
  port: number,
  from = '127.0.0.1',
): Promise<CometqlLine> {
  const line = await dialSilently(t, port, from)
  const [greeting = Buffer.alloc(0)] = (await line.seen(1)).packets
  return Object.assign(line, { greeting, salt: saltOf(greeting) })
}

/** Connects and logs in; the answer to the login is taken. */
export async function openCometql(
  t: Pick<TestContext, 'after'>,
  port: number,
  fields: LoginFields = {},
): Promise<CometqlLine> {
  const line = await dialCometql(t, port, fields.from)
  line.write(loginPacket(line.salt, fields))
  const { packets } = await line.seen(1)
  assert.equal(packets[0]?.[HEADER_BYTES], 0, `login is refused: ${packets[0]}`)
  return line
}

/** As clients answer the greeting. @param sequence 2 where TLS was asked for before */
export function loginPacket(salt: Buffer, fields: LoginFields = {}, sequence = 1): Buffer {
  const { user = '1', password = '', database = 'CometQL_v1', plugin = 'mysql_native_password' } = fields
  const proof = responseFor(plugin, password, salt)
  const fixed = hex(fields.capabilities ?? CAPABILITIES, '00 00 00 01 21', '00'.repeat(23))
  const texts = [Buffer.from(`${user}\0`), Buffer.from([proof.length]), proof]
  return packet(
    sequence,
    Buffer.concat([fixed, ...texts, Buffer.from(`${database}\0`), Buffer.from(`${plugin}\0`)]),
  )
}

export function saltOf(greeting: Buffer): Buffer {
  const behindVersion = greeting.indexOf(0, HEADER_BYTES + 1) + 1
  const first = greeting.subarray(behindVersion + SALT_AT, behindVersion + SALT_AT + SALT_FIRST_BYTES)
  const rest = greeting.subarray(
    behindVersion + SALT_REST_AT,
    behindVersion + SALT_REST_AT + SALT_BYTES - SALT_FIRST_BYTES,
  )
  return Buffer.concat([first, rest])
}

/** The whole packets at the beginning of a stream, and what is left. */
export function splitPackets(stream: Buffer): { readonly packets: readonly Buffer[]; readonly rest: Buffer } {
  const packets: Buffer[] = []
  let at = 0
  while (stream.length - at >= HEADER_BYTES) {
    const end = at + HEADER_BYTES + stream.readUIntLE(at, 3)
    if (end > stream.length) break
    packets.push(stream.subarray(at, end))
    at = end
  }
  return { packets, rest: stream.subarray(at) }
}

async function dialSilently(t: Pick<TestContext, 'after'>, port: number, from: string): Promise<CometqlLine> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from, noDelay: true })
  let chunks: Buffer[] = []
  let packets: Buffer[] = []
  let isDropped = false
  let questions = 0

  /** Chunks are joined when somebody looks, so that a large answer costs what it has bytes. */
  function collect(): Buffer[] {
    if (chunks.length > 0) {
      const { packets: whole, rest } = splitPackets(Buffer.concat(chunks))
      chunks = rest.length > 0 ? [rest] : []
      for (const one of whole) packets.push(one)
    }
    return packets
  }

  function take(count: number): Said {
    const taken = packets.slice(0, count)
    packets = packets.slice(count)
    return { packets: taken, end: isDropped ? 'dropped' : 'open' }
  }

  async function settled(): Promise<Said> {
    questions++
    const text = `settled ${questions}`
    line.write(query(`SELECT '${text}'`))
    const what = () => `the end of an answer: ${shown(collect())}, ${isDropped ? 'dropped' : 'open'}`
    const isSettled = () => collect().at(-2)?.includes(text)
    await until(isSettled, { withinMs: WITHIN_MS, what })
    const said = take(packets.length - SETTLED_PACKETS)
    packets = []
    return said
  }

  socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
  socket.on('error', () => {}) // a reset is an end like any other here
  socket.on('close', () => {
    isDropped = true
  })
  atEnd(t, () => socket.destroy())
  await once(socket, 'connect')

  const line: CometqlLine = {
    salt: Buffer.alloc(0),
    greeting: Buffer.alloc(0),
    write: (bytes) => void socket.write(bytes),
    written: (bytes) => new Promise((resolve) => void socket.write(bytes, () => resolve())),
    async seen(count) {
      const what = () => `${count} packets: ${shown(collect())}, ${isDropped ? 'dropped' : 'open'}`
      await until(() => collect().length >= count, { withinMs: WITHIN_MS, what })
      return take(count)
    },
    settled,
    ask(bytes) {
      line.write(bytes)
      return settled()
    },
    async dropped() {
      const what = () => `the node to drop the connection: ${shown(collect())}`
      await until(() => isDropped, { withinMs: WITHIN_MS, what })
      return take(collect().length)
    },
    isOpen: () => !isDropped,
    count: () => collect().length,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
  return line
}

function shown(packets: readonly Buffer[]): string {
  const last = packets.slice(-3).map((one) => one.toString('latin1', 0, 200))
  return `${packets.length} came, at last ${JSON.stringify(last)}`
}
