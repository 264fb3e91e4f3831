/**
 * What a generator reports, and how its lines are read.
 *
 * Owns the shape of every report; bench/native/generator.c says what the figures mean and generator.ts asks for them. A
 * line without a field it must have is refused. Pure.
 */
import { countsIn, type Line, numberIn, pairsIn, rowsIn } from './report-lines.ts'

const nsPerSecond = 1e9

/** [largest nanoseconds of a bucket, how often]. */
export type Buckets = readonly (readonly [number, number])[]

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

export function cpuReport(line: Line): CpuReport {
  return {
    seconds: numberIn(line, 'seconds'),
    generatorCpuSeconds: numberIn(line, 'generatorCpuSeconds'),
    serverCpuSeconds: numberIn(line, 'serverCpuSeconds'),
    serverWaitSeconds: numberIn(line, 'serverWaitSeconds'),
    stolenSeconds: numberIn(line, 'stolenSeconds'),
  }
}

export function connectReport(line: Line): ConnectReport {
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

export function fanoutReport(line: Line): FanoutReport {
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

export function pollReport(line: Line): PollReport {
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

export function readerBooks(line: Line): ReaderBooks[] {
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

export function publishReport(line: Line): PublishReport {
  return {
    ...cpuReport(line),
    acknowledged: numberIn(line, 'acknowledged'),
    unanswered: numberIn(line, 'unanswered'),
    refused: numberIn(line, 'refused'),
    firstRefusal: String(line.firstRefusal),
    latencyNs: pairsIn(line, 'latencyNs'),
  }
}
