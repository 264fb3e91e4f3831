/**
 * A load generator process as a scenario uses it: flags in, reports out.
 *
 * Owns the TypeScript side of the conversation that bench/native/generator.c describes; the generator in Node
 * (generator-node.ts) holds the same conversation. Every command has a deadline of its own length plus a margin.
 */
import { type Child, startChild, stopChild } from './children.ts'
import { countsIn, numberIn, type ReportLines, readReportLines } from './report-lines.ts'
import {
  type Books,
  type ConnectReport,
  connectReport,
  type FanoutReport,
  fanoutReport,
  type PollReport,
  type PublishReport,
  pollReport,
  publishReport,
  readerBooks,
  type Status,
} from './reports.ts'

const openDeadlineMs = 120_000
const marginMs = 30_000
const connectionsPerSource = 4_000

/** How to publish: over Encke's publish port, in the rounds of a ceiling, or as a page of CppComet's does (C only). */
export type PublisherKind = 'encke' | 'rounds' | 'comet'

export interface GeneratorFlags {
  /**
   * `tcp` connects and says nothing; `websocket` upgrades, connects and subscribes; `poll` does so by HTTP, and `comet` in
   * CppComet's protocol (both C only).
   */
  readonly transport: 'websocket' | 'tcp' | 'poll' | 'comet'
  readonly publisher: PublisherKind
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
  /** Version of CppComet's protocol that is spoken, such as 3.25; default: 4.08 */
  readonly cometVersion?: string
  /** Number of the first connection, which its uuid tells: those of another generator must be others; default: 0 */
  readonly firstNumber?: number
  /** File with one token per connection. */
  readonly tokens?: string
  readonly key?: string
  readonly acks?: 'each' | 'cumulative'
}

export interface FanoutOrder {
  readonly dataBytes: number
  readonly burst: number
  readonly roundsInFlight: number
  readonly warmUpMs: number
  readonly measuredMs: number
}

export interface PollOrder extends FanoutOrder {
  /** Clients poll again only when all have their answers. */
  readonly isHeld: boolean
}

export interface PaceOrder {
  readonly dataBytes: number
  readonly publicationsPerSecond: number
  readonly warmUpMs: number
  readonly measuredMs: number
}

export interface PublishOrder {
  readonly dataBytes: number
  /** Publications unanswered at once; 0 = what the node allows. */
  readonly window: number
  readonly warmUpMs: number
  readonly measuredMs: number
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

  /** Lets `count` connections of a kind publish from now on, each its share of a round (C only). */
  async publishers(kind: PublisherKind, count: number): Promise<void> {
    this.#say(['publishers', kind, count])
    await this.#lines.next('publishers', marginMs)
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
 * Starts a generator whose connections must all be established.
 *
 * @param who for the error: `Only 3 of 4 <who> connected: …`
 */
export async function openAll(
  command: readonly string[],
  flags: GeneratorFlags,
  who: string,
): Promise<Generator> {
  const generator = await Generator.start(command, flags)
  const { established, reasons } = generator.connected
  if (established === flags.connections) return generator
  await generator.stop()
  throw new Error(`Only ${established} of ${flags.connections} ${who} connected: ${JSON.stringify(reasons)}`)
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
    'comet-version': flags.cometVersion,
    'first-number': flags.firstNumber,
    tokens: flags.tokens,
    key: flags.key,
    acks: flags.acks,
  }
  return Object.entries(words).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
}
