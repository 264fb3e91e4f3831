/**
 * The data of one publication, in whichever form it came, turned into other forms at most once.
 *
 * Owns the rule that nothing is parsed twice: JSON bytes pass through to JSON subscribers untouched, a value is
 * stringified once, bytes are parsed only for a MessagePack subscriber. Bound: holds one buffer and one value.
 */
import { isUtf8 } from 'node:buffer'
import { isJson } from './json-text.ts'

/** JSON may be nested this deep: no encoder or decoder it meets on its way runs out of stack before that. */
export const MAX_JSON_DEPTH = 500

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** `[` and `{` differ in this one bit, and so do `]` and `}`. */
const BRACE_BIT = 0x20
const OPENER = 0x7b
const CLOSER = 0x7d

const NOT_SET: unique symbol = Symbol('not set')

export class Payload {
  /** It came as a text that is no JSON; its JSON form is that text as a JSON string. */
  readonly isText: boolean
  readonly #json: Buffer
  #value: unknown

  private constructor(json: Buffer, value: unknown, isText: boolean) {
    this.isText = isText
    this.#json = json
    this.#value = value
  }

  /**
   * Takes bytes said to be JSON after checking them (RFC 8259: UTF-8, one JSON text).
   *
   * @param bytes kept by reference: do not reuse the buffer
   * @returns null when they are not JSON
   */
  static checkJson(bytes: Buffer): Payload | null {
    return isUtf8(bytes) && isJson(bytes.toString('latin1')) ? Payload.trustJson(bytes) : null
  }

  /** As `checkJson`. @param letters one (U+0000 to U+00FF) for each byte of what is known to be UTF-8 */
  static checkLetters(letters: string): Payload | null {
    return isJson(letters) ? Payload.trustJson(Buffer.from(letters, 'latin1')) : null
  }

  /** Takes bytes that a trusted publisher says are JSON, unchecked and by reference. */
  static trustJson(bytes: Buffer): Payload {
    return new Payload(bytes, NOT_SET, false)
  }

  /** Takes a value; null when it has no JSON form (a function, a cycle, a BigInt, nested too deep). */
  static fromValue(value: unknown): Payload | null {
    try {
      const text = JSON.stringify(value)
      if (text === undefined) return null
      return new Payload(Buffer.from(text), value, false)
    } catch {
      return null // JSON.stringify says why it can't, in words for programmers
    }
  }

  /** Takes bytes of a text: JSON where it is JSON, else that text. @param bytes UTF-8, kept by reference when they are JSON */
  static fromBytes(bytes: Buffer): Payload {
    return Payload.checkJson(bytes) ?? Payload.fromText(bytes.toString())
  }

  /** As `fromBytes`. @param letters one (U+0000 to U+00FF) for each byte of what is known to be UTF-8 */
  static fromLetters(letters: string): Payload {
    // What JSON escapes is ASCII, so that letters of other bytes come through as they are.
    const asText = () => new Payload(Buffer.from(JSON.stringify(letters), 'latin1'), NOT_SET, true)
    return Payload.checkLetters(letters) ?? asText()
  }

  /** Takes a text that is to arrive as that text. */
  static fromText(text: string): Payload {
    return new Payload(Buffer.from(JSON.stringify(text)), text, true)
  }

  /**
   * The same data, its JSON in other bytes that say the same: those it came in (a socket's read chunk, say) can go then.
   *
   * @param json kept by reference
   */
  movedTo(json: Buffer): Payload {
    return new Payload(json, this.#value, this.isText)
  }

  /** UTF-8 JSON; do not write into it. */
  json(): Buffer {
    return this.#json
  }

  /** The value, parsed when first asked for. Trusted bytes that are no JSON give null. */
  value(): unknown {
    if (this.#value === NOT_SET) {
      try {
        this.#value = JSON.parse(this.json().toString())
      } catch {
        this.#value = null // trusted bytes that are not JSON
      }
    }
    return this.#value
  }

  /** Size of the JSON form; what size limits count. */
  get bytes(): number {
    return this.json().length
  }

  /** Whether it is nested more than `MAX_JSON_DEPTH` deep. Looks at the bytes only when there are enough for that. */
  isTooDeep(): boolean {
    const json = this.json()
    return json.length >= 2 * MAX_JSON_DEPTH && isNestedDeeper(json, MAX_JSON_DEPTH)
  }
}

/** O(bytes), one pass; what is in a string does not count. */
function isNestedDeeper(json: Buffer, most: number): boolean {
  let depth = 0
  let isText = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] ?? 0
    if (byte === QUOTE) isText = !isText
    else if (isText && byte === BACKSLASH) at++
    else if (isText) continue
    else if ((byte | BRACE_BIT) === OPENER) {
      if (++depth > most) return true
    } else if ((byte | BRACE_BIT) === CLOSER) depth--
  }
  return false
}
