/**
 * A folder for the store of a node, gone with its test.
 *
 * Owns its place and its end: to be asked for before the node that uses it, so that it goes after the node has.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { atEnd } from './teardown.ts'

export function dataFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'encke-data-'))
  atEnd(t, () => rmSync(folder, { recursive: true, force: true }))
  return folder
}
