/**
 * Made-up folders for tests of scripts that read a source tree.
 *
 * Owns `withTree`, which writes files into a fresh temporary folder and removes it when the test is over.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

/**
 * Writes `files` (path → text) into a new folder that lives as long as the test.
 *
 * @returns path of the folder
 */
export async function withTree(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'encke-tree-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return root
}
