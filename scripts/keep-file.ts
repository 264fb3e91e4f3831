/**
 * Keeps a generated file: writes it, or with `--check` says that it is stale.
 *
 * Owns what every generator script does with its text. Sets exit code 1 when a check fails; writes nothing then.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface KeptFile {
  readonly path: URL
  /** What the file should hold. */
  readonly text: string
  /** The command that writes it, for the message of a failed check. */
  readonly command: string
}

/** Writes the file, or checks it where the process was given `--check`. */
export async function keepFile({ path, text, command }: KeptFile): Promise<void> {
  const name = relative(process.cwd(), fileURLToPath(path))
  if (!process.argv.includes('--check')) {
    await writeFile(path, text)
    console.log(`Wrote ${name}`)
    return
  }
  const found = await readFile(path, 'utf8').catch(() => null)
  if (found === text) {
    console.log(`${name} is up to date`)
    return
  }
  console.error(`${name} is ${found === null ? 'missing' : 'stale'}: run ${command}`)
  process.exitCode = 1
}
