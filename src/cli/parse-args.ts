/**
 * The command line of one command, read.
 *
 * Owns which flags and positionals are accepted: everything unknown, incomplete or superfluous is an error that
 * names it and, where one is near, the flag that was meant. Splitting into tokens is left to node:util, which costs
 * nothing at start; values are converted by the readers at the end of this file, when a command asks for them.
 */
import { parseArgs as splitArgs } from 'node:util'
import { suggestion } from '../config/names.ts'
import type { Args, Command, Flag } from './command.ts'
import { usageError } from './exit.ts'

/** Flags every command has. */
export const commonFlags: Readonly<Record<string, Flag>> = {
  help: { kind: 'switch', describe: 'Show this help', group: 'Help' },
}

/**
 * Reads the tokens that follow the name of a command.
 *
 * @param tokens as the shell split them
 * @throws {CommandError} 64, for the first thing that is wrong
 */
export function parseArgs(
  command: Pick<Command, 'name' | 'flags' | 'positionals'>,
  tokens: readonly string[],
): Args {
  const known: Readonly<Record<string, Flag>> = { ...command.flags, ...commonFlags }
  const flags: Record<string, string[]> = {}
  const positionals: string[] = []
  for (const token of split(known, tokens)) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const flag = Object.hasOwn(known, token.name) ? known[token.name] : undefined
    if (flag === undefined || isShortForm(token.rawName)) throw unknownFlag(token.rawName, known)
    const values = flags[token.name] ?? []
    values.push(flag.kind === 'switch' ? switchValue(token) : textValue(token))
    flags[token.name] = values
  }
  if (flags.help === undefined) checkCount(command, positionals)
  return { flags, positionals }
}

/** The value of a text flag, or `otherwise` when it was not given. */
export function textOf(args: Args, name: string, otherwise = ''): string {
  const [value, ...more] = args.flags[name] ?? []
  if (more.length > 0) throw usageError(`Flag --${name} is given ${more.length + 1} times, may be given once`)
  return value ?? otherwise
}

/** All values of a flag that may be repeated. */
export function listOf(args: Args, name: string): readonly string[] {
  return args.flags[name] ?? []
}

/** Whether a switch is on; the last one counts. */
export function isOn(args: Args, name: string): boolean {
  return args.flags[name]?.at(-1) === 'true'
}

/**
 * The value of a flag that takes a whole number.
 *
 * @throws {CommandError} 64, naming flag, value and bounds
 */
export function numberOf(
  args: Args,
  name: string,
  bounds: { min: number; max: number; otherwise: number },
): number {
  const text = textOf(args, name)
  if (args.flags[name] === undefined) return bounds.otherwise
  const value = Number(text)
  if (!/^-?\d+$/.test(text)) throw usageError(`Flag --${name} takes a whole number: got "${text}"`)
  if (value < bounds.min) throw usageError(`Flag --${name} is at least ${bounds.min}: got ${text}`)
  if (value > bounds.max) throw usageError(`Flag --${name} is at most ${bounds.max}: got ${text}`)
  return value
}

type Token = ReturnType<typeof split>[number]
type OptionToken = Extract<Token, { kind: 'option' }>

function split(known: Readonly<Record<string, Flag>>, tokens: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {}
  for (const [name, flag] of Object.entries(known)) {
    options[name] = { type: flag.kind === 'switch' ? 'boolean' : 'string' }
  }
  options.help = { type: 'boolean', short: 'h' }
  return splitArgs({
    args: [...tokens],
    options,
    strict: false,
    allowPositionals: true,
    allowNegative: true,
    tokens: true,
  }).tokens
}

/** `-p` is no short form of anything; only `-h` is. */
function isShortForm(rawName: string): boolean {
  return !rawName.startsWith('--') && rawName !== '-h'
}

function unknownFlag(rawName: string, known: Readonly<Record<string, Flag>>): Error {
  if (isShortForm(rawName)) {
    return usageError(
      `Unknown flag ${rawName}: flags have two dashes, and -- goes before text that begins with one`,
    )
  }
  const forms = Object.entries(known).flatMap(([name, flag]) =>
    flag.kind === 'switch' && rawName.startsWith('--no-') ? [`--${name}`, `--no-${name}`] : [`--${name}`],
  )
  return usageError(`Unknown flag ${rawName}${suggestion(rawName, forms)}`)
}

function switchValue(token: OptionToken): string {
  const isNegated = token.rawName.startsWith('--no-') && !token.name.startsWith('no-')
  if (token.value === undefined) return isNegated ? 'false' : 'true'
  if (isNegated || (token.value !== 'true' && token.value !== 'false')) {
    throw usageError(`Flag ${token.rawName} takes no value but =true or =false: got "${token.value}"`)
  }
  return token.value
}

/** A value that begins with a dash must be joined by `=`: `--key --port` is a forgotten value far more often. */
function textValue(token: OptionToken): string {
  const { value, inlineValue, rawName } = token
  const looksLikeFlag = inlineValue === false && /^-(?!\d)./.test(value ?? '')
  if (value === undefined || looksLikeFlag)
    throw usageError(`Flag ${rawName} needs a value: write ${rawName}=VALUE`)
  return value
}

function checkCount(command: Pick<Command, 'name' | 'positionals'>, given: readonly string[]): void {
  const missing = command.positionals.find(
    (positional, index) => !positional.isOptional && given.length <= index,
  )
  if (missing !== undefined) throw usageError(`Command ${command.name} needs <${missing.name}>`)
  const isOpen = command.positionals.some((positional) => positional.isList)
  const superfluous = given[command.positionals.length]
  if (!isOpen && superfluous !== undefined) throw usageError(`Unexpected argument "${superfluous}"`)
}
