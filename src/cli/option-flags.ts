/**
 * The options of a node as flags.
 *
 * Owns how a row of the option table reads in `--help`. Shared by the commands that load a configuration, so that
 * what `serve` would do can be checked and shown with the very same flags.
 */
import { flagName } from '../config/names.ts'
import { type Option, options } from '../config/options.ts'
import type { Flag } from './command.ts'

/** Headings of the help and of docs/configuration.md, in their order. */
export const groupTitles: Readonly<Record<Option['group'], string>> = {
  listeners: 'Listeners',
  access: 'Access',
  limits: 'Limits',
  channels: 'Channels',
  running: 'Running',
}

export const optionFlags: Readonly<Record<string, Flag>> = {
  config: {
    kind: 'text',
    group: 'Configuration',
    describe: 'YAML or JSON file with options in camel case. Also ENCKE_CONFIG',
    defaultText: 'none',
  },
  ...Object.fromEntries(Object.entries(options).map(([name, option]) => [flagName(name), flagOf(option)])),
}

/** Where options may stand, for the help of every command that has them. */
export const optionNotes: readonly string[] = [
  'Every option is a flag (--max-connections), an environment variable (ENCKE_MAX_CONNECTIONS) and a key of the ' +
    'configuration file (maxConnections). Flags win over the environment, the environment over the file. ' +
    'Give secrets by file or environment: other users of the machine can see flags.',
]

/** A default as it reads in help and docs: `none` for nothing, numbers as they are. */
export function defaultText(option: Option): string {
  if (option.kind === 'rules' || option.kind === 'list') return option.default.length === 0 ? 'none' : 'some'
  if (option.kind === 'boolean') return option.default ? 'on' : 'off'
  return option.default === '' ? 'none' : String(option.default)
}

/** Unit and bounds of an option: `ms, 100–600000`; '' where there are none. */
export function boundsText(option: Option): string {
  if (option.kind === 'integer') return `${option.unit}, ${option.min}–${option.max}`
  if (option.kind === 'choice') return option.choices.join(', ')
  if (option.kind === 'list') return 'comma separated or repeated'
  if (option.kind === 'rules') return 'list of rules as JSON or YAML'
  return ''
}

function flagOf(option: Option): Flag {
  const bounds = boundsText(option)
  const zero = option.zero === undefined ? '' : `. ${zeroWord(option)}: ${option.zero}`
  const flag: Flag = {
    kind: option.kind === 'boolean' ? 'switch' : option.kind === 'integer' ? 'number' : 'text',
    group: groupTitles[option.group],
    describe: `${option.describe}${bounds === '' ? '' : ` (${bounds})`}${zero}`,
    defaultText: defaultText(option),
  }
  return option.kind === 'list' ? { ...flag, isList: true } : flag
}

/** What the meaning in `zero` belongs to: the number 0, or an empty value. */
export function zeroWord(option: Option): string {
  return option.kind === 'integer' ? '0' : 'Empty'
}
