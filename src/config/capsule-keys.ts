/**
 * The keys of capsules as an operator writes them.
 *
 * Owns how several stand in one option, so that it is checked and used alike.
 */

/** The keys of the option, the one that signs first; empty when there are none. */
export function splitKeys(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}
