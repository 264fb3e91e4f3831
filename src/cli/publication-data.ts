/**
 * What a word or a line on the command line is as the data of a publication.
 *
 * Owns one rule: text that is JSON is sent as it is, byte for byte; other text is sent as a JSON string. A caller
 * may insist on either.
 */

/** `auto` takes JSON where it is JSON; `json` takes nothing else; `text` makes a string of everything. */
export type DataForm = 'auto' | 'json' | 'text'

/**
 * Turns text into what a publisher takes: a Buffer of JSON bytes, or a string that will become a JSON string.
 *
 * @returns null when the form is `json` and the text is not JSON
 */
export function publicationData(text: string, form: DataForm): Buffer | string | null {
  if (form === 'text') return text
  if (isJson(text)) return Buffer.from(text)
  return form === 'json' ? null : text
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false // that is the answer
  }
}
