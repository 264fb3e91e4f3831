/**
 * From letters that are bytes to text.
 *
 * Owns that step: the parser works on one letter (U+0000 to U+00FF) for each byte of UTF-8, and most of what it reads is
 * ASCII, which is the same in both. In V8 a part of a text keeps the whole of it in memory, so what may live longer than
 * its query has to be copied. Pure.
 */

/** A letter from here on is a byte of a longer character. */
const FIRST_OF_UTF8 = 0x80

/** Parts up to so long V8 copies by itself. */
const COPIED_LETTERS = 12

/** A name or a label, for as long as its statement is looked at. */
export function nameOf(letters: string): string {
  return isAscii(letters) ? letters : decoded(letters)
}

/** A value, in memory of its own. */
export function textOf(letters: string): string {
  return letters.length <= COPIED_LETTERS && isAscii(letters) ? letters : decoded(letters)
}

function decoded(letters: string): string {
  return Buffer.from(letters, 'latin1').toString()
}

function isAscii(letters: string): boolean {
  for (let at = 0; at < letters.length; at++) {
    if (letters.charCodeAt(at) >= FIRST_OF_UTF8) return false
  }
  return true
}
