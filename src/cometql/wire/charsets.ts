/**
 * Numbers of MySQL's character sets, of which the node knows one: UTF-8.
 *
 * Owns how texts are called in front of a client. They are UTF-8 of up to four bytes in any case; but MySQL's older
 * "utf8" has three, and some clients (mysql2) then read an emoji as two broken halves. So a client that logs in with
 * "utf8mb4" is told that texts are in it, as MySQL does, and any other what CppComet tells all. Pure.
 */

/** utf8_general_ci: characters of up to three bytes */
export const UTF8 = 33

/** utf8mb4_general_ci: characters of up to four */
export const UTF8MB4 = 45

/** What is no text */
export const BINARY = 63

/** Collations of utf8mb4, first and last, in MySQL and MariaDB. */
const UTF8MB4_RANGES: readonly (readonly [number, number])[] = [
  [45, 46],
  [224, 247],
  [255, 323],
  [608, 610],
]

/** What a client is told that texts are in. @param charset the collation that it logged in with */
export function charsetOfTexts(charset: number): number {
  return UTF8MB4_RANGES.some(([first, last]) => charset >= first && charset <= last) ? UTF8MB4 : UTF8
}
