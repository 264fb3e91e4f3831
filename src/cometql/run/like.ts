/**
 * MySQL's LIKE: `%` is any run of characters, `_` one, a backslash makes the next one mean itself.
 *
 * Owns the match. A pattern falls into pieces between its `%`: the first and the last are tried at the ends of the text,
 * each of the others is looked for once, from where the one before ended, so nothing is ever taken back. Time is linear
 * in the text, whatever the pattern: a piece with `_` is tried at all places at once, in the bits of one integer, which
 * bounds its length. Must not know of SQL.
 */
import { QueryError } from '../query-failure.ts'

/** Code units; each piece of it takes some hundred bytes. */
const MAX_PATTERN_LENGTH = 1_024

/** Longest run between two `%` with `_` in it, characters: bits of an integer. */
const MAX_WILD_PIECE = 32

const ASCII = 128
const PERCENT = 0x25
const UNDERSCORE = 0x5f

/** What stands between two `%`. */
type Piece = { readonly kind: 'literal'; readonly text: string } | WildPiece

interface WildPiece {
  readonly kind: 'wild'
  /** One code point per character, or `ANY` */
  readonly codes: readonly number[]
  readonly masks: Masks
}

/** In which places of a piece a character may stand: bit `i` for the `i`th. Empty where the piece is too long for it. */
interface Masks {
  /** By code point, as far as `ASCII`, which most texts are of */
  readonly low: Int32Array
  readonly high: ReadonlyMap<number, number>
  /** Of all characters that the piece does not name */
  readonly any: number
}

/** What `_` is. */
const ANY = -1

/**
 * Compiles a pattern to a test of whole texts.
 *
 * @param pattern with its backslashes; one at the very end means itself
 * @param isAnyCase whether letters in upper and lower case are the same
 * @throws {QueryError} tooLong: more than 1,024 characters, or more than 32 between two `%`, one of them `_`
 */
export function likeMatcher(pattern: string, isAnyCase: boolean): (text: string) => boolean {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw tooLong(`${pattern.length} of at most ${MAX_PATTERN_LENGTH} characters`)
  }
  const pieces = piecesOf(isAnyCase ? folded(pattern) : pattern)
  const matches = pieces.length === 1 ? matchesWhole : matchesPieces
  return isAnyCase ? (text) => matches(pieces, folded(text)) : (text) => matches(pieces, text)
}

/** Lower case, one character for one: `İ` would become two. */
export function folded(text: string): string {
  const lower = text.toLowerCase()
  if (lower.length === text.length) return lower
  return Array.from(text, (one) => (one.toLowerCase().length === one.length ? one.toLowerCase() : one)).join(
    '',
  )
}

function piecesOf(pattern: string): Piece[] {
  const pieces: Piece[] = []
  let codes: number[] = []
  const end = () => {
    pieces.push(pieceOf(codes))
    codes = []
  }
  for (let at = 0; at < pattern.length; ) {
    const isEscape = pattern[at] === '\\' && at + 1 < pattern.length
    if (isEscape) at++
    const code = pattern.codePointAt(at) ?? 0
    at += widthOf(code)
    if (code === PERCENT && !isEscape) end()
    else codes.push(code === UNDERSCORE && !isEscape ? ANY : code)
  }
  end()
  checkBetween(pieces.slice(1, -1))
  return pieces
}

function pieceOf(codes: readonly number[]): Piece {
  if (!codes.includes(ANY)) return { kind: 'literal', text: String.fromCodePoint(...codes) }
  return { kind: 'wild', codes, masks: masksOf(codes) }
}

function masksOf(codes: readonly number[]): Masks {
  const placesOf = (code: number) =>
    codes.reduce((bits, one, at) => (one === code || one === ANY ? bits | (1 << at) : bits), 0)
  const any = placesOf(ANY)
  const low = new Int32Array(ASCII).fill(any)
  const high = new Map<number, number>()
  if (codes.length > MAX_WILD_PIECE) return { low, high, any }
  for (const code of new Set(codes)) {
    if (code >= ASCII) high.set(code, placesOf(code))
    else if (code !== ANY) low[code] = placesOf(code)
  }
  return { low, high, any }
}

/** At the ends of a text a piece is tried once, however long it is. */
function checkBetween(pieces: readonly Piece[]): void {
  for (const piece of pieces) {
    if (piece.kind === 'literal' || piece.codes.length <= MAX_WILD_PIECE) continue
    const bounds = `at most ${MAX_WILD_PIECE} characters between two "%" where "_" is one of them`
    throw tooLong(`${bounds}; \\_ is a "_" itself`)
  }
}

function tooLong(bounds: string): QueryError {
  return new QueryError('tooLong', `LIKE pattern is too long: ${bounds}`)
}

function matchesWhole(pieces: readonly Piece[], text: string): boolean {
  const [piece] = pieces
  return piece !== undefined && endAt(piece, text, 0) === text.length
}

function matchesPieces(pieces: readonly Piece[], text: string): boolean {
  let at = 0
  for (const [index, piece] of pieces.entries()) {
    if (index === pieces.length - 1) return isEnd(piece, text, at)
    at = index === 0 ? endAt(piece, text, 0) : endOfNext(piece, text, at)
    if (at === -1) return false
  }
  return true
}

/** Where the piece ends if it begins at `at`; -1 = it does not. */
function endAt(piece: Piece, text: string, at: number): number {
  if (piece.kind === 'literal') return text.startsWith(piece.text, at) ? at + piece.text.length : -1
  let end = at
  for (const wanted of piece.codes) {
    const code = text.codePointAt(end) // undefined behind the end
    if (code === undefined || (wanted !== code && wanted !== ANY)) return -1
    end += widthOf(code)
  }
  return end
}

/** Where the first one from `at` on ends; -1 = there is none. */
function endOfNext(piece: Piece, text: string, at: number): number {
  if (piece.kind === 'literal') {
    const found = text.indexOf(piece.text, at)
    return found === -1 ? -1 : found + piece.text.length
  }
  return endOfWild(piece, text, at)
}

/**
 * The search of Baeza-Yates and Gonnet ("A new approach to text searching", 1992): bit `i` of `fits` tells whether the last
 * `i + 1` characters are the first ones of the piece, so one more character is a shift and a mask.
 */
function endOfWild({ codes, masks: { low, high, any } }: WildPiece, text: string, from: number): number {
  const last = 1 << (codes.length - 1)
  let fits = 0
  for (let at = from; at < text.length; ) {
    const code = text.codePointAt(at) ?? 0
    at += widthOf(code)
    fits = ((fits << 1) | 1) & (low[code] ?? high.get(code) ?? any)
    if ((fits & last) !== 0) return at
  }
  return -1
}

/** Whether the text ends with the piece, and that begins at `from` or behind it. */
function isEnd(piece: Piece, text: string, from: number): boolean {
  if (piece.kind === 'literal') return text.length - piece.text.length >= from && text.endsWith(piece.text)
  let start = text.length
  for (let left = piece.codes.length; left > 0; left--) start -= widthBefore(text, start)
  return start >= from && endAt(piece, text, start) === text.length
}

/** Of a character, in the units of a string: a pair of surrogates is one. */
function widthOf(code: number): number {
  return code > 0xffff ? 2 : 1
}

function widthBefore(text: string, end: number): number {
  return widthOf(text.codePointAt(end - 2) ?? 0)
}
