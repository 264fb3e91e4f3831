/**
 * Where the page has got to in one channel.
 *
 * Owns the position {epoch, offset} and the rule of recovery: it moves forward with what arrived or was said to be missing,
 * and only with that, so a subscription that begins from it again loses nothing and repeats nothing. Bound: one position,
 * and the page's own publications that are ahead of it.
 */
import type { Gap, StreamPosition, SubscribeResult } from '../protocol/messages.ts'

export class Place {
  /** Null until the node has named one. */
  position: StreamPosition | null = null
  /** Offsets that will not come, because the page published them itself. */
  readonly #own = new Set<number>()
  readonly #missed: (gap: Gap) => void

  /** @param missed called for publications that will not come, after the position moved past them */
  constructor(missed: (gap: Gap) => void) {
    this.#missed = missed
  }

  /** Takes the answer to a subscribe that named `position` where there was one. */
  begin({ epoch, offset, recovered, gap }: SubscribeResult): void {
    if (epoch !== this.position?.epoch) this.#own.clear()
    if (gap === undefined || gap.reason === 'expired') {
      this.position = { epoch, offset: recovered ? (this.position?.offset ?? offset) : offset }
    } else {
      this.position = { epoch, offset: gap.reason === 'future' ? offset : gap.to }
    }
    if (gap !== undefined) this.#missed(gap)
  }

  /** Takes a publication; false when it is not new here. */
  take(offset: number): boolean {
    const had = this.position
    if (had === null || offset <= had.offset) return false
    this.position = { epoch: had.epoch, offset }
    const isOwn = this.#own.delete(offset)
    // A node says so itself, in a message of its own. Should it ever not: no gap is silent.
    const isNext = offset === had.offset + 1
    if (!isNext) this.#missed({ from: had.offset + 1, to: offset - 1, reason: 'trimmed' })
    this.#passOwn()
    return !isOwn
  }

  /** Takes what the page published itself and is not sent; its answer comes before anything that follows it. */
  own({ epoch, offset }: StreamPosition): void {
    if (epoch !== this.position?.epoch || offset <= this.position.offset) return
    this.#own.add(offset)
    this.#passOwn()
  }

  #passOwn(): void {
    for (let had = this.position; had !== null && this.#own.delete(had.offset + 1); had = this.position)
      this.position = { epoch: had.epoch, offset: had.offset + 1 }
  }

  /** Takes a gap that came between publications; false when the position that follows can only be asked for. */
  skip(gap: Gap): boolean {
    const had = this.position
    if (had === null) return true
    if (gap.reason === 'expired') {
      this.#missed(gap) // of no offset: nothing to move past
      return true
    }
    const epoch = gap.epoch ?? (gap.reason === 'epoch' ? undefined : had.epoch)
    if (epoch === undefined) return false
    const isFuture = gap.reason === 'future'
    if (isFuture || epoch !== had.epoch || gap.to > had.offset) {
      this.position = { epoch, offset: isFuture ? gap.from - 1 : gap.to }
      this.#missed(gap)
    }
    return true
  }
}
