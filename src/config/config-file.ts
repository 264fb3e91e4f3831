/**
 * Text that an operator wrote in YAML or JSON, turned into values.
 *
 * Owns the parsing of a configuration file and of rules given as text. JSON needs no package; the YAML parser is
 * loaded only when there is YAML, because starting is on a budget. Bound: 1 MiB of text. Messages give the line and
 * never a piece of the text, because secrets may stand in it.
 */
import { ConfigError } from '../errors.ts'
import { kindOf } from './values.ts'

const MAX_TEXT_BYTES = 1_048_576
const BYTE_ORDER_MARK = '\uFEFF'

/**
 * Parses a configuration file into its keys and values; an empty file has none.
 *
 * @param name how messages call the file; a name that ends in `.json` is parsed as JSON alone
 * @throws {ConfigError} when the text is too long, can't be parsed, or is no map
 */
export async function parseConfigFile(
  name: string,
  text: string,
): Promise<Readonly<Record<string, unknown>>> {
  const value = await parseText(name, text, name.toLowerCase().endsWith('.json'))
  if (value === null || value === undefined) return {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new ConfigError([`${name}: must be a map of options, is ${kindOf(value)}`])
  }
  return value as Record<string, unknown>
}

/**
 * Parses a piece of JSON or YAML, such as channel rules given by flag.
 *
 * @param name how messages call it
 * @throws {ConfigError} when the text is too long or can't be parsed
 */
export function parseFragment(name: string, text: string): Promise<unknown> {
  return parseText(name, text, false)
}

async function parseText(name: string, text: string, isJson: boolean): Promise<unknown> {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_TEXT_BYTES) {
    throw new ConfigError([`${name}: ${bytes} bytes are above ${MAX_TEXT_BYTES} (bytes)`])
  }
  const body = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
  if (body.trim() === '') return null
  const json = parseJson(body)
  if (json !== undefined) return json
  if (isJson) throw new ConfigError([`${name}: is not JSON`])
  return await parseYaml(name, body)
}

/** undefined when it is no JSON (which has no such value). */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // YAML, or a mistake: the caller knows which
  }
}

async function parseYaml(name: string, text: string): Promise<unknown> {
  const { LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const problems = [...document.errors, ...document.warnings]
  if (problems.length > 0) {
    throw new ConfigError(
      problems.map(
        ({ message, pos }) => `${name}, line ${lines.linePos(pos[0]).line}: ${withoutExcerpt(message)}`,
      ),
    )
  }
  try {
    return document.toJS()
  } catch {
    // The parser's own words hold the name of the alias, which may be an unquoted secret that begins with *.
    throw new ConfigError([`${name}: an alias (*) has no anchor (&); put text that begins with * in quotes`])
  }
}

/** The parser's messages put pieces of the text behind a word and a colon, or show an escape sequence. */
function withoutExcerpt(message: string): string {
  return message.split(/(?<=\w): | \\/, 1)[0] ?? 'is not YAML'
}
