/**
 * The publisher client for Node, exported as `encke/publisher`.
 *
 * Owns one connection to a publish port: frames go out in the order of the calls, many in one write, at most `window`
 * of them unanswered; the rest waits in a bounded queue. When the connection breaks it comes back by itself. Frames
 * that were not written yet go out then; those that were written and not answered fail as CONNECTION_LOST, because
 * nobody can know whether they were published.
 */
import { connect, type Socket } from 'node:net'
import { AccessError, EnckeError, errorText, LimitError, ProtocolError, UnavailableError } from '../errors.ts'
import { FrameSplitter } from '../protocol/frame-splitter.ts'
import type { HistoryResult, PresenceResult, StreamPosition } from '../protocol/messages.ts'
import { MsgpackReader } from '../protocol/msgpack-reader.ts'
import {
  type AckMode,
  type Answer,
  encodeFrame,
  PROTOCOL_VERSION,
  readAnswer,
  requestOps,
} from '../protocol/publish-frames.ts'

const MAX_ANSWER_BYTES = 64 * 1024 * 1024
const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000
/** Below that of every queued frame, so that these go out unchanged on a new connection. */
const HELLO_SEQ = 0

export interface PublisherOptions {
  /** Default: 127.0.0.1 */
  readonly host?: string
  /** Default: 8082 */
  readonly port?: number
  /** Path of a Unix socket, instead of host and port. */
  readonly path?: string
  readonly key?: string
  /** Whose channels and users it publishes to, 0 to 2^31 − 1; default: that of the node */
  readonly tenant?: number
  /** `each` (default): a publish resolves to its position. `cumulative`: faster, positions are not told. */
  readonly acks?: AckMode
  /** Default: 5000 */
  readonly connectTimeoutMs?: number
  /** Attempts in a row before everything fails; 0 (default) = for ever. */
  readonly maxReconnectAttempts?: number
  /** Bytes that may wait to be written; above it `publish` rejects and `room` waits. Default: 16 MiB */
  readonly maxQueueBytes?: number
}

export interface PublishOptions {
  readonly event?: string
  /** Id of the user who is shown as the publisher. */
  readonly user?: string
  /**
   * 1–128 bytes that stand for this publication: the same key again on the channel, within `idempotencyMs`, publishes
   * nothing and resolves to the first position. What failed as CONNECTION_LOST can be published again with it.
   */
  readonly key?: string
}

export interface HistoryOptions {
  /** At most so many; default: as many as the node gives at once */
  readonly limit?: number
  /** Only what follows this position */
  readonly since?: StreamPosition
  /** Newest first */
  readonly reverse?: boolean
}

export interface ChannelSettings {
  /** Latest publications kept, 0 to 1,000,000; 0 = none */
  readonly historySize: number
}

export interface Publisher {
  /** Resolves once the node has said welcome; rejects when it can not be had. */
  ready(): Promise<void>
  /**
   * Publishes; a Buffer is taken as JSON text, anything else as a value.
   *
   * @returns the position, with offset 0 when it waits for a user who is away; `{epoch:'', offset:0}` with cumulative acks
   * @throws (rejects) {EnckeError} with the node's code; {LimitError} when the queue is full; {UnavailableError}
   */
  publish(channel: string, data: unknown, options?: PublishOptions): Promise<StreamPosition>
  publishToUser(user: string, data: unknown, options?: Omit<PublishOptions, 'user'>): Promise<StreamPosition>
  /**
   * What the node keeps of a channel, with the channel's latest position; ask again from the last offset for more.
   *
   * @throws (rejects) {EnckeError} HISTORY_OFF when its rule keeps nothing
   */
  history(channel: string, options?: HistoryOptions): Promise<HistoryResult>
  /** How many sessions are on a channel and, where its rule says `list`, which. */
  presence(channel: string): Promise<PresenceResult>
  /**
   * Says how many publications a channel keeps, over what its rule says; null = as the rule says.
   *
   * @throws (rejects) {EnckeError} STORE_FAILED when the node can not write it
   */
  settings(channel: string, settings: ChannelSettings | null): Promise<void>
  /** Any other request of docs/publish-port.md: its operation and fields; resolves to the result. */
  request(op: number, ...fields: unknown[]): Promise<unknown>
  /** Null when there is room in the queue, else resolves when half of it is free. Await it to go at the node's pace. */
  room(): Promise<void> | null
  /** Waits for all answers, then closes. What can not be delivered rejects. */
  close(): Promise<void>
}

/** Answers to a hello that another try would get again. */
const refusals: ReadonlySet<string> = new Set(['KEY_INVALID', 'NOT_CONNECTED', 'INVALID_ARGUMENT'])

interface Pending {
  readonly seq: number
  readonly bytes: Buffer
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

const NO_POSITION: StreamPosition = { epoch: '', offset: 0 }

export function createPublisher(options: PublisherOptions = {}): Publisher {
  const maxQueueBytes = options.maxQueueBytes ?? 16 * 1024 * 1024
  const maxAttempts = options.maxReconnectAttempts ?? 0
  let socket: Socket | null = null
  let isWelcome = false
  let isClosing = false
  let isWriteScheduled = false
  let window = 1
  let lastSeq = 0
  let attempts = 0
  let queuedBytes = 0
  let queue: Pending[] = []
  /** Written and not answered, oldest first. */
  let unanswered: Pending[] = []
  let firstUnanswered = 0
  let retryTimer: NodeJS.Timeout | null = null
  /** The reason nothing can be done any more. */
  let failure: Error | null = null
  const readyWaiters = new Set<Pick<Pending, 'reject'> & { resolve: () => void }>()
  const roomWaiters = new Set<() => void>()
  const idleWaiters = new Set<() => void>()
  open()

  function open(): void {
    const where =
      options.path === undefined
        ? { host: options.host ?? '127.0.0.1', port: options.port ?? 8082 }
        : { path: options.path }
    const line = connect({ ...where, noDelay: true })
    const splitter = new FrameSplitter(MAX_ANSWER_BYTES)
    const reader = new MsgpackReader(Buffer.alloc(0), 0, 0)
    let cause: Error | null = null
    socket = line
    line.setTimeout(options.connectTimeoutMs ?? 5_000, () => line.destroy(new Error('No welcome in time')))
    line.on('connect', () => {
      line.write(encodeFrame([requestOps.hello, HELLO_SEQ, helloFields(options)]))
    })
    line.on('data', (chunk: Buffer) => {
      try {
        splitter.push(chunk, (bytes, start, end) => {
          reader.reset(bytes, start, end)
          take(readAnswer(reader), line)
          return true
        })
        writeQueue() // once for all answers of one read, as it moves the queue
      } catch (error) {
        line.destroy(
          new ProtocolError('BAD_MESSAGE', `The peer is no Encke publish port: ${errorText(error)}`),
        )
      }
    })
    line.on('drain', writeQueue)
    line.on('error', (error) => {
      cause = error
    })
    line.on('close', () => {
      if (socket === line) lost(cause)
    })
  }

  function take(answer: Answer, line: Socket): void {
    switch (answer.op) {
      case 'welcome':
        welcome(line, answer.window)
        break
      case 'ack':
        settle(answer.seq, (one) => one.resolve({ epoch: answer.epoch, offset: answer.offset }))
        break
      case 'ackUpTo':
        settleUpTo(answer.seq)
        break
      case 'result':
        settle(answer.seq, (one) => one.resolve(answer.value))
        break
      case 'error':
        takeError(answer, line)
    }
  }

  function welcome(line: Socket, size: number): void {
    isWelcome = true
    attempts = 0
    window = size
    line.setTimeout(0)
    for (const one of readyWaiters) one.resolve()
    readyWaiters.clear()
  }

  function takeError(answer: Extract<Answer, { op: 'error' }>, line: Socket): void {
    const error = new EnckeError(answer.name, answer.message)
    if (!isWelcome && refusals.has(answer.name)) {
      giveUp(new AccessError(answer.name, answer.message))
      line.destroy()
    } else if (answer.seq === null) {
      line.destroy(error)
    } else {
      settle(answer.seq, (one) => one.reject(error))
    }
  }

  /** Answers come in the order of requests, so this nearly always finds the first. */
  function settle(seq: number, act: (one: Pending) => void): void {
    for (let i = firstUnanswered; i < unanswered.length; i++) {
      const one = unanswered[i]
      if (one === undefined || one.seq > seq) return
      if (one.seq < seq) continue
      if (i === firstUnanswered) firstUnanswered++
      else unanswered.splice(i, 1)
      act(one)
      break
    }
    trim()
  }

  function settleUpTo(seq: number): void {
    while (firstUnanswered < unanswered.length) {
      const one = unanswered[firstUnanswered]
      if (one === undefined || one.seq > seq) break
      firstUnanswered++
      one.resolve(NO_POSITION)
    }
    trim()
  }

  function trim(): void {
    if (firstUnanswered === unanswered.length) {
      unanswered = []
      firstUnanswered = 0
      if (queue.length === 0) for (const resolve of idleWaiters) resolve()
    } else if (firstUnanswered > 4096) {
      unanswered = unanswered.slice(firstUnanswered)
      firstUnanswered = 0
    }
  }

  /** Writes as much as the window allows, in one piece. */
  function writeQueue(): void {
    // What the socket has not passed on would wait outside the bound of the queue.
    if (!isWelcome || socket === null || socket.writableNeedDrain || queue.length === 0) return
    const free = window - (unanswered.length - firstUnanswered)
    if (free <= 0) return
    const batch = queue.slice(0, free)
    queue = queue.slice(free)
    socket.cork()
    for (const one of batch) {
      queuedBytes -= one.bytes.length
      unanswered.push(one)
      socket.write(one.bytes)
    }
    socket.uncork()
    if (queuedBytes * 2 <= maxQueueBytes) {
      for (const resolve of roomWaiters) resolve()
      roomWaiters.clear()
    }
  }

  function scheduleWrite(): void {
    if (isWriteScheduled) return
    isWriteScheduled = true
    setImmediate(() => {
      isWriteScheduled = false
      writeQueue()
    })
  }

  function enqueue(op: number, fields: readonly unknown[]): Promise<unknown> {
    if (failure !== null) return Promise.reject(failure)
    if (isClosing) return Promise.reject(new UnavailableError('CONNECTION_LOST', 'The publisher was closed'))
    lastSeq++
    const seq = lastSeq
    const bytes = encodeFrame([op, seq, ...fields])
    if (queuedBytes + bytes.length > maxQueueBytes) {
      const message = `Cannot queue ${bytes.length} bytes: ${queuedBytes} of ${maxQueueBytes} wait; await room() first`
      return Promise.reject(new LimitError('MESSAGE_TOO_LARGE', message))
    }
    queuedBytes += bytes.length
    return new Promise((resolve, reject) => {
      queue.push({ seq, bytes, resolve, reject })
      scheduleWrite()
    })
  }

  function lost(cause: Error | null): void {
    socket = null
    isWelcome = false
    const reason = cause === null ? 'the node closed it' : cause.message
    const error = new UnavailableError('CONNECTION_LOST', `Connection lost before the answer: ${reason}`, {
      cause,
    })
    const orphans = unanswered.slice(firstUnanswered)
    unanswered = []
    firstUnanswered = 0
    for (const one of orphans) one.reject(error)
    if (failure !== null) return
    attempts++
    if (isClosing) giveUp(error)
    else if (maxAttempts > 0 && attempts >= maxAttempts) {
      giveUp(new UnavailableError('CONNECTION_LOST', `Cannot reach the publish port: ${reason}`, { cause }))
    } else {
      const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts)
      retryTimer = setTimeout(open, Math.random() * longest)
    }
  }

  function giveUp(error: Error): void {
    failure = error
    const all = [...unanswered.slice(firstUnanswered), ...queue]
    unanswered = []
    firstUnanswered = 0
    queue = []
    queuedBytes = 0
    for (const one of [...readyWaiters, ...all]) one.reject(error)
    readyWaiters.clear()
    for (const resolve of [...roomWaiters, ...idleWaiters]) resolve()
    roomWaiters.clear()
  }

  return {
    ready() {
      if (failure !== null) return Promise.reject(failure)
      if (isWelcome) return Promise.resolve()
      return new Promise((resolve, reject) => readyWaiters.add({ resolve, reject }))
    },
    publish: async (channel, data, given = {}) =>
      (await enqueue(requestOps.publish, publishFields(channel, data, given))) as StreamPosition,
    publishToUser: async (user, data, { event = '', key = '' } = {}) =>
      (await enqueue(requestOps.publishToUser, withoutEmptyEnd([user, data, event, key]))) as StreamPosition,
    history: async (channel, { limit, since, reverse } = {}) => {
      const position = since === undefined ? null : [since.epoch, since.offset]
      const fields = [channel, limit ?? null, position, reverse ?? null]
      return (await enqueue(requestOps.history, fields)) as HistoryResult
    },
    presence: async (channel) => (await enqueue(requestOps.presence, [channel])) as PresenceResult,
    settings: async (channel, settings) => {
      await enqueue(requestOps.settings, [channel, settings === null ? null : settings.historySize])
    },
    request: async (op, ...fields) => enqueue(op, fields),
    room() {
      if (failure !== null || queuedBytes * 2 <= maxQueueBytes) return null
      return new Promise((resolve) => roomWaiters.add(resolve))
    },
    async close() {
      isClosing = true
      if (socket === null && failure === null)
        giveUp(new UnavailableError('CONNECTION_LOST', 'No connection to the publish port'))
      if (failure === null && (queue.length > 0 || firstUnanswered < unanswered.length)) {
        await new Promise<void>((resolve) => idleWaiters.add(resolve))
      }
      if (retryTimer !== null) clearTimeout(retryTimer)
      failure ??= new UnavailableError('CONNECTION_LOST', 'The publisher was closed')
      for (const one of readyWaiters) one.reject(failure)
      const line = socket
      socket = null
      line?.end()
    },
  }
}

function helloFields({ acks = 'each', key = '', tenant }: PublisherOptions): object {
  const named = tenant === undefined ? {} : { tenant }
  return { version: PROTOCOL_VERSION, acks, ...(key === '' ? {} : { key }), ...named }
}

function publishFields(channel: string, data: unknown, given: PublishOptions): unknown[] {
  const { event = '', user = '', key = '' } = given
  return withoutEmptyEnd([channel, data, event, user, key])
}

/** Leaves out what is '' at the end, but neither the target nor the data. */
function withoutEmptyEnd(fields: unknown[]): unknown[] {
  while (fields.length > 2 && fields.at(-1) === '') fields.pop()
  return fields
}
