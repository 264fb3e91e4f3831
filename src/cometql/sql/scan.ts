/**
 * From the text of a query to its tokens, one at a time.
 *
 * Owns what separates words from strings, numbers and signs, and what is passed over: blanks, comments, and whatever
 * has no meaning, as programs written for CppComet send stray quotes and get away with it. The scanner is its own
 * token: nothing is allocated, and nothing is copied but when asked for. Bound: every letter is looked at a fixed
 * number of times, however the text is made. It must not know statements.
 */

/**
 * `word`: bare letters; `name`: in backticks; `text`: in `'` or `"`; `parameter`: a question mark; `variable`: with one
 * `@` or two before it; `symbol`: everything else that means something.
 */
export type TokenKind = 'end' | 'word' | 'name' | 'text' | 'number' | 'parameter' | 'variable' | 'symbol'

// What a letter begins. Those that go on with a word come first.
const LETTER = 0
const DIGIT = 1
const BLANK = 2
const STRAY = 3
const QUOTE = 4
const SYMBOL = 5
const SIGN = 6
const SLASH = 7
const HASH = 8
const AT = 9
const DOT = 10
const STAR = 11
const OPERATOR = 12
const QUESTION = 13

/** Operators of more than one letter, those that contain others first, and what they are the same as. */
const LONG_OPERATORS: readonly (readonly [written: string, symbol: string])[] = [
  ['<=>', '='],
  ['<=', '<='],
  ['<>', '<>'],
  ['>=', '>='],
  ['!=', '<>'],
  [':=', ':='],
  ['&&', '&&'],
  ['||', '||'],
]

/** Those of them that mean something by themselves */
const SHORT_OPERATORS = '=<>!'

/** Of every letter there can be; those from 0x80 on are bytes of a name in UTF-8. */
const ROLES = rolesOfLetters()

/** Instead of where to go on: the token is found. */
const FOUND = -1

/** Reads a query; made at its beginning, before the first token. */
export class Scanner {
  readonly text: string
  kind: TokenKind
  /** As it was written: with its sign, quotes or at-marks, up to `end` */
  start: number
  end: number
  /** What is in it, up to `to` */
  from: number
  to: number
  /** Of a `symbol`; '' of any other token. `!=` is given as `<>`. */
  symbol: string
  /** A number with a minus before it */
  isNegative: boolean
  /** Where the token before ended */
  endBefore: number
  /** Of a plus or minus that nothing but blanks and comments follow so far; −1 = none */
  #signAt: number
  /** Quotes that were found to be without end: from then on they mean nothing. */
  #unclosed: string
  /** Inside of a comment that is to be read, such as the one of MySQL 4.1.1 and later: `!40101` */
  #isInReadComment: boolean

  /** @param text one letter (U+0000 to U+00FF) for each byte of UTF-8 */
  constructor(text: string) {
    this.text = text
    this.kind = 'end'
    this.start = 0
    this.end = 0
    this.from = 0
    this.to = 0
    this.symbol = ''
    this.isNegative = false
    this.endBefore = 0
    this.#signAt = -1
    this.#unclosed = ''
    this.#isInReadComment = false
  }

  /** Goes on to the next token; behind the last one there is `end`, again and again. */
  next(): void {
    const { text } = this
    this.endBefore = this.end
    this.#signAt = -1
    let at = this.end
    while (at < text.length) {
      const role = ROLES[text.charCodeAt(at)] ?? LETTER
      if (role === BLANK) at++
      else at = this.#read(role, at)
      if (at === FOUND) return
    }
    this.#found('end', text.length, text.length)
  }

  /** Reads what begins at `at`: gives where to go on, or `FOUND`. */
  #read(role: number, at: number): number {
    switch (role) {
      case LETTER:
        return this.#found('word', at, endOfWord(this.text, at))
      case QUOTE:
        return this.#quoted(at)
      case DIGIT:
        return this.#number(at)
      case SYMBOL:
        return this.#found('symbol', at, at + 1, this.text.charAt(at))
      case QUESTION:
        return this.#found('parameter', at, at + 1)
      case OPERATOR:
        return this.#operator(at)
      case SIGN:
        return this.#sign(at)
      case DOT:
        return this.#dot(at)
      case STAR:
        return this.#star(at)
      case SLASH:
        return this.#slash(at)
      case HASH:
        return endOfLine(this.text, at)
      case AT:
        return this.#variable(at)
      default:
        this.#signAt = -1
        return at + 1
    }
  }

  #quoted(at: number): number {
    const quote = this.text.charAt(at)
    if (this.#unclosed.includes(quote)) return at + 1
    const close = closing(this.text, quote, at + 1)
    if (close === -1) {
      this.#unclosed += quote
      return at + 1
    }
    this.#found(quote === '`' ? 'name' : 'text', at, close + 1)
    this.from = at + 1
    this.to = close
    return FOUND
  }

  /** Digits that letters follow are a word: `7f3a`, `0x41`. */
  #number(at: number): number {
    const { text } = this
    const whole = endOfDigits(text, at)
    const isWhole = text.charAt(whole) !== '.' || !isDigit(text, whole + 1)
    const end = endOfExponent(text, isWhole ? whole : endOfDigits(text, whole + 1))
    const goesOn = (ROLES[text.charCodeAt(end)] ?? STRAY) === LETTER
    if (isWhole && goesOn) return this.#found('word', at, endOfWord(text, at))
    const signAt = this.#signAt
    this.#found('number', at, end)
    if (signAt !== -1) {
      this.start = signAt
      this.isNegative = text.charAt(signAt) === '-'
    }
    return FOUND
  }

  #operator(at: number): number {
    const { text } = this
    const long = LONG_OPERATORS.find(([written]) => text.startsWith(written, at))
    if (long !== undefined) return this.#found('symbol', at, at + long[0].length, long[1])
    const short = text.charAt(at)
    return SHORT_OPERATORS.includes(short) ? this.#found('symbol', at, at + 1, short) : at + 1
  }

  /** A sign of a number, the begin of a comment, or nothing. */
  #sign(at: number): number {
    const { text } = this
    if (text.startsWith('--', at) && (ROLES[text.charCodeAt(at + 2)] ?? BLANK) === BLANK) {
      return endOfLine(text, at)
    }
    this.#signAt = at
    return at + 1
  }

  /** Between names, or before the digits of a number. */
  #dot(at: number): number {
    const isBehindName =
      at === this.end && (this.kind === 'word' || this.kind === 'name' || this.kind === 'text')
    return isDigit(this.text, at + 1) && !isBehindName
      ? this.#number(at)
      : this.#found('symbol', at, at + 1, '.')
  }

  #star(at: number): number {
    if (!this.#isInReadComment || this.text.charAt(at + 1) !== '/')
      return this.#found('symbol', at, at + 1, '*')
    this.#isInReadComment = false
    return at + 2
  }

  /** A comment without end is a symbol that no statement knows: what it was meant to hide must not be run. */
  #slash(at: number): number {
    const { text } = this
    if (!text.startsWith('/*', at)) return at + 1
    const inside = text.charAt(at + 2) === 'M' ? at + 3 : at + 2
    if (text.charAt(inside) === '!') {
      this.#isInReadComment = true
      return endOfDigits(text, inside + 1)
    }
    const close = text.indexOf('*/', at + 2)
    return close === -1 ? this.#found('symbol', at, text.length, '/*') : close + 2
  }

  #variable(at: number): number {
    const { text } = this
    const from = text.charAt(at + 1) === '@' ? at + 2 : at + 1
    let end = endOfWord(text, from)
    while (text.charAt(end) === '.' && end > from) end = endOfWord(text, end + 1)
    if (end === from) return from
    this.#found('variable', at, end)
    this.from = from
    return FOUND
  }

  #found(kind: TokenKind, start: number, end: number, symbol = ''): typeof FOUND {
    this.kind = kind
    this.start = start
    this.end = end
    this.from = start
    this.to = end
    this.symbol = symbol
    this.isNegative = false
    return FOUND
  }
}

/** Finds the quote that ends a string; −1 = there is none. Finds, not walks: strings may be long. */
function closing(text: string, quote: string, start: number): number {
  let at = text.indexOf(quote, start)
  while (at !== -1) {
    if (quote !== '`' && isEscaped(text, start, at)) at = text.indexOf(quote, at + 1)
    else if (text.charAt(at + 1) === quote) at = text.indexOf(quote, at + 2)
    else return at
  }
  return -1
}

/** Whether an odd number of backslashes stands before: each run of them is before one letter only, so it is counted once. */
function isEscaped(text: string, start: number, at: number): boolean {
  let first = at
  while (first > start && text.charCodeAt(first - 1) === 0x5c) first--
  return (at - first) % 2 === 1
}

function endOfWord(text: string, start: number): number {
  let at = start
  while (at < text.length && (ROLES[text.charCodeAt(at)] ?? LETTER) <= DIGIT) at++
  return at
}

function endOfDigits(text: string, start: number): number {
  let at = start
  while (isDigit(text, at)) at++
  return at
}

/** Where `e5`, `E+5` ends; `start` where there is none. */
function endOfExponent(text: string, start: number): number {
  const letter = text.charCodeAt(start)
  if (letter !== 0x65 && letter !== 0x45) return start
  const sign = text.charAt(start + 1)
  const digits = sign === '+' || sign === '-' ? start + 2 : start + 1
  return isDigit(text, digits) ? endOfDigits(text, digits) : start
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start)
  return end === -1 ? text.length : end + 1
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0x30 && code <= 0x39
}

function rolesOfLetters(): Uint8Array {
  const roles = new Uint8Array(256).fill(STRAY)
  roles.fill(BLANK, 0, 0x21)
  roles.fill(LETTER, 0x80)
  for (const letter of '_$') roles[letter.charCodeAt(0)] = LETTER
  roles.fill(LETTER, 0x41, 0x5b).fill(LETTER, 0x61, 0x7b).fill(DIGIT, 0x30, 0x3a)
  const others: readonly (readonly [string, number])[] = [
    [`'"\``, QUOTE],
    ['(),;', SYMBOL],
    [`${SHORT_OPERATORS}:&|`, OPERATOR],
    ['+-', SIGN],
    ['/', SLASH],
    ['#', HASH],
    ['?', QUESTION],
    ['@', AT],
    ['.', DOT],
    ['*', STAR],
  ]
  for (const [letters, role] of others) for (const letter of letters) roles[letter.charCodeAt(0)] = role
  return roles
}
