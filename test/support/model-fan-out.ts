/**
 * Transports without sockets whose clients check every message the moment they get it.
 *
 * Owns `Reader`, a client that knows its place in each of its channels and nothing else, and two fan-outs for such
 * clients: one as sockets do it (a client that stalls loses the rest of a turn, the losses are reported at its end),
 * one as polls do it (a client between two polls is left out and says later where it got to). A reader's place moves by
 * one publication or by a gap that begins right behind it; whatever else arrives is a fault. So the places are the
 * proof that received and missing together are everything, in order, once.
 *
 * Memory: one place per client and channel; no message is kept but what a poll is about to be answered with.
 */
import type { Publication } from '../../src/core/broker.ts'
import type { FanOut } from '../../src/core/fan-out.ts'
import type { Hub } from '../../src/core/hub.ts'
import type { Session } from '../../src/core/session.ts'
import { bare, FIRST_TENANT } from '../../src/core/tenants.ts'
import type { ControlMessage, Gap, StreamPosition, SubscribeResult } from '../../src/protocol/messages.ts'

/** Faults that are kept; the first ones tell the story. */
const MAX_FAULTS = 5

export type ReaderKind = 'socket' | 'poll'

/** Where a client is in a channel; it moves. */
export interface Place {
  epoch: string
  offset: number
}

/** What happened to the readers of a fan-out, all together. */
export interface Tally {
  /** Publications that connections took */
  taken: number
  /** Publications that clients got, and went on by */
  received: number
  /** Publications that clients were told they will not get */
  missed: number
  /** Missing publications in all gaps that were told, whether they arrived or not */
  told: number
  /** Anything given to anybody: when it stands still, so does the node */
  activity: number
  readonly faults: string[]
}

export function createTally(): Tally {
  return { taken: 0, received: 0, missed: 0, told: 0, activity: 0, faults: [] }
}

/** What a poll is answered with, and all that a client looks at. */
type Item = { readonly channel: string } & (
  | { readonly offset: number }
  | { readonly gap: Gap }
  | { readonly count: number }
)

export class Reader {
  readonly kind: ReaderKind
  readonly name: string
  readonly #tally: Tally
  session: Session | null = null
  /** Whose names it uses. */
  readonly tenant: number
  /** What it published itself and is not to be sent, by channel: as good as received. */
  readonly own = new Map<string, Set<number>>()
  /** Channels it is subscribed to, or was when its connection broke. */
  readonly places = new Map<string, Place>()
  /** Where it was when it unsubscribed. */
  readonly former = new Map<string, StreamPosition>()
  /** The last number of members it was told, by channel. */
  readonly counts = new Map<string, number>()
  /** Messages its connection still takes. */
  budget = Number.POSITIVE_INFINITY
  /** Its connection lost a message in this turn: nothing more of the turn gets through. */
  hasLost = false
  /** A poll waits; for sockets nothing. */
  isWaiting = false
  /** The answer to the poll will get lost on its way. */
  isAnswerLost = false
  /** A notice came between two polls: the next one is told to ask again. */
  hasMissedNotice = false
  answer: Item[] = []

  constructor(kind: ReaderKind, name: string, tally: Tally, tenant = FIRST_TENANT) {
    this.kind = kind
    this.name = name
    this.tenant = tenant
    this.#tally = tally
  }

  /** Takes data without waiting for anything the test has still to do. */
  get isReading(): boolean {
    return this.session !== null && (this.kind === 'socket' ? this.budget > 0 : this.isWaiting)
  }

  get isStalled(): boolean {
    return this.budget !== Number.POSITIVE_INFINITY
  }

  /** The answer to a subscribe: what it means for the place is in docs/client-protocol.md. */
  begin(
    channel: string,
    since: StreamPosition | null,
    { epoch, offset, recovered, gap }: SubscribeResult,
  ): void {
    if (gap !== undefined) this.#miss(gap)
    const from = recovered === true ? since?.offset : gap?.reason === 'future' ? offset : gap?.to
    this.places.set(channel, { epoch, offset: from ?? offset })
  }

  leave(channel: string): void {
    const place = this.places.get(channel)
    if (place !== undefined) this.former.set(channel, { ...place })
    this.places.delete(channel)
    this.own.delete(channel)
  }

  /** The connection is gone; places stay, to come back with. */
  disconnected(): void {
    this.session = null
    this.budget = Number.POSITIVE_INFINITY
    this.hasLost = false
    this.isWaiting = false
    this.hasMissedNotice = false
    this.answer = []
    this.counts.clear()
    this.own.clear() // another session may be sent it
  }

  publication(channel: string, offset: number): void {
    const place = this.places.get(channel)
    if (place === undefined) {
      this.#fault(`got ${channel}:${offset} without a subscription`)
      return
    }
    if (this.own.get(channel)?.has(offset) === true) {
      // A poll says where it is, and that may be in front of what it published meanwhile.
      if (this.kind === 'socket') this.#fault(`got ${channel}:${offset}, which it published itself`)
      if (offset <= place.offset) return
    }
    if (offset !== place.offset + 1) this.#fault(`got ${channel}:${offset} at ${place.offset}`)
    place.offset = offset
    this.#tally.received++
    this.#countOwn(channel, place)
  }

  /** The session published this, not to be sent it. */
  published(channel: string, offset: number): void {
    const place = this.places.get(channel)
    if (place === undefined || offset <= place.offset) return
    const own = this.own.get(channel) ?? new Set()
    this.own.set(channel, own.add(offset))
    this.#countOwn(channel, place)
  }

  /** What follows the place and is its own, it has. */
  #countOwn(channel: string, place: Place): void {
    const own = this.own.get(channel)
    if (own !== undefined) while (own.has(place.offset + 1)) place.offset++
  }

  gap(channel: string, gap: Gap): void {
    const place = this.places.get(channel)
    if (place === undefined) {
      this.#fault(`got a gap of ${channel} without a subscription`)
      return
    }
    const { from, to, reason } = gap
    const isNext = from === place.offset + 1 || this.own.get(channel)?.has(from) === true
    if (reason === 'trimmed' && (!isNext || to < from)) {
      this.#fault(`got a gap ${channel}:${from}-${to} at ${place.offset}`)
    }
    this.#miss(gap)
    place.offset = reason === 'future' ? from - 1 : Math.max(to, reason === 'trimmed' ? place.offset : 0)
    this.#countOwn(channel, place)
  }

  item(item: Item): void {
    if ('offset' in item) this.publication(item.channel, item.offset)
    else if ('gap' in item) this.gap(item.channel, item.gap)
    else this.counts.set(item.channel, item.count)
  }

  #miss({ from, to, reason }: Gap): void {
    if (reason !== 'future') this.#tally.missed += to - from + 1
  }

  #fault(what: string): void {
    if (this.#tally.faults.length < MAX_FAULTS) this.#tally.faults.push(`${this.name} ${what}`)
  }
}

/** What a model fan-out tells its hub. */
export type ModelHub = Pick<Hub, 'close' | 'lose' | 'ready' | 'ledger'>

export interface ModelFanOut extends FanOut {
  /** Opens a connection for a reader that has none. */
  connect(reader: Reader, session: Session): void
  /** The connection breaks. */
  lose(reader: Reader): void
  /** Answers a waiting poll with what there is. */
  respond(reader: Reader): void
}

/** @param roomBytes what a connection that reads has room for */
export function modelFanOut(kind: ReaderKind, hub: ModelHub, tally: Tally, roomBytes = 4096): ModelFanOut {
  const topics = new Map<string, Set<Reader>>()
  const topicsOf = new Map<Reader, Set<string>>()
  /** What readers lost in this turn, in order, and was not reported yet. */
  const losses = new Map<Reader, Buffer[]>()
  /** Readers that get nothing more in this turn. */
  const silenced = new Set<Reader>()
  /** Polls that have something to be answered with. */
  const due = new Set<Reader>()

  function offer(reader: Reader, bytes: Buffer, item: Item): boolean {
    if (reader.kind === 'poll') {
      if (!reader.isWaiting) {
        if ('count' in item) reader.hasMissedNotice = true
        return false
      }
      reader.answer.push(item)
      due.add(reader)
    } else {
      if (reader.hasLost || reader.budget === 0) {
        reader.hasLost = true
        silenced.add(reader)
        const lost = losses.get(reader) ?? []
        losses.set(reader, lost)
        lost.push(bytes)
        return true // a topic counts all that are on it
      }
      reader.budget--
      reader.item(item)
    }
    if ('offset' in item) tally.taken++
    return true
  }

  function respond(reader: Reader): void {
    const { answer } = reader
    due.delete(reader)
    reader.answer = []
    reader.isWaiting = false
    if (reader.isAnswerLost) {
      reader.counts.clear() // nobody can tell whether somebody came or went in there: the client has to ask
      return
    }
    for (const item of answer) reader.item(item)
  }

  /** A socket is given what was published to it before anything else, and then says what it lost. */
  function report(reader: Reader): void {
    const { session } = reader
    const lost = losses.get(reader) ?? []
    losses.delete(reader)
    if (session !== null) for (const message of lost) hub.lose(session, message)
  }

  function lose(reader: Reader): void {
    for (const topic of topicsOf.get(reader) ?? []) topics.get(topic)?.delete(reader)
    topicsOf.delete(reader)
    due.delete(reader)
    losses.delete(reader)
    const { session } = reader
    reader.disconnected()
    if (session !== null) hub.close(session, 0)
  }

  return {
    transport: kind === 'socket' ? 'websocket' : 'long-poll',
    repliesInStream: kind === 'socket',
    isPolled: kind === 'poll',
    encode: (publication: Publication) => publication.message,
    recode: (message) => message,
    connect(reader, session) {
      session.connection = reader
      reader.session = session
    },
    subscribe(session, topic) {
      const reader = readerOf(session)
      const readers = topics.get(topic) ?? new Set()
      topics.set(topic, readers.add(reader))
      const own = topicsOf.get(reader) ?? new Set()
      topicsOf.set(reader, own.add(topic))
    },
    unsubscribe(session, topic) {
      const reader = readerOf(session)
      topics.get(topic)?.delete(reader)
      topicsOf.get(reader)?.delete(topic)
    },
    subscribers: (topic) => topics.get(topic)?.size ?? 0,
    publish(topic, bytes, offset) {
      const item =
        offset === 0 ? itemOf(bytes) : { channel: bare(topic.slice(topic.indexOf('\0') + 1)), offset }
      tally.activity++
      let given = 0
      let away = 0
      for (const reader of topics.get(topic) ?? []) {
        if (offer(reader, bytes, item)) given++
        else away++
      }
      if (offset > 0 && away > 0) hub.ledger.deferred(away)
      return given
    },
    send(session, messages) {
      const reader = readerOf(session)
      report(reader)
      tally.activity++
      let took = 0
      for (const bytes of messages) {
        const isFull = reader.kind === 'poll' ? !reader.isWaiting : reader.hasLost || reader.budget === 0
        if (isFull) break
        offer(reader, bytes, itemOf(bytes))
        took++
      }
      return took
    },
    room(session) {
      return readerOf(session).isReading ? roomBytes : 0
    },
    tell(session, message) {
      const reader = readerOf(session)
      report(reader)
      tally.activity++
      if ('gap' in message && message.gap.reason !== 'future') {
        tally.told += message.gap.to - message.gap.from + 1
      }
      const item = itemOfControl(message)
      if (item === null) return
      if (reader.kind === 'poll') {
        reader.answer.push(item)
        if (reader.isWaiting) due.add(reader)
      } else {
        reader.item(item)
      }
    },
    flush() {
      for (const reader of due) respond(reader)
      for (const reader of losses.keys()) report(reader)
      for (const reader of silenced) reader.hasLost = false
      silenced.clear()
    },
    end(session) {
      lose(readerOf(session))
    },
    lose,
    respond,
  }
}

function readerOf(session: Session): Reader {
  if (session.connection instanceof Reader) return session.connection
  throw new Error('The session has no connection')
}

/** A message as clients see it. */
function itemOf(bytes: Buffer): Item {
  const message = JSON.parse(bytes.toString('latin1')) as PublicationOrNotice
  if ('offset' in message) return message
  return { channel: message.channel, count: message.presence.count }
}

type PublicationOrNotice =
  | { readonly channel: string; readonly offset: number }
  | { readonly channel: string; readonly presence: { readonly count: number } }

function itemOfControl(message: ControlMessage): Item | null {
  if ('gap' in message) return message
  if ('presence' in message) return { channel: message.channel, count: message.presence.count }
  return null
}
