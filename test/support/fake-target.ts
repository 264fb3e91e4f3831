/**
 * A server for testing generators: answers the handshake, and delivers rounds as badly as a test asks for.
 *
 * Owns a WebSocket port and a control port on loopback. Everything is written in pieces of `pieceBytes`, each in a
 * turn of its own, so that the generator meets headers and payloads cut at every place. Bound: one test.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { takeRounds } from '../../bench/support/rounds.ts'

export interface FakeTarget {
  readonly port: number
  readonly publishPort: number
  stop(): Promise<void>
}

export interface Behaviour {
  readonly pieceBytes: number
  /** What subscriber `index` is sent instead of the messages of a round. */
  readonly distort?: (messages: readonly Buffer[], index: number) => readonly Buffer[]
  /** Answer to the upgrade instead of 101. */
  readonly refusal?: string
}

const accepted =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n'

export async function startFakeTarget(behaviour: Behaviour): Promise<FakeTarget> {
  const subscribers: PieceWriter[] = []
  const sockets = new Set<Socket>()
  const { distort = (messages: readonly Buffer[]) => messages } = behaviour

  const open = createServer((socket) => {
    track(socket, sockets)
    const writer = new PieceWriter(socket, behaviour.pieceBytes)
    socket.once('data', () => {
      writer.write(Buffer.from(behaviour.refusal ?? accepted))
      socket.once('data', () => {
        writer.write(
          Buffer.concat([frame(Buffer.from('{"id":1,"ok":{}}')), frame(Buffer.from('{"id":2,"ok":{}}'))]),
        )
        subscribers.push(writer)
      })
    })
  })
  const control = createServer((socket) => {
    track(socket, sockets)
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer) => {
      rest = takeRounds(Buffer.concat([rest, bytes]), (messages, answer) => {
        socket.write(answer)
        for (const [index, writer] of subscribers.entries()) {
          writer.write(Buffer.concat(distort(messages, index).map(frame)))
        }
      })
    })
  })
  return {
    port: await listen(open),
    publishPort: await listen(control),
    async stop() {
      for (const socket of sockets) socket.destroy()
      await Promise.all([open, control].map((server) => once(server.close(), 'close')))
    },
  }
}

/** RFC 6455 §5.2: an unmasked text frame below 64 KB. */
function frame(payload: Buffer): Buffer {
  const { length } = payload
  const head = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), payload])
}

class PieceWriter {
  readonly #socket: Socket
  readonly #pieceBytes: number
  #last: Promise<void> = Promise.resolve()

  constructor(socket: Socket, pieceBytes: number) {
    this.#socket = socket
    this.#pieceBytes = pieceBytes
  }

  write(bytes: Buffer): void {
    this.#last = this.#last.then(() => this.#writePieces(bytes))
  }

  async #writePieces(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#socket.destroyed; at += this.#pieceBytes) {
      this.#socket.write(bytes.subarray(at, at + this.#pieceBytes))
      await turn()
    }
  }
}

function track(socket: Socket, sockets: Set<Socket>): void {
  socket.setNoDelay(true)
  socket.on('error', () => {}) // generators reset their connections when they end
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address() as AddressInfo
  return address.port
}
