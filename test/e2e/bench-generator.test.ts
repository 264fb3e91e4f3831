/**
 * Both load generators against a server that delivers well, in shreds, or wrongly: their books must be right.
 *
 * Real processes and sockets, for the generator in C (when there is a compiler) and the one in Node. Clients that poll
 * (bench-polls.test.ts) and runs at a given rate are the C one's alone. Cannot show how fast they are.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { Generator } from '../../bench/support/generator.ts'
import { compileNative } from '../../bench/support/native.ts'
import { repository } from '../../bench/support/paths.ts'
import { areCaughtUp, faultsOf } from '../../bench/support/reader-books.ts'
import type { FanoutReport } from '../../bench/support/reports.ts'
import { type Behaviour, startFakeTarget } from '../support/fake-target.ts'
import { until } from '../support/until.ts'

const native = compileNative()
const nodeProgram = join(repository, 'bench', 'support', 'generator-node.ts')
const generators = [
  ...(native === null ? [] : [{ name: 'C', command: [native.generator] }]),
  { name: 'Node', command: [process.execPath, '--import', 'tsx', nodeProgram] },
]
const connections = 4
const order = { dataBytes: 150, burst: 5, roundsInFlight: 1, warmUpMs: 50, measuredMs: 200 }
/** A machine that stands still for all of what is measured has measured nothing: it is done again. */
const RUNS = 5

async function withGenerator(
  command: readonly string[],
  behaviour: Behaviour,
  use: (generator: Generator) => Promise<void>,
): Promise<void> {
  const target = await startFakeTarget(behaviour)
  try {
    const { port, publishPort } = target
    const shape = {
      transport: 'websocket',
      publisher: 'rounds',
      connections,
      serverPid: process.pid,
    } as const
    const generator = await Generator.start(command, { ...shape, port, publishPort })
    try {
      await use(generator)
    } finally {
      await generator.stop()
    }
  } finally {
    await target.stop()
  }
}

/** A run in which deliveries were measured; the books of all runs are right. */
async function faultless(run: () => Promise<FanoutReport>): Promise<FanoutReport> {
  for (let count = 1; ; count++) {
    const report = await run()
    assert.deepEqual([report.lost, report.surplus, report.gaps, report.stalled], [0, 0, 0, false])
    if (report.deliveries > 0) return report
    assert.ok(count < RUNS, `no delivery in ${RUNS} runs`)
  }
}

for (const { name, command } of generators) {
  for (const pieceBytes of [1, 3, 7, 100_000]) {
    test(`generator in ${name} counts every message that arrives in pieces of ${pieceBytes} bytes`, async () => {
      await withGenerator(command, { pieceBytes }, async (generator) => {
        assert.equal(generator.connected.established, connections)
        const report = await generator.fanout(order)
        assert.ok(report.published >= order.burst)
        assert.equal(report.expected, report.published * connections)
        assert.deepEqual([report.lost, report.surplus, report.gaps, report.closed], [0, 0, 0, 0])
        assert.equal(report.overheadBytes, '{"channel":"bench","offset":,"data":}'.length)
        assert.equal(report.stalled, false)
      })
    })
  }

  test(`generator in ${name} keeps its books right from one run to the next`, async () => {
    await withGenerator(command, { pieceBytes: 50_000 }, async (generator) => {
      for (const burst of [1, 30]) {
        const report = await faultless(() => generator.fanout({ ...order, burst }))
        assert.equal(report.published % burst, 0)
        assert.ok(report.deliveries <= report.expected)
      }
      assert.deepEqual(await generator.status(), { established: connections, closed: 0, reasons: {} })
    })
  })

  test(`generator in ${name} notices messages out of order`, async () => {
    const distort = (messages: readonly Buffer[]) => [...messages].reverse()
    await withGenerator(command, { pieceBytes: 10_000, distort }, async (generator) => {
      const report = await generator.fanout(order)
      assert.equal(report.lost, 0)
      assert.ok(report.gaps > 0)
    })
  })

  test(`generator in ${name} notices a message that never comes and stops waiting`, async () => {
    const distort = (messages: readonly Buffer[], index: number) => messages.slice(index === 2 ? 1 : 0)
    await withGenerator(command, { pieceBytes: 10_000, distort }, async (generator) => {
      const report = await generator.fanout(order)
      assert.equal(report.stalled, true)
      assert.ok(report.lost > 0)
    })
  })

  test(`generator in ${name} reports why connections failed`, async () => {
    const refusal = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'
    await withGenerator(command, { pieceBytes: 10_000, refusal }, async (generator) => {
      assert.equal(generator.connected.established, 0)
      assert.deepEqual(generator.connected.reasons, { 'upgrade refused: HTTP/1.1 503': connections })
    })
  })
}

const cProgram = native === null ? [] : [native.generator]
const needsC = { skip: native === null && 'no C compiler' }

test('generator in C publishes at the rate it is told', needsC, async () => {
  await withGenerator(cProgram, { pieceBytes: 100_000 }, async (generator) => {
    const pace = { dataBytes: 150, publicationsPerSecond: 50, warmUpMs: 100, measuredMs: 400 }
    let beganMs = 0
    const report = await faultless(() => {
      beganMs = performance.now()
      return generator.pace(pace)
    })
    // One at the start and one every 20 ms; those that are late are made up for, so at least as many as were due.
    const most = (performance.now() - beganMs) / 20 + 1
    assert.ok(report.published >= 25 && report.published <= most, `${report.published} published`)
    assert.ok(report.latencyNs.length > 0)
  })
})

/** A round in which all but the first and the last message are replaced by a gap. */
function withGap(messages: readonly Buffer[]): Buffer[] {
  const [first, last] = [messages[0] ?? Buffer.alloc(0), messages.at(-1) ?? Buffer.alloc(0)]
  const { offset } = JSON.parse(first.toString()) as { offset: number }
  const gap = { from: offset + 1, to: offset + messages.length - 2, reason: 'trimmed' }
  return [first, Buffer.from(JSON.stringify({ channel: 'bench', gap })), last]
}

test('generator in C tells what single readers were sent, and of which gaps', needsC, async () => {
  const distort = (messages: readonly Buffer[], index: number) => (index === 0 ? messages : withGap(messages))
  const target = await startFakeTarget({ pieceBytes: 7, distort })
  const { port, publishPort } = target
  const shape = { transport: 'websocket', publisher: 'rounds', serverPid: process.pid } as const
  const publisher = await Generator.start(cProgram, { ...shape, port, publishPort, connections: 1 })
  const reader = await Generator.start(cProgram, {
    ...shape,
    port,
    publishPort,
    connections,
    samples: connections,
  })
  try {
    const { published, lost } = await publisher.fanout(order)
    assert.equal(lost, 0)
    const books = await until(async () => {
      const now = await reader.books()
      return areCaughtUp(now, published) && now
    })
    assert.equal(books.readers.length, connections)
    for (const { received, gapped } of books.readers) {
      assert.deepEqual([received, gapped], [(published / order.burst) * 2, (published / order.burst) * 3])
    }
    assert.deepEqual(faultsOf(books, published, false), [])
  } finally {
    await publisher.stop()
    await reader.stop()
    await target.stop()
  }
})
