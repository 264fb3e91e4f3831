/**
 * The list of commands.
 *
 * Owns their names and one line about each, so that the overview can be shown and a command be found without
 * loading any of them.
 */
import type { Command } from './command.ts'

export interface CommandEntry {
  readonly name: string
  readonly describe: string
  load(): Promise<Command>
}

export const commands: readonly CommandEntry[] = [
  { name: 'serve', describe: 'Run a node', load: async () => (await import('./serve.ts')).serve },
  {
    name: 'publish',
    describe: 'Publish to a channel, once or line by line',
    load: async () => (await import('./publish.ts')).publish,
  },
  {
    name: 'subscribe',
    describe: 'Print the publications of channels as they come',
    load: async () => (await import('./subscribe.ts')).subscribe,
  },
  {
    name: 'history',
    describe: 'Print what a node keeps of a channel',
    load: async () => (await import('./history.ts')).history,
  },
  {
    name: 'presence',
    describe: 'Show who is on a channel',
    load: async () => (await import('./presence.ts')).presence,
  },
  {
    name: 'stats',
    describe: 'Show the figures of a running node',
    load: async () => (await import('./stats.ts')).stats,
  },
  {
    name: 'token',
    describe: 'Make a token for a client',
    load: async () => (await import('./token.ts')).token,
  },
  {
    name: 'import-cppcomet',
    describe: 'Take over the database of a CppComet',
    load: async () => (await import('./import-cppcomet.ts')).importCppcomet,
  },
  {
    name: 'check-config',
    describe: 'Check a configuration without running it',
    load: async () => (await import('./check-config.ts')).checkConfigCommand,
  },
  {
    name: 'print-config',
    describe: 'Print the effective configuration and where each value comes from',
    load: async () => (await import('./print-config.ts')).printConfig,
  },
]
