/**
 * Finds one member of a JSON object without taking the JSON apart.
 *
 * Owns the way by which the `data` of a publication reaches subscribers byte for byte: numbers beyond 2^53, the order
 * of members and the spelling of 1.0 would not survive parsing and writing it again. One pass, no memory beyond the
 * slice it returns. Must be given what JSON.parse has accepted already, apart from `isNestedDeeper`, which runs first.
 */
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const SPACE = 0x20

/**
 * The bytes of the value of `name` in the text of a JSON object, a slice of `json`; null when there is no such member.
 * Of several with the same name the last counts, as for JSON.parse.
 *
 * @param json valid JSON whose value is an object
 */
export function memberBytes(json: Buffer, name: string): Buffer | null {
  let found: Buffer | null = null
  let at = json.indexOf(OPEN_BRACE) + 1
  for (;;) {
    at = skipSpace(json, at)
    if (json[at] === COMMA) at = skipSpace(json, at + 1)
    if (json[at] !== QUOTE) return found // the closing brace
    const keyEnd = skipString(json, at)
    const isWanted = isKey(json.subarray(at, keyEnd), name)
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1) // one past the colon
    at = skipValue(json, start)
    if (isWanted) found = json.subarray(start, at)
  }
}

/** True when objects and arrays lie in one another more than `limit` deep. Takes any bytes. */
export function isNestedDeeper(json: Buffer, limit: number): boolean {
  let depth = 0
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (byte === QUOTE) at = skipString(json, at) - 1
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (++depth > limit) return true
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth--
  }
  return false
}

/** `key` with its quotes. A key may be spelled with escapes: "\u0064ata" is data. */
function isKey(key: Buffer, name: string): boolean {
  return key.includes(BACKSLASH) ? JSON.parse(key.toString()) === name : key.toString() === `"${name}"`
}

function skipValue(json: Buffer, start: number): number {
  const first = json[start]
  if (first === QUOTE) return skipString(json, start)
  if (first === OPEN_BRACKET || first === OPEN_BRACE) return skipContainer(json, start)
  let at = start
  while (at < json.length && !isEndOfScalar(json[at] ?? COMMA)) at++
  return at
}

function skipContainer(json: Buffer, start: number): number {
  let depth = 0
  for (let at = start; at < json.length; at++) {
    const byte = json[at]
    if (byte === QUOTE) at = skipString(json, at) - 1
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) depth++
    else if ((byte === CLOSE_BRACKET || byte === CLOSE_BRACE) && --depth === 0) return at + 1
  }
  return json.length
}

/** From the opening quote to one past the closing one. */
function skipString(json: Buffer, start: number): number {
  let at = start + 1
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1
  return Math.min(at + 1, json.length)
}

/** RFC 8259 §2: the white space of JSON is space, tab, line feed and carriage return, all ≤ 0x20. */
function skipSpace(json: Buffer, start: number): number {
  let at = start
  while (at < json.length && (json[at] ?? QUOTE) <= SPACE) at++
  return at
}

function isEndOfScalar(byte: number): boolean {
  return byte <= SPACE || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte === COLON
}
