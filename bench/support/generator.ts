/**
 * A load generator process as a scenario uses it: flags in, reports out.
 *
 * Owns the TypeScript side of the conversation that bench/native/generator.c describes; the generator in Node
 * (generator-node.ts) holds the same conversation. Every command has a deadline of its own length plus a margin.
 */
import { type Child, startChild, stopChild } from './children.ts'
import {
  countsIn,
  type Line,
  numberIn,
  pairsIn,
  type ReportLines,
  readReportLines,
  rowsIn,
} from './report-lines.ts'

const openDeadlineMs = 120_000
const marginMs = 30_000
const connectionsPerSource = 4_000
const nsPerSecond = 1e9

/** [largest nanoseconds of a bucket, how often]. */
export type Buckets = readonly (readonly [number, number])[]

export interface GeneratorFlags {
  /** `tcp` connects and says nothing; `websocket` upgrades, connects and subscribes; `poll` does so by HTTP (C only). */
  readonly transport: 'websocket' | 'tcp' | 'poll'
  /** How to publish: over Encke's publish port, or in the rounds of a ceiling. */
  readonly publisher: 'encke' | 'rounds'
  readonly port: number
  readonly publishPort: number
  readonly connections: number
  readonly serverPid: number
  /** Core the server is pinned to. */
  readonly serverCore?: number
  /** Connections being opened at once. */
  readonly window?: number
  /** Channel of the subscribers and of the publisher; default: bench */
  readonly channel?: string
  /** Connections whose every message is looked at; default: 64 */
  readonly samples?: number
  /** TCP segment size the connections ask for (C only); default: as large as loopback allows */
  readonly segmentBytes?: number
  /** Receive buffer of the connections (C only); default: what the kernel gives */
  readonly receiveBufferBytes?: number
  /** File with one token per connection. */
  readonly tokens?: string
  readonly key?: string
  readonly acks?: 'each' | 'cumulative'
}

/** CPU time over a window, and the window. */
export interface CpuReport {
  readonly seconds: number
  readonly generatorCpuSeconds: number
  readonly serverCpuSeconds: number
  /** Time the server could have run while another process had its core. */
  readonly serverWaitSeconds: number
  /** Time the hypervisor kept the server's core to itself. */
  readonly stolenSeconds: number
}

export interface ConnectReport extends CpuReport {
  readonly established: number
  readonly failed: number
  /** Monotonic time of the first connect() and of the last connection that became ready. */
  readonly firstNs: number
  readonly lastNs: number
  readonly reasons: Readonly<Record<string, number>>
  readonly openingNs: Buckets
}

export interface FanoutOrder {
  readonly dataBytes: number
  readonly burst: number
  readonly roundsInFlight: number
  readonly warmUpMs: number
  readonly measuredMs: number
}

/** `deliveries` and `bytes` fell into the measured window; the books (`published` to `closed`) cover the whole run. */
export interface FanoutReport extends CpuReport {
  readonly deliveries: number
  readonly bytes: number
  readonly published: number
  readonly expected: number
  readonly lost: number
  readonly surplus: number
  readonly gaps: number
  readonly refused: number
  readonly closed: number
  /** Bytes of a message beside its data and the digits of its offset. */
  readonly overheadBytes: number
  readonly stalled: boolean
  readonly latencyNs: Buckets
}

export interface PollOrder extends FanoutOrder {
  /** Clients poll again only when all have their answers. */
  readonly isHeld: boolean
}

/**
 * With no round in flight beyond the one being sent, rounds go one at a time, and those that began in the measured window
 * are told apart: until every client had its answer, and until the server had every client's next poll.
 */
export interface PollReport extends FanoutReport {
  readonly cycles: number
  /** Sums over the cycles, by the clock and of the server's CPU time. */
  readonly answerSeconds: number
  readonly answerCpuSeconds: number
  readonly cycleSeconds: number
  readonly cycleCpuSeconds: number
  readonly answerNs: Buckets
  readonly cycleNs: Buckets
}

export interface PaceOrder {
  readonly dataBytes: number
  readonly publicationsPerSecond: number
  readonly warmUpMs: number
  readonly measuredMs: number
}

/** What one sampled subscriber was sent. */
export interface ReaderBooks {
  /** Offset at which it subscribed: what follows it is owed. */
  readonly firstOffset: number
  /** Of the last publication it got, or was told would not come. */
  readonly lastOffset: number
  readonly received: number
  /** Publications the server said would not come. */
  readonly gapped: number
  readonly isOpen: boolean
}

export interface Books {
  readonly readers: readonly ReaderBooks[]
  /** How often a message, or a gap, did not begin where the one before ended. */
  readonly breaks: number
  readonly closed: number
  readonly reasons: Readonly<Record<string, number>>
}

export interface PublishOrder {
  readonly dataBytes: number
  /** Publications unanswered at once; 0 = what the node allows. */
  readonly window: number
  readonly warmUpMs: number
  readonly measuredMs: number
}

export interface PublishReport extends CpuReport {
  readonly acknowledged: number
  readonly unanswered: number
  readonly refused: number
  readonly firstRefusal: string
  readonly latencyNs: Buckets
}

export interface Status {
  readonly established: number
  readonly closed: number
  readonly reasons: Readonly<Record<string, number>>
}

export class Generator {
  readonly connected: ConnectReport
  readonly #child: Child
  readonly #lines: ReportLines

  private constructor(child: Child, lines: ReportLines, connected: ConnectReport) {
    this.#child = child
    this.#lines = lines
    this.connected = connected
  }

  /**
   * Starts a generator and resolves once every connection is established or has failed.
   *
   * @param command how to run it, pinning included, without flags
   * @param onProgress called now and then with the number established so far
   */
  static async start(
    command: readonly string[],
    flags: GeneratorFlags,
    onProgress: (established: number) => void = () => {},
  ): Promise<Generator> {
    const child = await startChild([...command, ...flagWords(flags)])
    const lines = readReportLines(child, 'generator')
    try {
      const line = await lines.next('connected', openDeadlineMs, (other) =>
        onProgress(numberIn(other, 'established')),
      )
      return new Generator(child, lines, connectReport(line))
    } catch (thrown) {
      await stopChild(child)
      throw thrown
    }
  }

  /** Runs rounds of publications to the subscribers of this generator. */
  async fanout(order: FanoutOrder): Promise<FanoutReport> {
    const { dataBytes, burst, roundsInFlight, warmUpMs, measuredMs } = order
    this.#say(['fanout', dataBytes, burst, roundsInFlight, warmUpMs, measuredMs])
    return fanoutReport(await this.#lines.next('result', warmUpMs + measuredMs + marginMs))
  }

  /** The same to subscribers that poll. */
  async poll(order: PollOrder): Promise<PollReport> {
    const { dataBytes, burst, roundsInFlight, isHeld, warmUpMs, measuredMs } = order
    this.#say(['poll', dataBytes, burst, roundsInFlight, isHeld ? 1 : 0, warmUpMs, measuredMs])
    return pollReport(await this.#lines.next('result', warmUpMs + measuredMs + marginMs))
  }

  /** Publishes at a given rate, one at a time, whatever happens; latency counts from when each was due. */
  async pace(order: PaceOrder): Promise<FanoutReport> {
    const { dataBytes, publicationsPerSecond, warmUpMs, measuredMs } = order
    this.#say(['pace', dataBytes, publicationsPerSecond, warmUpMs, measuredMs])
    return fanoutReport(await this.#lines.next('result', warmUpMs + measuredMs + marginMs))
  }

  /** Publishes as fast as acknowledgements come. */
  async publish(order: PublishOrder): Promise<PublishReport> {
    const { dataBytes, window, warmUpMs, measuredMs } = order
    this.#say(['publish', dataBytes, window, warmUpMs, measuredMs])
    return publishReport(await this.#lines.next('result', warmUpMs + measuredMs + marginMs))
  }

  /** How many connections are still there. */
  async status(): Promise<Status> {
    this.#say(['status'])
    const line = await this.#lines.next('status', marginMs)
    return {
      established: numberIn(line, 'established'),
      closed: numberIn(line, 'closed'),
      reasons: countsIn(line, 'reasons'),
    }
  }

  /** What the sampled connections were sent. */
  async books(): Promise<Books> {
    this.#say(['status'])
    const line = await this.#lines.next('status', marginMs)
    return {
      readers: readerBooks(line),
      breaks: numberIn(line, 'gaps'),
      closed: numberIn(line, 'closed'),
      reasons: countsIn(line, 'reasons'),
    }
  }

  /** Makes the whole process stand still: its sockets are not read until `goOn`. */
  standStill(): void {
    this.#child.process.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child.process.kill('SIGCONT')
  }

  /** Closes every connection by ending the process. */
  stop(): Promise<void> {
    return stopChild(this.#child)
  }

  #say(words: readonly (string | number)[]): void {
    this.#child.process.stdin?.write(`${words.join(' ')}\n`)
  }
}

/**
 * Several source addresses (127.0.0.1 …) because the kernel's search for a free port gets slow, and costs more than the
 * connection itself, when about half the ports of an address are taken.
 */
function flagWords(flags: GeneratorFlags): string[] {
  const words = {
    transport: flags.transport,
    publisher: flags.publisher,
    port: flags.port,
    'publish-port': flags.publishPort,
    connections: flags.connections,
    'server-pid': flags.serverPid,
    'server-core': flags.serverCore,
    window: flags.window,
    sources: Math.max(1, Math.ceil(flags.connections / connectionsPerSource)),
    channel: flags.channel,
    samples: flags.samples,
    'segment-bytes': flags.segmentBytes,
    'receive-buffer-bytes': flags.receiveBufferBytes,
    tokens: flags.tokens,
    key: flags.key,
    acks: flags.acks,
  }
  return Object.entries(words).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
}

function cpuReport(line: Line): CpuReport {
  return {
    seconds: numberIn(line, 'seconds'),
    generatorCpuSeconds: numberIn(line, 'generatorCpuSeconds'),
    serverCpuSeconds: numberIn(line, 'serverCpuSeconds'),
    serverWaitSeconds: numberIn(line, 'serverWaitSeconds'),
    stolenSeconds: numberIn(line, 'stolenSeconds'),
  }
}

function connectReport(line: Line): ConnectReport {
  return {
    ...cpuReport(line),
    established: numberIn(line, 'established'),
    failed: numberIn(line, 'failed'),
    firstNs: numberIn(line, 'firstNs'),
    lastNs: numberIn(line, 'lastNs'),
    reasons: countsIn(line, 'reasons'),
    openingNs: pairsIn(line, 'openingNs'),
  }
}

function fanoutReport(line: Line): FanoutReport {
  return {
    ...cpuReport(line),
    deliveries: numberIn(line, 'deliveries'),
    bytes: numberIn(line, 'bytes'),
    published: numberIn(line, 'published'),
    expected: numberIn(line, 'expected'),
    lost: numberIn(line, 'lost'),
    surplus: numberIn(line, 'surplus'),
    gaps: numberIn(line, 'gaps'),
    refused: numberIn(line, 'refused'),
    closed: numberIn(line, 'closed'),
    overheadBytes: numberIn(line, 'overheadBytes'),
    stalled: line.stalled === true,
    latencyNs: pairsIn(line, 'latencyNs'),
  }
}

function pollReport(line: Line): PollReport {
  return {
    ...fanoutReport(line),
    cycles: numberIn(line, 'cycles'),
    answerSeconds: numberIn(line, 'answersNs') / nsPerSecond,
    answerCpuSeconds: numberIn(line, 'answerCpuNs') / nsPerSecond,
    cycleSeconds: numberIn(line, 'cyclesNs') / nsPerSecond,
    cycleCpuSeconds: numberIn(line, 'cycleCpuNs') / nsPerSecond,
    answerNs: pairsIn(line, 'answerNs'),
    cycleNs: pairsIn(line, 'cycleNs'),
  }
}

function readerBooks(line: Line): ReaderBooks[] {
  return rowsIn(line, 'books').map(
    ([firstOffset = 0, lastOffset = 0, received = 0, gapped = 0, open = 0]) => ({
      firstOffset,
      lastOffset,
      received,
      gapped,
      isOpen: open === 1,
    }),
  )
}

function publishReport(line: Line): PublishReport {
  return {
    ...cpuReport(line),
    acknowledged: numberIn(line, 'acknowledged'),
    unanswered: numberIn(line, 'unanswered'),
    refused: numberIn(line, 'refused'),
    firstRefusal: String(line.firstRefusal),
    latencyNs: pairsIn(line, 'latencyNs'),
  }
}
