/**
 * Stores for tests: both kinds, in folders of their own that go with the test.
 *
 * Owns `stores`, over which the contract is run, and what a disk of theirs needs. Bound: a folder per store, removed at the
 * end of its test.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Store } from '../../../../src/core/store.ts'
import type { LogFields, Logger } from '../../../../src/log.ts'
import { openStore } from '../../../../src/store/open-store.ts'

/** A store that can be closed and opened again; a memory store goes on as it is. */
export interface TestStore {
  readonly store: Store
  reopen(): Promise<void>
  close(): Promise<void>
}

export interface StoreKind {
  readonly name: string
  open(t: TestContext): Promise<TestStore>
}

export const stores: readonly StoreKind[] = [
  { name: 'memory', open: openMemory },
  { name: 'LMDB', open: openDisk },
]

/** A folder that is removed at the end of the test. */
export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'encke-store-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A logger, and the lines it was given. */
export function recordingLog(): { log: Logger; lines: { message: string; fields: LogFields }[] } {
  const lines: { message: string; fields: LogFields }[] = []
  const note = (message: string, fields: LogFields = {}) => void lines.push({ message, fields })
  const log: Logger = { trace: note, debug: note, info: note, warn: note, error: note, child: () => log }
  return { log, lines }
}

async function openMemory(): Promise<TestStore> {
  const store = await openStore({ dataDir: 'none' })
  return { store, async reopen() {}, close: () => store.close() }
}

async function openDisk(t: TestContext): Promise<TestStore> {
  const dataDir = folderFor(t)
  let store = await openStore({ dataDir })
  return {
    get store() {
      return store
    },
    async reopen() {
      await store.close()
      store = await openStore({ dataDir })
    },
    close: () => store.close(),
  }
}
