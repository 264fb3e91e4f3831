/**
 * Publications that wait, first in, first out, each with whom it is for.
 *
 * Owns a queue without an object per entry: two arrays walked by an index, cut when half of them is behind it, so each
 * entry is moved once at most. Its bound is its user's.
 */
import type { Publication } from './broker.ts'

export class PublicationQueue<Owner> {
  #publications: Publication[] = []
  #owners: Owner[] = []
  #next = 0

  get length(): number {
    return this.#publications.length - this.#next
  }

  /** The first publication, null when there is none. */
  get publication(): Publication | null {
    return this.#publications[this.#next] ?? null
  }

  /** Whom the first publication is for, null when there is none. */
  get owner(): Owner | null {
    return this.#owners[this.#next] ?? null
  }

  push(publication: Publication, owner: Owner): void {
    this.#publications.push(publication)
    this.#owners.push(owner)
  }

  /** Removes the first publication. */
  shift(): void {
    this.#next++
    if (this.#next * 2 < this.#publications.length) return
    this.#publications = this.#publications.slice(this.#next)
    this.#owners = this.#owners.slice(this.#next)
    this.#next = 0
  }
}
