/**
 * What a publisher is answered, as frames.
 *
 * Owns the way from the outcomes of a batch to the bytes that tell of them, in the order of the requests: an ack or an
 * error for each, or with cumulative acks the errors and one ack for all. Counts every refusal. Pure otherwise.
 */
import { codes } from '../codes.ts'
import { type Failure, hasFailed, type PublishOutcome } from '../core/broker.ts'
import type { Observer } from '../core/observer.ts'
import { type AckMode, answerOps, encodeFrame } from '../protocol/publish-frames.ts'

/** A frame whose publications are in the current batch: `count` outcomes belong to it. */
export interface BatchFrame {
  readonly seq: number
  readonly count: number
  readonly isList: boolean
  readonly failure: Failure | null
}

/** The answers to all frames of one batch, in one buffer. */
export function answerBatch(
  batch: readonly BatchFrame[],
  outcomes: readonly PublishOutcome[],
  acks: AckMode,
  observer: Observer,
): Buffer {
  const answers: Buffer[] = []
  let first = 0
  for (const frame of batch) {
    const own = frame.isList || frame.count !== 1 ? outcomes.slice(first, first + frame.count) : null
    const outcome = outcomes[first]
    first += frame.count
    if (frame.failure !== null) answers.push(errorFrame(frame.seq, frame.failure, observer))
    else if (own !== null) answerList(answers, frame.seq, own, acks, observer)
    else if (outcome === undefined) answers.push(errorFrame(frame.seq, noOutcome, observer))
    else if ('failed' in outcome) answers.push(errorFrame(frame.seq, outcome, observer))
    else if (acks === 'each') {
      answers.push(encodeFrame([answerOps.ack, frame.seq, outcome.epoch, outcome.offset]))
    }
  }
  const last = batch.at(-1)
  if (acks === 'cumulative' && last !== undefined) answers.push(encodeFrame([answerOps.ackUpTo, last.seq]))
  return answers.length === 1 && answers[0] !== undefined ? answers[0] : Buffer.concat(answers)
}

const noOutcome: Failure = { failed: 'INTERNAL', message: 'The broker gave no outcome' }

/** A list is answered with a position or an error for each of its items; cumulative acks only tell the errors. */
function answerList(
  answers: Buffer[],
  seq: number,
  outcomes: readonly PublishOutcome[],
  acks: AckMode,
  observer: Observer,
): void {
  const failures = outcomes.filter(hasFailed)
  for (const failure of failures) observer.commandFailed(failure.failed)
  if (acks === 'cumulative') {
    const [failure] = failures
    if (failure === undefined) return
    const message = `${failures.length} of ${outcomes.length} were refused, the first: ${failure.message}`
    answers.push(errorFrame(seq, { failed: failure.failed, message }, null))
    return
  }
  const positions = outcomes.map((outcome) =>
    hasFailed(outcome) ? { error: faceOf(outcome) } : { epoch: outcome.epoch, offset: outcome.offset },
  )
  answers.push(encodeFrame([answerOps.result, seq, { positions }]))
}

function faceOf(failure: Failure) {
  const { reply, retry } = codes[failure.failed]
  return { code: reply, name: failure.failed, message: failure.message, retry }
}

/** `at` is an offset in the stream, counted from its first byte. */
export function errorFrame(
  seq: number | null,
  failure: Failure,
  observer: Observer | null,
  at: number | null = null,
): Buffer {
  observer?.commandFailed(failure.failed)
  const { reply } = codes[failure.failed]
  const frame: unknown[] = [answerOps.error, seq, reply, failure.failed, failure.message]
  if (at !== null) frame.push({ at })
  return encodeFrame(frame)
}
