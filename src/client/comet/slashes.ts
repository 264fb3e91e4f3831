/**
 * Text that was escaped on its way.
 *
 * Owns taking backslashes out, and the rescue of JSON that an application escaped for SQL once more than was undone: it is
 * no JSON any more, but is again without its backslashes. Pure.
 */

/** Times an application may have escaped it. */
const MAX_ROUNDS = 3

/** Takes escaping backslashes out: `\\` is one, `\0` is NUL, one at the end is none. */
export function stripslashes(value: unknown): string {
  return String(value).replace(/\\([\s\S]?)/g, (_, char: string) => (char === '0' ? '\0' : char))
}

/**
 * What a page is given of `data`: the object or list in a text that is one but for its backslashes, everything else as it is.
 *
 * A text that is JSON as it stands was meant as a text: whatever was published as JSON has been a value from the start.
 */
export function digest(data: unknown): unknown {
  if (typeof data !== 'string' || !/^\s*[[{]/.test(data) || isJson(data)) return data
  let text = data
  for (let round = 0; round < MAX_ROUNDS && text.includes('\\'); round++) {
    text = stripslashes(text)
    if (isJson(text)) return JSON.parse(text)
  }
  return data
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
