/**
 * `encke check-config`: whether a node would start with this configuration.
 *
 * Owns nothing but the words: loading and checking are the same as for `serve`, mistakes leave as ConfigError.
 */
import type { Command } from './command.ts'
import { exitCodes } from './exit.ts'
import { optionFlags, optionNotes } from './option-flags.ts'
import { readConfig } from './read-config.ts'

export const checkConfigCommand: Command = {
  name: 'check-config',
  describe:
    'Loads and checks a configuration as serve would, and starts nothing. One mistake per line, code 78.',
  positionals: [],
  flags: optionFlags,
  examples: [
    ['check-config --config encke.yaml', 'Check a file before a restart'],
    ['check-config --config encke.yaml --port 9000', 'Check it together with a flag'],
  ],
  notes: optionNotes,
  async run(args) {
    const { warnings } = await readConfig(args)
    for (const warning of warnings) console.error(`Warning: ${warning}`)
    console.log('Configuration is good')
    return exitCodes.done
  },
}
