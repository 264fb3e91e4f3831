/**
 * From values as they were written to what they mean.
 *
 * Owns MySQL's escapes, the rule for messages, and what a prepared statement was given. A message that is JSON as it
 * stands, but for doubled quotes, is taken so: applications put JSON in unescaped, and its backslashes are JSON's. Anything
 * else is unescaped, so both ways to escape an apostrophe work. Which of the two it is shows before anything is parsed,
 * as parsing what is no JSON is dear. O(length). Pure.
 */
import { Payload } from '../../protocol/payload.ts'
import { DATABASE } from '../databases.ts'
import { QueryError } from '../query-failure.ts'
import { textOf } from './letters.ts'
import type { Value } from './statement.ts'

/** What a parameter of a prepared statement was given: bytes of a text, or null. No escapes are in it. */
export type Parameter = Buffer | null

/** Values of one INSERT or UPDATE by column; a column that was given NULL is not in it. */
export type GivenRow = ReadonlyMap<string, GivenValue>

/** A value for a column, which knows what it is for best. */
export interface GivenValue {
  /** As text, unescaped */
  text(): string
  /** As data of a publication: JSON where it is JSON, else the text */
  payload(): Payload
}

const BACKSLASH = 0x5c
const QUOTATION_MARK = 0x22

/** Letters behind a backslash that mean another character (MySQL 8.0 manual, 9.1.1). */
const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\x1a',
  // They stand for themselves but in a pattern, where the backslash stays.
  '%': '\\%',
  _: '\\_',
}

/** What JSON may have behind a backslash (RFC 8259, section 7). */
const JSON_ESCAPES = '"\\/bfnrtu'

/** What may follow a string of JSON, its end apart. */
const BEHIND_STRING = ',:]} \t\n\r'

/** Reads values, those of parameters included. */
export class Values {
  readonly #parameters: readonly Parameter[]
  readonly #database: string

  /** @param parameters one for each question mark @param database what DATABASE() is */
  constructor(parameters: readonly Parameter[] = [], database: string = DATABASE) {
    this.#parameters = parameters
    this.#database = database
  }

  /** Of a statement that is looked over before it is given any; each is a number, as it may be one that LIMIT wants. */
  static unknown(parameters: number): Values {
    return new Values(Array(parameters).fill(Buffer.from('0')))
  }

  /** The same, with another database for DATABASE(). */
  of(database: string): Values {
    return new Values(this.#parameters, database)
  }

  /** Null = NULL. */
  text(value: Value): string | null {
    if (value.kind === 'null') return null
    if (value.kind === 'parameter') return this.#parameter(value.index)?.toString() ?? null
    if (value.kind === 'database') return this.#database
    return textOf(unescaped(value))
  }

  /** A value to be stored or sent; null = NULL. */
  given(value: Value): GivenValue | null {
    const isNull =
      value.kind === 'null' || (value.kind === 'parameter' && this.#parameter(value.index) === null)
    return isNull ? null : { text: () => this.text(value) ?? '', payload: () => this.#payload(value) }
  }

  /** A number of rows; more than can be counted are as many as can. @throws {QueryError} syntax: it is none */
  count(value: Value, what: string): number {
    const text = this.text(value) ?? 'NULL'
    if (!/^\d+$/.test(text)) {
      throw new QueryError(
        'syntax',
        `Syntax error in query: ${what} must be a whole number: it is ${text.slice(0, 40)}`,
      )
    }
    return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
  }

  #parameter(index: number): Parameter {
    const parameter = this.#parameters[index]
    if (parameter === undefined) throw new QueryError('invalid', `Parameter ${index + 1} has no value`)
    return parameter
  }

  #payload(value: Exclude<Value, { kind: 'null' }>): Payload {
    if (value.kind === 'parameter') return Payload.fromBytes(this.#parameter(value.index) ?? Buffer.alloc(0))
    if (value.kind === 'database') return Payload.fromBytes(Buffer.from(this.#database))
    // Hexadecimal digits are such a word, and may be of any bytes; what stands in quotes is UTF-8 as its statement is.
    if (value.kind !== 'text') return Payload.fromBytes(Buffer.from(value.raw, 'latin1'))
    const written = undoubled(value)
    if (!written.includes('\\')) return Payload.fromLetters(written)
    const asWritten = hasEscapesOfJson(written) ? Payload.checkLetters(written) : null
    return asWritten ?? Payload.fromLetters(unescaped(value))
  }
}

type Written = Exclude<Value, { kind: 'null' | 'parameter' | 'database' }>

function unescaped(value: Written): string {
  if (value.kind !== 'text') return value.raw
  const { raw, quote } = value
  return raw.includes('\\') || raw.includes(quote) ? withoutEscapes(raw, quote) : raw
}

/**
 * Whether its backslashes can be JSON's: they are where JSON has them, and each string is followed by what may follow one.
 * MySQL's show themselves: `{\"a\":1}` has one outside of strings, `"a \\"b\\""` words behind the end of one.
 */
function hasEscapesOfJson(written: string): boolean {
  let isText = false
  for (let at = 0; at < written.length; at++) {
    const letter = written.charCodeAt(at)
    if (letter === QUOTATION_MARK) {
      if (isText && !BEHIND_STRING.includes(written.charAt(at + 1))) return false
      isText = !isText
    } else if (letter === BACKSLASH) {
      at++
      if (!isText || at === written.length || !JSON_ESCAPES.includes(written.charAt(at))) return false
    }
  }
  return !isText
}

/** Its own quote can not stand alone between quotes, so two of them are one, whatever else is meant as it stands. */
function undoubled({ raw, quote }: Extract<Value, { kind: 'text' }>): string {
  return raw.includes(quote) ? undone(raw, quote, false) : raw
}

/** Works on letters that are bytes: no byte of a character in UTF-8 is a backslash or a quote. */
export function withoutEscapes(raw: string, quote: string): string {
  return undone(raw, quote, true)
}

/** Doubled quotes are one; escapes become what they mean, if those are meant. What is between is taken in whole slices. */
function undone(raw: string, quote: string, areEscapesMeant: boolean): string {
  const mark = quote.charCodeAt(0)
  let text = ''
  let from = 0
  for (let at = 0; at < raw.length - 1; at++) {
    const letter = raw.charCodeAt(at)
    if (letter === BACKSLASH) {
      at++
      if (!areEscapesMeant) continue
      const meant = ESCAPES[raw.charAt(at)]
      text += raw.slice(from, at - 1) + (meant ?? '')
      from = meant === undefined ? at : at + 1
    } else if (letter === mark && raw.charCodeAt(at + 1) === mark) {
      text += raw.slice(from, at)
      from = ++at
    }
  }
  return text + raw.slice(from)
}
