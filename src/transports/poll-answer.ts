/**
 * What a poll will be answered with, as it grows.
 *
 * Owns the sharing: an answer is a chain of messages, and adding the same message to the same answer gives the same
 * answer. So ten thousand polls that wait for one channel hold one answer, and its bytes are put together once.
 * Bound: one object per different answer of a turn.
 */
const OPEN = Buffer.from('[')
const COMMA = Buffer.from(',')
const CLOSE = Buffer.from(']')

export class PollAnswer {
  readonly #before: PollAnswer | null
  readonly #message: Buffer | null
  /** Bytes of the messages. */
  readonly bytes: number
  /** The answer that this one became last. */
  #next: PollAnswer | null
  #body: Buffer | null

  private constructor(before: PollAnswer | null, message: Buffer | null) {
    this.#before = before
    this.#message = message
    this.bytes = (before?.bytes ?? 0) + (message?.length ?? 0)
    this.#next = null
    this.#body = null
  }

  /** An answer without messages; polls that are to share their answers begin with the same. */
  static empty(): PollAnswer {
    return new PollAnswer(null, null)
  }

  get isEmpty(): boolean {
    return this.#message === null
  }

  /** The answer with one more message, JSON, kept by reference. */
  with(message: Buffer): PollAnswer {
    const next = this.#next
    if (next !== null && next.#message === message) return next
    this.#next = new PollAnswer(this, message)
    return this.#next
  }

  /** A JSON array of the messages in the order they came. */
  body(): Buffer {
    this.#body ??= Buffer.concat(this.#parts())
    return this.#body
  }

  #parts(): Buffer[] {
    const parts: Buffer[] = [CLOSE]
    let at: PollAnswer = this
    while (at.#message !== null && at.#before !== null) {
      if (parts.length > 1) parts.push(COMMA)
      parts.push(at.#message)
      at = at.#before
    }
    parts.push(OPEN)
    return parts.reverse()
  }
}
