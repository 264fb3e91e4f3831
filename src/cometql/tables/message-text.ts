/**
 * Data of a publication as a text in a row.
 *
 * Owns the choice: data that was published as a text is that text, everything else its JSON. A text that would be taken for
 * JSON is told as the JSON of it, so that what is read and published again stays the same. Pure.
 */
import { isJson } from '../../protocol/json-text.ts'

/** @param json of the data, as it was published */
export function messageText(json: string): string {
  if (!json.startsWith('"')) return json
  const text: unknown = JSON.parse(json)
  return typeof text === 'string' && !isJson(text) ? text : json
}
