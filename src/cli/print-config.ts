/**
 * `encke print-config`: every option with its effective value and where that came from.
 *
 * Owns the two printed forms. Secrets are masked whatever the form; an empty one stays empty, so that it can be
 * seen whether there is one. The YAML form, without its comments, is a configuration file.
 */
import type { LoadedConfig } from '../config/load.ts'
import { type Option, type OptionName, options } from '../config/options.ts'
import type { Command } from './command.ts'
import { exitCodes } from './exit.ts'
import { optionFlags, optionNotes } from './option-flags.ts'
import { isOn } from './parse-args.ts'
import { readConfig } from './read-config.ts'

const MASK = '*****'

export const printConfig: Command = {
  name: 'print-config',
  describe: 'Prints the effective value of every option and where it came from. Secrets are shown as *****.',
  positionals: [],
  flags: {
    json: { kind: 'switch', describe: 'Print JSON: {"port":{"value":8080,"origin":"default"},…}' },
    ...optionFlags,
  },
  examples: [
    ['print-config --config encke.yaml', 'What serve would use, as YAML'],
    ['print-config --json', 'The same for scripts'],
  ],
  notes: optionNotes,
  async run(args) {
    const loaded = await readConfig(args)
    for (const warning of loaded.warnings) console.error(`Warning: ${warning}`)
    console.log(isOn(args, 'json') ? asJson(loaded) : asYaml(loaded))
    return exitCodes.done
  },
}

function asJson({ config, origins }: LoadedConfig): string {
  const rows = optionNames().map((name) => [
    name,
    { value: shown(name, config[name]), origin: origins[name] },
  ])
  return JSON.stringify(Object.fromEntries(rows), null, 2)
}

/** JSON values are YAML values, so every line stands without a YAML writer. */
function asYaml({ config, origins }: LoadedConfig): string {
  const lines = optionNames().flatMap((name) => {
    const value = shown(name, config[name])
    const comment = `# ${origins[name]}`
    if (!Array.isArray(value) || value.length === 0) return [`${name}: ${JSON.stringify(value)} ${comment}`]
    return [`${name}: ${comment}`, ...value.map((item) => `  - ${JSON.stringify(item)}`)]
  })
  return lines.join('\n')
}

function shown(name: OptionName, value: unknown): unknown {
  const option: Option = options[name]
  const isSecret = option.kind === 'string' && option.isSecret === true
  return isSecret && value !== '' ? MASK : value
}

function optionNames(): OptionName[] {
  return Object.keys(options) as OptionName[]
}
