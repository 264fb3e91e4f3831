/**
 * The load generator's polling clients, against a node, and against a server that answers well, in shreds, or wrongly.
 *
 * Owns the books and the cycles of `poll` runs. Real processes and sockets; needs a C compiler, as these clients exist in
 * C only. Cannot show how fast they are.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Generator, type PollOrder } from '../../bench/support/generator.ts'
import { compileNative } from '../../bench/support/native.ts'
import type { PollReport } from '../../bench/support/reports.ts'
import { takeRounds } from '../../bench/support/rounds.ts'
import { startNode } from '../support/node.ts'

const native = compileNative()
const program = native === null ? [] : [native.generator]
const needsC = { skip: native === null && 'no C compiler' }
const connections = 4
const order: PollOrder = {
  dataBytes: 150,
  burst: 5,
  roundsInFlight: 1,
  isHeld: false,
  warmUpMs: 50,
  measuredMs: 200,
}
const alone = { ...order, burst: 1, roundsInFlight: 0, measuredMs: 1_000 }
/** A machine that stands still for all of what is measured has measured nothing: it is done again. */
const RUNS = 5

interface Behaviour {
  /** Answers are written in pieces of so many bytes, each in a turn of its own. */
  readonly pieceBytes: number
  /** What a client is answered with instead of the publications after `offset`. */
  readonly distort?: (messages: readonly Buffer[], offset: number) => readonly Buffer[]
  readonly refusal?: string
}

/** A server of polls and rounds that lives as long as the test; returns its ports. */
async function startPollTarget(t: TestContext, behaviour: Behaviour) {
  const { pieceBytes, distort = (messages: readonly Buffer[]) => messages, refusal } = behaviour
  const log: Buffer[] = []
  const waiting = new Map<Socket, number>()

  async function answer(socket: Socket, text: string): Promise<void> {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length && !socket.destroyed; at += pieceBytes) {
      socket.write(bytes.subarray(at, at + pieceBytes))
      await turn()
    }
  }

  function answerWaiting(): void {
    for (const [socket, offset] of waiting) {
      if (offset >= log.length) continue
      waiting.delete(socket)
      const messages = distort(log.slice(offset), offset)
      void answer(socket, ok(`[${messages.map(String).join()}]`))
    }
  }

  const polls = await listen(t, (socket) => {
    let held = ''
    socket.on('data', (bytes: Buffer) => {
      held += bytes.toString('latin1')
      const body = bodyOf(held)
      if (body === null) return
      const isPreflight = held.startsWith('OPTIONS')
      held = ''
      if (isPreflight) void answer(socket, 'HTTP/1.1 204 No Content\r\n\r\n')
      else if (refusal !== undefined) void answer(socket, refusal)
      else if (!('capsule' in body)) void answer(socket, ok(firstAnswer))
      else {
        waiting.set(socket, body.positions?.bench?.offset ?? 0)
        answerWaiting()
      }
    })
  })
  const control = await listen(t, (socket) => {
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (bytes: Buffer) => {
      rest = takeRounds(Buffer.concat([rest, bytes]), (messages, said) => {
        socket.write(said)
        log.push(...messages.map((message) => Buffer.from(message)))
        answerWaiting()
      })
    })
  })
  return { port: polls, publishPort: control }
}

const firstAnswer =
  '[{"id":1,"ok":{"session":"s","user":"","pingMs":25000,"capsule":"a.b"}},{"id":2,"ok":{"epoch":"e1","offset":0}}]'

function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

interface PollBody {
  readonly capsule?: string
  readonly positions?: { readonly bench?: { readonly offset: number } }
}

/** The body of a request once it is all there, `{}` of one without; null before. */
function bodyOf(request: string): PollBody | null {
  const end = request.indexOf('\r\n\r\n')
  if (end === -1) return null
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(request)?.[1] ?? 0)
  const body = request.slice(end + 4)
  if (body.length < length) return null
  return length === 0 ? {} : (JSON.parse(body) as PollBody)
}

async function listen(t: TestContext, take: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}) // generators reset their connections when they end
    take(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await once(server.close(), 'close')
  })
  return (server.address() as AddressInfo).port
}

async function openGenerator(
  t: TestContext,
  ports: { readonly port: number; readonly publishPort: number },
  beside: { readonly publisher: 'encke' | 'rounds'; readonly serverPid: number },
): Promise<Generator> {
  const generator = await Generator.start(program, { transport: 'poll', connections, ...ports, ...beside })
  t.after(() => generator.stop())
  return generator
}

async function openAt(t: TestContext, behaviour: Behaviour): Promise<Generator> {
  const ports = await startPollTarget(t, behaviour)
  return openGenerator(t, ports, { publisher: 'rounds', serverPid: process.pid })
}

/** A run in which something was measured; the books of all runs are right. */
async function faultless(
  generator: Generator,
  each: PollOrder,
  isMeasured: (report: PollReport) => boolean,
): Promise<PollReport> {
  for (let run = 1; ; run++) {
    const report = await generator.poll(each)
    assert.deepEqual([report.lost, report.surplus, report.gaps, report.refused], [0, 0, 0, 0])
    if (isMeasured(report)) return report
    assert.ok(run < RUNS, `nothing was measured in ${RUNS} runs`)
  }
}

for (const pieceBytes of [1, 7, 100_000]) {
  test(
    `polling clients count every publication of answers in pieces of ${pieceBytes} bytes`,
    needsC,
    async (t) => {
      const generator = await openAt(t, { pieceBytes })
      assert.equal(generator.connected.established, connections)
      const report = await generator.poll(order)
      assert.ok(report.published >= order.burst)
      assert.equal(report.expected, report.published * connections)
      assert.deepEqual([report.lost, report.surplus, report.gaps, report.closed], [0, 0, 0, 0])
      assert.equal(report.stalled, false)
    },
  )
}

test('polling clients in cycles are timed to the last answer and to the last poll', needsC, async (t) => {
  const generator = await openAt(t, { pieceBytes: 100_000 })
  for (const isHeld of [true, false]) {
    const report = await faultless(generator, { ...alone, isHeld }, ({ cycles }) => cycles > 0)
    assert.ok(report.answerSeconds > 0 && report.answerSeconds < report.cycleSeconds)
    assert.ok(report.answerCpuSeconds > 0 && report.answerCpuSeconds <= report.cycleCpuSeconds)
  }
})

test('polling clients notice publications out of order', needsC, async (t) => {
  const distort = (messages: readonly Buffer[]) => [...messages].reverse()
  const generator = await openAt(t, { pieceBytes: 100_000, distort })
  assert.ok((await generator.poll(order)).gaps > 0)
})

test('polling clients notice a publication that never comes and stop waiting', needsC, async (t) => {
  const distort = (messages: readonly Buffer[], offset: number) => messages.slice(offset === 0 ? 1 : 0)
  const generator = await openAt(t, { pieceBytes: 100_000, distort })
  const report = await generator.poll(order)
  assert.equal(report.stalled, true)
  assert.ok(report.lost > 0 && report.gaps > 0)
})

test('polling clients report why they were refused', needsC, async (t) => {
  const refusal = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}'
  const generator = await openAt(t, { pieceBytes: 3, refusal })
  assert.equal(generator.connected.established, 0)
  assert.deepEqual(generator.connected.reasons, { 'refused: {}': connections })
})

test('polling clients get all that a node publishes, in cycles and in bursts', needsC, async (t) => {
  const node = await startNode(t)
  const ports = { port: node.publicPort, publishPort: node.publishPort }
  const generator = await openGenerator(t, ports, { publisher: 'encke', serverPid: node.pid })
  assert.equal(generator.connected.established, connections)
  for (const each of [{ ...alone, isHeld: true }, alone, order]) {
    await faultless(generator, each, ({ deliveries }) => deliveries > 0)
  }
  assert.deepEqual(await generator.status(), { established: connections, closed: 0, reasons: {} })
})
