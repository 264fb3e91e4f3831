/**
 * Tells a test whether a program it needs is installed.
 *
 * Owns the rule for tests that need more than Node: a person who runs them without the program sees them skipped and
 * learns how to get it; continuous integration (environment variable CI) fails instead, so nothing is skipped unseen.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * The value for the `skip` option of a test.
 *
 * @param command name of the program, such as `chromium`
 * @returns why the test is to be skipped, or false when the program is there
 * @throws {Error} when it is missing and CI is set
 */
export function needs(command: string): string | false {
  return needed(command, pathOf(command) !== null)
}

/**
 * The same for what is no program, such as a module of a language.
 *
 * @param check command and arguments that end with 0 where it is there
 */
export function needsPart(name: string, [command = '', ...args]: readonly string[]): string | false {
  return needed(name, spawnSync(command, args, { stdio: 'ignore' }).status === 0)
}

function needed(name: string, isThere: boolean): string | false {
  if (isThere) return false
  const reason = `${name} is not installed: scripts/system-packages.sh installs it`
  if (process.env.CI) throw new Error(reason)
  return reason
}

/** Where `command` is on the PATH; null when it is not. */
export function pathOf(command: string): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, command)).find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // not there, or not ours to run
  }
}
