/**
 * What `--help` shows, set by yargs.
 *
 * Owns the layout of the help of one command and of the list of commands. Loaded only when help is asked for:
 * starting a node must not pay for it (docs: the budget from start to listening is 300 ms).
 */
import yargs from 'yargs'
import type { Command } from './command.ts'
import { exitCodes, exitMeanings } from './exit.ts'
import { commonFlags } from './parse-args.ts'

const PROGRAM = 'encke'
const MAX_COLUMNS = 110
const yargsTypes = { text: 'string', number: 'number', switch: 'boolean' } as const

/** The help of one command. */
export function commandHelp(command: Command): Promise<string> {
  const screen = newScreen(`${PROGRAM} ${command.name}`)
  screen.usage(`${[PROGRAM, command.name, ...command.positionals.map(positionalForm)].join(' ')} [flags]`)
  screen.usage(`\n${command.describe}`)
  for (const positional of command.positionals) {
    screen.positional(positional.name, { describe: positional.describe, type: 'string' })
  }
  for (const [name, flag] of Object.entries({ ...command.flags, ...commonFlags })) {
    screen.option(name, {
      describe: flag.describe,
      group: `${flag.group ?? 'Flags'}:`,
      type: yargsTypes[flag.kind],
      ...(flag.defaultText === undefined ? {} : { defaultDescription: flag.defaultText, default: '' }),
    })
  }
  for (const [line, does] of command.examples) screen.example(`${PROGRAM} ${line}`, does)
  screen.epilogue([...(command.notes ?? []), exitCodeText()].join('\n\n'))
  return screen.getHelp()
}

/** The list of commands. */
export function overview(
  commands: readonly { readonly name: string; readonly describe: string }[],
): Promise<string> {
  const screen = newScreen(PROGRAM).usage(`${PROGRAM} <command> [flags]\n\nEncke, a push node`)
  for (const { name, describe } of commands) screen.command(name, describe)
  screen.option('help', { type: 'boolean', describe: 'Show this help, or that of a command' })
  screen.option('version', { type: 'boolean', describe: 'Show the version' })
  screen.example(`${PROGRAM} serve --demo`, 'Run a node with its demo page')
  screen.example(`${PROGRAM} publish news '{"title":"Hello"}'`, 'Publish to the channel news')
  screen.epilogue(`${PROGRAM} <command> --help tells more.\n\n${exitCodeText()}`)
  return screen.getHelp()
}

function newScreen(name: string) {
  const columns = process.stdout.columns ?? MAX_COLUMNS
  return yargs([])
    .scriptName(name)
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .wrap(Math.min(columns, MAX_COLUMNS))
}

function positionalForm({ name, isOptional, isList }: Command['positionals'][number]): string {
  const form = `${name}${isList ? '…' : ''}`
  return isOptional ? `[${form}]` : `<${form}>`
}

function exitCodeText(): string {
  const rows = Object.entries(exitCodes).map(([name, code]) => {
    return `  ${String(code).padEnd(2)}  ${exitMeanings[name as keyof typeof exitCodes]}`
  })
  return ['Exit codes:', ...rows].join('\n')
}
