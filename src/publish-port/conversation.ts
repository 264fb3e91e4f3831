/**
 * One publisher's conversation: bytes in, publishes to the broker, answers out.
 *
 * Owns the order of answers and the flow of one connection. All frames of one socket read become one call to the
 * broker and, with cumulative acks, one answer; so cost is per read, not per publication. Knows no socket: it is
 * given `write`, `pause` and `end`, so that tests feed it bytes.
 *
 * Bound: frames not yet answered and the bytes of data in them; above `window` or 1 MiB it asks to pause reading until
 * half are answered. Questions with long answers are counted by themselves. A frame it can not read ends the
 * conversation, after everything before it was answered.
 */
import type { CodeName } from '../codes.ts'
import { type Broker, type Failure, hasFailed, type PublishRequest } from '../core/broker.ts'
import { eventFault, shown, userIdFault } from '../core/names.ts'
import type { Observer } from '../core/observer.ts'
import { scoped } from '../core/tenants.ts'
import { errorText } from '../errors.ts'
import { FrameSplitter, FrameTooLarge, LENGTH_BYTES } from '../protocol/frame-splitter.ts'
import { userChannel } from '../protocol/messages.ts'
import { MsgpackError, MsgpackReader } from '../protocol/msgpack-reader.ts'
import { publicationKeyFault } from '../protocol/publication-key.ts'
import {
  type AckMode,
  answerOps,
  encodeFrame,
  type Item,
  PROTOCOL_VERSION,
  type Request,
  readRequest,
  type UnknownRequest,
} from '../protocol/publish-frames.ts'
import { answerBatch, type BatchFrame, errorFrame } from './answers.ts'
import { type Call, type CallLimits, isPageCall, runCall } from './calls.ts'
import { type HelloKeys, readHello } from './hello.ts'

/** Before the hello nobody needs more than this. */
const HELLO_BYTES = 4096

/** Data taken in and not yet answered. Answers are late only while the broker has no room, so this bounds what waits. */
const MAX_UNANSWERED_BYTES = 1024 * 1024

/** Requests for pages of history or presence that may wait: one read may hold thousands, each with a long answer. */
const MAX_PAGE_CALLS = 32

export interface ConversationDeps {
  readonly broker: Broker
  readonly observer: Observer
}

export interface ConversationLimits extends HelloKeys, CallLimits {
  readonly window: number
  readonly maxFrameBytes: number
}

/** What the conversation needs of its connection. */
export interface Line {
  write(bytes: Buffer): void
  /** Stop or go on reading. */
  pause(isPaused: boolean): void
  /** Everything was written: close. */
  end(): void
}

export interface Conversation {
  receive(chunk: Buffer): void
  readonly isWelcome: boolean
  /** The publisher closed its side: answers it is owed still go out. */
  finishReading(): void
  /** Ends it from our side with an error frame. */
  fail(code: CodeName, message: string): void
}

export function createConversation(
  deps: ConversationDeps,
  limits: ConversationLimits,
  line: Line,
): Conversation {
  const { broker, observer } = deps
  const splitter = new FrameSplitter(Math.min(HELLO_BYTES, limits.maxFrameBytes))
  const reader = new MsgpackReader(Buffer.alloc(0), 0, 0)
  let state: 'stranger' | 'welcome' | 'ended' = 'stranger'
  let isTrusted = false
  let acks: AckMode = 'each'
  let { tenant } = limits
  let lastSeq = -1
  let unanswered = 0
  let unansweredBytes = 0
  let pageCalls = 0
  let isPaused = false
  let requests: PublishRequest[] = []
  let frames: BatchFrame[] = []
  let batchBytes = 0
  /** Everything that answers goes behind this, so that answers keep the order of requests. */
  let tail: Promise<void> = Promise.resolve()

  function receive(chunk: Buffer): void {
    if (state === 'ended') return
    try {
      splitter.push(chunk, onFrame)
    } catch (error) {
      if (!(error instanceof FrameTooLarge)) throw error
      finish(null, 'MESSAGE_TOO_LARGE', error.message, error.at)
    }
    sendBatch()
  }

  function onFrame(bytes: Buffer, start: number, end: number, at: number): boolean {
    reader.reset(bytes, start, end)
    let request: Request | UnknownRequest
    try {
      request = readRequest(reader, isTrusted)
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error
      finish(null, 'BAD_MESSAGE', error.message, at + LENGTH_BYTES + (error.at - start))
      return false
    }
    const { seq } = request
    if (seq <= lastSeq) {
      finish(seq, 'DUPLICATE_ID', `Sequence number ${seq} must be above ${lastSeq}`, at)
      return false
    }
    lastSeq = seq
    if (state === 'stranger') return greet(request, at)
    take(request)
    return state === 'welcome'
  }

  function greet(request: Request | UnknownRequest, at: number): boolean {
    if (request.op !== 'hello') {
      finish(request.seq, 'NOT_CONNECTED', 'The first frame must be a hello', at)
      return false
    }
    const hello = readHello(request.fields, limits)
    if ('failed' in hello) {
      finish(request.seq, hello.failed, hello.message, at)
      return false
    }
    isTrusted = hello.isTrusted
    acks = hello.acks
    tenant = hello.tenant
    state = 'welcome'
    splitter.maxFrameBytes = limits.maxFrameBytes
    const { window, maxFrameBytes } = limits
    line.write(
      encodeFrame([answerOps.welcome, request.seq, { version: PROTOCOL_VERSION, window, maxFrameBytes }]),
    )
    return true
  }

  function take(request: Request | UnknownRequest): void {
    const { seq } = request
    switch (request.op) {
      case 'publish':
        add(seq, [request.item], false)
        break
      case 'publishToUser':
        addForUser(seq, request.user, request.item)
        break
      case 'publishMany':
      case 'batch':
        add(seq, request.items, true)
        break
      case 'hello':
        refuse(seq, { failed: 'ALREADY_CONNECTED', message: 'A hello comes once' })
        break
      case 'unknown':
        refuse(seq, { failed: 'UNKNOWN_COMMAND', message: request.message })
        break
      default:
        call(request)
    }
  }

  function addForUser(seq: number, user: string, item: Item): void {
    const fault = userIdFault(user)
    if (fault === null) add(seq, [{ ...item, channel: userChannel(user) }], false)
    else refuse(seq, { failed: 'INVALID_ARGUMENT', message: `User id is not allowed: ${fault}` })
  }

  function add(seq: number, items: readonly Item[], isList: boolean): void {
    for (const item of items) {
      const failure = itemFailure(item)
      if (failure !== null) {
        refuse(seq, failure)
        return
      }
    }
    for (const { channel, data, event, user, key } of items) {
      if (data === null) continue
      requests.push({ channel: scoped(tenant, channel), data, event, user, key })
      batchBytes += data.bytes
    }
    frames.push({ seq, count: items.length, isList, failure: null })
  }

  function refuse(seq: number, failure: Failure): void {
    frames.push({ seq, count: 0, isList: false, failure })
  }

  /** Hands what was read to the broker and answers when it is done. */
  function sendBatch(): void {
    if (frames.length === 0) return
    const batch = frames
    const bytes = batchBytes
    const published = broker.publish(requests, 'publish-port')
    published.catch(() => {}) // dealt with when its turn to answer comes
    frames = []
    requests = []
    batchBytes = 0
    queue(batch.length, bytes, async () => {
      line.write(answerBatch(batch, await published, acks, observer))
    })
  }

  function call(request: Call): void {
    const isPage = isPageCall(request)
    if (isPage && pageCalls === MAX_PAGE_CALLS) {
      const message = `Cannot ask for ${request.op}: ${MAX_PAGE_CALLS} requests for history or presence wait already`
      refuse(request.seq, { failed: 'BUSY', message })
      return
    }
    sendBatch()
    if (isPage) pageCalls++
    const called = runCall(request, { broker, tenant }, limits)
    called.catch(() => {}) // dealt with when its turn to answer comes
    queue(1, 0, async () => {
      if (isPage) pageCalls--
      const outcome = await called
      if (hasFailed(outcome)) line.write(errorFrame(request.seq, outcome, observer))
      else line.write(encodeFrame([answerOps.result, request.seq, outcome]))
    })
  }

  function queue(frameCount: number, bytes: number, answer: () => Promise<void>): void {
    unanswered += frameCount
    unansweredBytes += bytes
    updatePause()
    const settle = () => {
      unanswered -= frameCount
      unansweredBytes -= bytes
      updatePause()
    }
    tail = tail.then(answer).then(settle, (error: unknown) => {
      settle()
      finish(null, 'INTERNAL', errorText(error), null)
    })
  }

  function updatePause(): void {
    const share = isPaused ? 0.5 : 1
    const shouldPause = unanswered > limits.window * share || unansweredBytes > MAX_UNANSWERED_BYTES * share
    if (shouldPause === isPaused) return
    isPaused = shouldPause
    line.pause(isPaused)
  }

  /** The last frame: after all answers that are owed. */
  function finish(seq: number | null, failed: CodeName, message: string, at: number | null): void {
    if (state === 'ended') return
    sendBatch()
    state = 'ended'
    tail = tail.then(() => {
      line.write(errorFrame(seq, { failed, message }, observer, at))
      line.end()
    })
  }

  return {
    receive,
    get isWelcome() {
      return state === 'welcome'
    },
    finishReading() {
      if (splitter.heldBytes > 0) {
        finish(null, 'BAD_MESSAGE', 'The stream ends in the middle of a frame', splitter.streamedBytes)
      } else if (state !== 'ended') {
        state = 'ended'
        tail = tail.then(() => line.end())
      }
    },
    fail: (code, message) => finish(null, code, message, null),
  }
}

/** What the broker does not check: it only checks names of channels and sizes. */
function itemFailure({ channel, data, event, user, key }: Item): Failure | null {
  if (data === null) {
    const message = `Data for channel ${shown(channel)} is not JSON and has no JSON form`
    return { failed: 'INVALID_DATA', message }
  }
  if (event === '' && user === '' && key === '') return null
  const fault = eventFault(event)
  if (fault !== null)
    return { failed: 'INVALID_ARGUMENT', message: `Event ${shown(event)} is not allowed: ${fault}` }
  const userFault = user === '' ? null : userIdFault(user)
  if (userFault !== null)
    return { failed: 'INVALID_ARGUMENT', message: `User id ${shown(user)} is not allowed: ${userFault}` }
  const keyFault = publicationKeyFault(key)
  if (keyFault === null) return null
  return { failed: 'INVALID_ARGUMENT', message: `Key ${shown(key)} is not allowed: ${keyFault}` }
}
