/**
 * Where things are: the repository, its build, and a folder for what one bench writes while it runs.
 *
 * Owns the temporary folder, which is removed when the process exits. Must not depend on the working directory.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const repository = resolve(import.meta.dirname, '..', '..')
export const enckeProgram = join(repository, 'dist', 'main.js')

let folder: string | undefined

/** Path of a file with this name in the bench's own temporary folder. */
export function temporaryFile(name: string): string {
  folder ??= makeFolder()
  return join(folder, name)
}

function makeFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'encke-bench-'))
  process.on('exit', () => rmSync(made, { recursive: true, force: true }))
  return made
}
