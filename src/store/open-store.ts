/**
 * Opens the store that `dataDir` names.
 */
import type { Store } from '../core/store.ts'
import { type Logger, silentLogger } from '../log.ts'
import { createMemoryStore } from './memory-store.ts'

export interface OpenStoreOptions {
  /** A folder, or 'none': everything is gone with the process */
  readonly dataDir: string
  /** Default: says nothing */
  readonly log?: Logger
}

/** @throws {ConfigError} when the folder can't be used: one line that says why and what to do */
export async function openStore({ dataDir, log = silentLogger }: OpenStoreOptions): Promise<Store> {
  if (dataDir === 'none') return createMemoryStore()
  const { openFolder } = await import('./folder.ts')
  return openFolder(dataDir, log)
}
