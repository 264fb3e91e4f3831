/**
 * Answers of a MySQL server, counted as they stream by.
 *
 * Owns telling apart OK, ERR and results by the headers and first bytes of packets, however reads cut them; of payloads
 * nothing is kept but the first refusal. Answers to commands that run statements are understood, no others, and packets
 * below 16 MB. Bound: 5 bytes of head and one refusal.
 *
 *     OK  |  ERR  |  count of columns, definitions, EOF, rows, EOF or ERR
 */
import { FieldReader } from '../../src/cometql/wire/fields.ts'

const headerBytes = 4
/** A packet is known by its header and the first byte of its payload. */
const headBytes = headerBytes + 1
const first = { ok: 0x00, eof: 0xfe, err: 0xff } as const
/** A longer packet that begins like EOF is a row. */
const eofMaxBytes = 9
const refusalKeptBytes = 1_024
const stateBytes = 6

type State = 'next' | 'definitions' | 'rows'

export class AnswerCounter {
  /** Whole answers; `refused` of them were errors, the others are done or gave a result. */
  answered = 0
  refused = 0
  /** Code and words of the first error. */
  firstRefusal = ''
  /** Rows of all results, as they come. */
  rows = 0
  /** Rows of the last result that is whole, or broke off. */
  lastResultRows = 0
  #state: State = 'next'
  readonly #head = Buffer.alloc(headBytes)
  #headUsed = 0
  /** Of the packet: its length, its first byte, and what is still to come. */
  #bytes = 0
  #first = 0
  #left = 0
  #resultStart = 0
  #refusal: Buffer[] = []

  /** Takes the next bytes of the stream; nothing of it is kept by reference. */
  feed(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) at = this.#skip(chunk, at)
      else if (this.#headUsed === 0 && chunk.length - at >= headBytes) at = this.#begin(chunk, at) + headBytes
      else if (this.#takeHead(chunk[at++] ?? 0)) this.#begin(this.#head, 0)
      else continue
      if (this.#left === 0) this.#finish()
    }
  }

  /** Takes one byte of a head; true when it is all there. */
  #takeHead(byte: number): boolean {
    this.#head[this.#headUsed++] = byte
    if (this.#headUsed < headBytes) return false
    this.#headUsed = 0
    return true
  }

  /** Reads a head; returns where it was. */
  #begin(bytes: Buffer, at: number): number {
    this.#bytes = bytes.readUIntLE(at, 3)
    this.#first = bytes[at + headerBytes] ?? 0
    this.#left = this.#bytes - 1
    return at
  }

  #skip(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    if (this.#first === first.err && this.firstRefusal === '' && this.#bytes <= refusalKeptBytes)
      this.#refusal.push(Buffer.from(chunk.subarray(at, end)))
    this.#left -= end - at
    return end
  }

  #finish(): void {
    if (this.#first === first.err) this.#refuse()
    else if (this.#state === 'next') this.#beginAnswer()
    else if (this.#first === first.eof && this.#bytes < eofMaxBytes) this.#takeEnd()
    else if (this.#state === 'rows') this.rows++
  }

  #beginAnswer(): void {
    if (this.#first === first.ok) this.answered++
    else this.#state = 'definitions'
  }

  #takeEnd(): void {
    if (this.#state === 'rows') this.#endResult()
    else this.#state = 'rows'
    this.#resultStart = this.rows
  }

  #endResult(): void {
    this.lastResultRows = this.rows - this.#resultStart
    this.#state = 'next'
    this.answered++
  }

  #refuse(): void {
    if (this.firstRefusal === '') this.firstRefusal = refusalText(Buffer.concat(this.#refusal))
    this.#refusal = []
    this.refused++
    this.#endResult()
    this.#resultStart = this.rows
  }
}

/** Code and words of an ERR packet. @param payload without its first byte */
export function refusalText(payload: Buffer): string {
  const reader = new FieldReader(payload)
  const code = reader.int16()
  const text = reader.restBytes().toString()
  return `${code} ${text.startsWith('#') ? text.slice(stateBytes) : text}`
}
