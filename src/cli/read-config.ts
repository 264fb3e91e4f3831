/**
 * The configuration a command line asks for.
 *
 * Owns the hands of config/load.ts: the real environment and the real disk. A configuration file that can't be
 * read is missing input (66), everything wrong in what was read is a configuration mistake (78).
 */
import { accessSync, constants, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { errorText } from '../errors.ts'
import type { Args } from './command.ts'
import { CommandError, exitCodes } from './exit.ts'
import { optionFlags } from './option-flags.ts'
import { textOf } from './parse-args.ts'

/**
 * Loads what flags, environment and file say together.
 *
 * @throws {ConfigError} with every mistake found
 * @throws {CommandError} 66 when the configuration file can't be read
 */
export function readConfig(args: Args): Promise<LoadedConfig> {
  return loadConfig({
    flags: Object.fromEntries(
      Object.entries(args.flags).filter(([name]) => name !== 'config' && Object.hasOwn(optionFlags, name)),
    ),
    env: process.env,
    configFile: textOf(args, 'config'),
    readFile: readText,
    canRead,
  })
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new CommandError(exitCodes.inputMissing, `Cannot read the configuration file: ${errorText(error)}`)
  }
}

function canRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return statSync(path).isFile()
  } catch {
    return false // not there, or not ours to read
  }
}
