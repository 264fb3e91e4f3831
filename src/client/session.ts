/**
 * The session as its client knows it: what outlives every connection and makes the next one go on with it.
 *
 * Owns token, capsule and the place in the user's own channel, to which nobody subscribes: its position is named with
 * connect and comes back in the answer. Bound: one of each.
 */
import type { ConnectResult, Gap, PublicationMessage, StreamPosition } from '../protocol/messages.ts'
import type { ChannelGap } from './api.ts'
import { Place } from './place.ts'

export interface SessionListener {
  /** A new publication for the user. */
  message(publication: PublicationMessage): void
  /** Publications for the user that will not come. */
  gap(gap: ChannelGap): void
}

export class Session {
  token: string | undefined
  capsule: string | undefined
  readonly #listener: SessionListener
  #own: { readonly channel: string; readonly place: Place } | null = null

  constructor(listener: SessionListener) {
    this.#listener = listener
  }

  /** Arguments of connect, encoded: says who this is, and where it was left. */
  introduction(): string {
    const since = this.#own?.place.position ?? undefined
    return JSON.stringify({ token: this.token, resume: this.capsule ?? true, since })
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
      const { channel, epoch, offset } = own
      this.#own = { channel, place: new Place((gap) => this.#listener.gap({ channel, ...gap })) }
      this.#own.place.begin({ epoch, offset })
    }
  }

  /** Whether `channel` is the user's own. */
  owns(channel: string): boolean {
    return channel === this.#own?.channel
  }

  publication(publication: PublicationMessage): void {
    if (this.#own?.place.take(publication.offset)) this.#listener.message(publication)
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
}
