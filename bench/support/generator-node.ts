/**
 * The load generator for machines without a C compiler. A program of its own.
 *
 * Owns the same flags, commands and reports as bench/native/generator.c, which says what they mean; slower, so that
 * its figures are marked. Rounds are paced the same way. Bound: one run at a time, connections as told.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { errorText } from '../../src/errors.ts'
import { createCondition } from './condition.ts'
import { type Moment, readMoment, windowBetween } from './cpu-window.ts'
import { nowNs } from './monotonic.ts'
import { NodePublisher } from './node-publisher.ts'
import { NodeSubscribers } from './node-subscribers.ts'

const nsPerMs = 1e6
const nsPerSecond = 1e9
const stallNs = 5 * nsPerSecond
const chunkMax = 256
const progressMs = 200
const minDataBytes = 72

interface Snapshot extends Moment {
  readonly deliveries: number
  readonly bytes: number
  readonly answered: number
}

const flags = await yargs(hideBin(process.argv))
  .options({
    transport: { type: 'string', default: 'websocket' },
    publisher: { type: 'string', default: 'encke' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'number', demandOption: true },
    'publish-port': { type: 'number', demandOption: true },
    connections: { type: 'number', default: 0 },
    window: { type: 'number', default: 256 },
    channel: { type: 'string', default: 'bench' },
    tokens: { type: 'string' },
    sources: { type: 'number', default: 1 },
    samples: { type: 'number', default: 64 },
    key: { type: 'string' },
    acks: { choices: ['each', 'cumulative'] as const, default: 'cumulative' as const },
    'server-pid': { type: 'number', default: 0 },
    'server-core': { type: 'number', default: -1 },
  })
  .strict()
  .parseAsync()

const { until, wake } = createCondition()
const subscribers = new NodeSubscribers(
  {
    isWebSocket: flags.transport !== 'tcp',
    host: flags.host,
    port: flags.port,
    count: flags.connections,
    window: flags.window,
    sources: flags.sources,
    samples: flags.samples,
    channel: flags.channel,
    tokens: flags.tokens === undefined ? [] : readFileSync(flags.tokens, 'utf8').split('\n'),
  },
  wake,
)
let publisher: NodePublisher | undefined

async function ensurePublisher(): Promise<NodePublisher> {
  const { host, channel, key, acks } = flags
  const isEncke = flags.publisher === 'encke'
  const port = flags['publish-port']
  publisher ??= await NodePublisher.open({ isEncke, host, port, channel, key, acks }, wake, fail)
  return publisher
}

async function openAll(): Promise<void> {
  let toldMs = performance.now()
  const start = snapshot()
  await until(() => {
    subscribers.openMore()
    if (performance.now() - toldMs > progressMs) {
      toldMs = performance.now()
      say({ event: 'progress', established: subscribers.ready })
    }
    return subscribers.isOpen
  })
  say({
    event: 'connected',
    established: subscribers.ready,
    failed: subscribers.failed,
    ...windowBetween({ ...start, ns: subscribers.firstNs }, { ...snapshot(), ns: subscribers.lastNs }),
    firstNs: subscribers.firstNs,
    lastNs: subscribers.lastNs,
    reasons: Object.fromEntries(subscribers.reasons),
    openingNs: [...subscribers.openingNs],
  })
}

async function fanout(size: number, burst: number, inFlight: number, warmUpMs: number, measuredMs: number) {
  const to = await ensurePublisher()
  if (subscribers.ready === 0) throw new Error('Cannot fan out: no subscriber is connected')
  const { ready } = subscribers
  const before = to.sent
  let begun = 0
  let progress = { deliveries: 0, ns: nowNs() }
  subscribers.beginRun(burst, size)

  const hasStalled = () => {
    if (subscribers.deliveries !== progress.deliveries)
      progress = { deliveries: subscribers.deliveries, ns: nowNs() }
    return nowNs() - progress.ns > stallNs
  }
  const sendRounds = (ms: number) => {
    const endNs = nowNs() + ms * nsPerMs
    return until(() => {
      while (nowNs() < endNs && to.answered === to.sent && begun - subscribers.roundsComplete <= inFlight) {
        subscribers.beginRound(begun++, ready)
        to.send(burst, size)
      }
      return nowNs() >= endNs || hasStalled()
    })
  }
  await sendRounds(warmUpMs)
  const start = snapshot()
  subscribers.isMeasuring = true
  await sendRounds(measuredMs)
  subscribers.isMeasuring = false
  const end = snapshot()
  await until(() => subscribers.roundsComplete === begun || hasStalled())

  const published = to.sent - before
  const stalled = subscribers.roundsComplete < begun
  say({
    event: 'result',
    deliveries: end.deliveries - start.deliveries,
    bytes: end.bytes - start.bytes,
    published,
    expected: published * ready,
    lost: Math.max(0, published * ready - subscribers.deliveries),
    surplus: Math.max(0, subscribers.deliveries - published * ready),
    gaps: subscribers.gaps,
    refused: to.refused,
    closed: subscribers.closed,
    overheadBytes: subscribers.overheadBytes,
    stalled,
    ...windowBetween(start, end),
    reasons: Object.fromEntries(subscribers.reasons),
    latencyNs: [...subscribers.latencyNs],
  })
  if (stalled) process.exit() // late messages would be counted into the next run
}

async function publish(size: number, asked: number, warmUpMs: number, measuredMs: number): Promise<void> {
  const to = await ensurePublisher()
  const window = asked === 0 ? to.window : Math.min(asked, to.window)
  const chunk = Math.max(1, Math.min(chunkMax, Math.floor(window / 4)))
  const before = to.sent
  const waiting: { through: number; ns: number }[] = []
  const latency = new Map<number, number>()
  let isMeasuring = false

  const settle = () => {
    const now = nowNs()
    for (
      let oldest = waiting[0];
      oldest !== undefined && oldest.through <= to.answered;
      oldest = waiting[0]
    ) {
      waiting.shift()
      const bucket = Math.ceil((now - oldest.ns) / 1e4) * 1e4
      if (isMeasuring) latency.set(bucket, (latency.get(bucket) ?? 0) + chunk)
    }
  }
  const sendFor = (ms: number) => {
    const endNs = nowNs() + ms * nsPerMs
    return until(() => {
      settle()
      while (nowNs() < endNs && !to.isBlocked && window - (to.sent - to.answered) >= chunk) {
        to.send(chunk, size)
        waiting.push({ through: to.sent, ns: nowNs() })
      }
      return nowNs() >= endNs
    })
  }
  await sendFor(warmUpMs)
  const start = snapshot()
  isMeasuring = true
  await sendFor(measuredMs)
  isMeasuring = false
  const end = snapshot()
  const lastNs = nowNs() + stallNs
  await until(() => to.answered >= to.sent || nowNs() > lastNs)
  say({
    event: 'result',
    acknowledged: end.answered - start.answered,
    sent: to.sent - before,
    unanswered: to.sent - to.answered,
    refused: to.refused,
    firstRefusal: to.firstRefusal,
    ...windowBetween(start, end),
    latencyNs: [...latency],
  })
}

async function take(line: string): Promise<void> {
  const [command, ...words] = line.trim().split(' ')
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = words.map(Number)
  if (command === 'quit') process.exit()
  if (command === 'status') {
    const { ready, closed, reasons } = subscribers
    say({ event: 'status', established: ready, closed, reasons: Object.fromEntries(reasons) })
  } else if (command === 'fanout' || command === 'publish') {
    if (a < minDataBytes) throw new Error(`Cannot ${command}: data needs at least ${minDataBytes} bytes`)
    await (command === 'fanout' ? fanout(a, b, c, d, e) : publish(a, b, c, d))
  } else {
    throw new Error(`Unknown command: ${line}`)
  }
}

function snapshot(): Snapshot {
  return {
    ...readMoment(flags['server-pid'], flags['server-core']),
    deliveries: subscribers.deliveries,
    bytes: subscribers.bytes,
    answered: publisher?.answered ?? 0,
  }
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function fail(reason: string): void {
  process.stdout.write(`${JSON.stringify({ event: 'error', message: reason })}\n`, () => process.exit(70))
}

try {
  await openAll()
  for await (const line of createInterface({ input: process.stdin })) await take(line)
  process.exit()
} catch (thrown) {
  fail(errorText(thrown))
}
