/**
 * The comet.ini of a CppComet, read for what a node can take over.
 *
 * Owns that format (sections, `key = value`, comments, quotes, repeated keys) and which of its keys mean an option.
 * Lines of cluster neighbours, whose values begin with `[]`, are none of it. Bound: 1 MiB of text. A value is never
 * repeated for a secret, and keys without a meaning here are told by name only.
 */
import { ConfigError } from '../errors.ts'
import { type Option, type OptionName, options } from './options.ts'
import { type Checked, checkText } from './values.ts'

const MAX_TEXT_BYTES = 1_048_576
const BYTE_ORDER_MARK = '\uFEFF'

/** A value of the file that is an option's; unchecked values have a mistake in it. */
export interface IniValue {
  readonly name: OptionName
  /** How messages call it: `[ws] port in comet.ini` */
  readonly label: string
  readonly checked: Checked
}

export interface CometIni {
  readonly values: readonly IniValue[]
  /** Keys that are set and mean nothing to a node, such as `db.host`, in the order of the file. */
  readonly unused: readonly string[]
}

/** What a key of the file is to a node. */
interface Meaning {
  readonly option: OptionName
  /** Left out: the value is the option's. */
  readonly as?: (isOn: boolean) => number | null
}

/** By `section.key`, in lower case. */
const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['main.password', { option: 'cometqlPassword' }],
  ['main.send_user_online_events', { option: 'userOnlineEvents' }],
  ['main.send_user_offline_events', { option: 'userOfflineEvents' }],
  ['main.save_users_last_online_time', { option: 'maxLastSeen', as: (isOn) => (isOn ? null : 0) }],
  ['ws.ip', { option: 'host' }],
  ['ws.port', { option: 'port' }],
  ['cometql.port', { option: 'cometqlPort' }],
])

/**
 * Reads the text of a comet.ini. Of a key that is repeated the last value counts.
 *
 * @param path how messages call the file
 * @throws {ConfigError} when the text is too long or a line is neither section, key, comment nor blank
 */
export function readCometIni(path: string, text: string): CometIni {
  const values = new Map<string, IniValue>()
  const unused = new Set<string>()
  for (const [key, { section, name, value }] of settingsOf(path, text)) {
    const meaning = meanings.get(key)
    if (meaning === undefined) {
      unused.add(section === '' ? name : `${section}.${name}`)
      continue
    }
    const checked = checkedValue(meaning, value)
    if (checked !== null) {
      values.set(key, { name: meaning.option, label: `[${section}] ${name} in ${path}`, checked })
    }
  }
  return { values: [...values.values()], unused: [...unused] }
}

interface Setting {
  readonly section: string
  readonly name: string
  readonly value: string
}

/** By `section.key` in lower case. */
function settingsOf(path: string, text: string): Map<string, Setting> {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_TEXT_BYTES)
    throw new ConfigError([`${path}: ${bytes} bytes are above ${MAX_TEXT_BYTES} (bytes)`])
  const settings = new Map<string, Setting>()
  const mistakes: string[] = []
  let section = ''
  for (const [index, line] of text
    .replace(BYTE_ORDER_MARK, '')
    .split(/\r?\n|\r/)
    .entries()) {
    const parsed = parseLine(line.trim())
    if (parsed === 'nothing') continue
    if (parsed === 'broken')
      mistakes.push(`${path}, line ${index + 1}: is neither [section], key = value nor a comment`)
    else if ('section' in parsed) section = parsed.section
    else settings.set(`${section}.${parsed.name}`.toLowerCase(), { section, ...parsed })
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return settings
}

type ParsedLine =
  | 'nothing'
  | 'broken'
  | { readonly section: string }
  | { readonly name: string; readonly value: string }

function parseLine(line: string): ParsedLine {
  if (line === '' || /^[;#]/.test(line) || line.startsWith('[]')) return 'nothing'
  const section = /^\[\s*([^\]]+?)\s*\]\s*(?:[;#].*)?$/.exec(line)?.[1]
  if (section !== undefined) return { section }
  const [, name, text] = /^([^=[\]]+?)\s*=\s*(.*)$/.exec(line) ?? []
  if (name === undefined || text === undefined) return 'broken'
  return text.startsWith('[]') ? 'nothing' : { name, value: unquoted(text) }
}

/** Quotes hold all between them; without them a comment begins at a mark behind a blank. */
function unquoted(text: string): string {
  const quoted = /^(?:"([^"]*)"|'([^']*)')\s*(?:[;#].*)?$/.exec(text)
  if (quoted !== null) return quoted[1] ?? quoted[2] ?? ''
  return text.replace(/(?:^|\s+)[;#].*$/, '')
}

/** Null when the value says nothing that an option could hold. */
function checkedValue({ option, as }: Meaning, value: string): Checked | null {
  const shape: Option = options[option]
  if (as !== undefined) {
    const checked = checkText({ kind: 'boolean', default: true, describe: '' }, withoutComment(value))
    if ('mistake' in checked) return checked
    const taken = as(checked.value === true)
    return taken === null ? null : { value: taken }
  }
  if (shape.kind === 'rules') return null
  return checkText(shape, shape.kind === 'string' ? value : withoutComment(value))
}

/** Numbers and switches hold no `;`, so a comment may touch them. */
function withoutComment(value: string): string {
  return value.split(';', 1)[0]?.trim() ?? ''
}
