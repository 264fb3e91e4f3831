/**
 * Bytes as people write them.
 *
 * Owns `hex`, which turns the literals of golden tests into bytes: spaces and line breaks are for the reader, and what
 * stands between single quotes is text.
 */

/** `hex("82 a2 'id' 07")` → 82 a2 69 64 07. @throws {TypeError} on anything that is neither */
export function hex(...parts: readonly string[]): Buffer {
  const pieces = parts.join(' ').match(/'[^']*'|\S+/g) ?? []
  return Buffer.concat(pieces.map(piece))
}

function piece(text: string): Buffer {
  if (text.startsWith("'")) return Buffer.from(text.slice(1, -1))
  if (!/^([0-9a-f]{2})+$/i.test(text)) throw new TypeError(`Not hexadecimal: ${text}`)
  return Buffer.from(text, 'hex')
}
