/**
 * A raw long-poll client: the client protocol over POST /poll, without code of src/.
 *
 * Owns the loop: at most one idle poll at a time, a command sends a newer one that takes over, a poll with commands is
 * waited for. Every poll carries the capsule and all positions, so an answer that is lost comes again. A publication
 * that came by the answer of an older poll while a newer one was asking is taken once; any other repetition is kept for
 * the test to see. Bound: everything a test is sent stays in memory.
 */
import { Agent } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { errorOf, exchange, type HttpAnswer, type PublicPort } from './http-exchange.ts'
import type { Fields, WireBye } from './wire.ts'
import { createInbox, letIn, type Position, type TransportClient } from './wire-inbox.ts'

const AGAIN_MS = 50
/** Code of the goodbye to a poll that a newer one, or another connection, took over from. */
const MOVED = 3012

export interface PollOptions {
  /** Fields of the connect command; null = none is sent, the capsule goes on with its session. */
  readonly connect?: Fields | null
  readonly capsule?: string
  /** Channels of the first poll, and where they were left. */
  readonly positions?: Readonly<Record<string, Position>>
  /** How long a poll asks to wait; default: as long as the node lets it */
  readonly waitMs?: number
  /** Goes on after polls that fail without a command on board, until closed; default false: the first failure ends it */
  readonly persists?: boolean
}

export interface PollClient extends TransportClient {
  /** Polls sent so far. */
  polls(): number
}

interface Poll {
  readonly commands: readonly Fields[]
  readonly positions: Readonly<Record<string, Position>>
}

/** Connects by a first poll and polls on until closed. @throws {RefusedConnect} */
export async function openPoll(where: PublicPort, options: PollOptions = {}): Promise<PollClient> {
  const { connect = {}, persists = false, waitMs } = options
  const agent = new Agent({ keepAlive: true })
  const ending = new AbortController()
  const waiting: Fields[] = []
  let current: Poll | null = null
  let polls = 0

  const send = (message: unknown): void => {
    inbox.sending(message)
    waiting.push(message as Fields)
    queueMicrotask(next)
  }
  const inbox = createInbox(send)
  if (options.capsule !== undefined) inbox.take({ capsule: options.capsule })
  for (const [channel, position] of Object.entries(options.positions ?? {})) inbox.place(channel, position)

  /** Sends what waits; an idle poll if nothing does and none is under way. */
  function next(): void {
    if (inbox.ended() !== null || (current !== null && current.commands.length > 0)) return
    if (current !== null && waiting.length === 0) return
    current = { commands: waiting.splice(0), positions: inbox.positions() }
    polls++
    run(current).catch((error: unknown) => fail(error))
  }

  async function run(poll: Poll): Promise<void> {
    const answer = await exchange(where, '/poll', bodyOf(poll), { agent, signal: ending.signal }).catch(
      (error: unknown) => {
        if (poll !== current) return null
        if (!persists || poll.commands.length > 0 || ending.signal.aborted) throw error
        return 'again' as const
      },
    )
    if (answer === 'again') await pause(AGAIN_MS, undefined, { signal: ending.signal })
    else if (answer !== null) await take(poll, answer)
    if (poll !== current) return
    current = null
    next()
  }

  function bodyOf({ commands, positions }: Poll): Fields {
    // Named, a channel would be subscribed again by the poll that leaves it.
    const isLeaving = commands.some((command) => command.unsubscribe !== undefined)
    const isFirst = polls === 1 && options.positions === undefined
    return {
      ...(inbox.capsule() === '' ? {} : { capsule: inbox.capsule() }),
      ...(isLeaving || isFirst ? {} : { positions }),
      ...(commands.length === 0 ? {} : { commands }),
      ...(waitMs === undefined ? {} : { waitMs }),
    }
  }

  async function take(poll: Poll, answer: HttpAnswer): Promise<void> {
    if (answer.status !== 200) return refuse(poll, answer)
    const before = inbox.positions()
    for (const message of JSON.parse(answer.body) as Fields[]) {
      const isByOurOwn = poll !== current && (message.bye as WireBye | undefined)?.code === MOVED
      if (!isByOurOwn && !isRepeated(message, poll.positions, before)) inbox.take(message)
    }
    const bye = inbox.bye()
    if (bye !== null) end({ code: bye.code, reason: bye.reason })
  }

  async function refuse(poll: Poll, answer: HttpAnswer): Promise<void> {
    const error = errorOf(answer)
    for (const { id } of poll.commands) inbox.take({ id, error })
    const isWorthIt = error.retry && !error.name.startsWith('CAPSULE_')
    if (persists && isWorthIt && poll.commands.length === 0) {
      await pause(AGAIN_MS, undefined, { signal: ending.signal })
      return
    }
    end({ code: answer.status, reason: error.name })
  }

  function fail(error: unknown): void {
    end({ code: 1006, reason: error instanceof Error ? error.message : String(error) })
  }

  function end(close: { code: number; reason: string }): void {
    inbox.end(close)
    ending.abort()
    agent.destroy()
  }

  const client: PollClient = {
    ...inbox,
    send,
    polls: () => polls,
    async close() {
      end({ code: 1006, reason: 'closed by the test' })
    },
  }
  if (connect === null) next()
  await letIn(client, connect === null ? null : client.ask({ connect }))
  return client
}

/** Whether a message came by another answer while the poll that asked from `asked` was under way. */
function isRepeated(
  message: Fields,
  asked: Readonly<Record<string, Position>>,
  before: Readonly<Record<string, Position>>,
): boolean {
  const offset = Number(message.offset ?? (message.gap as { to: number } | undefined)?.to)
  const from = asked[String(message.channel)]
  const reached = before[String(message.channel)]
  if (Number.isNaN(offset) || 'id' in message || from === undefined || reached === undefined) return false
  return from.epoch === reached.epoch && offset > from.offset && offset <= reached.offset
}
