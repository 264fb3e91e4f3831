/**
 * Data here and texts there: CppComet knows only texts, which its pages parse if they can.
 *
 * Owns the way out; the way in is `Payload.fromBytes`. A text that is JSON is data as it stands and goes out as it came
 * (but for apostrophes.ts). Any other text is a string. A string goes out bare if a page reads just that from it; if not
 * (it is JSON as well, holds a backslash that a page would eat, or begins like a forged sender), it goes out as JSON, which
 * every page turns back into it. Pure.
 */
import { isJson } from '../protocol/json-text.ts'
import type { Payload } from '../protocol/payload.ts'
import { withSafeApostrophes } from './apostrophes.ts'

/** Pages take what follows up to a semicolon for the number of a sender. */
const FORGED_SENDER = 'A::'

/** The text that stands for data in front of pages. */
export function textOf(data: Payload): string {
  const json = withSafeApostrophes(data.json().toString())
  return data.isText ? textOfString(json, data.value()) : json
}

/** The same where nothing is known but the JSON of the data, as in a history. */
export function textOfJson(given: string): string {
  const json = withSafeApostrophes(given)
  return json.startsWith('"') ? textOfString(json, parsed(json)) : json
}

function textOfString(json: string, value: unknown): string {
  return typeof value === 'string' && isReadBack(value) ? value : json
}

/** Whether a page that is sent the bare text hands that text on. */
function isReadBack(text: string): boolean {
  if (text.includes('\\') || text.startsWith(FORGED_SENDER)) return false
  return !isJson(text)
}

/** Undefined when it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // no JSON: to be told is what it was asked for
  }
}
