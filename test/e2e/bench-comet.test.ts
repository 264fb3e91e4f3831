/**
 * The load generator as pages of CppComet's protocol, against a server that answers well, in shreds, or wrongly, and
 * against a node.
 *
 * Owns what `comet` connections count, and publishing as a page does and by several at once. Real processes and sockets;
 * needs a C compiler, as these connections exist in C only. Cannot show how fast they are.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Generator, type GeneratorFlags } from '../../bench/support/generator.ts'
import { compileNative } from '../../bench/support/native.ts'
import type { FanoutReport } from '../../bench/support/reports.ts'
import { startNode } from '../support/node.ts'

const native = compileNative()
const program = native === null ? [] : [native.generator]
const needsC = { skip: native === null && 'no C compiler' }
const connections = 4
const order = { dataBytes: 171, burst: 4, roundsInFlight: 1, warmUpMs: 50, measuredMs: 200 }
const pipe = 'web_bench'
/** A machine that stands still for all of what is measured has measured nothing: it is done again. */
const RUNS = 5

interface Behaviour {
  /** Everything is written in pieces of so many bytes, each in a turn of its own. */
  readonly pieceBytes: number
  /** The texts a page is sent instead of one publication. */
  readonly distort?: (text: string, publication: number) => readonly string[]
  /** First frame instead of the greeting. */
  readonly greeting?: string
}

const greeting = JSON.stringify({
  authorized: 'false',
  data: '',
  event: 'serverInfo',
  pipe: 'sys',
  server: 'fake',
})

/** A server of pages that lives as long as the test: whoever publishes is answered, everybody subscribed gets it. */
async function startCometTarget(t: TestContext, behaviour: Behaviour): Promise<number> {
  const { pieceBytes, distort = (text: string) => [text] } = behaviour
  const pages = new Set<(text: string) => void>()
  const sockets = new Set<Socket>()
  let publications = 0

  function open(socket: Socket): void {
    let last = Promise.resolve()
    const say = (bytes: Buffer) => {
      last = last.then(async () => {
        for (let at = 0; at < bytes.length && !socket.destroyed; at += pieceBytes) {
          socket.write(bytes.subarray(at, at + pieceBytes))
          await turn()
        }
      })
    }
    const tell = (text: string) => say(frame(text))
    let held: Buffer = Buffer.alloc(0)
    let isUpgraded = false
    socket.on('data', (bytes: Buffer) => {
      held = Buffer.concat([held, bytes])
      if (!isUpgraded) {
        const end = held.indexOf('\r\n\r\n')
        if (end === -1) return
        assert.match(
          held.toString('latin1'),
          /^GET \/ws\/sesion=undefined&myid=undefined&devid=1&v=4\.08&uuid=bench\d{27}&/,
        )
        held = held.subarray(end + 4)
        isUpgraded = true
        say(Buffer.from('HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n'))
        tell(behaviour.greeting ?? greeting)
      }
      for (let text = takeText(); text !== null; text = takeText()) take(text, tell)
    })

    function takeText(): string | null {
      const taken = unmask(held)
      if (taken === null) return null
      held = held.subarray(taken.bytes)
      return taken.text
    }
  }

  function take(text: string, tell: (text: string) => void): void {
    const [command, name, ...rest] = text.split('\n')
    if (command === 'subscription') pages.add(tell)
    else if (command === 'pipe_count')
      tell(JSON.stringify({ event: 'user_in_pipe', pipe: '_answer_pipe_count' }))
    else if (command === 'web_pipe2') {
      const data = rest[2] ?? ''
      const sent = distort(JSON.stringify({ data, event: rest[0], pipe: name, user_id: 0 }), publications++)
      for (const page of pages) for (const each of sent) page(each)
      tell(JSON.stringify({ data: { message: data }, event: 'answer', pipe: `_answer_to_${name}` }))
    }
  }

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}) // generators reset their connections when they end
    open(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await once(server.close(), 'close')
  })
  return (server.address() as AddressInfo).port
}

/** RFC 6455 §5.2: an unmasked text frame below 64 KB. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text)
  const { length } = payload
  const head = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), payload])
}

/** The first masked frame of `bytes` and how long it is; null while it is not all there. */
function unmask(bytes: Buffer): { text: string; bytes: number } | null {
  const [, second = 0] = bytes
  const header = (second & 127) === 126 ? 4 : 2
  if (bytes.length < header + 4) return null
  const length = header === 4 ? bytes.readUInt16BE(2) : second & 127
  const end = header + 4 + length
  if (bytes.length < end) return null
  const mask = bytes.subarray(header, header + 4)
  const text = bytes.subarray(header + 4, end).map((byte, index) => byte ^ (mask[index & 3] ?? 0))
  return { text: Buffer.from(text).toString(), bytes: end }
}

type Where = Pick<GeneratorFlags, 'port' | 'publishPort' | 'serverPid'>

async function openPages(
  t: TestContext,
  where: Where,
  beside: Partial<GeneratorFlags> = {},
): Promise<Generator> {
  const kind = { transport: 'comet', publisher: 'comet', channel: pipe, connections } as const
  const generator = await Generator.start(program, { ...kind, ...where, ...beside })
  t.after(() => generator.stop())
  return generator
}

async function openAt(t: TestContext, behaviour: Behaviour): Promise<Generator> {
  const port = await startCometTarget(t, behaviour)
  return openPages(t, { port, publishPort: 1, serverPid: process.pid })
}

/** A run in which deliveries were measured; the books of all runs are right. */
async function faultless(generator: Generator): Promise<FanoutReport> {
  for (let run = 1; ; run++) {
    const report = await generator.fanout(order)
    assert.deepEqual([report.lost, report.surplus, report.gaps, report.refused], [0, 0, 0, 0])
    assert.equal(report.stalled, false)
    if (report.deliveries > 0) return report
    assert.ok(run < RUNS, `no delivery in ${RUNS} runs`)
  }
}

for (const pieceBytes of [1, 7, 100_000]) {
  test(`pages count every publication that arrives in pieces of ${pieceBytes} bytes`, needsC, async (t) => {
    const generator = await openAt(t, { pieceBytes })
    assert.equal(generator.connected.established, connections)
    const report = await faultless(generator)
    assert.ok(report.published >= order.burst)
    assert.equal(report.expected, report.published * connections)
    assert.ok(report.latencyNs.length > 0)
  })
}

test('pages that publish share a round evenly, and can be exchanged between runs', needsC, async (t) => {
  const generator = await openAt(t, { pieceBytes: 100_000 })
  for (const count of [4, 1, 2]) {
    await generator.publishers('comet', count)
    const report = await generator.fanout(order)
    assert.equal(report.published % order.burst, 0)
    assert.deepEqual([report.lost, report.surplus, report.gaps, report.refused], [0, 0, 0, 0])
  }
})

test('pages notice publications out of order', needsC, async (t) => {
  let before = ''
  const distort = (text: string, publication: number) => {
    const pair = publication % 2 === 0 ? [] : [text, before]
    before = text
    return pair
  }
  const generator = await openAt(t, { pieceBytes: 100_000, distort })
  const report = await generator.fanout(order)
  assert.equal(report.lost, 0)
  assert.ok(report.gaps > 0)
})

test('pages notice a publication that never comes and stop waiting', needsC, async (t) => {
  const distort = (text: string, publication: number) => (publication === 2 ? [] : [text])
  const generator = await openAt(t, { pieceBytes: 100_000, distort })
  const report = await generator.fanout(order)
  assert.equal(report.stalled, true)
  assert.equal(report.lost, connections)
})

test('pages notice a publication that comes twice', needsC, async (t) => {
  const distort = (text: string, publication: number) => (publication === 3 ? [text, text] : [text])
  const generator = await openAt(t, { pieceBytes: 100_000, distort })
  // Every round is complete one message early from there on, so the last one may come after the books are closed.
  const { gaps, lost } = await generator.fanout(order)
  assert.ok(gaps >= connections)
  assert.equal(lost, 0)
})

test('pages pass over what the node says by itself', needsC, async (t) => {
  const gap = JSON.stringify({ data: { from: 1, to: 2 }, event: 'gap', pipe: 'sys' })
  const distort = (text: string, publication: number) => (publication === 0 ? [gap, text] : [text])
  const generator = await openAt(t, { pieceBytes: 100_000, distort })
  const report = await generator.fanout(order)
  assert.deepEqual([report.lost, report.surplus, report.gaps], [0, 0, 0])
})

test('pages report why they were refused', needsC, async (t) => {
  const generator = await openAt(t, { pieceBytes: 3, greeting: '{"event":"error","pipe":"sys"}' })
  assert.equal(generator.connected.established, 0)
  assert.deepEqual(generator.connected.reasons, { 'refused: {?event?:?error?,?pipe?:?sys?}': connections })
})

for (const cometVersion of ['4.08', '3.25']) {
  test(
    `pages of version ${cometVersion} get all that a node is given to publish, in every way`,
    needsC,
    async (t) => {
      const node = await startNode(t, ['--max-commands-per-second', '0'])
      const where = { port: node.publicPort, publishPort: node.publishPort, serverPid: node.pid }
      const generator = await openPages(t, where, { cometVersion })
      assert.equal(generator.connected.established, connections)
      for (const [kind, count] of [
        ['encke', 1],
        ['encke', 4],
        ['comet', 1],
        ['comet', 4],
      ] as const) {
        await generator.publishers(kind, count)
        await faultless(generator)
      }
      assert.deepEqual(await generator.status(), { established: connections, closed: 0, reasons: {} })
    },
  )
}
