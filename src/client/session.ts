/**
 * The session as its client knows it: what outlives every connection and makes the next one go on with it.
 *
 * Owns token, login, capsule and the place in the user's own channel, to which nobody subscribes: its position is named
 * with connect and comes back in the answer. Messages that waited for their user come again until they are acknowledged;
 * they are known by their ids. Bound: one of each, and the last ids.
 */
import type { ConnectResult, Gap, PublicationMessage, StreamPosition } from '../protocol/messages.ts'
import type { ChannelGap, ClientLogin } from './api.ts'
import { Place } from './place.ts'

/** As many messages may wait for a user, unless the node is set otherwise. */
const MAX_IDS = 1_000

export interface SessionListener {
  /** A new publication for the user. */
  message(publication: PublicationMessage): void
  /** Publications for the user that will not come. */
  gap(gap: ChannelGap): void
  /** Tells the node that messages which waited for the user arrived. */
  acknowledge(position: StreamPosition): void
}

export class Session {
  token: string | undefined
  login: ClientLogin | undefined
  capsule: string | undefined
  readonly #listener: SessionListener
  #own: { readonly channel: string; readonly place: Place } | null = null
  /** Of messages that came, the oldest first. */
  readonly #ids = new Set<string>()
  #isAckDue = false

  constructor(listener: SessionListener) {
    this.#listener = listener
  }

  /** Arguments of connect, encoded: says who this is, and where it was left. */
  introduction(): string {
    const since = this.#own?.place.position ?? undefined
    const token = this.login === undefined ? this.token : undefined // a login is in its place
    return JSON.stringify({ token, login: this.login, resume: this.capsule ?? true, since })
  }

  /** The session is over: the next one is that of `login`, and goes on where its user was left. */
  leave(login: ClientLogin): void {
    this.capsule = undefined
    if (login.user !== this.login?.user || login.tenant !== this.login?.tenant) this.#own = null
    this.login = login
  }

  /** Takes the answer to connect. */
  begin({ capsule, own }: ConnectResult): void {
    this.capsule = capsule
    if (own === undefined) {
      this.#own = null
    } else if (own.channel === this.#own?.channel) {
      this.#own.place.begin(own)
    } else {
      // Of another user, whose messages have nothing to do with the position that was named.
      const { channel, epoch, offset, gap } = own
      const place = new Place((missed) => this.#listener.gap({ channel, ...missed }))
      this.#own = { channel, place }
      place.begin(gap?.reason === 'expired' ? { epoch, offset, gap } : { epoch, offset })
    }
  }

  /** Whether `channel` is the user's own. */
  owns(channel: string): boolean {
    return channel === this.#own?.channel
  }

  publication(publication: PublicationMessage): void {
    if (!this.#own?.place.take(publication.offset)) return
    const { id } = publication
    if (id === undefined || !this.#ids.has(id)) this.#listener.message(publication)
    if (id !== undefined) this.#arrived(id)
  }

  /** As Place.skip. */
  gap(gap: Gap): boolean {
    return this.#own?.place.skip(gap) ?? true
  }

  /** Adds where the page has got to in the user's own channel. */
  addPosition(positions: Map<string, StreamPosition>): void {
    const position = this.#own?.place.position
    if (this.#own !== null && position) positions.set(this.#own.channel, position)
  }

  /** Once for all of a turn. Should it get lost, the position named with the next connect says the same. */
  #arrived(id: string): void {
    this.#ids.add(id)
    for (const oldest of this.#ids) {
      if (this.#ids.size <= MAX_IDS) break
      this.#ids.delete(oldest)
    }
    if (this.#isAckDue) return
    this.#isAckDue = true
    queueMicrotask(() => {
      this.#isAckDue = false
      const position = this.#own?.place.position
      if (position) this.#listener.acknowledge(position)
    })
  }
}
