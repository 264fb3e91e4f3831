/**
 * What a client was sent, sorted: the half of a raw client that is the same over every transport.
 *
 * Owns `createInbox`: replies, publications, gaps, presence and the goodbye in order of arrival, the capsule held, and
 * the position in every channel as docs/client-protocol.md lets a client work it out. Nothing is dropped or put right:
 * a publication that comes twice is there twice. Bound: all a test is sent, until the client is closed.
 */
import { until } from './until.ts'
import type { Fields, WireBye, WireClose, WireError, WirePublication, WireReply } from './wire.ts'

const WITHIN_MS = 30_000

export interface Position {
  readonly epoch: string
  readonly offset: number
}
export interface WireGap {
  readonly channel: string
  readonly from: number
  readonly to: number
  readonly reason: string
  /** The new one, where the reason is `epoch` */
  readonly epoch?: string
}
interface Person {
  readonly session: string
  readonly user: string
}
export interface WirePresence {
  readonly channel: string
  readonly count: number
  readonly join?: readonly Person[]
  readonly leave?: readonly Person[]
  readonly stale?: true
}

/** A client of any transport, as a test sees it. */
export interface TransportClient {
  /** Everything that came, in order. */
  readonly messages: readonly unknown[]
  readonly replies: readonly WireReply[]
  readonly publications: readonly WirePublication[]
  /** Those pushed and those in replies, in order. */
  readonly gaps: readonly WireGap[]
  readonly presences: readonly WirePresence[]
  /** Channels it could not be put back on, as polls are told without having asked. */
  readonly refusals: readonly { readonly channel: string; readonly error: WireError }[]
  /** Position heartbeats, in order. */
  readonly sums: readonly number[]
  /** '' = none was given */
  capsule(): string
  /** Where it is in a channel; null = not subscribed. */
  position(channel: string): Position | null
  /** Null until the node said goodbye. */
  bye(): WireBye | null
  /** Null while it is open. */
  ended(): WireClose | null
  /** Sends a command under the next id; resolves to its reply. */
  ask(command: Fields): Promise<WireReply>
  /** Like `ask`, and throws unless the reply is `ok`. */
  ok(command: Fields): Promise<Fields>
  /** Like `ask`, and throws unless the reply is an error. */
  refused(command: Fields): Promise<WireError>
  /** Sends any message. */
  send(message: unknown): void
  /** Resolves to the publications of `channel` once there are `count`. */
  received(channel: string, count: number): Promise<readonly WirePublication[]>
  closed(): Promise<WireClose>
  close(): Promise<void>
}

export interface Inbox extends Omit<TransportClient, 'close' | 'send'> {
  /** A message is about to be sent: its reply will tell positions. */
  sending(message: unknown): void
  /** A message came. */
  take(message: Fields): void
  /** Replaces a position: the transport says more than the messages do. */
  place(channel: string, position: Position): void
  /** All positions, with what a client would send as such. */
  positions(): Record<string, Position>
  /** It is over; the first end counts. */
  end(close: WireClose): void
}

/** The node answered connect with an error. */
export class RefusedConnect extends Error {
  readonly error: WireError

  constructor(error: WireError) {
    super(`Connect was refused: ${error.name} ${error.message}`)
    this.error = error
  }
}

/** Awaits the reply to connect. @throws {RefusedConnect} after closing the client */
export async function letIn(client: TransportClient, connecting: Promise<WireReply> | null): Promise<void> {
  const error = (await connecting)?.error
  if (error === undefined) return
  await client.close()
  throw new RefusedConnect(error)
}

type Subscribed = Position & { readonly channel?: string; readonly gap?: Omit<WireGap, 'channel'> }

/** @param send hands a command to the transport; called by `ask` after `sending` */
export function createInbox(send: (message: Fields) => void): Inbox {
  const messages: Fields[] = []
  const replies: WireReply[] = []
  const publications: WirePublication[] = []
  const gaps: WireGap[] = []
  const presences: WirePresence[] = []
  const refusals: { channel: string; error: WireError }[] = []
  const sums: number[] = []
  const places = new Map<string, Position>()
  /** Channels of which publications came before the reply that tells the epoch: replies may take another way. */
  const unconfirmed = new Set<string>()
  const unanswered = new Map<unknown, Fields>()
  let capsule = ''
  let bye: WireBye | null = null
  let ended: WireClose | null = null
  let lastId = 0

  const inbox: Inbox = {
    messages,
    replies,
    publications,
    gaps,
    presences,
    refusals,
    sums,
    capsule: () => capsule,
    position: (channel) => places.get(channel) ?? null,
    bye: () => bye,
    ended: () => ended,
    async ask(command) {
      lastId++
      const id = lastId
      send({ id, ...command })
      return until(() => replies.find((reply) => reply.id === id) ?? failIfEnded(), {
        what: () => `the reply to ${JSON.stringify(command).slice(0, 80)}`,
      })
    },
    async ok(command) {
      const { ok, error } = await inbox.ask(command)
      if (ok === undefined) throw new Error(`Command was refused: ${error?.name} ${error?.message}`)
      return ok
    },
    async refused(command) {
      const { ok, error } = await inbox.ask(command)
      if (error === undefined) throw new Error(`Command was not refused: ${JSON.stringify(ok)}`)
      return error
    },
    received: (channel, count) =>
      until(
        () => {
          const found = publications.filter((one) => one.channel === channel)
          return found.length >= count && found
        },
        {
          withinMs: WITHIN_MS,
          what: () => `${count} publications on ${channel}, ${publications.length} came in all`,
        },
      ),
    closed: () => until(() => ended, { withinMs: WITHIN_MS, what: 'the end of the connection' }),
    sending(message) {
      const id = (message as Fields | null)?.id
      if (typeof id === 'number') unanswered.set(id, message as Fields)
    },
    take(message) {
      messages.push(message)
      if (typeof message.id === 'number') takeReply(message as unknown as WireReply)
      else if ('bye' in message) bye = message.bye as WireBye
      else if ('capsule' in message) capsule = String(message.capsule)
      else if ('sum' in message) sums.push(Number(message.sum))
      else takeOfChannel(message)
    },
    place,
    positions: () => Object.fromEntries([...places].filter(([channel]) => !unconfirmed.has(channel))),
    end(close) {
      ended ??= close
    },
  }

  function takeReply(reply: WireReply): void {
    replies.push(reply)
    const command = unanswered.get(reply.id)
    unanswered.delete(reply.id)
    if (command === undefined || reply.ok === undefined) return
    if (command.connect !== undefined) takeConnected(command.connect as Fields, reply.ok)
    else if (command.subscribe !== undefined) takeSubscribed(command.subscribe as Fields, reply.ok)
    else if (command.unsubscribe !== undefined) places.delete(String((command.unsubscribe as Fields).channel))
  }

  function takeConnected({ since }: Fields, ok: Fields): void {
    if (typeof ok.capsule === 'string') capsule = ok.capsule
    const own = ok.own as Subscribed | undefined
    if (own?.channel !== undefined) begin(own.channel, own, since as Position | undefined)
  }

  function takeSubscribed(asked: Fields, ok: Fields): void {
    if (asked.channels === undefined) {
      begin(String(asked.channel), ok as unknown as Subscribed, asked.since as Position | undefined)
      return
    }
    const sinces = new Map<string, Position | undefined>()
    for (const one of asked.channels as (string | { channel: string; since?: Position })[]) {
      if (typeof one === 'object') sinces.set(one.channel, one.since)
    }
    for (const row of ok.channels as Subscribed[]) {
      if (row.channel !== undefined && row.offset !== undefined)
        begin(row.channel, row, sinces.get(row.channel))
    }
  }

  function begin(channel: string, result: Subscribed, since: Position | undefined): void {
    const { epoch, gap } = result
    if (gap !== undefined) gaps.push({ channel, ...gap })
    const offset = since === undefined || gap?.reason === 'future' ? result.offset : (gap?.to ?? since.offset)
    const reached = unconfirmed.has(channel) ? (places.get(channel)?.offset ?? 0) : 0
    place(channel, { epoch, offset: Math.max(offset, reached) })
  }

  function place(channel: string, position: Position): void {
    unconfirmed.delete(channel)
    places.set(channel, position)
  }

  function takeOfChannel(message: Fields): void {
    const channel = String(message.channel)
    if ('error' in message) {
      places.delete(channel)
      refusals.push({ channel, error: message.error as WireError })
    } else if ('presence' in message) {
      presences.push({ channel, ...(message.presence as Omit<WirePresence, 'channel'>) })
    } else if ('gap' in message) {
      takeGap(channel, message.gap as Omit<WireGap, 'channel'>)
    } else {
      publications.push(message as unknown as WirePublication)
      advance(channel, Number(message.offset))
    }
  }

  function takeGap(channel: string, gap: Omit<WireGap, 'channel'>): void {
    gaps.push({ channel, ...gap })
    const epoch = gap.epoch ?? places.get(channel)?.epoch ?? ''
    places.set(channel, { epoch, offset: gap.reason === 'future' ? gap.from - 1 : gap.to })
  }

  function advance(channel: string, offset: number): void {
    const reached = places.get(channel)
    if (reached === undefined) unconfirmed.add(channel)
    if (offset > (reached?.offset ?? 0)) places.set(channel, { epoch: reached?.epoch ?? '', offset })
  }

  function failIfEnded(): null {
    if (ended === null) return null
    throw new Error(`Connection ended with ${ended.code} ${ended.reason}`)
  }
  return inbox
}
