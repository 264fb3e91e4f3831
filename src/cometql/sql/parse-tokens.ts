/**
 * What every part of the parser does with tokens: ask for one, take it, say that another was expected.
 *
 * Owns the place in the text, how deep things are nested, how many question marks were met, and the table and database that
 * columns are said to be of. One token is looked at before it is taken, never more. Bounds: `MAX_NESTING` levels,
 * `MAX_TOKENS` of them. It must not know statements.
 */
import { isSameDatabase, otherDatabase } from '../databases.ts'
import { QueryError } from '../query-failure.ts'
import { nameOf } from './letters.ts'
import { Scanner, type TokenKind } from './scan.ts'
import { withoutEscapes } from './values.ts'

/** Levels of parentheses and NOT: far more than anyone writes, far less than the stack holds. */
export const MAX_NESTING = 100

/** Words, values and signs of a query, for which the loop is kept from everyone: some tens of milliseconds. */
export const MAX_TOKENS = 262_144

/** No keyword is longer, nor is the name of a function. */
const MAX_KEYWORD_LETTERS = 32

/** Of what is shown of a query in an error */
const MAX_SHOWN_LETTERS = 40

/** Bytes of a letter in UTF-8, at most */
const MAX_LETTER_BYTES = 4

/** A letter in lower case and the same in upper case differ by this. */
const LETTERS = 32

/** Breaks the line, moves the cursor, or can't be seen */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Words by the letter they begin with, so that most others are told apart by one look. */
export type WordSet = readonly (readonly string[])[]

export class Tokens {
  readonly #scanner: Scanner
  #parameters: number
  #count: number
  #depth: number
  #database: string
  /** Said to have the columns of the statement; null = none was */
  #qualifiers: Set<string> | null
  #table: string
  #alias: string | null

  /** @param text one letter for each byte of UTF-8 */
  constructor(text: string) {
    this.#scanner = new Scanner(text)
    this.#parameters = 0
    this.#count = 0
    this.#depth = 0
    this.#database = ''
    this.#qualifiers = null
    this.#table = ''
    this.#alias = null
    this.#scanner.next()
  }

  /** Gone past so far */
  get count(): number {
    return this.#count
  }

  /** Question marks so far */
  get parameters(): number {
    return this.#parameters
  }

  get kind(): TokenKind {
    return this.#scanner.kind
  }

  /** Where the token begins; for `written` */
  get start(): number {
    return this.#scanner.start
  }

  /** A number with a minus before it */
  get isNegative(): boolean {
    return this.#scanner.isNegative
  }

  /** A variable with two at-marks */
  get isSystemVariable(): boolean {
    return this.#scanner.from - this.#scanner.start === 2
  }

  /** Nothing is between this token and the one before */
  get isAdjacent(): boolean {
    return this.#scanner.start === this.#scanner.endBefore
  }

  /** Goes on. @throws {QueryError} tooLong: there are more than `MAX_TOKENS` */
  next(): void {
    this.#scanner.next()
    if (++this.#count > MAX_TOKENS) throw tooMany()
  }

  is(kind: TokenKind): boolean {
    return this.#scanner.kind === kind
  }

  /** What is in the token, as it was written, without quotes and signs. */
  inside(): string {
    const { text, from, to } = this.#scanner
    return text.slice(from, to)
  }

  /** The quote of a `text`. */
  quote(): "'" | '"' {
    return this.#scanner.text.charAt(this.#scanner.start) === '"' ? '"' : "'"
  }

  /** What was written from `start` to the end of the token before. */
  written(start: number): string {
    return nameOf(this.#scanner.text.slice(start, this.#scanner.endBefore))
  }

  /** The number that the question mark has. */
  parameter(): number {
    this.next()
    return this.#parameters++
  }

  /** The word in upper case; '' when it is none, or too long to mean anything. */
  keyword(): string {
    const { kind, text, start, end } = this.#scanner
    return kind === 'word' && end - start <= MAX_KEYWORD_LETTERS ? text.slice(start, end).toUpperCase() : ''
  }

  /** @param keyword in upper case */
  isWord(keyword: string): boolean {
    const { kind, text, start, end } = this.#scanner
    return kind === 'word' && end - start === keyword.length && hasKeyword(text, start, keyword)
  }

  isSymbol(symbol: string): boolean {
    return this.#scanner.symbol === symbol
  }

  isStatementEnd(): boolean {
    return this.#scanner.kind === 'end' || this.#scanner.symbol === ';'
  }

  /** Goes past the word if it is this one. @param keyword in upper case */
  takeWord(keyword: string): boolean {
    if (!this.isWord(keyword)) return false
    this.next()
    return true
  }

  isOneOf(words: WordSet): boolean {
    const { kind, text, start, end } = this.#scanner
    if (kind !== 'word') return false
    for (const word of words[text.charCodeAt(start) % LETTERS] ?? []) {
      if (word.length === end - start && hasKeyword(text, start, word)) return true
    }
    return false
  }

  /** Goes past as many of these words as there are. */
  skipWords(words: WordSet): void {
    while (this.isOneOf(words)) this.next()
  }

  takeSymbol(symbol: string): boolean {
    if (this.#scanner.symbol !== symbol) return false
    this.next()
    return true
  }

  /** @throws {QueryError} syntax */
  expectWord(keyword: string): void {
    if (!this.takeWord(keyword)) throw this.unexpected(keyword)
  }

  /** @throws {QueryError} syntax */
  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected(symbol)
  }

  /** Goes to the end of the statement. */
  skipStatement(): void {
    while (!this.isStatementEnd()) this.next()
  }

  /** A list with commas between; one item or more. */
  list<Item>(item: (tokens: Tokens) => Item): Item[] {
    const items = [item(this)]
    while (this.takeSymbol(',')) items.push(item(this))
    return items
  }

  /** Reads what may contain itself. @throws {QueryError} syntax: it does so too often */
  nested<Part>(part: (tokens: Tokens) => Part): Part {
    if (this.#depth === MAX_NESTING) {
      throw new QueryError('syntax', `Syntax error in query: nested more than ${MAX_NESTING} deep`)
    }
    this.#depth++
    const read = part(this)
    this.#depth--
    return read
  }

  /** Columns of the statement are said to be of this database. @throws {QueryError} columns: others are of another */
  noteDatabase(name: string): void {
    if (this.#database !== '' && !isSameDatabase(this.#database, name)) throw otherDatabase(name)
    this.#database = name
  }

  /** Columns of the statement are said to be of this table. */
  noteTable(name: string): void {
    this.#qualifiers ??= new Set()
    this.#qualifiers.add(name)
  }

  /** What the table of the statement is called. @param alias null = it has no other name */
  nameTable(name: string, alias: string | null): void {
    this.#table = name
    this.#alias = alias
  }

  /**
   * Ends what was noted, which has to be the table and its database.
   *
   * @param databaseOfTable '' = the one that is chosen, which is not known here
   * @returns the database it has to be then; '' = any
   * @throws {QueryError} columns: it is another
   */
  checkQualifiers(databaseOfTable: string): string {
    const [database, qualifiers, table, alias] = [this.#database, this.#qualifiers, this.#table, this.#alias]
    this.#database = ''
    this.#qualifiers = null
    this.nameTable('', null)
    for (const one of qualifiers ?? []) if (one !== table && one !== alias) throw otherTable(one)
    if (databaseOfTable === '') return database
    if (database !== '' && !isSameDatabase(database, databaseOfTable)) throw otherDatabase(database)
    return ''
  }

  /** The error that the token is not what has to be here. */
  unexpected(expected: string): QueryError {
    const { kind, text, start } = this.#scanner
    const place = kind === 'end' ? 'at its end' : `near "${shown(text, start)}"`
    return new QueryError('syntax', `Syntax error in query: expected ${expected} ${place}`)
  }
}

/** @param words in upper case, with blanks between */
export function wordSet(words: string): WordSet {
  const byLetter: string[][] = Array.from({ length: LETTERS }, () => [])
  for (const word of words.split(/\s+/)) byLetter[word.charCodeAt(0) % LETTERS]?.push(word)
  return byLetter
}

/** A name that was in quotes of any kind. */
export function quotedName(inside: string, quote: string): string {
  if (quote !== '`') return nameOf(withoutEscapes(inside, quote))
  return nameOf(inside.includes('``') ? inside.replaceAll('``', '`') : inside)
}

/** The error that something is understood and not possible. @param instead what can be done */
export function notImplemented(what: string, instead: string): QueryError {
  return new QueryError('notImplemented', `${what} is not implemented: ${instead}`)
}

function tooMany(): QueryError {
  const bounds = `more than ${MAX_TOKENS} words, values and signs`
  return new QueryError('tooLong', `Query is too long: ${bounds}; send it in parts`)
}

function otherTable(name: string): QueryError {
  return new QueryError(
    'columns',
    `Not a specific column: \`${name.slice(0, MAX_SHOWN_LETTERS)}\` is neither the table of the statement nor its alias`,
  )
}

function hasKeyword(text: string, start: number, keyword: string): boolean {
  for (let at = 0; at < keyword.length; at++) {
    const code = text.charCodeAt(start + at)
    const wanted = keyword.charCodeAt(at)
    // Lower case differs from upper case in one bit; what else does so is no letter of a word.
    if (code !== wanted && (code ^ 0x20) !== wanted) return false
  }
  return true
}

function shown(text: string, start: number): string {
  const part = nameOf(text.slice(start, start + MAX_SHOWN_LETTERS * MAX_LETTER_BYTES))
  return Array.from(part).slice(0, MAX_SHOWN_LETTERS).join('').replace(UNPRINTABLE, ' ')
}
