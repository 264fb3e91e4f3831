/**
 * The file that tells scripts a node is ready and where it listens.
 *
 * Owns its life: removed before start (a file of a node that was killed would lie), written whole or not at all,
 * removed when the process ends. The writer is the only one to know the name of the file it is renamed from.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { errorText } from '../errors.ts'
import { CommandError, exitCodes } from './exit.ts'

export interface ReadyFile {
  /** Puts one JSON object into the file, in one step for anyone who reads. */
  write(content: Readonly<Record<string, unknown>>): void
  /** Safe to call at any time, any number of times. */
  remove(): void
}

/**
 * Takes hold of the ready file at `path`; '' = none, and nothing happens.
 *
 * @throws {CommandError} 73, here and from `write`, when the file can't be removed or made
 */
export function openReadyFile(path: string): ReadyFile {
  if (path === '') return { write() {}, remove() {} }
  orCannotCreate(path, () => rmSync(path, { force: true }))
  const draft = `${path}.${process.pid}.tmp`
  return {
    write(content) {
      orCannotCreate(path, () => {
        writeFileSync(draft, `${JSON.stringify(content)}\n`)
        renameSync(draft, path)
      })
    },
    remove() {
      for (const file of [path, draft]) {
        try {
          rmSync(file, { force: true })
        } catch {
          // The process is ending and the folder is gone or no longer ours: nothing is left to do about it.
        }
      }
    },
  }
}

function orCannotCreate(path: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw new CommandError(
      exitCodes.cannotCreate,
      `Cannot create the ready file "${path}": ${errorText(error)}`,
    )
  }
}
