/**
 * A raw client of server-sent events: a stream by POST /sse, commands by POST /command, without code of src/.
 *
 * Owns the parsing of the stream (WHATWG HTML §9.2.6) and the order of commands: those of one turn go together, the next
 * ones after their answer. Never reconnects. Bound: everything a test is sent stays in memory.
 */
import { Agent, type IncomingMessage } from 'node:http'
import {
  type ExchangeOptions,
  errorOf,
  exchange,
  openExchange,
  type PublicPort,
  readAnswer,
} from './http-exchange.ts'
import type { Fields } from './wire.ts'
import { createInbox, letIn, type Position, RefusedConnect, type TransportClient } from './wire-inbox.ts'

export interface SseOptions {
  /** Fields of the connect command; null = none is sent, the capsule goes on with its session. */
  readonly connect?: Fields | null
  readonly capsule?: string
  /** Channels of the stream, and where they were left. */
  readonly positions?: Readonly<Record<string, Position>>
  /** A path with a query: the stream is opened by GET, as EventSource does it, and no body is sent. */
  readonly get?: string
  /** With `get`: positions as an earlier stream told them. */
  readonly lastEventId?: string
}

export interface SseClient extends TransportClient {
  /** The last id the stream gave; '' = none */
  lastEventId(): string
  /** Comment lines so far: the heartbeats. */
  comments(): number
  /** The answer as it comes: pausing it makes a slow reader. */
  readonly stream: IncomingMessage
}

interface ServerSentEvent {
  readonly id: string | null
  readonly data: string
}

/** Opens a stream and connects; resolves once connect is answered. @throws {RefusedConnect} */
export async function openSse(where: PublicPort, options: SseOptions = {}): Promise<SseClient> {
  const { connect = {}, capsule, positions, get } = options
  const agent = new Agent({ keepAlive: true })
  const ending = new AbortController()
  const exchangeOptions = { agent, signal: ending.signal }
  const waiting: Fields[] = []
  let isOpening = true
  let isPosting = false
  let lastEventId = ''
  let comments = 0

  const post = async (): Promise<void> => {
    if (isOpening || isPosting || waiting.length === 0) return
    isPosting = true
    const commands = waiting.splice(0)
    const body = { capsule: inbox.capsule(), commands }
    const answer = await exchange(where, '/command', body, exchangeOptions)
    if (answer.status === 200) for (const reply of JSON.parse(answer.body) as Fields[]) inbox.take(reply)
    else for (const { id } of commands) inbox.take({ id, error: errorOf(answer) })
    isPosting = false
    await post()
  }
  const send = (message: unknown): void => {
    inbox.sending(message)
    waiting.push(message as Fields)
    queueMicrotask(() => void post().catch(fail))
  }
  const inbox = createInbox(send)
  if (capsule !== undefined) inbox.take({ capsule })
  for (const [channel, position] of Object.entries(positions ?? {})) inbox.place(channel, position)

  function fail(error: unknown): void {
    end({ code: 1006, reason: error instanceof Error ? error.message : String(error) })
  }

  function end(close: { code: number; reason: string }): void {
    inbox.end(close)
    ending.abort()
    agent.destroy()
  }

  function takeEvent({ id, data }: ServerSentEvent): void {
    inbox.take(JSON.parse(data))
    if (id === null) return
    lastEventId = id
    const places = JSON.parse(id) as Record<string, [epoch: string, offset: number]>
    for (const [channel, [epoch, offset]] of Object.entries(places)) {
      if (inbox.position(channel)?.epoch !== epoch) inbox.place(channel, { epoch, offset })
    }
  }

  function takeStream(stream: IncomingMessage): void {
    const parse = createEventParser(takeEvent, () => {
      comments++
    })
    stream.setEncoding('utf8').on('data', parse)
    stream.on('error', fail)
    stream.on('close', () => {
      const { code, reason } = inbox.bye() ?? { code: 1006, reason: 'the stream ended' }
      end({ code, reason })
    })
  }

  const isAsking = connect !== null && get === undefined
  const connecting = isAsking ? inbox.ask({ connect }) : null
  const stream = await openStream(where, options, waiting.splice(0), exchangeOptions)
  isOpening = false
  if (stream.statusCode === 200) {
    takeStream(stream)
  } else {
    const error = errorOf(await readAnswer(stream))
    end({ code: stream.statusCode ?? 0, reason: error.name })
    if (connecting === null) throw new RefusedConnect(error)
    inbox.take({ id: 1, error })
  }
  const client: SseClient = {
    ...inbox,
    send,
    stream,
    lastEventId: () => lastEventId,
    comments: () => comments,
    async close() {
      end({ code: 1006, reason: 'closed by the test' })
    },
  }
  await letIn(client, connecting)
  return client
}

function openStream(
  where: PublicPort,
  options: SseOptions,
  commands: readonly Fields[],
  exchangeOptions: ExchangeOptions,
): Promise<IncomingMessage> {
  const { get, capsule, positions, lastEventId } = options
  if (get !== undefined) {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    return openExchange(where, get, undefined, { ...exchangeOptions, method: 'GET', headers })
  }
  const body = {
    ...(capsule === undefined ? {} : { capsule }),
    ...(positions === undefined ? {} : { positions }),
    ...(commands.length === 0 ? {} : { commands }),
  }
  return openExchange(where, '/sse', body, exchangeOptions)
}

/** A function that takes the text of a stream in pieces, cut anywhere. WHATWG HTML §9.2.6, without `event` and `retry`. */
function createEventParser(
  onEvent: (event: ServerSentEvent) => void,
  onComment: () => void,
): (piece: string) => void {
  let rest = ''
  let id: string | null = null
  let data: string[] = []
  const dispatch = (): void => {
    if (data.length > 0) onEvent({ id, data: data.join('\n') })
    id = null
    data = []
  }
  const takeLine = (line: string): void => {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (line === '') dispatch()
    else if (line.startsWith(':')) onComment()
    else if (field === 'id') id = value
    else if (field === 'data') data.push(value)
    else throw new Error(`The stream holds a line that no event of a node has: ${line.slice(0, 80)}`)
  }
  return (piece) => {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) takeLine(line.endsWith('\r') ? line.slice(0, -1) : line)
  }
}
