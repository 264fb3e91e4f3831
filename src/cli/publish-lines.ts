/**
 * A stream of lines, published one by one.
 *
 * Owns the pace: lines are read as fast as the node takes them, never faster, so memory stays bounded by the window
 * of the publisher and the number of unanswered lines below. Refusals are told with their line number, the first few
 * of them; all are counted.
 */
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { errorText, UnavailableError } from '../errors.ts'

/** Lines without an answer at which reading stops. */
const MAX_UNANSWERED = 10_000
/** Refusals that are told one by one. */
const MAX_TOLD = 10

export interface LineCounts {
  readonly accepted: number
  readonly refused: number
  /** Whether a line was lost because no node could be reached any more. */
  readonly hasLostNode: boolean
}

export interface LineJob {
  readonly input: Readable
  /** Resolves when the node has accepted the line; rejects with the reason to refuse it. */
  publish(line: string): Promise<unknown>
  /** null = there is room now */
  room(): Promise<void> | null
  /** Told after each answer. */
  progress(counts: LineCounts): void
  /** Told for the first refusals, and once that there are more. */
  complain(message: string): void
}

/** Publishes every line that is not empty; resolves when each has its answer. */
export async function publishLines(job: LineJob): Promise<LineCounts> {
  const counts = { accepted: 0, refused: 0, hasLostNode: false }
  const unanswered = new Set<Promise<void>>()
  let number = 0
  for await (const line of createInterface({ input: job.input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (line === '') continue
    const answer = settle(job, line, number, counts).finally(() => unanswered.delete(answer))
    unanswered.add(answer)
    await job.room()
    if (unanswered.size >= MAX_UNANSWERED) await Promise.race(unanswered)
  }
  await Promise.all(unanswered)
  return counts
}

type Counts = { -readonly [Name in keyof LineCounts]: LineCounts[Name] }

/** Never rejects. */
async function settle(job: LineJob, line: string, number: number, counts: Counts): Promise<void> {
  try {
    await job.publish(line)
    counts.accepted++
  } catch (error) {
    counts.refused++
    if (error instanceof UnavailableError) counts.hasLostNode = true
    if (counts.refused <= MAX_TOLD) job.complain(`Line ${number} is refused: ${errorText(error)}`)
    if (counts.refused === MAX_TOLD + 1)
      job.complain('More lines are refused; they are only counted from here on')
  }
  job.progress(counts)
}
