/**
 * One command line, from its words to an exit code.
 *
 * Owns the choice of the command and what becomes of everything it throws: lines on stderr and a code. Loads only
 * the chosen command, and the help only when it is asked for.
 */
import type { Command } from './command.ts'
import { commands } from './commands.ts'
import { type ExitCode, endingOf, exitCodes } from './exit.ts'
import { parseArgs } from './parse-args.ts'

/**
 * Runs what `words` (the command line without the program) say.
 *
 * @returns the exit code; nothing is thrown
 */
export async function runCommandLine(words: readonly string[]): Promise<ExitCode> {
  const [first, ...rest] = words
  process.stdout.on('error', endOnOutputFault)
  try {
    if (first === '--help' || first === '-h') return await showOverview(process.stdout)
    if (first === '--version') return await showVersion()
    const entry = commands.find(({ name }) => name === first)
    if (entry !== undefined) return await runCommand(await entry.load(), rest)
    if (first === undefined) await showOverview(process.stderr)
    else console.error(await unknownCommand(first))
    return exitCodes.usage
  } catch (error) {
    const { exitCode, lines } = endingOf(error)
    for (const line of lines) console.error(line)
    if (exitCode === exitCodes.usage) console.error(`See encke ${first} --help`)
    return exitCode
  }
}

/** A pipe whose reader has left, as in `encke print-config | head`, is no fault. */
function endOnOutputFault(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return
  console.error(`Cannot write to stdout: ${error.message}`)
  process.exit(exitCodes.internal)
}

async function runCommand(command: Command, words: readonly string[]): Promise<ExitCode> {
  const args = parseArgs(command, words)
  if (args.flags.help === undefined) return await command.run(args)
  const { commandHelp } = await import('./help.ts')
  console.log(await commandHelp(command))
  return exitCodes.done
}

async function showOverview(stream: NodeJS.WritableStream): Promise<ExitCode> {
  const { overview } = await import('./help.ts')
  stream.write(`${await overview(commands)}\n`)
  return exitCodes.done
}

async function showVersion(): Promise<ExitCode> {
  const { version } = await import('../version.ts')
  console.log(version)
  return exitCodes.done
}

async function unknownCommand(word: string): Promise<string> {
  const { suggestion } = await import('../config/names.ts')
  const kind = word.startsWith('-') ? 'Flags come after a command, got' : 'Unknown command'
  const near = suggestion(
    word,
    commands.map(({ name }) => name),
  )
  return `${kind} "${word}"${near}\nSee encke --help`
}
