/**
 * Random names: of browsers, tabs and answers.
 *
 * Owns their alphabets and lengths. They keep things apart and are no secrets.
 */
const DIGITS = '0123456789'
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** What a browser is known by: 32 of A-Z a-z 0-9 _ - */
export function browserName(): string {
  return randomText(32, `${LETTERS}${DIGITS}_-`)
}

/** What a tab is known by: 16 of A-Z a-z 0-9 */
export function tabName(): string {
  return randomText(16, LETTERS + DIGITS)
}

/** What an answer is known by: ten digits. */
export function markerName(): string {
  return randomText(10, DIGITS)
}

function randomText(length: number, alphabet: string): string {
  const pick = () => alphabet.charAt(Math.floor(Math.random() * alphabet.length))
  return Array.from({ length }, pick).join('')
}
